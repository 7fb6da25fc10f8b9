"""How many chats people have to label: chosen by ``qa.models.suggest``, against random order.

    python benchmarks/active_learning.py [--seeds 5] [--write]

On two sets of labelled chats people are simulated: in each round a batch of chats is chosen, its labels are revealed, a
linear model is fitted and measured on chats kept apart. Counted is how many chats had to be labelled until the model
reached 95 % of the macro-F1 that it has with all labels. The learner is plain (hashed tf-idf, logistic regression), so
that hundreds of fits take minutes: what is compared is the order of labels, not the model. ``--write`` puts the table
and the plot into docs/models-learning.md.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from benchmarks.tables import replaced
from qa.models.suggest import hashed, suggest, tf_idf
from qa.sampling import draw_key
from qa.tokens import tokenize

HERE = Path(__file__).resolve().parent
DATA = HERE.parent.parent / "shared" / "data"
DOCUMENT = HERE.parent / "docs" / "models-learning.md"
PLOT = HERE.parent / "docs" / "images" / "active-learning.png"
LABELS = ("dissatisfied", "neutral", "satisfied")
ENOUGH = 0.95
DIMENSIONS = 1 << 16
_LATE = 3

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Task(NamedTuple):
    """What is learnt from which file: ``pool`` chats to choose from, ``test`` to measure on, ``batch`` a round."""

    name: str
    file: str
    by_turn: bool
    pool: int
    test: int
    batch: int
    most: int
    """Chats after which the simulation ends."""


TASKS = (
    Task("jddc_dev, satisfaction of turns", "jddc_dev", by_turn=True, pool=230, test=100, batch=10, most=230),
    Task(
        "ssa_clothes_train, satisfaction of chats",
        "ssa_clothes_train",
        by_turn=False,
        pool=5000,
        test=2000,
        batch=100,
        most=3000,
    ),
)


class Material(NamedTuple):
    """Units (turns or chats) with their vectors and labels; ``chat`` is the chat a unit belongs to."""

    units: sparse.csr_array
    labels: Ints
    chat: Ints
    chats: sparse.csr_array
    """A vector for each chat, for diversity."""


class Curve(NamedTuple):
    """Macro-F1 after so many labelled chats."""

    chats: list[int]
    scores: list[float]


class Result(NamedTuple):
    """All curves of a task: by strategy one a seed; ``full``: the scores with all labels."""

    task: Task
    curves: dict[str, list[Curve]]
    full: list[float]


Choose = Callable[[Material, Sequence[int], Floats, int, str], list[int]]
"""From the material, the chats left, their uncertainty, how many, and a salt to the chats to label next."""


def read(task: Task) -> Material:
    """The file as units and chats."""
    with gzip.open(DATA / f"{task.file}.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    records.sort(key=lambda record: draw_key("active learning", record["id"]))
    records = records[: task.pool + task.test]
    units, labels, chat, whole = [], [], [], []
    for place, record in enumerate(records):
        words = [_words(message["text"], pretokenized="pretokenized" in record) for message in record["messages"]]
        whole.append(_of_chat(record, words))
        for unit, label in _units(record, words, by_turn=task.by_turn):
            units.append(unit)
            labels.append(LABELS.index(label))
            chat.append(place)
    return Material(
        tf_idf(hashed(units, DIMENSIONS)), np.array(labels), np.array(chat), tf_idf(hashed(whole, DIMENSIONS))
    )  # fmt: skip


def _words(text: str, *, pretokenized: bool) -> list[str]:
    words = text.split() if pretokenized else tokenize(text)
    return words + [f"{a} {b}" for a, b in pairwise(words)]


def _of_chat(record: dict[str, Any], words: list[list[str]]) -> list[str]:
    roles = [message["role"] for message in record["messages"]]
    late = [i for i, role in enumerate(roles) if role == "customer"][-_LATE:]
    named = [f"{roles[i]}:{word}" for i, some in enumerate(words) for word in some]
    return named + [f"late:{word}" for i in late for word in words[i]]


def _units(record: dict[str, Any], words: list[list[str]], *, by_turn: bool) -> Iterator[tuple[list[str], str]]:
    if not by_turn:
        label = record.get("labels", {}).get("satisfaction")
        yield from [] if label is None else [(_of_chat(record, words), label)]
        return
    for message, some in zip(record["messages"], words, strict=True):
        label = message.get("labels", {}).get("satisfaction")
        if label is not None and message["role"] == "customer":
            yield some, label


def fitted(material: Material, known: Sequence[int]) -> LogisticRegression | None:
    """The learner on the units of some chats; None while they show one label only."""
    use = np.isin(material.chat, known)
    if len(np.unique(material.labels[use])) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        learner = LogisticRegression(C=10.0, class_weight="balanced", max_iter=200, tol=1e-3)
        return learner.fit(material.units[use], material.labels[use])


def score(learner: LogisticRegression | None, material: Material, test: Sequence[int]) -> float:
    """Macro-F1 on the units of the test chats."""
    if learner is None:
        return 0.0
    use = np.isin(material.chat, test)
    guess = learner.predict(material.units[use])
    return float(f1_score(material.labels[use], guess, average="macro", labels=range(len(LABELS)), zero_division=0))


def uncertainty(learner: LogisticRegression | None, material: Material, chats: Sequence[int]) -> Floats:
    """The mean normalised entropy of a chat's units; 1 before anything is learnt."""
    number = material.chats.shape[0]
    if learner is None:
        return np.ones(len(chats))
    shares = np.clip(learner.predict_proba(material.units), 1e-12, 1)
    each = -(shares * np.log(shares)).sum(axis=1) / np.log(len(LABELS))
    totals = np.bincount(material.chat, weights=each, minlength=number)
    counts = np.bincount(material.chat, minlength=number)
    return np.asarray((totals / np.maximum(counts, 1))[list(chats)], dtype=np.float64)


def by_chance(_material: Material, left: Sequence[int], _uncertain: Floats, n: int, salt: str) -> list[int]:
    """Random order."""
    return sorted(left, key=lambda chat: draw_key(salt, str(chat)))[:n]


def most_uncertain(_material: Material, left: Sequence[int], uncertain: Floats, n: int, _salt: str) -> list[int]:
    """The most uncertain ones, nothing else."""
    return [left[int(i)] for i in np.argsort(-uncertain, kind="stable")[:n]]


def by_suggestion(material: Material, left: Sequence[int], uncertain: Floats, n: int, salt: str) -> list[int]:
    """As ``qa models suggest`` does."""
    found = suggest([str(chat) for chat in left], uncertain.tolist(), material.chats[list(left)], n, salt=salt)
    return [left[one.candidate] for one in found]


STRATEGIES: dict[str, Choose] = {
    "random": by_chance, "uncertainty alone": most_uncertain, "qa models suggest": by_suggestion,
}  # fmt: skip


def simulate(material: Material, task: Task, choose: Choose, seed: int) -> tuple[Curve, float]:
    """One run: the curve, and the score with all labels."""
    order = np.random.default_rng(seed).permutation(material.chats.shape[0]).tolist()
    test, pool = order[: task.test], order[task.test :]
    known = pool[: task.batch]
    curve = Curve([], [])
    while True:
        learner = fitted(material, known)
        curve.chats.append(len(known))
        curve.scores.append(score(learner, material, test))
        left = sorted(set(pool) - set(known))
        if not left or len(known) >= task.most:
            return curve, score(fitted(material, pool), material, test)
        salt = f"{seed}:{len(known)}"
        known = known + choose(material, left, uncertainty(learner, material, left), min(task.batch, len(left)), salt)


def run(task: Task, seeds: int) -> Result:
    """All strategies with all seeds; a seed decides test chats and first batch, whatever the strategy."""
    material = read(task)
    curves: dict[str, list[Curve]] = {}
    full: list[float] = []
    for name, choose in STRATEGIES.items():
        done = [simulate(material, task, choose, seed) for seed in range(seeds)]
        curves[name] = [curve for curve, _ in done]
        full = [best for _, best in done]
        print(f"{task.name}: {name} done", file=sys.stderr)
    return Result(task, curves, full)


def needed(curve: Curve, goal: float) -> int | None:
    """Chats after which the score is at the goal and stays there on the mean of the next three rounds.

    >>> needed(Curve([10, 20, 30, 40, 50], [0.1, 0.9, 0.2, 0.8, 0.9]), 0.8)
    40
    """
    for place, (chats, value) in enumerate(zip(curve.chats, curve.scores, strict=True)):
        if value >= goal and statistics.mean(curve.scores[place : place + 3]) >= goal:
            return chats
    return None


def table(results: Sequence[Result], seeds: int) -> str:
    """The document's table."""
    lines = [
        f"Median over {seeds} seeds (smallest to largest).",
        "",
        "| set | labels of all chats | strategy | chats to 95 % | of random | macro-F1 at a tenth of the chats |",
        "|---|--:|---|--:|--:|--:|",
    ]
    for result in results:
        base: float | None = None
        for name, curves in result.curves.items():
            counts = [needed(curve, ENOUGH * best) for curve, best in zip(curves, result.full, strict=True)]
            known = sorted(count for count in counts if count is not None)
            middle = statistics.median(known) if len(known) == len(counts) else None
            base = middle if name == "random" else base
            share = f"{middle / base:.0%}" if middle is not None and base else "–"
            early = statistics.mean(curve.scores[_at(curve, result.task.pool / 10)] for curve in curves)
            spread = f"{middle:.0f} ({known[0]}–{known[-1]})" if middle is not None else "not reached by all"
            first = f"| {result.task.name} | {result.task.pool} chats: {statistics.mean(result.full):.3f} |"
            lines.append(f"{first if name == 'random' else '| | |'} {name} | {spread} | {share} | {early:.3f} |")
    return "\n".join(lines)


def _at(curve: Curve, chats: float) -> int:
    return min(range(len(curve.chats)), key=lambda i: abs(curve.chats[i] - chats))


def plot(results: Sequence[Result], path: Path) -> None:
    """Mean curves with the range over the seeds."""
    import matplotlib as mpl  # noqa: PLC0415 - only needed to draw

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(1, len(results), figsize=(11, 4), layout="constrained")
    colours = dict(zip(STRATEGIES, ("#888888", "#d98a2b", "#2463a8"), strict=True))
    for axis, result in zip(np.atleast_1d(axes), results, strict=True):
        for name, curves in result.curves.items():
            scores = np.array([curve.scores for curve in curves])
            axis.plot(curves[0].chats, scores.mean(axis=0), label=name, color=colours[name])
            axis.fill_between(
                curves[0].chats, scores.min(axis=0), scores.max(axis=0), color=colours[name], alpha=0.12, lw=0
            )  # fmt: skip
        goal = ENOUGH * statistics.mean(result.full)
        axis.axhline(goal, color="black", lw=0.8, ls="--")
        axis.annotate("95 % of all labels", (curves[0].chats[-1], goal), ha="right", va="bottom", fontsize=8)
        axis.set(title=result.task.name, xlabel="labelled chats", ylabel="macro-F1")
        axis.set_ylim(bottom=max(0, goal * 0.5))
        axis.legend(loc="lower right", frameon=False, fontsize=8)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def main() -> None:
    """Simulate, print the table, and write it with the plot where asked."""
    parser = argparse.ArgumentParser(description="Labels needed: suggested against random order.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="Put the table and the plot into the document.")
    given = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"{DATA}: the evaluation data is not there")
    results = [run(task, given.seeds) for task in TASKS]
    text = table(results, given.seeds)
    print(text)
    if given.write:
        DOCUMENT.write_text(replaced(DOCUMENT.read_text("utf-8"), "active-learning", text), "utf-8")
        plot(results, PLOT)


if __name__ == "__main__":
    main()
