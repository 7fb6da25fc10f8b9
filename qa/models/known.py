"""How much of what is said a vocabulary knows: a model that knows almost nothing of a chat has nothing to say of it.

Counted are characters of Chinese, words of other scripts, numbers (never known: ‹number› is said of all of them, so a
chat whose words were exported as ids looks like many) and word ids. Punctuation, stickers and links are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qa.models.ngrams import Occurrences
from qa.models.wording import NUMBER, Ints, Wording

LEAST = 0.25
"""A model abstains where it knows less than this share of a chat. Of 7,590 Chinese chats and reviews none was below
.33, and of chats of more than one sentence none below .81; English with the shipped model is at about .15, ids at 0."""
HALF = 0.5
"""Of a turn that is said to be known so much is, at least."""
_NUMBER = ord(NUMBER)


@dataclass(frozen=True, slots=True)
class Known:
    """Of each text, or of each group of texts: how many of its units are known, and of how many."""

    known: Ints
    all: Ints

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """Return the share of each that is known; 1 where there is nothing to know."""
        return np.where(self.all > 0, self.known / np.maximum(self.all, 1), 1.0)

    def of(self, group: Ints, groups: int) -> Known:
        """Return the sums of groups of texts; ``group`` is that of each text."""
        known, every = (np.bincount(group, weights=one, minlength=groups) for one in (self.known, self.all))
        return Known(known.astype(np.int64), every.astype(np.int64))

    def only(self, which: Ints) -> Known:
        """Return those of some texts."""
        return Known(self.known[which], self.all[which])


def units(wording: Wording, found: Occurrences, index: Ints) -> Known:
    """Return how many units of each text are known; ``index``: the feature of each occurrence, or -1."""
    codes = wording.codes
    han = (codes >= 0x3400) & (codes < _NUMBER) | (codes >= 0xF900) & (codes < 0xFB00) | (codes >= 0x20000)  # noqa: PLR2004 - blocks of Unicode
    han &= codes < 0x110000  # noqa: PLR2004 - beyond are word ids
    known = np.zeros(wording.texts, dtype=np.int64)
    every = known.copy()
    symbols, words = slice(0, found.symbols), slice(found.chars, found.chars + found.words)
    for part, counts in ((symbols, han), (words, ~han & _spoken(codes))):
        mine = counts[found.first[part]]
        text, there = found.text[part][mine], index[part][mine] >= 0
        there &= codes[found.first[part][mine]] != _NUMBER
        every += np.bincount(text, minlength=wording.texts)
        known += np.bincount(text[there], minlength=wording.texts)
    return Known(known, every)


def _spoken(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Letters, numbers and word ids: what a word begins with that can be known."""
    letters = (codes >= ord("a")) & (codes <= ord("z")) | (codes >= 0xC0) & (codes < 0x2000)  # noqa: PLR2004
    kana = (codes >= 0x3040) & (codes < 0x3100)  # noqa: PLR2004
    return np.asarray(letters | kana | (codes == _NUMBER) | (codes >= 0x110000))  # noqa: PLR2004
