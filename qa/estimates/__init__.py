"""Design-based estimates: what the inspected chats say about all chats of the frame.

The frame is the *certainty part* (targeted chats, all inspected) and the *random part* (strata, of which some chats
were drawn). An estimate weights every inspected chat by the inverse of its inclusion probability, so targeted and
random chats are never mixed naively. The input is one :class:`StratumSummary` of sums per stratum, which a database
aggregates for a million chats; :func:`summarize` makes it from plain values.

Formulas (docs/sampling.md tells them in words, with a worked example):

* mean, proportion: stratified expansion, finite population correction (Cochran 1977, Sampling Techniques, 3rd ed.,
  eq. 5.1 and 5.7); degrees of freedom by Satterthwaite (Cochran eq. 5.16), Student's t;
* domain rates and ratios: linearised ratio over all strata (Cochran §6.11; Särndal, Swensson & Wretman
  1992, §5.6 and 5.8);
* one observed chat of several: variance of the group of strata most similar in size (collapsed strata, Cochran §5A.12);
* proportions: Wilson's interval with the effective sample size (Korn & Graubard 1998, Survey Methodology 24:193-201;
  Franco, Little, Louis & Slud 2019, J. Survey Stat. Methodol. 7:334-364).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import msgspec

from qa.estimates.apart import tiers
from qa.estimates.intervals import clip_to_seen, mean_interval, wilson
from qa.estimates.summary import Estimate, Note, StratumSummary, summarize
from qa.estimates.variance import Fit, Frame, fit_ratio

__all__ = [
    "Estimate",
    "Note",
    "StratumSummary",
    "estimate_mean",
    "estimate_proportion",
    "estimate_ratio",
    "summarize",
    "tiers",
]


def estimate_mean(
    name: str,
    strata: Iterable[StratumSummary],
    *,
    bounds: tuple[float, float] | None = None,
    level: float = 0.95,
) -> Estimate:
    """The mean of ``y`` over all chats of the frame that have a value, in the unit of ``y``.

    ``bounds`` are the least and greatest value possible (a score: 0 and 100). With them the interval follows the
    skewness that crowding at a bound brings, stays within the bounds, and exists where all observed values are equal;
    without them it is the symmetric t interval, None where all observed values are equal.

    Two strata of 10 and 20 chats, observed 2, 4 and 5, 7, 9. By hand: mean (10 × 3 + 20 × 7) / 30 = 5.667;
    s² = 2 and 4; variance = [10²(1 - 2/10)2/2 + 20²(1 - 3/20)4/3] / 30² = (80 + 453.333) / 900 = 0.5926
    (Cochran 1977, eq. 5.1 and 5.7); df = 533.333² / (80²/1 + 453.333²/2) = 2.606 (eq. 5.16).

    >>> e = estimate_mean("score", [summarize("a", 10, [2, 4]), summarize("b", 20, [5, 7, 9])])
    >>> round(e.value, 3), round(e.se**2, 4), round(e.df, 3)
    (5.667, 0.5926, 2.606)
    >>> estimate_mean("score", [summarize("a", 3, [2, 4, 9])]).low  # a census has no sampling error
    5.0
    >>> estimate_mean("score", []).value is None
    True
    """
    return estimate_ratio(name, strata, bounds=bounds, level=level)


def estimate_proportion(name: str, strata: Iterable[StratumSummary], *, level: float = 0.95) -> Estimate:
    """The share (0 to 1) of all chats of the frame that have a property; ``y`` counts those observed to have it.

    The certainty part is known; Wilson's interval is made for the random part and then the parts are put together.
    The interval never denies what was seen: 3 failed chats seen are at least 3 failed chats.

    10 of 40 in a simple random sample of a very large stratum: variance 0.25 × 0.75 / 39, so the effective sample
    size is 39, and t with 39 degrees of freedom is 2.0227; Wilson's limits with these two numbers:

    >>> e = estimate_proportion("failed", [StratumSummary(stratum="a", size=10**9, n=40, y=10, yy=10)])
    >>> e.value, round(e.low, 3), round(e.high, 3)
    (0.25, 0.138, 0.409)
    """
    frame = Frame.of(strata)
    return _estimate(name, frame, level, lambda fit: clip_to_seen(frame, wilson(frame, fit, level)))


def estimate_ratio(
    name: str,
    strata: Iterable[StratumSummary],
    *,
    proportion: bool = False,
    bounds: tuple[float, float] | None = None,
    level: float = 0.95,
) -> Estimate:
    """Total of ``y`` over total of ``x``: a rate or mean within a domain whose size is not known beforehand.

    With ``proportion`` each ``y`` is 0 or 1 and each ``x`` is 0 or 1 (failed among applicable): Wilson's interval.
    Value None where no observed chat belongs to the domain.

    4 of 20 chats observed, the rule applies to three of them, one failed: 1/3. Linearised by hand: e = y - x/3 =
    2/3, -1/3, -1/3, 0; s² = (4 + 1 + 1)/9 / 3 = 2/9; X = 20/4 × 3 = 15; variance = 20²(1 - 4/20)(2/9)/4 / 15² = 0.0790.

    >>> e = estimate_ratio("greeting", [summarize("a", 20, [1, 0, 0, None])])
    >>> round(e.value, 4), round(e.se**2, 4), e.n
    (0.3333, 0.079, 3)
    """
    frame = Frame.of(strata)
    if proportion:
        return _estimate(name, frame, level, lambda fit: wilson(frame, fit, level))
    return _estimate(name, frame, level, lambda fit: mean_interval(frame, fit, bounds, level))


def _estimate(name: str, frame: Frame, level: float, interval: Callable[[Fit], tuple[float, float] | None]) -> Estimate:
    """The fitted ratio, its interval and what to know about them, as one value."""
    countable = all(c.x == c.xx for c in frame.cells)
    unknown = Estimate(
        name=name, value=None, low=None, high=None, size=frame.size, missing=frame.missing, level=level,
        n=round(sum(c.x for c in frame.cells)) if countable else sum(c.n for c in frame.cells), notes=frame.notes,
    )  # fmt: skip
    fit = fit_ratio(frame)
    if fit is None:
        return unknown
    limits = interval(fit)
    notes = set(frame.notes)
    notes |= {Note.COLLAPSED} if fit.collapsed else set()
    notes |= {Note.NO_VARIATION} if fit.variance == 0 and not frame.census else set()
    return msgspec.structs.replace(
        unknown,
        value=fit.ratio,
        low=limits and min(limits[0], fit.ratio),
        high=limits and max(limits[1], fit.ratio),
        se=None if fit.variance is None else math.sqrt(fit.variance),
        df=None if math.isinf(fit.df) else fit.df,
        notes=tuple(sorted(notes)),
    )
