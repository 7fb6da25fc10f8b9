"""How scores move: sums by stratum, then design-weighted means with the interval of their difference. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from qa.backtest.result import ScoreShift
from qa.estimates import Estimate, StratumSummary, estimate_ratio

Cell = tuple[str, ...]
"""Names a stratum, or the targeted part of an agent."""


@dataclass(slots=True)
class _Figure:
    """Sums of one figure, in whole hundredths of a point: exact, so the order of chats makes no difference."""

    total: int = 0
    squares: int = 0

    def add(self, hundredths: int) -> None:
        self.total += hundredths
        self.squares += hundredths * hundredths


@dataclass(slots=True)
class _Sums:
    merchant: str
    agent: str
    size: int | None
    """Chats of the stratum; None: judged whole, so as many as were judged."""
    drawn: int = 0
    observed: int = 0
    scored: int = 0
    better: int = 0
    worse: int = 0
    old: _Figure = field(default_factory=_Figure)
    new: _Figure = field(default_factory=_Figure)
    shift: _Figure = field(default_factory=_Figure)

    @property
    def chats(self) -> int:
        return self.drawn if self.size is None else self.size

    def summary(self, cell: Cell, figure: _Figure) -> StratumSummary:
        total = figure.total / 100
        return StratumSummary(
            stratum="\x1f".join(cell), size=self.chats, n=self.observed, drawn=self.drawn, certainty=self.size is None,
            y=total, yy=figure.squares / 10_000, x=float(self.scored), xx=float(self.scored), xy=total,
        )  # fmt: skip


_Cells = list[tuple[Cell, _Sums]]


class Scores:
    """Adds scores up. A chat counts as moved where it has a score under both packs."""

    def __init__(self) -> None:
        self._cells: dict[Cell, _Sums] = {}

    def stratum(self, cell: Cell, merchant: str, agent: str, size: int | None) -> None:
        """Make a stratum known, once before its first chat; ``size`` None: every chat of it is judged."""
        self._cells.setdefault(cell, _Sums(merchant, agent, size))

    def add(self, cell: Cell, old: float | None, new: float | None, *, observed: bool) -> None:
        """Count one chat; ``observed``: both packs could judge it."""
        sums = self._cells[cell]
        sums.drawn += 1
        sums.observed += observed
        if old is None or new is None:
            return
        before, after = round(old * 100), round(new * 100)
        sums.scored += 1
        sums.old.add(before)
        sums.new.add(after)
        sums.shift.add(after - before)
        sums.better += after > before
        sums.worse += after < before

    def represented(self) -> int:
        """Return how many chats those judged stand for."""
        return sum(sums.chats for sums in self._cells.values())

    def overall(self) -> ScoreShift:
        """Return the shift over everything."""
        return _moved(None, None, list(self._cells.items()))

    def by_merchant(self) -> tuple[ScoreShift, ...]:
        """Return the shift of each merchant."""
        groups: dict[str, _Cells] = {}
        for cell, sums in self._cells.items():
            groups.setdefault(sums.merchant, []).append((cell, sums))
        return tuple(_moved(merchant, None, groups[merchant]) for merchant in sorted(groups))

    def by_agent(self) -> tuple[ScoreShift, ...]:
        """Return the shift of each agent of each merchant; agent "": the chats name none.

        An agent's chats are whole strata, so the chats of others do not come into it.
        """
        groups: dict[tuple[str, str], _Cells] = {}
        for cell, sums in self._cells.items():
            groups.setdefault((sums.merchant, sums.agent), []).append((cell, sums))
        return tuple(_moved(*key, groups[key]) for key in sorted(groups))


def _moved(merchant: str | None, agent: str | None, cells: _Cells) -> ScoreShift:
    old = _estimate((sums.summary(cell, sums.old) for cell, sums in cells), (0.0, 100.0))
    new = _estimate((sums.summary(cell, sums.new) for cell, sums in cells), (0.0, 100.0))
    shift = _estimate((sums.summary(cell, sums.shift) for cell, sums in cells), (-100.0, 100.0))
    sampled = any(sums.size is not None for _, sums in cells)
    return ScoreShift(
        merchant=merchant,
        agent=agent,
        n=sum(sums.scored for _, sums in cells),
        old=_rounded(old.value),
        new=_rounded(new.value),
        shift=_rounded(shift.value),
        low=_rounded(shift.low) if sampled else None,
        high=_rounded(shift.high) if sampled else None,
        better=sum(sums.better for _, sums in cells),
        worse=sum(sums.worse for _, sums in cells),
    )


def _estimate(strata: Iterable[StratumSummary], bounds: tuple[float, float]) -> Estimate:
    return estimate_ratio("score", strata, bounds=bounds)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
