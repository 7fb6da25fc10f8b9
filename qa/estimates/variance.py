"""The ratio of expanded totals over strata and certainty part, and its linearised variance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from qa.estimates.summary import Note, StratumSummary

GROUP_UNITS = 10
"""Collapsed strata are gathered until their group holds this many observed chats."""

_ROUNDING = 1e-11
"""A sum of squared deviations below this share of its terms is the rounding error of zero."""


class Cell(NamedTuple):
    """A stratum with observed chats and the size it stands for (its own, and a share of unobserved strata)."""

    name: str
    certainty: bool
    size: int
    stands_for: float
    n: int
    y: float
    yy: float
    x: float
    xx: float
    xy: float

    @property
    def weight(self) -> float:
        """How many chats of the frame each observed chat stands for."""
        return self.stands_for / self.n

    @property
    def open(self) -> float:
        """Finite population correction: the share of the stratum that was not observed."""
        return 1 - self.n / self.size


class Frame(NamedTuple):
    """The observed strata of both parts, and what is not observed."""

    cells: list[Cell]
    unobserved: list[tuple[bool, int]]
    """Part and size of strata without any observed chat whose part has others."""
    size: int
    missing: int
    notes: tuple[Note, ...]

    @classmethod
    def of(cls, strata: Iterable[StratumSummary]) -> Frame:
        """Sort out strata without observed chats: reweight within the part, or leave the part uncovered."""
        cells: list[Cell] = []
        unobserved: list[tuple[bool, int]] = []
        size = missing = 0
        notes: set[Note] = set()
        everything = sorted(strata, key=lambda s: (s.certainty, s.size, s.stratum))
        for certainty, part in groupby(everything, key=lambda s: s.certainty):
            members = [s for s in part if s.size]
            missing += sum((s.n if s.drawn is None else s.drawn) - s.n for s in members)
            total, observed = sum(s.size for s in members), sum(s.size for s in members if s.n)
            if not observed:
                notes |= {Note.UNCOVERED} if total else set()
                continue
            size += total
            empty = [(certainty, s.size) for s in members if not s.n]
            notes |= {Note.REWEIGHTED} if empty else set()
            unobserved += empty
            cells += [_cell(s, total / observed) for s in members if s.n]
        return cls(cells, unobserved, size, missing, tuple(sorted(notes)))

    @property
    def census(self) -> bool:
        """Whether every chat spoken of was observed."""
        return not self.unobserved and all(c.n == c.size for c in self.cells)


def _cell(s: StratumSummary, factor: float) -> Cell:
    x = float(s.n) if s.x is None else s.x
    xx = x if s.xx is None else s.xx
    xy = s.y if s.xy is None else s.xy
    return Cell(s.stratum, s.certainty, s.size, s.size * factor, s.n, s.y, s.yy, x, xx, xy)


class Fit(NamedTuple):
    """Ratio, the estimated total it is divided by, variance (None: cannot be known) and its degrees of freedom."""

    ratio: float
    total_x: float
    variance: float | None
    df: float
    collapsed: bool


class Term(NamedTuple):
    """One independent piece of the variance of a total, with the degrees of freedom it was estimated from."""

    variance: float
    df: int


def fit_ratio(frame: Frame) -> Fit | None:
    """The ratio of expanded totals and its linearised variance; None where the divisor's total is 0."""
    total_x = math.fsum(c.weight * c.x for c in frame.cells)
    if total_x <= 0:
        return None
    ratio = math.fsum(c.weight * c.y for c in frame.cells) / total_x
    terms = _own_terms(frame, ratio)
    singles = [c for c in frame.cells if c.n == 1 < c.size]
    borrowed = _borrowed_terms(frame, singles, ratio)
    unobserved = _unobserved_terms(frame, ratio)
    if borrowed is None or unobserved is None:
        return Fit(ratio, total_x, None, math.inf, bool(singles))
    terms += borrowed + unobserved
    variance = math.fsum(t.variance for t in terms)
    spread = math.fsum(t.variance**2 / t.df for t in terms)
    df = variance**2 / spread if spread else math.inf  # Satterthwaite, Cochran (1977) eq. 5.16
    return Fit(ratio, total_x, variance / total_x**2, df, bool(singles))


def _own_terms(frame: Frame, ratio: float) -> list[Term]:
    return [
        Term(c.stands_for**2 * c.open * _residual_variance([c], ratio) / c.n, c.n - 1)
        for c in frame.cells
        if 1 < c.n < c.size
    ]


def _residual_variance(cells: Sequence[Cell], ratio: float) -> float:
    """Sample variance (n - 1) of e = y - ratio × x over the observed chats of some strata together."""
    n = sum(c.n for c in cells)
    e = math.fsum(c.y - ratio * c.x for c in cells)
    parts = [(c.yy, -2 * ratio * c.xy, ratio * ratio * c.xx) for c in cells]
    squares = math.fsum(p for three in parts for p in three)
    deviations = squares - e * e / n
    scale = math.fsum(abs(p) for three in parts for p in three)
    return deviations / (n - 1) if deviations > _ROUNDING * scale else 0.0


def _borrowed_terms(frame: Frame, singles: list[Cell], ratio: float) -> list[Term] | None:
    """Variance of strata with one observed chat of several, from groups of similar strata; None if none is similar."""
    terms = []
    for certainty in (False, True):
        for lonely, group in _groups([c for c in singles if c.certainty is certainty], frame.cells):
            units = sum(c.n for c in group)
            if units < 2:  # noqa: PLR2004 - one value has no variance
                return None
            s2 = _residual_variance(group, ratio)
            terms.append(Term(math.fsum(c.stands_for**2 * c.open for c in lonely) * s2, units - 1))
    return terms


def _groups(singles: list[Cell], cells: list[Cell]) -> list[tuple[list[Cell], list[Cell]]]:
    """Neighbours in size, at least GROUP_UNITS observed chats together; (who borrows, whom from) per group.

    Who is similar is decided by part and size alone: looking at the values would make the variance too small.
    """
    if not singles:
        return []
    count = max(1, len(singles) // GROUP_UNITS)
    cuts = [len(singles) * i // count for i in range(count + 1)]
    lonely = [singles[a:b] for a, b in pairwise(cuts)]
    if len(singles) >= GROUP_UNITS:
        return [(group, group) for group in lonely]
    middle = sum(c.size for c in singles) / len(singles)
    others = [c for c in cells if c.n > 1]
    others.sort(key=lambda c: (c.certainty != singles[0].certainty, abs(c.size - middle), c.name))
    group = list(singles)
    for other in others:
        if sum(c.n for c in group) >= GROUP_UNITS:
            break
        group.append(other)
    return [(singles, group)]


def _unobserved_terms(frame: Frame, ratio: float) -> list[Term] | None:
    """Error of letting the other strata of a part stand for one without observed chats.

    Its total is predicted by the part's mean; how wrong that can be is seen from how far the means of the observed
    strata lie apart (where there is only one, from how far its chats do).
    """
    terms = []
    for certainty in {part for part, _ in frame.unobserved}:
        cells = [c for c in frame.cells if c.certainty is certainty]
        means = [(c.y - ratio * c.x) / c.n for c in cells]
        if len(cells) > 1:
            centre = math.fsum(means) / len(means)
            between, df = math.fsum((m - centre) ** 2 for m in means) / (len(means) - 1), len(means) - 1
        elif cells[0].n > 1:
            between, df = _residual_variance(cells, ratio), cells[0].n - 1
        else:
            return None
        terms.append(Term(sum(size**2 for part, size in frame.unobserved if part is certainty) * between, df))
    return terms
