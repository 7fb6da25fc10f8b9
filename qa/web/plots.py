"""Small plots as geometry: templates draw them as SVG with classes, so that no style stands in the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from qa.models.card import Bin

_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 8, 8, 20
_ROOM = 0.08  # of the span, above and below


class Point(NamedTuple):
    """A figure to be drawn; ``None`` is unknown and leaves a gap. ``href``: where its numbers come from."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    href: str | None = None
    current: bool = False


class Mark(NamedTuple):
    """A point on the paper; ``low`` and ``high`` are the ends of its interval, None where there is none."""

    x: float
    y: float
    low: float | None
    high: float | None
    point: Point


class Tick(NamedTuple):
    """A line of the grid, with what is written at it."""

    at: float
    value: float


class Plot(NamedTuple):
    """An interval plot: marks from left to right, a line through them, and a grid."""

    width: int
    height: int
    left: int
    right: int
    bottom: int
    marks: tuple[Mark, ...]
    line: str
    ticks: tuple[Tick, ...]


class Pip(NamedTuple):
    """A bin of a reliability table on the paper; ``radius`` grows with the number of opinions."""

    x: float
    y: float
    radius: float
    low: float | None
    high: float | None
    bin: Bin


class Reliability(NamedTuple):
    """A reliability plot: what was claimed against what came true; on the diagonal both agree."""

    size: int
    first: int
    last: int
    pips: tuple[Pip, ...]
    ticks: tuple[Tick, ...]


def interval_plot(points: Sequence[Point], width: int = 240, height: int = 104) -> Plot | None:
    """Return the plot of a course; None where fewer than two figures are known."""
    known = [one for one in points if one.value is not None]
    if len(known) < 2:  # noqa: PLR2004 - one night has no course
        return None
    values = [v for one in known for v in (one.value, one.low, one.high) if v is not None]
    ticks = nice_ticks(min(values), max(values))
    low, high = min(ticks[0], *values), max(ticks[-1], *values)
    span = (high - low) or 1.0
    low, high = low - _ROOM * span, high + _ROOM * span
    right, bottom = width - _RIGHT, height - _BOTTOM
    step = (right - _LEFT) / len(points)

    def y(value: float) -> float:
        return round(bottom - (value - low) / (high - low) * (bottom - _TOP), 1)

    marks = tuple(
        Mark(
            round(_LEFT + step * (place + 0.5), 1),
            y(one.value),
            None if one.low is None else y(one.low),
            None if one.high is None else y(one.high),
            one,
        )
        for place, one in enumerate(points)
        if one.value is not None
    )
    line = " ".join(f"{mark.x},{mark.y}" for mark in marks)
    return Plot(width, height, _LEFT, right, bottom, marks, line, tuple(Tick(y(tick), tick) for tick in ticks))


def nice_ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Return round values that span an interval: 1, 2 or 5 times a power of ten apart.

    >>> nice_ticks(81.2, 93.9)
    [80.0, 85.0, 90.0, 95.0]
    >>> nice_ticks(0.0, 0.0)
    [0.0, 1.0]
    """
    if high <= low:
        return [low, low + 1.0]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(place * step, 10) for place in range(first, last + 1)]


def reliability_plot(bins: Sequence[Bin], size: int = 208) -> Reliability | None:
    """Return the plot of a reliability table; None where it holds no opinion."""
    known = [one for one in bins if one.n and one.predicted is not None and one.observed is not None]
    if not known:
        return None
    first, last = 30, size - 10

    def across(value: float) -> float:
        return round(first + value * (last - first), 1)

    def up(value: float) -> float:
        return round(last - value * (last - first), 1)

    most = max(one.n for one in known)
    pips = []
    for one in known:
        assert one.predicted is not None
        assert one.observed is not None
        half = 1.96 * math.sqrt(max(one.observed * (1 - one.observed), 0.25 / (one.n + 1)) / one.n)
        pips.append(
            Pip(
                across(one.predicted), up(one.observed), round(2.5 + 4.5 * math.sqrt(one.n / most), 1),
                up(max(0.0, one.observed - half)), up(min(1.0, one.observed + half)), one,
            )
        )  # fmt: skip
    return Reliability(size, first, last, tuple(pips), tuple(Tick(across(t), t) for t in (0.0, 0.25, 0.5, 0.75, 1.0)))
