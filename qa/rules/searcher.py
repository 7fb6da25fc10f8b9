"""An index made ready to search the texts of many chats at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from qa.rules.bench import Index
from qa.rules.gates import Gates
from qa.rules.trie import Trie

Numbers = npt.NDArray[np.int64]


class Searcher:
    """An index made ready to search many chats at once; made once a rule set, when the first batch comes."""

    def __init__(self, index: Index) -> None:
        self.index = index
        others = {character for _, sets in index.by_characters for one in sets for character in one}
        self.trie = Trie(index.phrases, sorted(others))
        self.groups = np.array(index.group_of[: len(index.phrases)], np.int16)
        """Of each phrase."""
        self.words = [
            (which, sorted(group for group, patterns in index.gated.items() if which in patterns))
            for which in sorted(set[int]().union(*index.gated.values()))
        ]
        """Patterns that wait for words, by their place in the index, and the groups of these words."""
        self.gates = Gates(index.by_characters, self.trie.numbers.__getitem__)
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
