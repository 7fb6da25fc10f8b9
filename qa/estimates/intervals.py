"""Confidence intervals around a fitted ratio."""

from __future__ import annotations

import math
from typing import NamedTuple

from scipy.special import stdtrit

from qa.estimates.variance import Fit, Frame


class Open(NamedTuple):
    """The part of the ratio that is not known for certain: ratio = known + share × rate, rate within 0..1."""

    known: float
    share: float
    rate: float
    units: float
    """Effective number of observed chats if all strata had the same rate: 1 / Σ W²(1-f)/n."""


def _split(frame: Frame, fit: Fit) -> Open:
    """Separate fully observed strata (known) from the others."""
    closed = [c for c in frame.cells if c.n == c.size and c.stands_for == c.size]
    rest = [c for c in frame.cells if not (c.n == c.size and c.stands_for == c.size)]
    x = math.fsum(c.weight * c.x for c in rest)
    y = math.fsum(c.weight * c.y for c in rest)
    noise = math.fsum(c.weight**2 * max(c.open, 1 - c.size / c.stands_for) * c.x for c in rest)
    known = math.fsum(c.y for c in closed) / fit.total_x
    return Open(known, x / fit.total_x, y / x if x else 0.0, x * x / noise if noise else math.inf)


def _quantile(fit: Fit, level: float) -> float:
    return float(stdtrit(min(fit.df, 1e9), (1 + level) / 2))


def mean_interval(
    frame: Frame, fit: Fit, bounds: tuple[float, float] | None, level: float
) -> tuple[float, float] | None:
    """Student's t around the ratio, or with bounds the interval that Wilson's idea gives for a bounded quantity."""
    if bounds is not None or frame.census:
        return wilson(frame, fit, level, bounds or (0.0, 1.0))
    if not fit.variance:
        return None
    half = _quantile(fit, level) * math.sqrt(fit.variance)
    return fit.ratio - half, fit.ratio + half


def wilson(
    frame: Frame, fit: Fit, level: float, bounds: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float] | None:
    """Wilson's interval for the part not known for certain, with the effective sample size, moved to the whole.

    For a quantity between other bounds than 0 and 1 the same formula on the scale of the bounds: the interval leans
    away from the bound that the values crowd at, as the skewness of the mean demands, and never leaves the bounds.
    """
    part = _split(frame, fit)
    if frame.census:
        return fit.ratio, fit.ratio
    if fit.variance is None or not part.share:  # no share: the domain was met only where everything was inspected
        return None
    reach = bounds[1] - bounds[0]
    rate = min(max((part.rate - bounds[0]) / reach, 0.0), 1.0)
    low, high = binomial(rate, fit.variance / (part.share * reach) ** 2, part.units, _quantile(fit, level))
    if not fit.variance:
        edge = unseen(part.units, level)
        low, high = min(low, max(0.0, rate - edge)), max(high, min(1.0, rate + edge))
    base, scale = part.known + part.share * bounds[0], part.share * reach
    return base + scale * low, base + scale * high


def binomial(rate: float, variance: float, units: float, t: float) -> tuple[float, float]:
    """Wilson's score limits (Wilson 1927) with effective sample size rate (1 - rate) / variance.

    Where the variance is 0 although not all chats were observed, ``units`` takes the effective size's place.

    >>> [round(limit, 4) for limit in binomial(0.25, 0.25 * 0.75 / 40, 40, 1.96)]
    [0.1419, 0.4019]
    """
    dispersion = rate * (1 - rate)
    effective = dispersion / variance if variance and dispersion else units
    share = t * t / effective
    centre = (rate + share / 2) / (1 + share)
    half = math.sqrt(share * dispersion + share * share / 4) / (1 + share)
    return centre - half, centre + half


def unseen(units: float, level: float) -> float:
    """Largest share that can have gone unseen in so many chats (Clopper & Pearson 1934, no event).

    >>> round(unseen(100, 0.95), 4)
    0.0362
    """
    return float(1 - ((1 - level) / 2) ** (1 / units)) if math.isfinite(units) else 0.0


def clip_to_seen(frame: Frame, interval: tuple[float, float] | None) -> tuple[float, float] | None:
    """An interval within what the observed chats alone leave possible."""
    if interval is None or any(c.x != c.n for c in frame.cells):
        return interval
    failed = math.fsum(c.y for c in frame.cells)
    sound = math.fsum(c.n - c.y for c in frame.cells)
    return max(interval[0], failed / frame.size), min(interval[1], 1 - sound / frame.size)
