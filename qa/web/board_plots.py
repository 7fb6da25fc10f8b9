"""Geometry of the boards' plots: courses in the tiles, dots with intervals in the tables, shades of the heat map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_PAD = 3.0


class Spark(NamedTuple):
    """A course over days: pieces of line (a day without a figure breaks it), the last dot, where the target lies."""

    width: int
    height: int
    pieces: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]
    """Days alone between days without a figure, and the last day."""
    target: float | None


class Scale(NamedTuple):
    """From a value to a place on a line of so many units."""

    low: float
    high: float
    length: float = 100.0
    start: float = 2.0

    def at(self, value: float) -> float:
        """Return the place of a value, kept on the line.

        >>> Scale(0.0, 10.0).at(5.0), Scale(0.0, 10.0).at(99.0)
        (52.0, 102.0)
        """
        span = (self.high - self.low) or 1.0
        return round(self.start + self.length * min(max((value - self.low) / span, 0.0), 1.0), 1)


def spark(values: Sequence[float | None], target: float | None, width: int = 240, height: int = 44) -> Spark | None:
    """Return the course of values; None where fewer than two are known.

    >>> found = spark([1.0, 2.0, None, 3.0], 2.0, 106, 26)
    >>> found.pieces, found.dots, found.target
    (('3.0,23.0 36.3,13.0',), ((103.0, 3.0),), 13.0)
    """
    known = [one for one in values if one is not None]
    if len(known) < 2:  # noqa: PLR2004 - one day has no course
        return None
    shown = [*known, *([] if target is None else [target])]
    low, high = min(shown), max(shown)
    span = (high - low) or 1.0
    step = (width - 2 * _PAD) / max(1, len(values) - 1)

    def point(place: int, value: float) -> tuple[float, float]:
        return round(_PAD + step * place, 1), round(height - _PAD - (value - low) / span * (height - 2 * _PAD), 1)

    pieces: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(point(place, value))
    alone = [piece[0] for piece in pieces if len(piece) == 1]
    last = next(piece[-1] for piece in reversed(pieces) if piece)
    return Spark(
        width,
        height,
        tuple(" ".join(f"{x},{y}" for x, y in piece) for piece in pieces if len(piece) > 1),
        tuple(dict.fromkeys([*alone, last])),
        None if target is None else point(0, target)[1],
    )


def shade(value: float | None, worst: float, steps: int = 6) -> int:
    """Return which of the shades from 1 to ``steps`` a value has, 0 where it is unknown or nothing.

    >>> [shade(one, 100.0) for one in (None, 0.0, 1.0, 50.0, 100.0, 120.0)]
    [0, 0, 1, 3, 6, 6]
    """
    if value is None or value <= 0 or worst <= 0:
        return 0
    return min(steps, max(1, math.ceil(steps * value / worst)))


def spread(ends: Sequence[tuple[float, float]], lowest: float, highest: float) -> Scale:
    """Return a scale on which all intervals fit, with round ends within the values that are possible.

    >>> spread([(86.2, 91.0), (93.0, 99.9)], 0.0, 100.0)
    Scale(low=85.0, high=100.0, length=100.0, start=2.0)
    """
    low = min((one[0] for one in ends), default=lowest)
    high = max((one[1] for one in ends), default=highest)
    step = 5.0 if high - low > 1 else 0.05
    return Scale(max(lowest, math.floor(low / step) * step), min(highest, math.ceil(high / step) * step))
