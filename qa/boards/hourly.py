"""What the hours of a day add up to, by team and agent: all chats of a night counted, the inspected ones weighed."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from qa.boards.facts import Fact
from qa.boards.sums import Group, Groups

HOURS = 24
COLUMNS = ("chats", "inspected", "due", "late", "waits", "response_s")
_WIDTH = len(COLUMNS)
_WEIGHED = _WIDTH - 2

_Place = tuple[Hashable, Groups]
"""Stratum and groups."""


class Inspected:
    """Adds up the inspected chats of a night by stratum, groups and hour, one at a time.

    A night of 500 agents has 20,000 such cells: their numbers stand side by side in one array.
    """

    def __init__(self) -> None:
        self._places: dict[_Place, int] = {}
        self._cells: dict[int, int] = {}
        """Number of the place times 24, and the hour → where its numbers begin, in the order in which they came up."""
        self._numbers = array("d")
        """Of each cell: inspected chats, due, late, waits, seconds of them."""

    def add(self, stratum: Hashable, groups: Groups, hour: int, fact: Fact) -> None:
        """Add one chat."""
        key = self._places.setdefault((stratum, groups), len(self._places)) * HOURS + hour
        at = self._cells.get(key)
        if at is None:
            at = self._cells[key] = len(self._numbers)
            self._numbers.extend([0.0] * (1 + _WEIGHED))
        for place, number in enumerate((1, fact.due, fact.due - fact.in_time, fact.waits, fact.response_s), start=at):
            self._numbers[place] += number

    def cells(self) -> Iterator[tuple[Hashable, Groups, int, array[float]]]:
        """Yield (stratum, groups, hour, numbers)."""
        places = list(self._places)
        for key, at in self._cells.items():
            number, hour = divmod(key, HOURS)
            yield *places[number], hour, self._numbers[at : at + 1 + _WEIGHED]


class Begun:
    """Counts all chats of a night by agent, team and hour."""

    def __init__(self) -> None:
        self._found: dict[tuple[str | None, str | None], array[int]] = {}

    def add(self, agent: str | None, team: str | None, hour: int) -> None:
        """Count a chat."""
        found = self._found.get((agent, team))
        if found is None:
            found = self._found[agent, team] = array("q", bytes(8 * HOURS))
        found[hour] += 1

    def of_groups(self) -> Iterator[tuple[str | None, str | None, array[int]]]:
        """Yield (agent, team, chats by hour)."""
        yield from ((agent, team, found) for (agent, team), found in self._found.items())


def added_up(
    begun: Iterable[tuple[Groups, Iterable[int]]], inspected: Inspected, weights: Mapping[Hashable, float]
) -> Iterator[tuple[Group, int, dict[str, Any]]]:
    """Yield (group, hour, ``COLUMNS``) of every hour in which a chat began.

    ``begun``: groups with their chats by hour; ``weights``: how many chats of its stratum an inspected one stands for.
    """
    rows: dict[Group, array[float]] = defaultdict(lambda: array("d", bytes(8 * HOURS * _WIDTH)))
    for groups, by_hour in begun:
        for group in groups:
            row = rows[group]
            for hour, chats in enumerate(by_hour):
                row[hour * _WIDTH] += chats
    for stratum, groups, hour, (seen, *numbers) in inspected.cells():
        weight, at = weights.get(stratum, 0.0), hour * _WIDTH
        for group in groups:
            row = rows[group]
            row[at + 1] += seen
            for place, number in enumerate(numbers, start=at + 2):
                row[place] += weight * number
    for group, row in rows.items():
        yield from ((group, hour, told) for hour, told in _hours_of(row))


def _hours_of(row: array[float]) -> Iterator[tuple[int, dict[str, Any]]]:
    for hour in range(HOURS):
        told: dict[str, Any] = dict(zip(COLUMNS, row[hour * _WIDTH : (hour + 1) * _WIDTH], strict=True))
        if told["chats"] or told["inspected"]:
            yield hour, told | {"chats": int(told["chats"]), "inspected": int(told["inspected"])}
