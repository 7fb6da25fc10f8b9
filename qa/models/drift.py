"""Whether tonight's chats still look like those the model learnt from.

PSI, the population stability index, compares two distributions over the same bins: Σ (q - p) · ln(q / p), p of the
reference and q of the night. It is Jeffreys' divergence; the usual thresholds, below 0.1 no change and above 0.25 a
large one, are rules of thumb of credit scoring (Lewis 1994; Siddiqi, *Credit Risk Scorecards*, 2006). Few chats make
large values by chance: without any change, PSI · n·m/(n + m) is about χ², one degree of freedom less than bins
(Yurdakul & Naranjo, Journal of Risk Model Validation 14(4), 2020). So a level needs its threshold and the 99.9 %
point of chance.

A shop whose questions are other than those of the training set is far from it every night, and an alarm that always
rings is not heard. So a night is held against the shop's own nights before as well: it stands out where its value lies
above their median by more than 3.5 times their spread (median absolute deviation, scaled to a standard deviation;
Iglewicz & Hoaglin, *How to Detect and Handle Outliers*, 1993). Until that is known, a large change is told once.
"""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec
import numpy as np
from scipy.special import chdtri

from qa.types import Chat, ChatOpinion, Role

MODERATE, LARGE = 0.1, 0.25
CHANCE = 0.001
"""Share of unchanged nights that may pass the point of chance."""
DECILES = 10
WORDS = 150
"""Words that are bins of their own; all others are together in one."""
REFERENCE_NAME = "reference.json"
"""The file beside a model's own that holds its ``Reference``."""
KEPT = 5_000
"""Words whose counts the reference keeps, to tell which moved."""
SHOWN = 8
PAST = 28
"""Nights of a shop that say what is usual there."""
FEW = 7
"""With fewer nights nothing is usual yet."""
_TO_DEVIATION = 1.4826  # of normal values: their standard deviation over their median absolute deviation
_APART = 3.5
HEARD_IN = 5
"""Chats in which a word that the reference does not know must be to be told: one of fewer may be somebody's own."""
_NUMBER = re.compile(r"\d{5}")
_SMOOTH = 0.5  # added to each count, so that an empty bin is rare and not impossible


class Level(StrEnum):
    """How much has changed."""

    NONE = "none"
    MODERATE = "moderate"
    LARGE = "large"


class Histogram(msgspec.Struct, frozen=True):
    """Counts of scores: ``counts[i]`` of those in ``(edges[i-1], edges[i]]``, the last above all edges."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class WordCounts(msgspec.Struct, frozen=True):
    """In how many chats each word occurs, the most frequent first; ``total``: the sum over all words, kept or not."""

    chats: int
    total: int
    words: dict[str, int]


class Reference(msgspec.Struct, frozen=True):
    """What a model's training set looked like; JSON-able, stored with the model. Heads by task."""

    heads: dict[str, Histogram]
    words: WordCounts


class Night(NamedTuple):
    """What one night's chats look like, in the bins of a reference; nights and chunks add up with ``added``."""

    heads: Mapping[str, Sequence[int]]
    words: WordCounts


class Moved(NamedTuple):
    """A word with its share of all word occurrences before and now (each word once a chat).

    ``contribution``: its term of the PSI with the sign of the change, + for more often.
    """

    word: str
    before: float
    now: float
    contribution: float


class Drift(NamedTuple):
    """One comparison: ``what`` is a head, or ``words``."""

    what: str
    value: float
    level: Level
    chance: float
    """The value that chance alone passes in one of a thousand nights."""
    words: tuple[Moved, ...] = ()
    known: float | None = None
    """Of words: the share of the night's that the reference keeps; None: it has none, or this is a head."""


def psi(reference: Sequence[int], now: Sequence[int]) -> float:
    """The population stability index of two rows of counts over the same bins, half a count added to each.

    >>> psi([100, 100], [50, 50])
    0.0
    >>> round(psi([500, 500], [700, 300]), 3)
    0.169
    """
    return math.fsum(_terms(reference, now))


def _terms(reference: Sequence[int], now: Sequence[int]) -> list[float]:
    p, q = _shares(reference), _shares(now)
    return [(b - a) * math.log(b / a) for a, b in zip(p, q, strict=True)]


def _shares(counts: Sequence[int]) -> list[float]:
    whole = sum(counts) + _SMOOTH * len(counts)
    return [(count + _SMOOTH) / whole for count in counts]


def chance_point(bins: int, n: float, m: float) -> float:
    """The PSI that unchanged distributions pass with probability ``CHANCE``; infinite where one side has no counts.

    >>> round(chance_point(10, 1000, 1000), 4)
    0.0558
    """
    if min(n, m) <= 0 or bins <= 1:
        return math.inf
    return float(chdtri(bins - 1, CHANCE)) * (1 / n + 1 / m)


def level_of(value: float, chance: float) -> Level:
    """The level of a value, given what chance alone may reach."""
    if value <= chance or value < MODERATE:
        return Level.NONE
    return Level.LARGE if value >= LARGE else Level.MODERATE


class Usual(NamedTuple):
    """What is usual in a shop: the median of its last values and their spread (like a standard deviation)."""

    median: float
    spread: float


def usual(past: Sequence[float]) -> Usual | None:
    """What is usual after these values; None where they are too few to say.

    >>> usual([1.0, 1.1, 0.9, 1.2, 1.0, 1.0, 0.8])
    Usual(median=1.0, spread=0.14826)
    >>> usual([1.0, 1.1, 0.9, 1.2]) is None
    True
    """
    if len(past) < FEW:
        return None
    middle = statistics.median(past)
    spread = statistics.median([abs(value - middle) for value in past])
    return Usual(middle, round(_TO_DEVIATION * spread, 6))


def stands_out(value: float, level: Level, before: Usual | None, *, told: bool = False) -> bool:
    """Whether people should look: a large change, and one that is not usual in this shop.

    ``told``: one of its nights before stood out; it matters only where it is not known yet what is usual.

    >>> stands_out(1.1, Level.LARGE, Usual(1.0, 0.1)), stands_out(1.4, Level.LARGE, Usual(1.0, 0.1))
    (False, True)
    >>> stands_out(1.1, Level.LARGE, None), stands_out(1.1, Level.LARGE, None, told=True)
    (True, False)
    >>> stands_out(0.2, Level.MODERATE, None)
    False
    """
    if level is not Level.LARGE:
        return False
    return not told if before is None else value > before.median + max(LARGE, _APART * before.spread)


# --- scores ----------------------------------------------------------------------------------------------------------


def deciles(scores: Sequence[float]) -> Histogram:
    """The histogram of scores by their own deciles; equal deciles are one edge."""
    if not len(scores):
        return Histogram((), (0,))
    cuts = np.quantile(np.asarray(scores, dtype=np.float64), np.arange(1, DECILES) / DECILES)
    edges = tuple(float(cut) for cut in np.unique(cuts))
    return Histogram(edges, counted(edges, scores))


def counted(edges: Sequence[float], scores: Iterable[float]) -> tuple[int, ...]:
    """How many scores fall into each bin.

    >>> counted((0.2, 0.8), [0.1, 0.2, 0.5, 0.9])
    (2, 1, 1)
    """
    places = np.searchsorted(np.asarray(edges), np.fromiter(scores, dtype=np.float64), side="left")
    return tuple(int(n) for n in np.bincount(places, minlength=len(edges) + 1))


def scores_of(opinions: Iterable[ChatOpinion]) -> dict[str, list[float]]:
    """The probability of the worst label, by head, of the chats that have an opinion there."""
    found: dict[str, list[float]] = {"sentiment": [], "satisfaction": [], "resolution": []}
    for opinion in opinions:
        for head, scores in found.items():
            one = getattr(opinion, head)
            if one is not None:
                scores.append(one.probabilities[0])
    return found


# --- words -----------------------------------------------------------------------------------------------------------


def count_words(chats: Iterable[Iterable[str]], kept: int | None = KEPT) -> WordCounts:
    """Count words, each once a chat, because a word that is said once is soon said again; ``kept``: so many are kept.

    >>> count_words([["退", "退", "款"], ["退"]])
    WordCounts(chats=2, total=3, words={'退': 2, '款': 1})
    """
    number = 0
    found: Counter[str] = Counter()
    for words in chats:
        number += 1
        found.update(set(words))
    top = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return WordCounts(number, found.total(), dict(top[:kept]))


def customer_words(chat: Chat, cut: Callable[[str], list[str]]) -> list[str]:
    """What the customer says in a chat, cut into words; pretokenized or not, blanks and marks left out."""
    said = (message.text for message in chat.messages if message.role is Role.CUSTOMER and message.kind == "text")
    return [word for text in said for word in cut(text) if any(map(str.isalnum, word))]


def build_reference(opinions: Iterable[ChatOpinion], words: Iterable[Iterable[str]]) -> Reference:
    """What is stored with a model: opinions on the chats it learnt from (out of fold), and the words of these."""
    heads = {head: deciles(scores) for head, scores in scores_of(opinions).items() if scores}
    return Reference(heads, count_words(words))


def count_night(reference: Reference, opinions: Iterable[ChatOpinion], words: Iterable[Iterable[str]]) -> Night:
    """What is counted in one chunk of a night."""
    scores = scores_of(opinions)
    heads = {head: counted(one.edges, scores.get(head, ())) for head, one in reference.heads.items()}
    return Night(heads, count_words(words, kept=None))


def added(one: Night, other: Night) -> Night:
    """Two chunks together."""
    heads = {head: [a + b for a, b in zip(one.heads[head], other.heads[head], strict=True)] for head in one.heads}
    words = dict(Counter(one.words.words) + Counter(other.words.words))
    return Night(heads, WordCounts(one.words.chats + other.words.chats, one.words.total + other.words.total, words))


def drift(reference: Reference, night: Night) -> list[Drift]:
    """Compare a night with the reference: one result a head, and one for the words with those that moved most."""
    found = []
    for head, one in reference.heads.items():
        value = psi(one.counts, night.heads[head])
        chance = chance_point(len(one.counts), sum(one.counts), sum(night.heads[head]))
        found.append(Drift(head, value, level_of(value, chance), chance))
    return [*found, _words(reference.words, night.words)]


def _words(before: WordCounts, now: WordCounts) -> Drift:
    bins = list(before.words)[:WORDS]
    counts = [[one.words.get(word, 0) for word in bins] for one in (before, now)]
    first, second = ([*some, one.total - sum(some)] for some, one in zip(counts, (before, now), strict=True))
    value = psi(first, second)
    chance = chance_point(len(first), before.total, now.total)
    return Drift("words", value, level_of(value, chance), chance, _moved(before, now), known_share(before, now))


def known_share(before: WordCounts, now: WordCounts) -> float | None:
    """Return the share of all word occurrences (each word once a chat) that are of words known before.

    A number is known only where those are mostly numbers: chats whose words are ids, told of as text, are none of ours.

    >>> known_share(WordCounts(2, 3, {"退": 2, "1": 1}), WordCounts(2, 4, {"退": 1, "1": 3}))
    0.25
    """
    ids = 2 * sum(map(str.isdecimal, before.words)) > len(before.words)
    known = (n for word, n in now.words.items() if word in before.words and (ids or not word.isdecimal()))
    return sum(known) / now.total if now.total else None


def _moved(before: WordCounts, now: WordCounts) -> tuple[Moved, ...]:
    """The words whose shares moved most, new ones included.

    Those that chance explains (|z| < 4) are left out, and what may be a person's: long numbers, and what few chats say.
    """
    found = []
    if not before.total or not now.total:
        return ()
    for word in {*before.words, *now.words}:
        a, b = before.words.get(word, 0), now.words.get(word, 0)
        if (not a and b < HEARD_IN) or _NUMBER.search(word):
            continue
        p, q = (a + _SMOOTH) / (before.total + _SMOOTH), (b + _SMOOTH) / (now.total + _SMOOTH)
        both = (a + b) / (before.total + now.total)
        if abs(a / before.total - b / now.total) < 4 * math.sqrt(both * (1 / before.total + 1 / now.total)):
            continue
        term = (q - p) * math.log(q / p)
        found.append(Moved(word, a / before.total, b / now.total, math.copysign(term, q - p)))
    return tuple(sorted(found, key=lambda one: (-abs(one.contribution), one.word))[:SHOWN])


def told(one: Drift) -> str:
    """A line for people; the first words that moved, with + and -.

    >>> told(Drift("words", 0.31, Level.LARGE, 0.02, (Moved("直播", 0.0, 0.02, 0.1), Moved("发票", 0.02, 0.0, -0.1))))
    'words: large change (PSI 0.31): + 直播, - 发票'
    """
    words = ", ".join(f"{'+' if moved.contribution > 0 else '-'} {moved.word}" for moved in one.words)
    return f"{one.what}: {one.level.value} change (PSI {one.value:.2f})" + (f": {words}" if words else "")
