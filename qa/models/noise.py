"""Which labels are probably wrong, and whose: confident learning on out-of-fold probabilities.

Northcutt, Jiang & Chuang, *Confident learning: estimating uncertainty in dataset labels*, JAIR 70 (2021). A model
that has not seen a label says how probable each class is. The threshold of a class is the mean probability of that
class among the chats labelled with it. A label is *suspect* when some other class reaches its own threshold and is
more probable than every other class that does; suspects are sorted by margin, the probability of the label less that
of the best other class, lowest first.

A model is wrong often enough by itself, so a reviewer is not judged by the rate of suspects but by its difference
from the others' rate, with Newcombe's interval (Statistics in Medicine 17, 1998, method 10), at a level shared by
all.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qa.models.hits import Judge, opinions_on
from qa.models.labelled import LabelledChat
from qa.models.mixing import text_digest
from qa.models.opinions import LABELS, Task
from qa.types import ChatOpinion

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Learn = Callable[[Sequence[LabelledChat]], Judge]
"""From chats to learn from to a model."""

FOLDS = 5
LEVEL = 0.95
FEWEST = 10
"""Labels of a reviewer below which nothing is said of them."""


class Given(NamedTuple):
    """A label that a reviewer gave: its class (worst first) and the index of the chat."""

    chat: int
    label: int
    reviewer: str


class Suspect(NamedTuple):
    """A label that is probably wrong: the index of what was given, the class to ask about instead, and the margin."""

    given: int
    instead: int
    margin: float


class Rate(NamedTuple):
    """How many of a reviewer's labels are suspect, and how that compares with all the others' labels."""

    reviewer: str
    labels: int
    suspects: int
    low: float
    """95 % Wilson interval of the rate."""
    high: float
    others: float | None
    """The rate among everybody else's labels; None: nobody else gave any."""
    excess_low: float | None
    """Lower end of the interval of the difference; None: cannot be told."""

    @property
    def rate(self) -> float:
        """Share of the labels that is suspect."""
        return self.suspects / self.labels

    @property
    def stands_out(self) -> bool:
        """Whether the reviewer's labels are wrong more often than the others', beyond chance."""
        return self.excess_low is not None and self.excess_low > 0


def out_of_fold(chats: Sequence[LabelledChat], learn: Learn, folds: int = FOLDS) -> list[ChatOpinion]:
    """Return for each chat the opinion of a model that has seen neither it nor a chat of the same text.

    A chat's fold follows from its text, so the order of the chats does not matter.
    """
    places = [_fold(one, folds) for one in chats]
    found = [ChatOpinion()] * len(chats)
    for fold in range(folds):
        test = [i for i, place in enumerate(places) if place == fold]
        if test:
            model = learn([one for one, place in zip(chats, places, strict=True) if place != fold])
            for i, opinion in zip(test, opinions_on(model, [chats[i] for i in test]), strict=True):
                found[i] = opinion
    return found


def probabilities_of(opinions: Sequence[ChatOpinion], task: Task) -> Floats:
    """A row of probabilities a chat, the worst label first; equal ones where there is no opinion."""
    even = (1 / len(LABELS[task]),) * len(LABELS[task])
    given = [getattr(one, task.value) for one in opinions]
    return np.array([even if one is None else one.probabilities for one in given], dtype=np.float64)


def _fold(one: LabelledChat, folds: int) -> int:
    return int.from_bytes(hashlib.blake2b(text_digest(one.chat), key=b"fold", digest_size=8).digest(), "big") % folds


def suspects(given: Sequence[Given], probabilities: Floats) -> list[Suspect]:
    """Return the labels that are probably wrong, the most obvious first; ``probabilities``: a row a chat.

    >>> p = np.array([[.9, .1], [.8, .2], [.2, .8], [.1, .9], [.95, .05]])
    >>> [(s.given, s.instead) for s in suspects([Given(i, label, "a") for i, label in enumerate((0, 0, 1, 1, 1))], p)]
    [(4, 0)]
    """
    labels = np.array([one.label for one in given], dtype=np.int64)
    rows = probabilities[np.array([one.chat for one in given], dtype=np.int64)]
    thresholds = np.array([_mean(rows[labels == label, label]) for label in range(rows.shape[1])])
    reached = np.where(rows >= thresholds, rows, -1.0)
    found = []
    for i, label in enumerate(labels):
        best = int(reached[i].argmax())
        if best != label and reached[i, best] >= 0:
            others = np.delete(rows[i], label)
            found.append(Suspect(i, best, float(rows[i, label] - others.max())))
    return sorted(found, key=lambda one: (one.margin, one.given))


def _mean(values: Floats) -> float:
    """The mean; of a class that nobody gave, a threshold that nothing reaches."""
    return float(values.mean()) if len(values) else math.inf


def by_reviewer(given: Sequence[Given], found: Sequence[Suspect]) -> list[Rate]:
    """Return the reviewers with their rates, those that stand out first, then by falling rate.

    >>> labels = [Given(0, 0, "a")] * 50 + [Given(0, 0, "b")] * 200
    >>> one, two = by_reviewer(labels, [Suspect(i, 1, 0.0) for i in range(30)])
    >>> one.reviewer, one.rate, one.stands_out, two.stands_out
    ('a', 0.6, True, False)
    """
    labels: defaultdict[str, int] = defaultdict(int)
    wrong: defaultdict[str, int] = defaultdict(int)
    for one in given:
        labels[one.reviewer] += 1
    for suspect in found:
        wrong[given[suspect.given].reviewer] += 1
    level = 1 - (1 - LEVEL) / max(1, len(labels))
    rates = [_rate(name, labels[name], wrong[name], len(given), len(found), level) for name in sorted(labels)]
    return sorted(rates, key=lambda one: (not one.stands_out, -one.rate, one.reviewer))


def _rate(reviewer: str, n: int, wrong: int, everybody: int, all_wrong: int, level: float) -> Rate:
    low, high = wilson(wrong, n, LEVEL)
    rest, rest_wrong = everybody - n, all_wrong - wrong
    others = rest_wrong / rest if rest else None
    excess = newcombe_low((wrong, n), (rest_wrong, rest), level) if rest >= FEWEST and n >= FEWEST else None
    return Rate(reviewer, n, wrong, low, high, others, excess)


def wilson(hits: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval of a share (JASA 22, 1927), two-sided.

    >>> tuple(round(end, 4) for end in wilson(15, 148))
    (0.0624, 0.1605)
    """
    z = NormalDist().inv_cdf((1 + level) / 2)
    centre = (hits + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(hits * (n - hits) / n + z * z / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def newcombe_low(one: tuple[int, int], other: tuple[int, int], level: float = LEVEL) -> float:
    """Lower end of the two-sided interval of the difference of two shares; each is (hits, n). Newcombe's method 10.

    >>> round(newcombe_low((56, 70), (48, 80)), 4)
    0.0524
    """
    (a, m), (b, n) = one, other
    low = wilson(a, m, level)[0]
    high = wilson(b, n, level)[1]
    return a / m - b / n - math.hypot(a / m - low, high - b / n)
