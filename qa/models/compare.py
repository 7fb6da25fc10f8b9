"""Whether a candidate is worse than the model in use: both judge the same chats, and the difference has an interval.

The bootstrap is paired (Efron & Tibshirani 1993, §16): chats are drawn with replacement, both models are measured on
the same draw, and the difference is taken there, so that what makes a chat hard for both cancels. Chats, not turns, are
drawn: turns of one chat are not independent. Everything is computed from weights (how often a chat was drawn), for many
draws at once.

Many differences are looked at, and one of twenty equal ones would fall out of a 95 % interval by chance. So a refusal
asks for an interval that holds jointly for its family (Bonferroni): the heads and figures of one set, or those of one
set by merchant.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from qa.models.card import Card
from qa.models.gate import WorseThan
from qa.models.hits import Judge, opinions_on
from qa.models.labelled import LabelledChat
from qa.models.opinions import HEADS, LABELS, Level, Task
from qa.types import ChatOpinion, Opinion

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.uint16]

MACRO_F1, AUC, ECE = "macro_f1", "auc", "ece"
METRICS = (MACRO_F1, AUC, ECE)
LEVEL = 0.95
DRAWS = 4_000
"""Bootstrap draws: enough for the tails that a family of some twenty differences asks for."""
FEWEST = 50
"""Labels below which a difference is not computed."""
FEWEST_EACH = 5
"""Labels of the worst class, and of the others, below which there is no AUC."""
HONEST = 0.03
"""An expected calibration error up to this is good enough, whatever the other model's."""
_BINS = 10
_BLOCK = 500
_STEPS = 500


class Difference(NamedTuple):
    """Candidate against current in one figure; ``None``: too few labels to measure it."""

    set: str
    head: str
    merchant: str | None
    """None: all merchants together."""
    metric: str
    n: int
    current: float | None
    candidate: float | None
    difference: float | None
    """Candidate minus current."""
    low: float | None
    """95 % interval of the difference, taken alone."""
    high: float | None
    joint_low: float | None
    """The same, so that all differences of the family are inside together in 95 % of cases."""
    joint_high: float | None

    @property
    def is_worse(self) -> bool:
        """Whether the candidate is worse beyond the joint interval (for the ECE: and not good enough either)."""
        if self.joint_low is None or self.joint_high is None or self.candidate is None:
            return False
        if self.metric == ECE:
            return self.joint_low > 0 and self.candidate > HONEST
        return self.joint_high < 0

    def __str__(self) -> str:
        where = f"{self.set}, {self.head}" + ("" if self.merchant is None else f", merchant {self.merchant}")
        if self.difference is None or self.low is None or self.high is None:
            return f"{where}: {self.metric} cannot be told from {self.n} labels"
        pair = f"{self.current:.3f} → {self.candidate:.3f}"
        return f"{where}: {self.metric} {pair} ({self.difference:+.3f} [{self.low:+.3f}, {self.high:+.3f}], n {self.n})"


class Outcome(NamedTuple):
    """Whether a candidate may replace the current model, and why not."""

    reasons: tuple[str, ...]
    """Against it; empty: nothing speaks against it."""
    untold: tuple[str, ...]
    """Sets on which nothing could be measured."""

    @property
    def is_worse(self) -> bool:
        """Whether promotion is to be refused."""
        return bool(self.reasons)


class _Rows(NamedTuple):
    """Labels of one head of one set with what both models say; ``unit`` is the index of the chat."""

    unit: Ints
    truth: Ints
    current: Floats
    candidate: Floats
    merchants: npt.NDArray[np.object_]


def compare(
    current: Judge, candidate: Judge, sets: Mapping[str, Sequence[LabelledChat]], *, seed: int = 1, draws: int = DRAWS
) -> list[Difference]:
    """Return all differences: by set, head and figure, over all merchants and (where there are several) for each."""
    found: list[Difference] = []
    for name, chats in sets.items():
        if not chats:
            continue
        both = opinions_on(current, chats), opinions_on(candidate, chats)
        rows = {head: _rows(chats, *both, *head) for head in HEADS}
        rows = {head: some for head, some in rows.items() if len(some.truth)}
        weights = _draws(len(chats), draws, seed)
        found += _family(name, {head: [(None, some)] for head, some in rows.items()}, weights)
        merchants = sorted({one.chat.merchant for one in chats})
        if len(merchants) > 1:
            parts = {head: [(who, _of(some, who)) for who in merchants] for head, some in rows.items()}
            found += _family(name, parts, weights)
    return found


def outcome(differences: Iterable[Difference], suspects: Iterable[str] = ()) -> Outcome:
    """Return the reasons against a candidate; a comparison in which nothing could be measured is one.

    ``suspects``: reviewers whose labels it learnt from although they look wrong (``qa.models.noise``).
    """
    every = list(differences)
    reasons = [f"it learnt from labels of {name}, which look wrong" for name in suspects]
    reasons += [f"worse: {one}" for one in every if one.is_worse]
    measured = {one.set for one in every if one.difference is not None}
    untold = tuple(dict.fromkeys(one.set for one in every if one.set not in measured))
    if not measured:
        reasons.append("no set has enough labels to compare on")
    return Outcome(tuple(reasons), untold)


def worse_than(
    load: Callable[[str], Judge],
    sets: Mapping[str, Sequence[LabelledChat]],
    suspects: Callable[[Card], Iterable[str]] = lambda _card: (),
    otherwise: WorseThan | None = None,
) -> WorseThan:
    """Return the hook of ``Registry.promote``: from the current card and the candidate's to the reasons against it.

    ``load`` makes a model of a version; ``suspects`` tells from the candidate's card whose doubtful labels it learnt
    from. ``otherwise`` decides where no set has enough labels yet, such as
    ``worse_by_cards``; None: that is a reason against.
    """

    def reasons(current: Card, candidate: Card) -> tuple[str, ...]:
        differences = compare(load(current.name), load(candidate.name), sets)
        return against(differences, (current, candidate), suspects(candidate), otherwise)

    return reasons


def against(
    differences: Sequence[Difference], cards: tuple[Card, Card], suspects: Iterable[str], otherwise: WorseThan | None
) -> tuple[str, ...]:
    """Return the reasons against a candidate (``cards``: the current one's, its own) whose differences are known."""
    reasons = outcome(differences, suspects).reasons
    if otherwise is not None and all(one.difference is None for one in differences):
        return reasons[:-1] + otherwise(*cards)
    return reasons


# --- rows ----------------------------------------------------------------------------------------------------------


def _rows(
    chats: Sequence[LabelledChat],
    current: Sequence[ChatOpinion],
    candidate: Sequence[ChatOpinion],
    level: Level,
    task: Task,
) -> _Rows:
    """Labels that both models answer; what one of them has no opinion on is measured for neither."""
    units, truth, first, second, merchants = [], [], [], [], []
    for unit, (one, ours, theirs) in enumerate(zip(chats, current, candidate, strict=True)):
        left, right = _opinions(ours, level, task), _opinions(theirs, level, task)
        for turn, label in _labels(one, level, task):
            if turn in left and turn in right:
                units.append(unit)
                truth.append(LABELS[task].index(label))
                first.append(left[turn].probabilities)
                second.append(right[turn].probabilities)
                merchants.append(one.chat.merchant)
    shape = (-1, len(LABELS[task]))
    return _Rows(
        np.array(units, dtype=np.int64),
        np.array(truth, dtype=np.int64),
        np.array(first, dtype=np.float64).reshape(shape),
        np.array(second, dtype=np.float64).reshape(shape),
        np.array(merchants, dtype=object),
    )


def _labels(one: LabelledChat, level: Level, task: Task) -> Iterator[tuple[int, str]]:
    if level is Level.CHAT:
        label = one.label(task)
        yield from [] if label is None else [(-1, label)]
        return
    for turn, labels in enumerate(one.turns):
        label = getattr(labels, task)
        if label is not None:
            yield turn, label


def _opinions(opinion: ChatOpinion, level: Level, task: Task) -> dict[int, Opinion]:
    if level is Level.CHAT:
        whole: Opinion | None = getattr(opinion, task)
        return {} if whole is None else {-1: whole}
    return {one.turn: getattr(one, task) for one in opinion.turns}


def _of(rows: _Rows, merchant: str) -> _Rows:
    mine = rows.merchants == merchant
    return _Rows(*(column[mine] for column in rows))


def _draws(chats: int, draws: int, seed: int) -> Counts:
    """How often each chat was drawn, a row a draw."""
    dice = random.Random(seed)  # noqa: S311 - a reproducible draw, no secret
    rows = []
    for _ in range(draws):
        drawn = np.frombuffer(dice.randbytes(4 * chats), dtype="<u4") * (chats / 2**32)
        rows.append(np.bincount(drawn.astype(np.int64), minlength=chats).astype(np.uint16))
    return np.array(rows)


# --- differences -----------------------------------------------------------------------------------------------------


def _family(
    name: str, parts: Mapping[tuple[Level, Task], Sequence[tuple[str | None, _Rows]]], weights: Counts
) -> list[Difference]:
    """Differences whose joint interval shares one 5 % among those that can be measured."""
    asked = [
        (f"{level} {task}", merchant, metric, rows)
        for (level, task), some in parts.items()
        for merchant, rows in some
        for metric in METRICS
    ]
    able = sum(_enough(metric, rows) for _, _, metric, rows in asked)
    return [
        _difference(name, head, merchant, metric, rows, weights, able)
        for head, merchant, metric, rows in asked
    ]  # fmt: skip


def _enough(metric: str, rows: _Rows) -> bool:
    worst = int((rows.truth == 0).sum())
    if metric == AUC and min(worst, len(rows.truth) - worst) < FEWEST_EACH:
        return False
    return len(rows.truth) >= FEWEST


def _difference(
    name: str, head: str, merchant: str | None, metric: str, rows: _Rows, weights: Counts, family: int
) -> Difference:
    n = len(rows.truth)
    if not _enough(metric, rows):
        return Difference(name, head, merchant, metric, n, None, None, None, None, None, None, None)
    measure = _MEASURES[metric]
    chats = weights.shape[1]
    current, candidate = (
        float(measure(p, rows.truth, rows.unit, np.ones((1, chats)))[0]) for p in (rows.current, rows.candidate)
    )
    drawn = np.concatenate([
        measure(rows.candidate, rows.truth, rows.unit, part) - measure(rows.current, rows.truth, rows.unit, part)
        for part in (weights[start : start + _BLOCK].astype(np.float64) for start in _blocks(len(weights)))
    ])  # fmt: skip
    drawn = drawn[np.isfinite(drawn)]
    gap = candidate - current
    tail = (1 - LEVEL) / 2
    low, high, first, last = (
        float(one) for one in np.quantile(drawn, [tail, 1 - tail, tail / family, 1 - tail / family])
    )
    reach = NormalDist().inv_cdf(1 - tail / family) * float(drawn.std())  # a large family asks for more than draws show
    joint = min(first, gap - reach), max(last, gap + reach)
    return Difference(name, head, merchant, metric, n, current, candidate, gap, low, high, *joint)


def _blocks(size: int) -> range:
    return range(0, size, _BLOCK)


# --- figures of many draws at once -----------------------------------------------------------------------------------
# Each takes the units' probabilities, labels and chats, and for each draw (row) how often each chat was drawn.


def macro_f1(probabilities: Floats, truth: Ints, unit: Ints, weights: Floats) -> Floats:
    """Mean F1 over the classes that occur in the labels, of the most probable label; one figure a draw.

    >>> p = np.array([[.8, .1, .1], [.2, .7, .1], [.6, .3, .1]])
    >>> macro_f1(p, np.array([0, 1, 1]), np.arange(3), np.ones((1, 3))).round(4).tolist()
    [0.6667]
    """
    guess, width = probabilities.argmax(axis=1), probabilities.shape[1]
    right = guess == truth
    columns = np.concatenate([truth[right], width + guess, width + truth])
    units = np.concatenate([unit[right], unit, unit])
    totals = _totals(weights, units, columns, np.ones(len(units)), 2 * width)
    hits, both = totals[:, :width], totals[:, width:]
    scores = np.divide(2 * hits, both, out=np.zeros_like(both), where=both > 0)
    return np.asarray(scores[:, np.unique(truth)].mean(axis=1), dtype=np.float64)


def auc(probabilities: Floats, truth: Ints, unit: Ints, weights: Floats) -> Floats:
    """Area under the ROC curve of the worst label against the others; not a number where a draw lacks one side.

    >>> p = np.array([[.9, .1], [.4, .6], [.4, .6], [.1, .9]])
    >>> auc(p, np.array([0, 0, 1, 1]), np.arange(4), np.ones((1, 4))).tolist()
    [0.875]
    """
    values, place = np.unique(probabilities[:, 0], return_inverse=True)
    if len(weights) > 1 and len(values) > _STEPS:  # intervals need no finer scores; the figure itself is exact
        place, values = place * _STEPS // len(values), values[:_STEPS]
    size = len(values)
    totals = _totals(weights, unit, np.where(truth == 0, place, size + place), np.ones(len(truth)), 2 * size)
    worst, others = totals[:, :size], totals[:, size:]
    below = np.cumsum(others, axis=1) - others / 2
    pairs = worst.sum(axis=1) * others.sum(axis=1)
    found = np.divide((worst * below).sum(axis=1), pairs, out=np.full_like(pairs, np.nan), where=pairs > 0)
    return np.asarray(found, dtype=np.float64)


def ece(probabilities: Floats, truth: Ints, unit: Ints, weights: Floats) -> Floats:
    """Expected calibration error of the most probable label over ten equal bins (Guo et al. 2017).

    >>> p = np.array([[.95, .05], [.95, .05], [.15, .85]])
    >>> ece(p, np.array([0, 1, 1]), np.arange(3), np.ones((1, 3))).round(4).tolist()
    [0.35]
    """
    claimed = probabilities.max(axis=1)
    gap = claimed - (probabilities.argmax(axis=1) == truth)
    place = np.minimum((claimed * _BINS).astype(np.int64), _BINS - 1)
    gaps = np.abs(_totals(weights, unit, place, gap, _BINS)).sum(axis=1)
    drawn = _totals(weights, unit, np.zeros_like(place), np.ones(len(place)), 1)[:, 0]
    return np.asarray(gaps / np.maximum(drawn, 1), dtype=np.float64)


def _totals(weights: Floats, unit: Ints, columns: Ints, values: Floats, width: int) -> Floats:
    """Draws × columns: the values of each column added up, each as often as its chat was drawn."""
    by_chat = sparse.csr_array((values, (unit, columns)), shape=(weights.shape[1], width))
    return np.asarray(weights @ by_chat, dtype=np.float64)


_MEASURES: Mapping[str, Callable[[Floats, Ints, Ints, Floats], Floats]] = {MACRO_F1: macro_f1, AUC: auc, ECE: ece}
