r"""A text as it is searched: folded as ``qa.text`` folds, but one character for one character, so places stay.

What folds to nothing (zero-width characters, keycaps, strokes between digits) becomes ``NOTHING``; what folds to
several characters stays as it is.
"""

from __future__ import annotations

import unicodedata

from qa.text import fold_character, squash_character

NOTHING = "\0"
_FLAT = 0x20000
"""Characters beyond are looked up anew each time: they are rare, and the table stays small whatever people send."""


class _Table(dict[int, str]):
    """Code point → character, filled as characters turn up."""

    def __missing__(self, code: int) -> str:
        read = _read(chr(code))
        if code < _FLAT:
            self[code] = read
        return read


def _read(char: str) -> str:
    folded = fold_character(char)
    if len(folded) == 1 and folded.isascii():
        return folded
    squashed = squash_character(char)
    if len(squashed) == 1:
        return squashed
    if not folded or (not squashed and unicodedata.category(char)[0] in "LM"):
        return NOTHING
    return folded if len(folded) == 1 else char


_PLAIN = _Table()

DIGITS = str.maketrans("零一二三四五六七八九幺拐洞", "0123456789170")
"""Chinese digits → digits; 幺, 拐 and 洞 are how 1, 7 and 0 are said aloud."""


def plain(text: str) -> str:
    r"""``text`` as it is searched, of the same length.

    >>> plain("Ｖ信：①❸8" + chr(0x200B) + "四")
    'v信:138\x00四'
    """
    return text.translate(_PLAIN)
