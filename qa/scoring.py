"""The scorecard: item deductions → dimension scores → points of 100, as a list that adds up.

All arithmetic is in whole hundredths of a point, so that the printed lines add up to the printed total exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import fsum

import msgspec

from qa.types import Dimension

_FULL = 10_000  # hundredths of a point


class LineKind(StrEnum):
    """What a line of the score's explanation is."""

    BASE = "base"
    DEDUCTION = "deduction"
    BONUS = "bonus"
    CAP = "cap"
    RED_LINE = "red_line"


class Item(msgspec.Struct, frozen=True):
    """One rule's part in a chat's score.

    ``weight``: the most item points it can take in its dimension. ``lost``: item points it took (clamped to the
    weight), ``None`` when it does not apply. ``bonus``: points of 100 given. ``red_line``: it voids the score.
    """

    rule: str
    dimension: Dimension
    weight: float
    lost: float | None
    bonus: float = 0.0
    red_line: bool = False


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the explanation; the ``points`` of all lines add up to the total."""

    kind: LineKind
    points: float
    rule: str | None = None
    dimension: Dimension | None = None


class Score(msgspec.Struct, frozen=True):
    """A chat's score.

    ``total``: points of 100, two decimals; ``None`` when no item of any dimension applies. ``dimensions``: percent of
    the dimension's points kept, ``None`` where none of its items applies. ``weights``: points of 100 each dimension
    was worth here, after the weight of those that do not apply went to the others.
    """

    total: float | None
    red_line: bool
    dimensions: dict[str, float | None]
    weights: dict[str, float]
    lines: tuple[Line, ...]

    def points(self) -> dict[str, float]:
        """Rule → points of 100 it took (negative) or gave."""
        return {line.rule: line.points for line in self.lines if line.rule is not None}


def score(
    items: Sequence[Item], weights: Mapping[Dimension, float], full: Mapping[Dimension, float] | None = None
) -> Score:
    """Score a chat from its items and the scorecard's dimension weights (any positive numbers).

    A dimension is worth its share of 100; an item its share of the dimension among the items that apply. So what does
    not apply gives its weight to the rest of its dimension, and a dimension with nothing to apply to the others.

    ``full``: item points that use a dimension up, where that is less than all its items could take together: else every
    rule added to a long pack would make each mistake cheaper. What does not apply lowers it in proportion.

    >>> slow = Item("slow", Dimension.TIMELINESS, weight=10, lost=5)
    >>> polite = Item("polite", Dimension.PROFESSIONALISM, weight=4, lost=0)
    >>> unknown = Item("csat", Dimension.SATISFACTION, weight=4, lost=None)
    >>> card = score([slow, polite, unknown], {d: 25 for d in Dimension})
    >>> card.total, card.dimensions["timeliness"], card.dimensions["satisfaction"]
    (75.0, 50.0, None)
    >>> sum(line.points for line in card.lines)
    75.0
    >>> score([slow, polite, unknown], {d: 25 for d in Dimension}, {Dimension.TIMELINESS: 8}).dimensions["timeliness"]
    37.5
    """
    notable = [item for item in items if item.lost or item.bonus]  # most items of a long pack have passed
    voiding = tuple([item.rule for item in notable if item.red_line and item.lost])
    of: dict[Dimension, list[Item]] = {d: [] for d in Dimension}
    for item in items:
        if not item.red_line:
            of[item.dimension].append(item)
    worth = _worth(of, weights)
    lines = [Line(LineKind.BASE, 100.0)] if worth else []
    total = _FULL if worth else 0
    shares = {d: _Share(of[d], (full or {}).get(d)) for d in worth}
    for item in notable:
        if not item.lost or item.red_line or item.dimension not in worth:
            continue
        taken = shares[item.dimension].take(item, worth[item.dimension])
        total -= taken
        lines.append(Line(LineKind.DEDUCTION, -taken / 100, item.rule, item.dimension))
    for item in notable:
        if worth and item.bonus and item.lost is not None:
            given = round(item.bonus * 100)
            total += given
            lines.append(Line(LineKind.BONUS, given / 100, item.rule, item.dimension))
    if total > _FULL:
        lines.append(Line(LineKind.CAP, (_FULL - total) / 100))
        total = _FULL
    for rule in voiding:
        lines.append(Line(LineKind.RED_LINE, -total / 100, rule))
        total = 0
    return Score(
        total=total / 100 if worth or voiding else None,
        red_line=bool(voiding),
        dimensions={d.value: shares[d].kept() if d in worth else None for d in weights},
        weights={d.value: points / 100 for d, points in worth.items()},
        lines=tuple(lines),
    )


def _worth(items: Mapping[Dimension, Sequence[Item]], weights: Mapping[Dimension, float]) -> dict[Dimension, int]:
    """Hundredths of a point each dimension with an applicable item is worth; they add up to 100 points."""
    present = {d for d, mine in items.items() if any(item.lost is not None and item.weight > 0 for item in mine)}
    active = {d: weight for d, weight in weights.items() if weight > 0 and d in present}
    whole = sum(active.values())
    exact = {d: weight * _FULL / whole for d, weight in active.items()}
    floor = {d: int(points) for d, points in exact.items()}
    short = _FULL - sum(floor.values()) if floor else 0
    for d in sorted(exact, key=lambda d: (floor[d] - exact[d], d.value))[:short]:
        floor[d] += 1
    return floor


class _Share:
    """What is lost of one dimension, item by item.

    The sum of what was lost is rounded, not each item, so that a dimension lost whole keeps no hundredth; ``fsum``
    makes that sum the same in whatever order the items come. Where more is lost than the dimension holds, every item
    takes the same share of what it would.
    """

    def __init__(self, mine: Sequence[Item], full: float | None) -> None:
        applicable = fsum([item.weight for item in mine if item.lost is not None])
        whole = fsum([item.weight for item in mine])
        used_up = applicable if full is None or full >= whole else full * applicable / whole
        lost = fsum([min(item.lost, item.weight) for item in mine if item.lost])
        self._measure = max(used_up, lost)
        self._lost: list[float] = []
        self._taken = 0

    def take(self, item: Item, worth: int) -> int:
        """Hundredths of a point this item takes of the dimension's ``worth``."""
        self._lost.append(min(item.lost or 0, item.weight))
        before, self._taken = self._taken, round(fsum(self._lost) / self._measure * worth)
        return self._taken - before

    def kept(self) -> float:
        """Percent of the dimension that was kept, two decimals."""
        return round(100 - fsum(self._lost) / self._measure * 100, 2)
