"""An index made ready to search the texts of many chats at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qa.rules.bench import Index
from qa.rules.trie import Trie

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Masks = npt.NDArray[np.uint64]
_BITS = 64


class Searcher:
    """An index made ready to search many chats at once; made once a rule set, when the first batch comes."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.trie = Trie(index.phrases)
        self.groups = np.array(index.group_of[: len(index.phrases)], np.int16)
        """Of each phrase."""
        self.words = [
            (which, sorted(group for group, patterns in index.gated.items() if which in patterns))
            for which in sorted(set[int]().union(*index.gated.values()))
        ]
        """Patterns that wait for words, by their place in the index, and the groups of these words."""
        self.characters = _Tables(
            (which, [{*map(ord, characters)} for characters in sets])
            for which, alternatives in index.by_characters.items()
            for sets in alternatives
        )
        self.slots = np.array([slot for of in index.slots for slot in of], np.int64)
        """The slots of all groups one after the other …"""
        self.slots_first = firsts([len(of) for of in index.slots])
        """… and where those of each group begin."""


def firsts(sizes: Sequence[int]) -> Numbers:
    """Where things of these sizes begin that stand one after the other; one more for the end.

    >>> firsts([2, 0, 3]).tolist()
    [0, 2, 2, 5]
    """
    return np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))


class _Wanted(NamedTuple):
    """That a pattern may match where a row has these bits of a table."""

    pattern: int
    table: int
    bits: np.uint64


class _Tables:
    """Tells which rows have a character of each set that a pattern asks for.

    A set is a bit of a table of code points, so that one look-up a character answers for all patterns.
    """

    def __init__(self, asked: Iterable[tuple[int, Sequence[set[int]]]]) -> None:
        self._tables: list[Masks] = []
        self._wanted: list[_Wanted] = []
        known: dict[frozenset[int], int] = {}
        """Sets that have a bit in the last table."""
        sets_of = [(pattern, [frozenset(codes) for codes in sets]) for pattern, sets in asked]
        self._size = 2 + max((max(codes) for _, sets in sets_of for codes in sets), default=0)
        for pattern, sets in sets_of:
            if not self._tables or len(known.keys() | {*sets}) > _BITS:
                known = {}
                self._tables.append(np.zeros(self._size, np.uint64))
            bits = 0
            for codes in sets:
                bits |= 1 << self._bit(codes, known)
            self._wanted.append(_Wanted(pattern, len(self._tables) - 1, np.uint64(bits)))

    def _bit(self, codes: frozenset[int], known: dict[frozenset[int], int]) -> int:
        """The bit of a set in the last table."""
        bit = known.setdefault(codes, len(known))
        self._tables[-1][[*codes]] |= np.uint64(1 << bit)
        return bit

    def rows(self, codes: npt.NDArray[np.uint32], begins: Numbers) -> Iterator[tuple[int, Flags]]:
        """Yield patterns and the rows (given by where they begin) that have what one alternative asks for."""
        masks = [_of_rows(table, codes, begins) for table in self._tables]
        for pattern, table, bits in self._wanted:
            yield pattern, (masks[table] & bits) == bits


def _of_rows(table: Masks, codes: npt.NDArray[np.uint32], begins: Numbers) -> Masks:
    """Row → which bits its characters have; the last row may be empty."""
    bits = np.append(table.take(codes, mode="clip"), np.uint64(0))
    found: Masks = np.bitwise_or.reduceat(bits, begins)
    return found
