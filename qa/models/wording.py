"""Text as the models read it: folded, figures and placeholders as classes, cut into words, every symbol with its place.

Shops and their platforms write and mask the same things differently (``#E-s07``, ``#E-s[数字x]``; ``1380****5519``,
``[电话x]``), so numbers, stickers, links, ids and other bracketed placeholders become one symbol each before words are
cut. A symbol is a code point; of a ``pretokenized`` chat it is a whole word id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qa.text import BREAK, Level, Original
from qa.tokens import Cut

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint32]

NUMBER, STICKER, LINK, ID, MASK = "\ue000\ue001\ue002\ue003\ue004"
CLASSES = {NUMBER: "‹number›", STICKER: "‹sticker›", LINK: "‹link›", ID: "‹id›", MASK: "‹mask›"}
"""How the symbols of classes are shown."""

_CLASS = re.compile(
    r"(?P<S>#e-[a-z]+(?:\[[^\[\]\n]{1,8}\]|\d+)?)"
    r"|(?P<L>https?://(?:\[[^\[\]\n]{1,8}\]|[!-Z^-~])+|\[链接x\])"
    r"|(?P<I>\[[a-z]{2,12}_\d+\]|\d{8,}|\[(?:订单编?号|电话|手机号?|身份证号)x\]|\d[\d*]{7,})"
    r"|(?P<N>(?:\[(?:数字|金额|时间|日期)x\]|\d)(?:[.,:/*~-]?(?:\[(?:数字|金额|时间|日期)x\]|\d))*)"
    r"|(?P<M>\[[\u4e00-\u9fff]{1,8}x\])"
)
_BEGINNING = re.compile(r"[#h\[\d]")
"""What any of them begins with: to look for that first takes a tenth of the time."""
_SYMBOLS = {"S": STICKER, "L": LINK, "I": ID, "N": NUMBER, "M": MASK}
_REPEATS = 3
"""Of a symbol repeated more often in a row, this many are read: 哈哈哈哈哈 and 哈哈哈 say the same."""

STOP = 10
"""The code of a text's edges: before the first, between two and after the last."""
_ID_BASE = 0x200000
"""Word ids are read as symbols from here on: beyond all code points."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Texts as one row of symbols with a ``STOP`` before, between and after them.

    ``starts``/``ends`` give each symbol's place in its own original text; ``text`` is the index of the text it belongs
    to (of a ``STOP``: of the text it closes, -1 for the first); ``words`` are the first symbols of words, ``STOP``
    symbols among them as words of their own.
    """

    codes: Codes
    text: Ints
    starts: Ints
    ends: Ints
    words: Ints

    @property
    def texts(self) -> int:
        """How many texts there are."""
        return 1 + int(self.text[-1].item())


def read(texts: Sequence[str], cut: Cut) -> Wording:
    r"""Return the symbols and words of ``texts``, cut by ``cut``.

    >>> wording = read(["订单12345678901，好", "ＯＫ"], lambda text: list(text))
    >>> "".join(map(chr, wording.codes)), wording.text.tolist(), wording.ends.tolist()[1:4]
    ('\n订单\ue003,好\nok\n', [-1, 0, 0, 0, 0, 0, 0, 1, 1, 1], [1, 2, 13])
    """
    if not texts:
        return _empty()
    joined = Original(texts).fold(Level.FOLD)
    folded = joined.text + BREAK
    codes = np.frombuffer(folded.encode("utf-32-le"), dtype="<u4").copy()
    first = np.arange(len(codes), dtype=np.int64)
    last = first.copy()
    keep = np.ones(len(codes), dtype=bool)
    for hit in _classes_in(folded):
        start, end = hit.span()
        codes[start] = ord(_SYMBOLS[hit.lastgroup or ""])
        keep[start + 1 : end] = False
        last[start] = end - 1
    (kept,) = keep.nonzero()
    codes, first, last = codes[kept], first[kept], last[kept]
    if len(codes) > _REPEATS:
        same = codes[1:] == codes[:-1]
        run = same[2:] & same[1:-1] & same[:-2]
        if run.any():
            keep = np.ones(len(codes), dtype=bool)
            keep[_REPEATS:] = ~run | (codes[_REPEATS:] == STOP)
            codes, first, last = codes[keep], first[keep], last[keep]
    return _placed(codes, first, last, joined.source, joined.starts, _word_starts(codes, cut))


def _classes_in(folded: str) -> Iterator[re.Match[str]]:
    """Yield what ``_CLASS.finditer`` does."""
    beginning = _BEGINNING.search(folded)
    while beginning is not None:
        hit = _CLASS.match(folded, beginning.start())
        if hit is not None:
            yield hit
        beginning = _BEGINNING.search(folded, (hit or beginning).end())


def read_ids(texts: Sequence[str]) -> Wording:
    """Return the symbols of texts that are word ids separated by spaces: each id is one symbol and one word.

    >>> read_ids(["12 7", "12"]).ends.tolist()
    [0, 2, 4, 4, 2, 2]
    """
    codes, text, starts, ends = [STOP], [-1], [0], [0]
    for which, one in enumerate(texts):
        end = 0
        for token in one.split():
            start = one.index(token, end)
            end = start + len(token)
            codes.append(_id_code(token))
            text.append(which)
            starts.append(start)
            ends.append(end)
        codes.append(STOP)
        text.append(which)
        starts.append(end)
        ends.append(end)
    whole = np.arange(len(codes), dtype=np.int64)
    return Wording(
        np.array(codes, dtype=np.uint32),
        np.array(text),
        np.array(starts, dtype=np.int64),
        np.array(ends, dtype=np.int64),
        whole,
    )


def _id_code(token: str) -> int:
    if token.isascii() and token.isdigit() and len(token) < 9:  # noqa: PLR2004 - fits 32 bits
        return _ID_BASE + int(token)
    mixed = 0
    for char in token:
        mixed = (31 * mixed + ord(char)) % 10**9
    return _ID_BASE + 10**9 + mixed


def shown(codes: Sequence[int]) -> str:
    """Return symbols as a person reads them: classes by name, edges as ``¦``, word ids with spaces between.

    >>> shown([10, 0xE000, 22825]), shown([0x200000 + 12, 0x200000 + 7])
    ('¦‹number›天', '12 7')
    """
    ids = any(code >= _ID_BASE for code in codes)
    names = ("¦" if c == STOP else str(c - _ID_BASE) if c >= _ID_BASE else CLASSES.get(chr(c), chr(c)) for c in codes)
    return (" " if ids else "").join(names)


def _empty() -> Wording:
    none = np.zeros(1, dtype=np.int64)
    return Wording(np.array([STOP], dtype=np.uint32), none - 1, none, none, none)


def _word_starts(codes: Codes, cut: Cut) -> Ints:
    """Positions in ``codes`` at which a word begins."""
    words = cut(codes.tobytes().decode("utf-32-le"))
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    starts = np.zeros(len(lengths), dtype=np.int64)
    np.cumsum(lengths[:-1], out=starts[1:])
    return starts


def _placed(codes: Codes, first: Ints, last: Ints, source: Ints | None, offsets: Sequence[int], words: Ints) -> Wording:
    """Put a ``STOP`` in front and turn positions in the joined, folded text into places in the single originals."""
    stops = codes == STOP
    text = np.cumsum(stops) - stops
    if source is not None:
        source = np.append(source, source[-1] + 1 if len(source) else 0)
        first, last = source[first], source[last]
    begin = np.array(offsets, dtype=np.int64)[text]
    starts, ends = first - begin, last - begin + 1
    ends[stops] = starts[stops]
    return Wording(
        codes=np.concatenate(([np.uint32(STOP)], codes)).astype(np.uint32),
        text=np.concatenate(([-1], text)),
        starts=np.concatenate(([0], starts)),
        ends=np.concatenate(([0], ends)),
        words=np.concatenate(([0], words + 1)),
    )
