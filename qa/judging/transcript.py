"""The transcript as a page needs it: every message cut where a highlight begins or ends.

Pieces of a message joined give its text, character for character, so places in the page are places in the chat.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from qa.types import MICROSECONDS, Chat, Evidence, Instant, Message

LONG_GAP_S = 60.0
"""Seconds of silence from which the page says how long it was."""
_LEVELS = 3
_SHOWN = str.maketrans({"\0": "␀", "\r": " "})  # browsers drop the first and turn the second into a line break


class Mark(NamedTuple):
    """Characters of a message that a finding cites; ``number`` is the finding's."""

    start: int
    end: int
    number: int


class Word(NamedTuple):
    """A word that speaks for the model's opinion. ``level`` 1–3: how loudly, beside the loudest of that opinion."""

    start: int
    end: int
    level: int
    of: str
    weight: float


class Piece(NamedTuple):
    """Characters that look alike. ``numbers``: findings that cite them; ``ends``: those whose citation ends here."""

    text: str
    numbers: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    word: Word | None = None


class Bubble(NamedTuple):
    """One message. ``gap_s``: silence before it, where it was long. ``searched``: findings of something absent here."""

    turn: int
    message: Message
    gap_s: float | None
    pieces: tuple[Piece, ...]
    searched: tuple[int, ...]


class Cited(NamedTuple):
    """The evidence of one numbered finding."""

    number: int
    evidence: Sequence[Evidence]


def bubbles(chat: Chat, cited: Iterable[Cited], words: Mapping[int, Sequence[Word]]) -> tuple[Bubble, ...]:
    """Return the messages of a (masked) chat with the places that findings and opinions point to."""
    marks: defaultdict[int, list[Mark]] = defaultdict(list)
    searched: defaultdict[int, list[int]] = defaultdict(list)
    for one in cited:
        for place in one.evidence:
            if place.absent:
                searched[place.turn].append(one.number)
            else:
                marks[place.turn].append(Mark(place.start, place.end, one.number))
    found = []
    before: Instant | None = None
    for turn, message in enumerate(chat.messages):
        gap = None if before is None or message.at is None else (message.at - before) / MICROSECONDS
        before = before if message.at is None else message.at
        shown = gap if gap is not None and gap >= LONG_GAP_S else None
        pieces = cut(message.text, marks.get(turn, ()), words.get(turn, ()))
        found.append(Bubble(turn, message, shown, pieces, tuple(dict.fromkeys(searched.get(turn, ())))))
    return tuple(found)


def cut(text: str, marks: Sequence[Mark], words: Sequence[Word] = ()) -> tuple[Piece, ...]:
    """Cut a text wherever a mark or word begins or ends.

    >>> [(p.text, p.numbers, p.ends) for p in cut("加我微信", [Mark(0, 4, 1), Mark(2, 4, 2)])]
    [('加我', (1,), ()), ('微信', (1, 2), (1, 2))]
    """
    edges = {0, len(text)}
    for start, end in [(one.start, one.end) for one in marks] + [(one.start, one.end) for one in words]:
        edges |= {min(max(start, 0), len(text)), min(max(end, 0), len(text))}
    pieces = []
    for start, end in pairwise(sorted(edges)):
        over = sorted({mark.number for mark in marks if mark.start < end and mark.end > start})
        ends = sorted({mark.number for mark in marks if mark.end == end and mark.start < end})
        word = max((one for one in words if one.start < end and one.end > start), key=_loudness, default=None)
        pieces.append(Piece(text[start:end].translate(_SHOWN), tuple(over), tuple(ends), word))
    return tuple(pieces)


def words_of(opinions: Iterable[Mapping[str, Any]]) -> dict[int, list[Word]]:
    """Turn → the words behind the opinions on the chat (``qa.models.stored.expanded``)."""
    found: defaultdict[int, list[Word]] = defaultdict(list)
    for opinion in opinions:
        reasons = opinion["because"]
        loudest = max((why["weight"] for why in reasons), default=1.0)
        for why in reasons:
            level = max(1, min(_LEVELS, round(_LEVELS * why["weight"] / loudest)))
            found[why["turn"]].append(Word(why["start"], why["end"], level, why["of"], why["weight"]))
    return dict(found)


def _loudness(word: Word) -> float:
    return word.weight
