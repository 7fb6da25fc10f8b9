"""What rules add up to over nights: counts of each, and of two in one chat. Tables of numbers, for speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from qa.store.night_counts import WORDS

_MORE = 64


class RuleSums:
    """Counts of rules and of pairs of them; the names of a pair are in order.

    >>> sums = RuleSums()
    >>> for numbers in ([5, 0, 1, 0], [2, 0, 0, 1]):
    ...     sums.add({"b": numbers})
    >>> sums.rules
    {'b': [7, 0, 1, 1]}
    >>> sums.add_pairs({("a", "b"): 2})
    >>> sums.add_packed_pairs(["a", "b", "c"], bytes([1, 0, 0, 0, 3, 0, 0, 0]))  # place 0 × 3 + place 1: three chats
    >>> sums.pairs(5)
    [('a', 'b', 5)]
    """

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._seen: set[int] = set()
        self._sums: npt.NDArray[np.int64] = np.zeros((_MORE, 1 + len(WORDS)), np.int64)
        self._pairs: npt.NDArray[np.int64] = np.zeros((_MORE, _MORE), np.int64)

    def add(self, rules: Mapping[str, Sequence[int]]) -> None:
        """Add the counts of a night by rule."""
        if rules:
            places = self._places_of(rules)
            self._seen.update(places)
            self._sums[places] += np.array(list(rules.values()))

    def add_pairs(self, pairs: Mapping[tuple[str, str], int]) -> None:
        """Add chats by pair."""
        for pair, number in pairs.items():
            one, other = self._places_of(pair)
            self._pairs[one, other] += number

    def add_packed_pairs(self, names: Sequence[str], content: bytes) -> None:
        """Add chats by pair as ``qa.store.night_counts.packed`` has them; ``names``: the rules of that night."""
        numbers = np.frombuffer(content, "<u4").reshape(-1, 2)
        if len(numbers):
            places = np.array(self._places_of(names), np.intp)
            one, other = np.divmod(numbers[:, 0].astype(np.intp), len(names))
            self._pairs[places[one], places[other]] += numbers[:, 1]  # each pair is there once

    @property
    def rules(self) -> dict[str, list[int]]:
        """Rule → its counts, of those that were added."""
        return {name: self._sums[place].tolist() for name, place in self._places.items() if place in self._seen}

    def pairs(self, least: int) -> list[tuple[str, str, int]]:
        """Return the pairs with so many chats and more, the most frequent first, then by name."""
        names = list(self._places)
        places: list[list[int]] = np.argwhere(self._pairs >= max(1, least)).tolist()
        found = [(names[a], names[b], int(self._pairs[a, b])) for a, b in places]
        return sorted(found, key=lambda pair: (-pair[2], pair[0], pair[1]))

    def _places_of(self, names: Any) -> list[int]:
        known = self._places
        places = [known.setdefault(name, len(known)) for name in names]
        if len(known) > len(self._pairs):
            more = len(known) + _MORE - len(self._pairs)
            self._sums = np.pad(self._sums, ((0, more), (0, 0)))
            self._pairs = np.pad(self._pairs, ((0, more), (0, more)))
        return places
