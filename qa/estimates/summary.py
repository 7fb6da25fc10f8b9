"""What goes into an estimate (sums per stratum) and what comes out (a figure with its interval)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

import msgspec


class Note(StrEnum):
    """What a reader must know about how an estimate came about."""

    COLLAPSED = "collapsed"
    """A stratum with one observed chat of several borrowed the variance of similar strata."""
    REWEIGHTED = "reweighted"
    """A stratum had no observed chat at all; the other strata of its part stand for it."""
    UNCOVERED = "uncovered"
    """Nothing was observed of a whole part (targeted or random): the figure is about the other part only."""
    NO_VARIATION = "no_variation"
    """All observed values are equal although not every chat was inspected: the variance says nothing, the interval is
    the exact binomial limit where the quantity is bounded, else None."""


class StratumSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the observed chats of one stratum.

    ``y`` is the quantity of interest, ``x`` what it is divided by (1 for every chat where the mean is wanted; 1 inside
    and 0 outside a domain, where ``y`` is 0 as well). A chat drawn but broken is counted in ``drawn``, not in ``n``.
    """

    stratum: str
    size: int
    """Chats of the frame in this stratum."""
    n: int
    """Chats with an observed value."""
    y: float = 0.0
    yy: float = 0.0
    x: float | None = None
    """Sum of ``x``; None: 1 for every observed chat (and ``xx`` = ``n``, ``xy`` = ``y``)."""
    xx: float | None = None
    xy: float | None = None
    drawn: int | None = None
    """Chats selected for inspection; None: as many as were observed."""
    certainty: bool = False
    """Whether this is (a piece of) the targeted part, inspected with probability 1."""

    def __post_init__(self) -> None:
        """Refuse counts that cannot be (a bug of the caller)."""
        if not 0 <= self.n <= (self.n if self.drawn is None else self.drawn) <= self.size:
            raise ValueError(f"stratum {self.stratum!r}: 0 <= n <= drawn <= size does not hold: {self}")


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A figure about all chats of the frame, with its confidence interval; None is unknown, never 0."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    """Observed chats it rests on (for a domain: those inside the domain, where that is countable)."""
    size: int
    """Chats of the frame it speaks of."""
    missing: int = 0
    """Chats that were to be inspected and have no value (broken)."""
    se: float | None = None
    """Standard error."""
    df: float | None = None
    """Degrees of freedom of the standard error; None where there is none to speak of (a census)."""
    level: float = 0.95
    notes: tuple[Note, ...] = ()


def summarize(
    stratum: str, size: int, values: Sequence[float | None], *, drawn: int | None = None, certainty: bool = False
) -> StratumSummary:
    """The sums of plain values; None is an observed chat outside the domain (the rule does not apply to it).

    >>> summarize("a-7", 10, [1, 0, None]).x
    2.0
    """
    inside = [float(v) for v in values if v is not None]
    y, count = math.fsum(inside), float(len(inside))
    return StratumSummary(
        stratum=stratum, size=size, n=len(values), drawn=drawn, certainty=certainty,
        y=y, yy=math.fsum(v * v for v in inside), x=count, xx=count, xy=y,
    )  # fmt: skip
