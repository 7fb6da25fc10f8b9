"""Finding all of many phrases in one long text at once, with numpy: for the texts of many chats together.

An automaton reads a text character by character; this looks at all its places at the same time. The phrases make a
trie: at every place of the text the first character is looked up, where it begins a phrase the second one, and so on,
with fewer places left at each step. The trie is a double array (Aoe 1989): the child of a node by a character stands at
``base[node] + character``, and is one if ``check`` names that node there, so that a step is three look-ups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

_WINDOW = 128
"""Free cells that are tried at once for the children of a node."""
_SOME = 1 << 16
_ROOT, _NOBODY = 0, -1


class Found(NamedTuple):
    """Where phrases stand: number of the phrase, first place, and the place behind it; overlaps included."""

    phrase: Numbers
    start: Numbers
    end: Numbers


class Trie:
    """Phrases, ready to be found. They are not empty and each is there once.

    Characters are numbered: first those of the phrases, then any ``others`` that somebody asks for.

    >>> trie = Trie(["退款", "退", "款"])
    >>> found = trie.find(trie.numbered(np.frombuffer("要退款".encode("utf-32-le"), "<u4")))
    >>> sorted(zip(*(column.tolist() for column in found)))
    [(0, 1, 3), (1, 1, 2), (2, 2, 3)]
    """

    __slots__ = ("_base", "_check", "_classes", "_deepest", "_ends", "numbers")

    def __init__(self, phrases: Sequence[str], others: Iterable[str] = ()) -> None:
        seldom_last = Counter(character for phrase in phrases for character in phrase).most_common()
        order = {character: i for i, (character, _) in enumerate(seldom_last, start=1)}
        known = len(order) + 1
        for character in others:
            order.setdefault(character, len(order) + 1)
        self.numbers = order
        """Character → its number; 0 stands for all others."""
        self._classes = np.zeros(max(map(ord, order), default=0) + 2, np.int32)
        for character, i in order.items():
            self._classes[ord(character)] = i
        self._deepest = max(map(len, phrases), default=0)
        self._fill(*_tree([[order[character] for character in phrase] for phrase in phrases]), known)

    def _fill(self, children: list[dict[int, int]], ends: dict[int, int], characters: int) -> None:
        """Lay out nodes, each with its children by character and, where a phrase ends, that phrase."""
        bases = _bases(children, characters)
        cells = [_ROOT] * len(children)
        for node, below in enumerate(children):  # a node is numbered before its children
            for character, child in below.items():
                cells[child] = bases[node] + character
        size = max(cells) + len(self.numbers) + 2  # whatever character stands behind a node
        self._base = np.zeros(size, np.int32)
        self._base[cells] = bases
        self._check = np.full(size, _NOBODY, np.int32)
        pairs = [(cells[child], cells[parent]) for parent, of in enumerate(children) for child in of.values()]
        self._check[[child for child, _ in pairs]] = [parent for _, parent in pairs]
        self._ends = np.full(size, _NOBODY, np.int32)
        self._ends[[cells[node] for node in ends]] = list(ends.values())

    def numbered(self, codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
        """Return the numbers of the characters of a text given as code points."""
        return self._classes.take(codes, mode="clip")

    def find(self, characters: npt.NDArray[np.int32]) -> Found:
        """Return all places of all phrases in a text given as ``numbered``, the shortest phrases first."""
        base, check, ends = self._base, self._check, self._ends
        nodes = characters + base[_ROOT]
        (at,) = (check.take(nodes) == _ROOT).nonzero()
        nodes = nodes.take(at)
        characters = np.append(characters, np.zeros(self._deepest, np.int32))
        found, length = [_found(ends, nodes, at, 1)], 1
        while at.size:
            below = base.take(nodes) + characters.take(at + length)
            (left,) = (check.take(below) == nodes).nonzero()
            nodes, at, length = below.take(left), at.take(left), length + 1
            found.append(_found(ends, nodes, at, length))
        return Found(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _found(ends: npt.NDArray[np.int32], nodes: npt.NDArray[np.int32], at: Numbers, length: int) -> Found:
    """The phrases of this length that end at some of these nodes."""
    phrases = ends.take(nodes)
    (which,) = (phrases != _NOBODY).nonzero()
    start = at.take(which)
    return Found(phrases.take(which).astype(np.int64), start, start + length)


def _tree(phrases: Sequence[Sequence[int]]) -> tuple[list[dict[int, int]], dict[int, int]]:
    """Nodes as their children by character, and which phrase ends at a node.

    >>> _tree([[1, 2], [1]])
    ([{1: 1}, {2: 2}, {}], {2: 0, 1: 1})
    """
    children: list[dict[int, int]] = [{}]
    ends = {}
    for number, phrase in enumerate(phrases):
        node = _ROOT
        for character in phrase:
            below = children[node].get(character)
            if below is None:
                below = children[node][character] = len(children)
                children.append({})
            node = below
        ends[node] = number
    return children, ends


def _bases(children: Sequence[dict[int, int]], characters: int) -> list[int]:
    """The base of each node, so that no two children share a cell; those with many children choose first."""
    bases = [0] * len(children)
    several = sorted((node for node, below in enumerate(children) if len(below) > 1), key=lambda n: -len(children[n]))
    used = np.zeros((characters + _WINDOW) * (2 + len(several)) + len(children), bool)  # more than is needed
    used[:characters] = True  # so that no base is negative
    low = characters
    for node in several:
        wanted = np.array(sorted(children[node]))
        low, bases[node] = _fitting(used, low, wanted)
        used[bases[node] + wanted] = True
    free = _free(used)
    for node, below in enumerate(children):
        if len(below) == 1:
            (character,) = below
            bases[node] = next(free) - character
    return bases


def _free(used: npt.NDArray[np.bool_]) -> Iterator[int]:
    """Yield the cells that are free, some at a time: there are hundreds of megabytes of them, and few are asked for."""
    for start in range(0, len(used), _SOME):
        yield from ((~used[start : start + _SOME]).nonzero()[0] + start).tolist()


def _fitting(used: npt.NDArray[np.bool_], low: int, wanted: Numbers) -> tuple[int, int]:
    """Where the wanted cells are free: from which cell on they were looked for at last, and their base.

    What is passed over is not looked at again: nodes with one child only fill it.
    """
    spread = wanted - wanted[0]
    while True:
        free = (~used[low : low + _WINDOW]).nonzero()[0] + low
        (fitting,) = (~used[free[:, None] + spread].any(axis=1)).nonzero()
        if fitting.size:
            return low, int(free[fitting[0]] - wanted[0])
        low += _WINDOW
