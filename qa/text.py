"""Folding: Chinese text as people write it → one form to match on, with a way back to the original.

Two levels:

* ``FOLD`` — full-width → half-width, upper → lower case, traditional → simplified, compatibility forms,
  zero-width and control characters dropped, every kind of blank one space;
* ``SQUASH`` — ``FOLD`` and then everything that is neither letter nor digit dropped (spaces, dots, emoji
  between characters) and stand-ins read as what they stand for (``qa/standins.tsv``: 薇, ➕, 🐧, Cyrillic х, 亻言), so
  that ``微❤信``, ``Ｖ.Ｘ``, ``亻言`` and ``1 3 8-0`` read as what they say.

A match is never quoted from the folded text: ``Joined.place`` maps it back to code points of the original.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from itertools import accumulate

import msgspec
import numpy as np
import numpy.typing as npt
import re2

BREAK = "\n"
"""Stands between two turns of a joined text; inside a turn every line break is folded to a space."""

_CODES = 0x110000
_DROP = 0xFFFFFFFF
_EXPAND = 0xFFFFFFFE
_KEPT_WHOLE = "…‥⋯"  # NFKC would make dots of them; as one character they stay what people see
_RANGES = ((0, 0x3400), (0x4DC0, 0x4E00), (0xA000, 0xAC00), (0xD7A4, 0xD800), (0xE000, 0x20000),
           (0x2F800, 0x2FA20), (0xE0000, 0xE1000))  # fmt: skip
"""All of Unicode but CJK ideographs and Hangul syllables: letters that no compatibility form and no case changes."""
_BEYOND = 0x40000  # tags, variation selectors, private use: no letters from here on
_STAND_INS = "standins.tsv"
_DROPPED = "-"
_SURROGATES = (0xD800, 0xE000)
_REPLACEMENT = 0xFFFD  # a lone surrogate is no character: neither RE2 nor the automaton can take it
_INVISIBLE = {"Cf", "Mn", "Me", "Cc"}
_BLANK = {"Zs", "Zl", "Zp"}
_WORD = {"L", "N"}


class Level(StrEnum):
    """How far a text is folded before it is searched."""

    FOLD = "fold"
    SQUASH = "squash"


@lru_cache(maxsize=1)
def _simplified() -> dict[str, str]:
    """Traditional → simplified, single characters, from the OpenCC project's table (Apache-2.0)."""
    table = resources.files("opencc").joinpath("dictionary", "TSCharacters.txt").read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in table.splitlines() if "\t" in line)
    once = {trad: simp.split(" ")[0] for trad, simp in pairs if len(trad) == 1}
    return {trad: once.get(simp, simp) for trad, simp in once.items()}  # 薴 → 苧 → 苎


def fold_character(char: str) -> str:
    r"""One character of the original as ``FOLD`` text: usually one character, sometimes none or several.

    >>> [fold_character(c) for c in "Ａ信㎏" + chr(0x200B) + "\t"]
    ['a', '信', 'kg', '', ' ']
    """
    if char in _KEPT_WHOLE:
        return char
    if char in "\t\n\r\x0b\x0c\x85" or unicodedata.category(char) in _BLANK:
        return " "
    if unicodedata.category(char) in _INVISIBLE:
        return ""
    compatible = unicodedata.normalize("NFKC", char).lower()
    simplified = _simplified()
    return "".join(simplified.get(c, c) for c in compatible if unicodedata.category(c) not in _INVISIBLE)


@lru_cache(maxsize=1)
def _stand_ins() -> dict[str, str]:
    """What is written → what is read, from the maintained table; a reading is empty where the character is dropped."""
    table = resources.files("qa").joinpath(_STAND_INS).read_text(encoding="utf-8")
    pairs = {}
    for line in table.splitlines():
        if not line or line.startswith("#"):
            continue
        written, read = (cell.split(" ") for cell in _ESCAPE.sub(_unescaped, line).split("\t")[:2])
        readings = read * len(written) if len(read) == 1 else read
        pairs.update({form: "" if to == _DROPPED else to for form, to in zip(written, readings, strict=True)})
    return pairs


_ESCAPE = re.compile(r"\\u([0-9A-F]{4})|\\U([0-9A-F]{8})")


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1] or escape[2], 16))


def squash_character(char: str) -> str:
    """One character of the original as ``SQUASH`` text: letters and digits only, stand-ins as what they stand for.

    >>> [squash_character(c) for c in "Ｖ.❤１薇"]
    ['v', '', '', '1', '微']
    """
    spoken = _stand_ins().get(char)
    if spoken is not None:
        return spoken
    kept = (c for c in fold_character(char) if unicodedata.category(c)[0] in _WORD)
    return "".join(_stand_ins().get(c, c) for c in kept)  # the folded form may be one: bold β, half-width ｰ


@lru_cache(maxsize=1)
def _split() -> tuple[re2._Regexp, dict[str, str]]:
    """Finds split characters in ``SQUASH`` text (the longest form first), and what each reads as; all at once."""
    pairs = {form: read for form, read in _stand_ins().items() if len(form) > 1}
    forms = {"".join(map(squash_character, form)): read for form, read in pairs.items()}
    return re2.compile("|".join(sorted(forms, key=len, reverse=True))), forms


@lru_cache(maxsize=1)
def _beginnings() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Code points that are the first of a split character's, the second, as flags; and both as numbers, in order."""
    starts = {(ord(form[0]), ord(form[1])) for form in _split()[1]}
    first, second = np.zeros((2, 2 + max(max(start) for start in starts)), bool)
    for one, other in starts:
        first[one] = second[other] = True
    return first, second, np.sort([one * _CODES + other for one, other in starts])


def split_characters(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and reading of characters written in parts, in text squashed character by character.

    >>> list(split_characters("力口我微亻言"))
    [(0, 2, '加'), (4, 6, '信')]
    """
    pattern, readings = _split()
    return ((*match.span(), readings[match[0]]) for match in pattern.finditer(text))


_CHARACTER = {Level.FOLD: fold_character, Level.SQUASH: squash_character}


@lru_cache(maxsize=2)
def _table(level: Level) -> npt.NDArray[np.uint32]:
    """Code point → folded code point, ``_DROP`` or ``_EXPAND`` (more than one character)."""
    table = np.arange(_CODES, dtype=np.uint32)
    character = _CHARACTER[level]
    spoken = _stand_ins() if level is Level.SQUASH else {}
    for traditional, simplified in _simplified().items():
        table[ord(traditional)] = ord(spoken.get(simplified, simplified))
    if level is Level.SQUASH:
        table[_BEYOND:] = _DROP
    for char in (chr(code) for low, high in _RANGES for code in range(low, high)):
        if unicodedata.category(char) == "Lo" and not unicodedata.decomposition(char):
            continue  # a letter without case stays
        code, folded = ord(char), character(char)
        table[code] = _EXPAND if len(folded) > 1 else ord(folded) if folded else _DROP
    for char, reading in spoken.items():
        if len(char) == 1:
            table[ord(char)] = _EXPAND if len(reading) > 1 else ord(reading) if reading else _DROP
    table[_SURROGATES[0] : _SURROGATES[1]] = _REPLACEMENT if level is Level.FOLD else _DROP
    table[ord(BREAK)] = ord(BREAK)
    return table


class Joined(msgspec.Struct, frozen=True):
    """Several turns folded into one searchable string, one turn a line.

    ``text`` is the folded string; ``source`` maps its positions to positions of the joined original
    (``None``: the same); ``starts`` are the turns' first positions in the joined original; ``last`` maps to the
    last position of what was read as one character (``None``: to ``source``).
    """

    text: str
    source: npt.NDArray[np.int64] | None
    starts: tuple[int, ...]
    last: npt.NDArray[np.int64] | None = None

    def place(self, start: int, end: int) -> tuple[int, int, int]:
        """Folded ``[start, end)`` → ``(which text, start, end)`` in code points of that original text."""
        if self.source is not None:
            ends = self.source if self.last is None else self.last
            start, end = self.source.item(start), ends.item(end - 1) + 1
        which = bisect_right(self.starts, start) - 1
        offset = self.starts[which]
        return which, start - offset, end - offset

    def texts(self, spans: Iterable[tuple[int, int, int]]) -> list[int]:
        """Which texts the places of ``(what, start, end)`` are in."""
        starts, source = self.starts, self.source
        if source is None:
            return [bisect_right(starts, start) - 1 for _, start, _ in spans]
        return [bisect_right(starts, source.item(start)) - 1 for _, start, _ in spans]

    def places(self, spans: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
        """``place`` of many: of each ``(what, start, end)`` the text and the place in it."""
        starts, source = self.starts, self.source
        ends = source if self.last is None else self.last
        found = []
        for _, start, end in spans:
            if source is not None and ends is not None:
                start, end = source.item(start), ends.item(end - 1) + 1  # noqa: PLW2901 - as in ``place``, where a tuple is made
            which = bisect_right(starts, start) - 1
            offset = starts[which]
            found.append((which, start - offset, end - offset))
        return found

    def lines(self) -> list[str]:
        """The folded turns one by one."""
        return self.text.split(BREAK)


def _string(codes: npt.NDArray[np.uint32]) -> str:
    return codes.tobytes().decode("utf-32-le")


class Original:
    """Several texts made ready to be folded on either level: joined, a line each, as code points."""

    __slots__ = ("_codes", "_starts")

    def __init__(self, texts: Sequence[str]) -> None:
        whole = BREAK.join(texts)
        if whole.count(BREAK) >= len(texts):
            whole = BREAK.join([text.replace(BREAK, " ") for text in texts])
        self._starts = _starts(texts)
        self._codes = np.frombuffer(whole.encode("utf-32-le", "surrogatepass"), dtype="<u4")

    def fold(self, level: Level) -> Joined:
        """Return the texts folded into one string, keeping the way back."""
        codes = _table(level).take(self._codes)
        try:
            text, source = _string(codes), None
        except UnicodeDecodeError:  # neither _DROP nor _EXPAND is a code point
            text, source = _shortened(self._codes, codes, level)
        if level is Level.SQUASH and _split()[0].search(text):
            return _put_together(text, source, self._starts)
        return Joined(text, source, self._starts)


class Together:
    """The texts of several chats folded together, and each chat's as ``Original.fold`` returns it.

    ``text`` is the whole, a text a line and a chat without texts one empty line; ``codes`` are its code points and
    ``source`` their positions in the whole original. In the chats of ``alone`` (by number) the whole differs from what
    was folded: characters become several there, or several become one.
    """

    __slots__ = ("_ends", "_level", "_stops", "_texts", "alone", "codes", "source", "text")

    def __init__(
        self,
        chats: Sequence[Sequence[str]],
        level: Level,
        folded: tuple[str, npt.NDArray[np.uint32], npt.NDArray[np.int64]],
        limits: tuple[list[int], list[int]],
        alone: set[int],
    ) -> None:
        self._texts, self._level, self.alone = chats, level, alone
        self.text, self.codes, self.source = folded
        self._ends, self._stops = limits
        """Where each chat ends, in the original and folded."""

    def text_of(self, chat: int) -> str:
        """Return the texts of one chat folded into one string."""
        if chat in self.alone:
            return self.one(chat).text
        return self.text[self._stops[chat - 1] + 1 if chat else 0 : self._stops[chat]]

    def one(self, chat: int) -> Joined:
        """Return the texts of one chat folded into one string, keeping the way back."""
        texts = self._texts[chat]
        if chat in self.alone:
            return Original(texts).fold(self._level)
        begin, first = (self._ends[chat - 1] + 1, self._stops[chat - 1] + 1) if chat else (0, 0)
        end, stop = self._ends[chat], self._stops[chat]
        source = None if stop - first == end - begin else self.source[first:stop] - begin
        return Joined(self.text[first:stop], source, _starts(texts))


class Originals:
    """The texts of several chats made ready to be folded together: what ``Original`` does for one, for less each."""

    __slots__ = ("_chats", "_ends", "codes")

    def __init__(self, chats: Sequence[Sequence[str]]) -> None:
        self._chats = chats
        joined = [BREAK.join(texts) for texts in chats]
        whole = BREAK.join(joined)
        if whole.count(BREAK) >= sum([len(texts) or 1 for texts in chats]):
            joined = [BREAK.join([text.replace(BREAK, " ") for text in texts]) for texts in chats]
            whole = BREAK.join(joined)
        self.codes = np.frombuffer(whole.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        """Code points of the whole original, a text a line and a chat without texts one empty line."""
        self._ends = [end - 1 for end in accumulate([len(text) + 1 for text in joined])]

    def fold(self, level: Level) -> Together:
        """Return all texts folded."""
        codes = _table(level).take(self.codes)
        (kept,) = (codes != _DROP).nonzero()
        left = codes.take(kept)
        (expanding,) = (left == _EXPAND).nonzero()
        left[expanding] = _REPLACEMENT
        text = _string(left)
        stops = kept.searchsorted(self._ends).tolist()
        alone = set(np.searchsorted(stops, expanding, side="right").tolist())
        if level is Level.SQUASH:
            alone |= _with_split(text, left, stops)
        return Together(self._chats, level, (text, left, kept), (self._ends, stops), alone)


def _with_split(text: str, codes: npt.NDArray[np.uint32], stops: list[int]) -> set[int]:
    """The few chats, given by where they end, in which several characters become one."""
    first, second, starts = _beginnings()
    (at,) = first.take(codes, mode="clip").nonzero()
    at = at[second.take(codes.take(at + 1, mode="clip"), mode="clip")]
    said = codes.take(at).astype(np.int64) * _CODES + codes.take(at + 1, mode="clip")
    begun = at[starts.take(starts.searchsorted(said), mode="clip") == said]
    chats = set(np.searchsorted(stops, begun, side="right").tolist())
    return {chat for chat in chats if _split()[0].search(text[stops[chat - 1] + 1 if chat else 0 : stops[chat]])}


def _starts(texts: Sequence[str]) -> tuple[int, ...]:
    """Where texts begin that are joined by line breaks.

    >>> _starts(["您好", "在吗"])
    (0, 3)
    """
    return (0, *accumulate([len(text) + 1 for text in texts[:-1]])) if texts else (0,)


def _shortened(
    original: npt.NDArray[np.uint32], codes: npt.NDArray[np.uint32], level: Level
) -> tuple[str, npt.NDArray[np.int64]]:
    """Folded text and its source positions where some character is dropped or becomes several."""
    (source,) = (codes != _DROP).nonzero()
    try:
        return _string(codes.take(source)), source
    except UnicodeDecodeError:
        return _expanded(original, codes, level)


def _expanded(
    original: npt.NDArray[np.uint32], codes: npt.NDArray[np.uint32], level: Level
) -> tuple[str, npt.NDArray[np.int64]]:
    """Folded text and its source positions where some character becomes several."""
    character = _CHARACTER[level]
    out: list[str] = []
    source: list[int] = []
    for position, code in enumerate(codes.tolist()):
        if code == _DROP:
            continue
        pieces = chr(code) if code != _EXPAND else character(chr(int(original[position])))
        out.append(pieces)
        source.extend([position] * len(pieces))
    return "".join(out), np.array(source, dtype=np.int64)


def join(texts: Sequence[str], level: Level) -> Joined:
    r"""Fold ``texts`` into one string, a line each, keeping the way back.

    >>> joined = join(["加我Ｖ.Ｘ", "好的"], Level.SQUASH)
    >>> joined.text, joined.place(2, 4)
    ('加我vx\n好的', (0, 2, 5))
    """
    return Original(texts).fold(level)


def _put_together(text: str, source: npt.NDArray[np.int64] | None, starts: tuple[int, ...]) -> Joined:
    """Split characters as one; what was read stands for everything from its first part to its last."""
    places = range(len(text)) if source is None else source.tolist()
    pieces: list[str] = []
    first: list[int] = []
    last: list[int] = []
    done = 0
    for start, end, reading in split_characters(text):
        pieces += (text[done:start], reading)
        first += (*places[done:start], *[places[start]] * len(reading))
        last += (*places[done:start], *[places[end - 1]] * len(reading))
        done = end
    pieces.append(text[done:])
    first += places[done:]
    last += places[done:]
    return Joined("".join(pieces), np.array(first, dtype=np.int64), starts, np.array(last, dtype=np.int64))


def fold(text: str, level: Level = Level.FOLD) -> str:
    """``text`` as it is matched on that level (phrases of a rule are folded with the same function).

    >>> fold("ＶＸ 薇信"), fold("V-X：１３８ 0013", Level.SQUASH)
    ('vx 薇信', 'vx1380013')
    """
    return join([text], level).text
