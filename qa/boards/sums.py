"""Sums that add up: what the inspected chats of one day say of all its chats, such that days can be added.

For a figure R = Y / X each chat has y and x. Of every stratum h with N chats, n of them inspected, the expanded
totals are Y = N Σy / n and X = N Σx / n, and their variances and covariance N² (1 - n/N) s / n with the sample
(co)variances s (Cochran 1977, Sampling Techniques, 3rd ed., eq. 5.1 and 5.7). Days and strata are drawn independently,
so totals and variances add up, and the linearised variance of the ratio over any period is

    V(R) = (V(Y) - 2 R C(Y, X) + R² V(X)) / X²          (Särndal, Swensson & Wretman 1992, eq. 5.6.10)

A stratum with one inspected chat of several borrows the (co)variance of all random chats of its night; strata without
any are represented by the others of their night. Intervals: Wilson with the effective sample size for rates and
points (as ``qa.estimates`` does), Student's t for seconds; degrees of freedom are n - 1 of every stratum that
was not inspected whole (at least 1).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from scipy.special import stdtrit

from qa.boards.facts import Kind, Share
from qa.estimates.intervals import binomial, unseen

LEVEL = 0.95
_ROUNDING = 1e-11
_NORMAL = 1e9  # degrees of freedom from which Student's distribution is the normal one


class Seen(NamedTuple):
    """One inspected chat: its stratum, what it adds to the figures, and the groups it belongs to."""

    stratum: Hashable
    broken: bool
    shares: Mapping[str, Share]
    groups: tuple[tuple[str, str], ...] = ()


class Sums(NamedTuple):
    """Expanded totals with the parts of their variance; of several days or strata simply added.

    ``chats``: inspected ones that the figure is about; ``bad``: those to look at; ``freedom``: degrees of freedom;
    ``noise``: Σ w² (1 - n/N) x, from which the effective sample size follows where nothing varies; ``y_known`` and
    ``x_known``: the totals of strata that were inspected whole.
    """

    chats: int = 0
    bad: int = 0
    freedom: int = 0
    y: float = 0.0
    x: float = 0.0
    v_yy: float = 0.0
    v_xy: float = 0.0
    v_xx: float = 0.0
    noise: float = 0.0
    y_known: float = 0.0
    x_known: float = 0.0

    def plus(self, other: Sums) -> Sums:
        """Return both together."""
        return Sums._make(a + b for a, b in zip(self, other, strict=True))


class Figured(NamedTuple):
    """A figure about all chats, with its 95 % interval; None is unknown. ``n``: inspected chats it rests on."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    bad: int


class _Moments:
    """Sums of the shares of some chats of a stratum; those that are not added have y = x = 0."""

    __slots__ = ("bad", "chats", "x", "xx", "xy", "y", "yy")

    def __init__(self) -> None:
        self.chats = self.bad = 0
        self.y = self.x = self.yy = self.xy = self.xx = 0.0

    def join(self, other: Sequence[float]) -> None:
        """Add those of other chats, as ``Tally`` keeps them."""
        chats, bad, y, x, yy, xy, xx = other
        self.chats += int(chats)
        self.bad += int(bad)
        self.y += y
        self.x += x
        self.yy += yy
        self.xy += xy
        self.xx += xx

    def spread(self, n: int) -> Spread:
        """Return the sample variance of y, the covariance, and the variance of x over ``n`` chats (n - 1)."""
        centred = (self.yy - self.y * self.y / n, self.xy - self.y * self.x / n, self.xx - self.x * self.x / n)
        scales = (self.yy, math.sqrt(self.yy * self.xx), self.xx)
        yy, xy, xx = (0.0 if abs(c) <= _ROUNDING * s else c / (n - 1) for c, s in zip(centred, scales, strict=True))
        return yy, xy, xx


Spread = tuple[float, float, float]
Group = tuple[str, str]
"""Team and agent; ``*`` stands for all."""
Groups = tuple[Group, ...]
_Cells = dict[str, int]
"""Figure → where its numbers begin."""
_NUMBERS = len(_Moments.__slots__)


class Tally:
    """Adds up the inspected chats of one night, one at a time, so that memory does not grow with their number.

    Chats are kept together that belong to the same groups; the groups, which overlap, are made of them at the end. A
    night of 500 agents has 50,000 cells: their numbers stand side by side in one array.
    """

    def __init__(self) -> None:
        self._strata: dict[Hashable, dict[Groups, _Cells]] = {}
        self._numbers = array("d")
        """Of each cell: chats, bad, y, x, yy, xy, xx."""
        self._names: dict[str, str] = {}
        self.observed: dict[Hashable, int] = {}
        """Chats that were inspected and are not broken, by stratum."""

    def add(self, one: Seen) -> None:
        """Add a chat; a broken one says nothing."""
        if one.broken:
            return
        self.observed[one.stratum] = self.observed.get(one.stratum, 0) + 1
        cells = self._strata.setdefault(one.stratum, {}).setdefault(one.groups, {})
        numbers = self._numbers
        for figure, (y, x, bad) in one.shares.items():
            at = cells.get(figure)
            if at is None:
                cells[self._names.setdefault(figure, figure)] = len(numbers)
                numbers.extend((1, bad, y, x, y * y, x * y, x * x))
                continue
            numbers[at] += 1
            numbers[at + 1] += bad
            numbers[at + 2] += y
            numbers[at + 3] += x
            numbers[at + 4] += y * y
            numbers[at + 5] += x * y
            numbers[at + 6] += x * x

    def sums(
        self, sizes: Mapping[Hashable, int], certain: frozenset[Hashable]
    ) -> Iterator[tuple[tuple[Group, str], Sums]]:
        """Yield ((group, figure), sums), one group at a time.

        ``sizes``: chats by stratum; ``certain``: strata that were inspected whole.
        """
        factors = _factors(sizes, self.observed.keys(), certain)
        lent: dict[str, Spread] = {}
        for group, strata in self._by_group().items():
            found: dict[str, Sums] = {}
            for stratum, kept in strata.items():
                n = self.observed[stratum]
                size = max(sizes.get(stratum, 0), n)
                for figure, moments in self._joined(kept).items():
                    if n == 1 < size and figure not in lent:
                        lent[figure] = self._lent(figure, certain)
                    spread = (0.0, 0.0, 0.0) if n == size else moments.spread(n) if n > 1 else lent[figure]
                    added = _stratum(moments, n, size, size * factors[stratum in certain], spread)
                    found[figure] = found.get(figure, Sums()).plus(added)
            yield from (((group, figure), sums) for figure, sums in found.items())

    def _by_group(self) -> dict[Group, dict[Hashable, list[_Cells]]]:
        """Return group → stratum → what is kept of both."""
        found: dict[Group, dict[Hashable, list[_Cells]]] = {}
        for stratum, kept in self._strata.items():
            for groups, cells in kept.items():
                for group in groups:
                    found.setdefault(group, {}).setdefault(stratum, []).append(cells)
        return found

    def _joined(self, kept: Iterable[_Cells]) -> dict[str, _Moments]:
        found: dict[str, _Moments] = {}
        for cells in kept:
            for figure, at in cells.items():
                found.setdefault(figure, _Moments()).join(self._numbers[at : at + _NUMBERS])
        return found

    def _lent(self, figure: str, certain: frozenset[Hashable]) -> Spread:
        """Return the spread of a figure over all random chats of the night."""
        together, n = _Moments(), 0
        for stratum, kept in self._strata.items():
            if stratum not in certain:
                n += self.observed[stratum]
                for cells in kept.values():
                    if figure in cells:
                        at = cells[figure]
                        together.join(self._numbers[at : at + _NUMBERS])
        return together.spread(n) if n > 1 else (0.0, 0.0, 0.0)


def tally(
    sizes: Mapping[Hashable, int], seen: Iterable[Seen], certain: frozenset[Hashable]
) -> dict[tuple[Group, str], Sums]:
    """Return (group, figure) → sums of one night, as ``Tally`` has it.

    >>> chats = [Seen("a", False, {"f": Share(y, 1.0, False)}, (("*", "*"),)) for y in (2.0, 4.0)]
    >>> chats += [Seen("b", False, {"f": Share(y, 1.0, False)}, (("*", "*"),)) for y in (5.0, 7.0, 9.0)]
    >>> sums = tally({"a": 10, "b": 20}, chats, frozenset())[("*", "*"), "f"]
    >>> sums.x, round(sums.y / sums.x, 3), round(sums.v_yy / sums.x**2, 4)  # Cochran's example of qa.estimates
    (30.0, 5.667, 0.5926)
    """
    night = Tally()
    for one in seen:
        night.add(one)
    return dict(night.sums(sizes, certain))


def _factors(
    sizes: Mapping[Hashable, int], observed: Iterable[Hashable], certain: frozenset[Hashable]
) -> dict[bool, float]:
    """Return by part (certain or not) how many chats each chat of its observed strata stands for besides its own."""
    there = set(observed)
    factors = {}
    for part in (True, False):
        total = sum(size for one, size in sizes.items() if (one in certain) is part)
        known = sum(size for one, size in sizes.items() if (one in certain) is part and one in there)
        factors[part] = total / known if known else 1.0
    return factors


def _stratum(moments: _Moments, n: int, size: int, stands_for: float, spread: Spread) -> Sums:
    weight, still_open = stands_for / n, 1.0 - n / size
    v_yy, v_xy, v_xx = (stands_for * stands_for * still_open / n * one for one in spread)
    return Sums(
        chats=moments.chats, bad=moments.bad, freedom=0 if n == size else max(1, n - 1),
        y=weight * moments.y, x=weight * moments.x, v_yy=v_yy, v_xy=v_xy, v_xx=v_xx,
        noise=weight * weight * still_open * moments.x,
        y_known=moments.y if n == size else 0.0, x_known=moments.x if n == size else 0.0,
    )  # fmt: skip


def figured(sums: Sums, kind: Kind) -> Figured:
    """Return the figure of sums with its interval.

    >>> sums = Sums(chats=40, freedom=39, y=250.0, x=1000.0, v_yy=1000.0**2 * 0.25 * 0.75 / 40, noise=25_000.0)
    >>> [round(one, 3) for one in figured(sums, Kind.RATE)[:3]]
    [0.25, 0.139, 0.407]
    >>> figured(Sums(), Kind.RATE).value is None
    True
    >>> figured(Sums(chats=3, y=270.0, x=3.0), Kind.POINTS)[:3]  # all chats were inspected
    (90.0, 90.0, 90.0)
    """
    if sums.x <= 0 or not sums.chats:
        return Figured(None, None, None, sums.chats, sums.bad)
    ratio = sums.y / sums.x
    variance = max(0.0, sums.v_yy - 2 * ratio * sums.v_xy + ratio * ratio * sums.v_xx) / (sums.x * sums.x)
    if variance <= _ROUNDING * ratio * ratio:
        variance = 0.0
    low, high = _INTERVALS[kind](sums, ratio, variance)
    return Figured(ratio, low, high, sums.chats, sums.bad)


def _t(sums: Sums, variance: float) -> float:
    """Return Student's quantile; the normal one where nothing varies, as no variance is estimated then."""
    return float(stdtrit(max(1, sums.freedom) if variance else _NORMAL, (1 + LEVEL) / 2))


def _bounded(sums: Sums, ratio: float, variance: float, reach: float) -> tuple[float, float]:
    """Return Wilson's interval for what is not known for certain, put together with what is."""
    share = (sums.x - sums.x_known) / sums.x
    if share <= 0 or not (sums.noise or variance):
        return ratio, ratio  # every chat was inspected
    rate = min(max((sums.y - sums.y_known) / (sums.x - sums.x_known) / reach, 0.0), 1.0)
    units = (share * sums.x) ** 2 / sums.noise if sums.noise else math.inf
    low, high = binomial(rate, variance / (share * reach) ** 2, units, _t(sums, variance))
    if not variance:
        edge = unseen(units, LEVEL)
        low, high = min(low, rate - edge), max(high, rate + edge)
    base, scale = sums.y_known / sums.x, share * reach
    return min(ratio, base + scale * max(0.0, low)), max(ratio, base + scale * min(1.0, high))


def _seconds(sums: Sums, ratio: float, variance: float) -> tuple[float | None, float | None]:
    if not variance:
        return (None, None) if sums.noise else (ratio, ratio)
    half = _t(sums, variance) * math.sqrt(variance)
    return max(0.0, ratio - half), ratio + half


_Interval = Callable[[Sums, float, float], tuple[float | None, float | None]]
_INTERVALS: dict[Kind, _Interval] = {
    Kind.RATE: lambda sums, ratio, variance: _bounded(sums, ratio, variance, 1.0),
    Kind.POINTS: lambda sums, ratio, variance: _bounded(sums, ratio, variance, 100.0),
    Kind.SECONDS: _seconds,
}


def apart(one: Figured, other: Figured) -> bool:
    """Whether the difference of two independent figures is more than chance, at the level of their intervals.

    The interval of the difference is made from those of the two (Newcombe 1998, Statistics in Medicine 17:873-890,
    method 10; Zou & Donner 2008, ibid. 27:1693-1702): it serves where one of them shows no variation, too.

    >>> apart(Figured(10.0, 9.0, 11.0, 9, 0), Figured(13.0, 12.0, 14.0, 9, 0))
    True
    >>> apart(Figured(10.0, 9.0, 11.0, 9, 0), Figured(11.0, 10.0, 12.0, 9, 0))
    False
    """
    ends = (one.value, one.low, one.high, other.value, other.low, other.high)
    if any(end is None for end in ends):
        return False
    value, low, high, value_2, low_2, high_2 = (end for end in ends if end is not None)
    below = math.hypot(value - low, high_2 - value_2)
    above = math.hypot(high - value, value_2 - low_2)
    return not value - value_2 - below <= 0 <= value - value_2 + above
