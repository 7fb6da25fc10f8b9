"""What the inspected chats say about all chats of the frame: sums by stratum, then design-based estimates. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from qa.estimates import Estimate, StratumSummary, estimate_proportion, estimate_ratio
from qa.store.inspections import Found
from qa.types import Dimension

Cell = tuple[int, str, str]
"""Wave, agent, channel; the targeted part has a cell of its own."""

TARGETED: Cell = (-1, "", "")
_POINTS = (0.0, 100.0)
_SCORES = ("mean_score", *(f"{dimension.value}_score" for dimension in Dimension))
_SHARES = ("failed_rate", "red_line_rate")


@dataclass(slots=True)
class _Sums:
    """Sums of one figure over one cell; ``x`` counts the chats for which the figure exists.

    In whole hundredths, which is what scores, dimensions and yes/no come in: the sums are then exact, and the same
    whatever the order in which the chats were imported.
    """

    hundredths: int = 0
    squares: int = 0
    x: int = 0

    def add(self, value: float | None) -> None:
        if value is not None:
            whole = round(value * 100)
            self.hundredths += whole
            self.squares += whole * whole
            self.x += 1


@dataclass(slots=True)
class _CellSums:
    n: int = 0
    drawn: int = 0
    figures: dict[str, _Sums] = field(default_factory=lambda: {name: _Sums() for name in (*_SCORES, *_SHARES)})


class Tally:
    """Adds inspections up, one at a time, so that memory does not grow with their number."""

    def __init__(self) -> None:
        self._cells: dict[Cell, _CellSums] = {}
        self.inspected = self.broken = 0

    def add(self, found: Found) -> None:
        """Count one inspection; a broken chat counts as drawn and not as observed."""
        cell = self._cells.setdefault(
            TARGETED if found.targeted else (found.wave, found.agent, found.channel), _CellSums()
        )
        cell.drawn += 1
        self.inspected += 1
        if found.broken is not None:
            self.broken += 1
            return
        cell.n += 1
        figures = cell.figures
        figures["mean_score"].add(found.score)
        figures["failed_rate"].add(float(found.failed > 0))
        figures["red_line_rate"].add(float(found.red_line))
        for dimension, value in orjson.loads(found.dimensions).items():
            figures[f"{dimension}_score"].add(value)

    def estimates(self, sizes: Mapping[Cell, int], targeted: int) -> list[Estimate]:
        """Estimate every figure. ``sizes``: chats of the rest by cell; ``targeted``: chats of the certainty part."""
        sized = {**sizes, **({TARGETED: targeted} if targeted else {})}

        def strata(name: str) -> list[StratumSummary]:
            return [_summary(cell, size, self._cells.get(cell), name) for cell, size in sized.items()]

        scores = [estimate_ratio(name, strata(name), bounds=_POINTS) for name in _SCORES]
        shares = [estimate_proportion(name, strata(name)) for name in _SHARES]
        return [scores[0], *shares, *scores[1:]]


def _summary(cell: Cell, size: int, sums: _CellSums | None, name: str) -> StratumSummary:
    counted = sums or _CellSums()
    figure = counted.figures[name]
    return StratumSummary(
        stratum="\x1f".join(map(str, cell)), size=size, n=counted.n, drawn=counted.drawn, certainty=cell == TARGETED,
        y=figure.hundredths / 100, yy=figure.squares / 10_000,
        x=float(figure.x), xx=float(figure.x), xy=figure.hundredths / 100,
    )  # fmt: skip


def as_json(estimates: Iterable[Estimate]) -> list[dict[str, object]]:
    """Return the estimates as plain values: scores in points of 100, rates as shares from 0 to 1."""
    return [
        {
            "name": e.name, "value": e.value, "low": e.low, "high": e.high, "n": e.n, "size": e.size,
            "missing": e.missing, "notes": [note.value for note in e.notes],
        }
        for e in estimates
    ]  # fmt: skip
