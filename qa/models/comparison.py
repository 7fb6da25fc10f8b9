"""The report of an evaluation: the product's pipeline, or a model, beside majority and plain TF-IDF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from qa.models.baselines import majority, plain
from qa.models.evaluate import Fit, Judge, compare_with_labels, cross_validate, identical_groups, judge_with
from qa.models.fitting import fit_model
from qa.models.heads import HeadName, make_folds
from qa.models.labelled import LabelledChat
from qa.models.opinions import HEADS, LABELS, Level, ModelError
from qa.models.scores import Judged, Measure, confusion, f1_by_label, measure_all
from qa.models.settings import Settings
from qa.models.tuning import choose_settings
from qa.progress import Progress
from qa.types import Chat

DRAWS = 200
"""Bootstrap draws for the intervals, unless asked for otherwise."""
SEED = 1


class Report(msgspec.Struct, frozen=True):
    """One pipeline on one task."""

    pipeline: str
    measures: dict[str, Measure]
    most_probable: dict[str, Measure]
    """The measures of chosen labels again, for the most probable label instead of the one chosen for macro-F1."""
    confusion: list[list[int]]
    """True × chosen."""
    f1: list[float]
    """Of the labels that occur, in order."""


class Evaluation(msgspec.Struct, frozen=True):
    """All pipelines on one task, in one run."""

    level: str
    task: str
    protocol: str
    n: int
    chats: int
    classes: dict[str, int]
    reports: tuple[Report, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the stable keys: the first pipeline's measures on top, the others' under ``baselines``."""
        first, *others = (_report(report) for report in self.reports)
        head = {key: getattr(self, key) for key in ("level", "task", "protocol", "n", "chats", "classes")}
        return {**head, **first, "baselines": {other["pipeline"]: other for other in others}}


def products_fit(name: HeadName, dictionary: str, settings: Settings | None = None) -> Fit:
    """Return the product's own pipeline: for a chat its turn heads as well, where there are labels for them.

    Without ``settings`` they are chosen anew, by cross-validation inside the chats to learn from.
    """
    heads = [name] if name[0] is Level.TURN else [one for one in HEADS if one[0] is Level.TURN or one == name]

    def fit(train: Sequence[LabelledChat]) -> Judge:
        chosen = settings or choose_settings(train, dictionary, name)
        return judge_with(fit_model(train, dictionary, chosen, heads), name)

    return fit


def by_cross_validation(
    chats: Sequence[LabelledChat], name: HeadName, ours: Fit, folds: int, grouped: str, draws: int, progress: Progress
) -> Evaluation:
    """Evaluate by ``folds`` folds of chats; ``grouped``: chat, identical (texts kept together) or scenario."""
    groups = {
        "chat": lambda: [one.chat.id for one in chats],
        "identical": lambda: identical_groups(chats),
        "scenario": lambda: [one.scenario for one in chats],
    }[grouped]()
    where = make_folds(groups, folds).tolist()
    pipelines = {"ours": ours, "majority": majority(name), "plain": plain(name)}
    progress.stage("cross-validating", folds * len(pipelines))
    found = {label: cross_validate(chats, where, name, fit, progress.advance) for label, fit in pipelines.items()}
    return _evaluation(f"{folds}-fold cross-validation by {grouped}", name, found, len(chats), draws)


def on_unseen(
    judges: dict[str, Callable[[], Judge]],
    tests: Sequence[LabelledChat],
    name: HeadName,
    protocol: str,
    draws: int,
    progress: Progress,
) -> Evaluation:
    """Evaluate on chats that nothing was fitted on."""
    progress.stage("judging", len(judges))
    found = {}
    for label, make in judges.items():
        found[label] = compare_with_labels(make()(tests), tests, name)
        progress.advance()
    return _evaluation(protocol, name, found, len(tests), draws)


def overlap(train: Sequence[LabelledChat], tests: Sequence[LabelledChat]) -> int:
    """Return how many test chats say, word for word, what a training chat says: they prove nothing."""
    known = {_said_in(one.chat) for one in train}
    return sum(_said_in(one.chat) in known for one in tests)


def _said_in(chat: Chat) -> tuple[tuple[str, str], ...]:
    return tuple((message.role.value, message.text) for message in chat.messages)


def _evaluation(protocol: str, name: HeadName, found: dict[str, Judged], chats: int, draws: int) -> Evaluation:
    first = next(iter(found.values()))
    if not len(first.labels):
        raise ModelError(f"no {name[0]} here has a {name[1]} label: there is nothing to measure")
    counts = np.bincount(first.labels, minlength=3).tolist()
    return Evaluation(
        level=name[0],
        task=name[1],
        protocol=protocol,
        n=len(first.labels),
        chats=chats,
        classes=dict(zip(LABELS[name[1]], counts, strict=True)),
        reports=tuple(_reported(label, judged, draws) for label, judged in found.items()),
    )


_OF_CHOICE = ("accuracy", "macro_f1", "uar", "kappa")


def _reported(label: str, judged: Judged, draws: int) -> Report:
    probable = msgspec.structs.replace(judged, chosen=judged.probabilities.argmax(axis=1))
    return Report(
        pipeline=label,
        measures=measure_all(judged, draws, SEED),
        most_probable=measure_all(probable, 0, SEED, _OF_CHOICE),
        confusion=confusion(judged),
        f1=f1_by_label(judged),
    )


def _report(report: Report) -> dict[str, Any]:
    return {
        "pipeline": report.pipeline,
        **{name: measure.value for name, measure in report.measures.items()},
        "interval": {name: [one.low, one.high] for name, one in report.measures.items() if one.low is not None},
        "most_probable": {name: one.value for name, one in report.most_probable.items()},
        "confusion": report.confusion,
        "f1": report.f1,
    }
