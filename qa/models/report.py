"""The figures on a card: every head judged by cross-validation, with intervals and a reliability table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qa.models.calibrate import reliability
from qa.models.card import Bin, Figure, HeadReport
from qa.models.evaluate import compare_with_labels, identical_groups, judge_with
from qa.models.fitting import fit_model
from qa.models.heads import HeadName, make_folds
from qa.models.hits import opinions_on
from qa.models.labelled import LabelledChat
from qa.models.opinions import HEADS, ChatOpinion, Level, Task
from qa.models.scores import Judged, measure_all
from qa.progress import Progress

FOLDS = 5
DRAWS = 500
"""Bootstrap samples behind an interval: enough for the second decimal of its ends."""
SEED = 1

MEASURED = f"{FOLDS}-fold cross-validation by chat, equal texts in one fold; {DRAWS} bootstrap samples of chats"


def cross_validated(
    chats: Sequence[LabelledChat], dictionary: str, progress: Progress
) -> tuple[dict[str, HeadReport], list[ChatOpinion]]:
    """Return by ``level task`` how well models fitted on four fifths of the chats judge the other fifth.

    A head that none of these models has is left out. The second value is what they think of those chats: opinions on
    chats that had not been learnt from; [] where turns were taught neither sentiment nor satisfaction.
    """
    thoughts: list[ChatOpinion] = []
    folds = make_folds(identical_groups(chats), FOLDS)
    parts: dict[HeadName, list[Judged]] = {}
    progress.stage("cross-validating", FOLDS + len(HEADS))
    for fold in range(FOLDS):
        rest = [chat for chat, its in zip(chats, folds, strict=True) if its == fold]
        train = [chat for chat, its in zip(chats, folds, strict=True) if its != fold]
        model = fit_model(train, dictionary)
        first = sum(folds < fold)
        for name in model.heads:
            judged = compare_with_labels(judge_with(model, name)(rest), rest, name, int(first))
            parts.setdefault(name, []).append(judged)
        if all((Level.TURN, task) in model.heads for task in (Task.SENTIMENT, Task.SATISFACTION)):
            thoughts += opinions_on(model, rest)
        progress.advance()
    reports = {}
    for name in (name for name in HEADS if name in parts):
        reports[" ".join(name)] = report_of(_together(parts[name]))
        progress.advance()
    return reports, thoughts


def report_of(judged: Judged) -> HeadReport:
    """Return figures with intervals and the reliability table of one head."""
    measures = measure_all(judged, DRAWS, SEED)
    return HeadReport(
        n=len(judged.labels),
        figures={name: Figure(one.value, one.low, one.high) for name, one in measures.items()},
        reliability=tuple(
            Bin(
                one.low, one.high, one.count, one.confidence if one.count else None, one.accuracy if one.count else None
            )
            for one in reliability(judged.probabilities, judged.labels)
        ),
    )


def _together(parts: Sequence[Judged]) -> Judged:
    fields = zip(*((p.labels, p.probabilities, p.chosen, p.sure, p.group) for p in parts), strict=True)
    return Judged(*(np.concatenate(field) for field in fields))
