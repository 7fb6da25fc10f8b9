"""In which turns an expression may match, told by the characters that it cannot do without."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Masks = npt.NDArray[np.uint64]
Asked = tuple[int, Sequence[frozenset[str]]]
"""A pattern, and sets of characters of each of which it asks for one; or one alternative of it does."""

_BITS = 64
_NO_CHARACTER = np.zeros(1, np.int64)


class Gates:
    """Tells which turns have a character of each set that a pattern asks for.

    A set is a bit of a table of characters, so that one look-up a character answers for all patterns. ``number`` says
    under which number (not 0) a character stands in the texts that are asked about; one without a number is 0.

    >>> gates = Gates([(7, [frozenset("扫搜"), frozenset("码")]), (8, [frozenset("q")])], ord)
    >>> text = np.array([*map(ord, "扫一下" + chr(10) + "搜码q")])
    >>> {pattern: sorted(rows) for pattern, rows in gates.opened(text, np.array([0, 4])).items()}
    {7: [1], 8: [1]}
    """

    def __init__(self, asked: Iterable[Asked], number: Callable[[str], int]) -> None:
        self._tables: list[Masks] = []
        self._patterns: list[list[int]] = []
        """Of each table the patterns that it answers for …"""
        self._wanted: list[Masks] = []
        """… and which bits each of them asks for."""
        for patterns, bits, wanted in _tables(asked):
            codes = {character: number(character) for characters in bits for character in characters}
            table = np.zeros(2 + max(codes.values(), default=0), np.uint64)
            for characters, bit in bits.items():
                table[[codes[character] for character in characters]] |= np.uint64(1 << bit)
            self._tables.append(table)
            self._patterns.append(patterns)
            self._wanted.append(np.array(wanted, np.uint64))

    def rows(self, characters: npt.NDArray[Any], begins: Numbers) -> Iterator[tuple[int, Flags]]:
        """Yield patterns and the turns (given by where they begin) that have what one alternative asks for."""
        for masks, patterns, wanted in self._masks(characters, begins):
            for pattern, bits in zip(patterns, wanted, strict=True):
                yield pattern, (masks & bits) == bits

    def opened(self, characters: npt.NDArray[Any], begins: Numbers) -> dict[int, set[int]]:
        """Return the patterns that may match, and in which of a few turns."""
        opened: defaultdict[int, set[int]] = defaultdict(set)
        for masks, patterns, wanted in self._masks(characters, begins):
            row, which = ((masks[:, None] & wanted) == wanted).nonzero()
            for at, i in zip(row.tolist(), which.tolist(), strict=True):
                opened[patterns[i]].add(at)
        return opened

    def _masks(self, characters: npt.NDArray[Any], begins: Numbers) -> Iterator[tuple[Masks, list[int], Masks]]:
        ended = np.append(characters, _NO_CHARACTER)  # the last turn may be empty
        for table, patterns, wanted in zip(self._tables, self._patterns, self._wanted, strict=True):
            yield np.bitwise_or.reduceat(table.take(ended, mode="clip"), begins), patterns, wanted


def _tables(asked: Iterable[Asked]) -> Iterator[tuple[list[int], dict[frozenset[str], int], list[int]]]:
    """Patterns that fit into one table, the bit of each set of characters, and the bits that each pattern asks for."""
    patterns: list[int] = []
    bits: dict[frozenset[str], int] = {}
    wanted: list[int] = []
    for pattern, sets in asked:
        if len(bits.keys() | {*sets}) > _BITS:
            yield patterns, bits, wanted
            patterns, bits, wanted = [], {}, []
        patterns.append(pattern)
        wanted.append(sum(1 << bits.setdefault(characters, len(bits)) for characters in {*sets}))
    if patterns:
        yield patterns, bits, wanted
