"""Words and characters without which a regular expression cannot match, read off the expression itself.

An expression with hundreds of alternatives is dear to look for in every chat; whether one of a few hundred words occurs
is known anyway, from the one search for all phrases. So an expression is tried only where one of these words stands;
where there are no such words, only where the characters stand that it cannot do without.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import fsum, prod

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
_BEYOND_LATIN = "\x80"
_EMPTY, _NONE = frozenset([""]), frozenset[str]()
_RANGE = re.compile(r"([^\\\[\]-])(?:(-)([^\\\[\]-]))?")
_TOKEN = re.compile(
    r"\\[pPx]\{[^}]*\}|\\.|\(\?:|\(\?|\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|.", re.DOTALL
)
_REPEAT = re.compile(r"\{(\d+)")
_LITERAL_ESCAPES = frozenset(r"\.+*?()[]{}|^$-/,:")


_CLAUSES = 3
"""Sets of characters that are kept of an expression."""
_SELDOM_ENOUGH = 0.03
"""Share of turns in which an expression may be tried in vain, roughly …"""
_ENOUGH = 0.02
"""… and a share below which no further set is asked for: every set has to be looked for in all turns."""
_WIDEST = 3_000
"""Characters of one set."""
_COMMON, _RARE = 0.15, 0.02
"""In which share of turns a character of ``_FILLING`` is expected, and any other one, roughly."""


class _UnreadableError(Exception):
    """The expression uses what this reader does not know."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of an expression: all it can be, where that is known, and words of which one is in it.

    Of each of ``clauses`` one character is in it.
    """

    exactly: frozenset[str] | None
    words: frozenset[str] | None
    clauses: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True, slots=True)
class Required:
    """What stands in every text that an expression matches: one of ``words``, or what one of ``characters`` asks for.

    Each of ``characters`` asks for one character of each of its sets; what has none asks for nothing.
    """

    words: tuple[str, ...]
    characters: tuple[tuple[frozenset[str], ...], ...]


_NOTHING = Required((), ((),))


@lru_cache(maxsize=1024)  # a pack is compiled again for every night and every worker
def required(pattern: str) -> Required:
    """Return what ``pattern``, which has compiled already, cannot match without, as far as that can be told.

    Each alternative is told by its words, or where it has none by its characters. Words that begin or end with a Latin
    letter or digit do not count: such are searched for as whole words.

    >>> required("(别|不要)再(催|问)了?|难道")
    Required(words=('不要再催', '不要再问', '别再催', '别再问', '难道'), characters=())
    >>> [[sorted(characters) for characters in sets] for sets in required("难道|扫.{0,8}[码马]").characters]
    [[['扫'], ['码', '马']]]
    >>> required("难道|.+"), required("(?i)加我")
    (Required(words=(), characters=((),)), Required(words=(), characters=((),)))
    """
    try:
        branches, rest = _branches(_TOKEN.findall(pattern))
    except _UnreadableError:
        return _NOTHING
    told = [_told(branch) for branch in branches]
    words = frozenset[str]().union(*(words for words, _ in told))
    if len(words) > _MOST_OF_ALL:
        words, told = _NONE, [(_NONE, branch.clauses) for branch in branches]
    others = [clauses for spoken, clauses in told if clauses or not spoken]
    if rest or not all(others):
        return _NOTHING
    return Required(tuple(sorted(word for word in words if words.isdisjoint(_inside(word)))), _together(others))


def _told(branch: _Piece) -> tuple[frozenset[str], tuple[frozenset[str], ...]]:
    """By which words an alternative is told, and by which sets of characters where they do not do."""
    words = branch.words or _NONE
    single = frozenset(word for word in words if len(word) < _LEAST)
    if not words or _likely([single]) > _likely(branch.clauses):
        return _NONE, branch.clauses
    return words - single, (single,) if single else ()


def _together(branches: list[tuple[frozenset[str], ...]]) -> tuple[tuple[frozenset[str], ...], ...]:
    """Alternatives as one where that says enough."""
    if not branches:
        return ()
    joined = _any_of(branches)
    return tuple(map(_enough, (joined,) if _likely(joined) < _SELDOM_ENOUGH else branches))


def _enough(clauses: tuple[frozenset[str], ...]) -> tuple[frozenset[str], ...]:
    """As many of the clauses, the best first, as say enough together.

    >>> [len(_enough((frozenset(one),) * 3)) for one in ("码", "您", "拍拉扯")]
    [2, 3, 2]
    """
    shares = [_likely(clauses[:number]) for number in range(1, len(clauses))]
    return clauses[: 1 + sum(share >= _ENOUGH for share in shares)]


def _inside(word: str) -> Iterator[str]:
    """Everything that stands in a word and is shorter."""
    size = len(word)
    return (word[i:j] for i in range(size) for j in range(i + 1, size + 1) if j - i < size)


def _branches(atoms: list[str]) -> tuple[list[_Piece], list[str]]:
    """Read alternatives up to the closing bracket or the end; returns them and the atoms that are left."""
    branches: list[list[_Piece]] = [[]]
    left = atoms
    while left and left[0] != ")":
        if left[0] == "|":
            branches.append([])
            left = left[1:]
            continue
        piece, left = _repeated(*_atom(left))
        branches[-1].append(piece)
    return [_sequence(branch) for branch in branches], left


def _atom(atoms: list[str]) -> tuple[_Piece, list[str]]:
    atom, left = atoms[0], atoms[1:]
    if atom in {"(", "(?:"}:
        branches, left = _branches(left)
        if not left:
            raise _UnreadableError
        return _either(branches), left[1:]
    if atom == "(?":
        raise _UnreadableError
    characters = _characters(atom)
    return _Piece(*_single(atom), (characters,) if characters else ()), left


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


def _characters(atom: str) -> frozenset[str]:
    """What one atom can be; nothing where it can be nothing, or too much."""
    if atom in {"^", "$", "."} or atom.startswith("[^"):
        return _NONE
    if not atom.startswith("["):
        return frozenset(atom[-1]) if len(atom) == 1 or atom[1:] in _LITERAL_ESCAPES else _NONE
    inside = _RANGE.findall(atom[1:-1])
    if "".join(first + mark + last for first, mark, last in inside) != atom[1:-1]:
        return _NONE
    spans = [(ord(first), ord(last or first)) for first, _, last in inside]
    if sum(last - first + 1 for first, last in spans) > _WIDEST:
        return _NONE
    return frozenset(chr(code) for first, last in spans for code in range(first, last + 1))


def _repeated(piece: _Piece, left: list[str]) -> tuple[_Piece, list[str]]:
    """The piece with what says how often it stands there."""
    while left and (left[0] in {"?", "*", "+"} or _REPEAT.match(left[0])):
        mark, left = left[0], left[1:]
        counted = _REPEAT.match(mark)
        if mark == "?" and piece.exactly is not None:
            piece = _Piece(piece.exactly | _EMPTY, None)
        elif mark == "+" or (counted and int(counted[1])):
            piece = _Piece(None, piece.words, piece.clauses)
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
    return _Piece(exactly, words, _any_of([branch.clauses for branch in branches]))


def _any_of(branches: list[tuple[frozenset[str], ...]]) -> tuple[frozenset[str], ...]:
    """Clauses that hold whichever branch does: the best ones of each together, the second best together, and so on."""
    if not all(branches):
        return ()
    ranks = range(max(map(len, branches)))
    return _best(frozenset().union(*(branch[min(rank, len(branch) - 1)] for branch in branches)) for rank in ranks)


def _best(clauses: Iterable[frozenset[str]]) -> tuple[frozenset[str], ...]:
    """The few that say the most, the best first."""
    return tuple(sorted(dict.fromkeys(clauses), key=_expected)[:_CLAUSES])


def _likely(clauses: Iterable[frozenset[str]]) -> float:
    """In which share of turns there is one character of each set, roughly."""
    return prod(min(1.0, _expected(clause)) for clause in clauses)


def _expected(characters: frozenset[str]) -> float:
    """How many of these characters are in a turn, roughly."""
    return fsum(_COMMON if character in _FILLING else _RARE for character in characters)


def _sequence(pieces: list[_Piece]) -> _Piece:
    """Pieces one after the other: the best words are those of any run of them."""
    if not pieces:
        return _Piece(_EMPTY, None)
    found = [piece.words for piece in pieces if piece.words is not None]
    found += [run for first in range(len(pieces)) for run in _runs(pieces[first:]) if all(map(_plain, run))]
    whole = [*_runs(pieces)]
    clauses = _best(clause for piece in pieces for clause in piece.clauses)
    return _Piece(whole[-1] if len(whole) == len(pieces) else None, min(found, key=_cost, default=None), clauses)


def _runs(pieces: list[_Piece]) -> Iterator[frozenset[str]]:
    """Everything that the first piece can be, the first two together, …, as far as that is known and not too much."""
    run = _EMPTY
    for piece in pieces:
        if piece.exactly is None or len(run) * len(piece.exactly) > _MOST:
            return
        run = frozenset([left + right for left in run for right in piece.exactly])
        yield run


def _usable(words: frozenset[str]) -> frozenset[str] | None:
    return words if all(map(_plain, words)) else None


def _plain(word: str) -> bool:
    """Whether a word is found wherever it stands: none that may be cut out of a longer Latin word or number.

    It has a letter, as marks alone may be folded away.
    """
    if word.isalnum():
        return word[0] >= _BEYOND_LATIN and word[-1] >= _BEYOND_LATIN
    return not any(edge.isascii() and edge.isalnum() for edge in (word[:1], word[-1:])) and any(map(str.isalnum, word))


def _cost(words: frozenset[str]) -> float:
    return fsum(map(_often, words))  # the same in whatever order a set is walked through, so that all processes agree


def _often(word: str) -> float:
    size = len(word) - _FILLING.issuperset(word)
    return _OFTEN[size] if size < len(_OFTEN) else _SELDOM
