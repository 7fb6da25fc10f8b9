"""An index made ready to search the texts of many chats at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        asked = [(which, sets) for which, alternatives in sorted(index.by_characters.items()) for sets in alternatives]
        self.trie = Trie(index.phrases, sorted({character for _, sets in asked for one in sets for character in one}))
        self.groups = np.array(index.group_of[: len(index.phrases)], np.int16)
        """Of each phrase."""
        self.words = [
            (which, sorted(group for group, patterns in index.gated.items() if which in patterns))
            for which in sorted(set[int]().union(*index.gated.values()))
        ]
        """Patterns that wait for words, by their place in the index, and the groups of these words."""
        self.characters = _Tables(self.trie.numbers, asked)
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

    A set is a bit of a table of characters, so that one look-up a character answers for all patterns.
    """

    def __init__(self, numbers: Mapping[str, int], asked: Iterable[tuple[int, Sequence[frozenset[str]]]]) -> None:
        self._tables: list[Masks] = []
        self._wanted: list[_Wanted] = []
        bits: dict[frozenset[str], int] = {}
        """Of the last table."""
        for pattern, sets in asked:
            if not self._tables or len(bits.keys() | {*sets}) > _BITS:
                bits = {}
                self._tables.append(np.zeros(len(numbers) + 1, np.uint64))
            wanted = 0
            for characters in sets:
                bit = bits.setdefault(characters, len(bits))
                self._tables[-1][[numbers[character] for character in characters]] |= np.uint64(1 << bit)
                wanted |= 1 << bit
            self._wanted.append(_Wanted(pattern, len(self._tables) - 1, np.uint64(wanted)))

    def rows(self, characters: npt.NDArray[np.int32], begins: Numbers) -> Iterator[tuple[int, Flags]]:
        """Yield patterns and the rows (given by where they begin) that have what one alternative asks for."""
        masks = [_of_rows(table, characters, begins) for table in self._tables]
        for pattern, table, bits in self._wanted:
            yield pattern, (masks[table] & bits) == bits


def _of_rows(table: Masks, characters: npt.NDArray[np.int32], begins: Numbers) -> Masks:
    """Row → which bits its characters have; the last row may be empty."""
    bits = np.append(table.take(characters), np.uint64(0))
    found: Masks = np.bitwise_or.reduceat(bits, begins)
    return found
