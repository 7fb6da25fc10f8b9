"""Agents side by side without a ranking that is luck: groups whose intervals do not overlap, and the average."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qa.boards.sums import Figured
from qa.estimates import tiers as apart


class Ranked(NamedTuple):
    """One agent's figure. ``against``: 1 surely above the average, -1 surely below, 0 it cannot be told."""

    merchant: str
    agent: str
    figure: Figured
    against: int


def tiers(named: Sequence[tuple[str, str, Figured]], average: float | None) -> list[list[Ranked]]:
    """Return agents in groups, the highest first: agents of two groups never overlap, those of one somehow do.

    Inside a group the order (by value) says nothing. Who has no interval is left out.

    >>> def f(value, half):
    ...     return Figured(value, value - half, value + half, 9, 0)
    >>> named = [("m", "a", f(90, 2)), ("m", "b", f(80, 3)), ("m", "c", f(84, 2))]
    >>> [[one.agent for one in group] for group in tiers(named, 85)]
    [['a'], ['c', 'b']]
    """
    groups = apart(
        sorted(named, key=lambda one: (-(one[2].value or 0.0), one[0], one[1])), lambda one: (one[2].low, one[2].high)
    )
    return [[Ranked(*one, _against(one[2], average)) for one in group] for group in groups]


def _against(figure: Figured, average: float | None) -> int:
    if average is None or figure.low is None or figure.high is None:
        return 0
    return 1 if figure.low > average else -1 if figure.high < average else 0
