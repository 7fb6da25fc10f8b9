"""Words without which a regular expression cannot match, read off the expression itself.

An expression with hundreds of alternatives is dear to look for in every chat; whether one of a few hundred words occurs
is known anyway, from the one search for all phrases. So an expression is tried only where one of these words stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product

_MOST = 500
"""Words into which neighbouring pieces of an expression are multiplied out."""
_LEAST = 2
"""Characters of a word: single ones stand nearly everywhere."""
_MOST_OF_ALL = 1_500
"""Words of a whole expression; with more of them the search for phrases would be the dear one."""
_OFTEN = (1.0, 0.6, 0.03, 0.002)
"""How often a word of so many characters is expected in a chat, roughly: every further one says much more."""
_SELDOM = 0.0003
_FILLING = frozenset(
    "的了是我您你不有在这那就给把可以好请一个下能会还都也要订单号地址电话手机买退换货款发收到快递评价客服"
)
"""Characters of which the most ordinary words of a service chat are made: a word of nothing else counts as shorter."""
_EMPTY = frozenset([""])
_TOKEN = re.compile(r"\\[pPx]\{[^}]*\}|\\.|\(\?:|\(\?|\[\^?\]?[^\]]*\]|\{\d+(?:,\d*)?\}|.", re.DOTALL)
_REPEAT = re.compile(r"\{(\d+)")
_LITERAL_ESCAPES = frozenset(r"\.+*?()[]{}|^$-/,:")


class _UnreadableError(Exception):
    """The expression uses what this reader does not know."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of an expression: all it can be, where that is known, and words of which one is in it."""

    exactly: frozenset[str] | None
    words: frozenset[str] | None


@lru_cache(maxsize=1024)  # a pack is compiled again for every night and every worker
def required_words(pattern: str) -> tuple[str, ...]:
    """Return words of which one is in every text that ``pattern`` matches; none where that cannot be told.

    Words that begin or end with a Latin letter or digit do not count: such are searched for as whole words.
    The pattern is one that has compiled already.

    >>> required_words("(别|不要)再(催|问)了?|难道")
    ('不要再催', '不要再问', '别再催', '别再问', '难道')
    >>> required_words("[0-9]{10,}"), required_words("(?i)加我")
    ((), ())
    """
    try:
        piece, rest = _alternatives(_TOKEN.findall(pattern), 0)
    except _UnreadableError:
        return ()
    words = piece.words
    if rest or words is None or len(words) > _MOST_OF_ALL or min(map(len, words)) < _LEAST:
        return ()
    return tuple(sorted(word for word in words if words.isdisjoint(_inside(word))))


def _inside(word: str) -> Iterator[str]:
    """Everything that stands in a word and is shorter."""
    size = len(word)
    return (word[i:j] for i in range(size) for j in range(i + 1, size + 1) if j - i < size)


def _alternatives(atoms: list[str], at: int) -> tuple[_Piece, list[str]]:
    """Read alternatives up to the closing bracket or the end; returns them and the atoms that are left."""
    branches: list[list[_Piece]] = [[]]
    left = atoms[at:]
    while left and left[0] != ")":
        if left[0] == "|":
            branches.append([])
            left = left[1:]
            continue
        piece, left = _repeated(*_atom(left))
        branches[-1].append(piece)
    return _either([_sequence(branch) for branch in branches]), left


def _atom(atoms: list[str]) -> tuple[_Piece, list[str]]:
    atom, left = atoms[0], atoms[1:]
    if atom in {"(", "(?:"}:
        piece, left = _alternatives(left, 0)
        if not left:
            raise _UnreadableError
        return piece, left[1:]
    if atom == "(?":
        raise _UnreadableError
    return _Piece(*_single(atom)), left


def _single(atom: str) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    """What one atom can be, and the words that it asks for."""
    if atom in {"^", "$"}:
        return _EMPTY, None
    if atom == "." or atom.startswith("[^"):
        return None, None
    if atom.startswith("["):
        inside = atom[1:-1]
        if "-" in inside or "\\" in inside or "[" in inside or not inside:
            return None, None
        return frozenset(inside), _usable(frozenset(inside))
    if atom.startswith("\\"):
        if atom[1:] not in _LITERAL_ESCAPES:
            return None, None
        atom = atom[1:]
    return frozenset([atom]), _usable(frozenset([atom]))


def _repeated(piece: _Piece, left: list[str]) -> tuple[_Piece, list[str]]:
    """The piece with what says how often it stands there."""
    while left and (left[0] in {"?", "*", "+"} or _REPEAT.match(left[0])):
        mark, left = left[0], left[1:]
        counted = _REPEAT.match(mark)
        if mark == "?" and piece.exactly is not None:
            piece = _Piece(piece.exactly | _EMPTY, None)
        elif mark == "+" or (counted and int(counted[1])):
            piece = _Piece(None, piece.words)
        else:
            piece = _Piece(None, None)
    return piece, left


def _either(branches: list[_Piece]) -> _Piece:
    if len(branches) == 1:
        return branches[0]
    exactly: frozenset[str] | None = frozenset()
    words: frozenset[str] | None = frozenset()
    for branch in branches:
        exactly = None if exactly is None or branch.exactly is None else exactly | branch.exactly
        words = None if words is None or branch.words is None else words | branch.words
    return _Piece(exactly, words)


def _sequence(pieces: list[_Piece]) -> _Piece:
    """Pieces one after the other: the best words are those of any run of them."""
    if not pieces:
        return _Piece(_EMPTY, None)
    found = [piece.words for piece in pieces if piece.words is not None]
    for first, last in combinations(range(len(pieces) + 1), 2):
        run = _product(pieces[first:last])
        usable = None if run is None else _usable(run)
        if usable is not None:
            found.append(usable)
    return _Piece(_product(pieces), min(found, key=_cost, default=None))


def _product(pieces: list[_Piece]) -> frozenset[str] | None:
    """Everything that these pieces can be together; None where that is unknown or too much."""
    size = 1
    for piece in pieces:
        if piece.exactly is None:
            return None
        size *= len(piece.exactly)
    if size > _MOST:
        return None
    return frozenset("".join(parts) for parts in product(*(piece.exactly or _EMPTY for piece in pieces)))


def _usable(words: frozenset[str]) -> frozenset[str] | None:
    return words if all(map(_plain, words)) else None


def _plain(word: str) -> bool:
    """Whether a word is found wherever it stands: none that may be cut out of a longer Latin word or number.

    It has a letter, as marks alone may be folded away.
    """
    return not any(edge.isascii() and edge.isalnum() for edge in (word[:1], word[-1:])) and any(map(str.isalnum, word))


def _cost(words: frozenset[str]) -> float:
    return sum(map(_often, words))


def _often(word: str) -> float:
    size = len(word) - _FILLING.issuperset(word)
    return _OFTEN[size] if size < len(_OFTEN) else _SELDOM
