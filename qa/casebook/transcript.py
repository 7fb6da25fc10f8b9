"""The transcript of a case: what was said, masked and frozen, and the notes bound to its sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from qa.casebook.texts import MOST_NOTES, CaseError, Problem, lines
from qa.privacy import EXPORT, mask_chat
from qa.types import MICROSECONDS, Chat

STAR = ("situation", "task", "action", "result")
"""The parts of a STAR note, in their order."""
_SHORTEST_NAME = 2
_SHOWN = str.maketrans({"\0": "␀", "\r": " "})


class CaseLine(NamedTuple):
    """One message. ``turn`` is its place in the chat; ``after_s``: seconds since the first message, None: no times."""

    turn: int
    role: str
    text: str
    after_s: float | None = None
    kind: str = "text"


class CaseNote(NamedTuple):
    """Why a sentence is good, or what went wrong with it. ``start`` None: the whole message is meant."""

    turn: int
    good: bool
    text: str
    start: int | None = None
    end: int | None = None


class Span(NamedTuple):
    """Characters of a message that look alike; ``notes``: numbers (from 1) of the notes on them, good or not."""

    text: str
    notes: tuple[int, ...] = ()
    good: bool = True


def freeze(chat: Chat) -> list[CaseLine]:
    """Return what a case keeps of a chat: every visible message with personal data hidden, and no name of anybody.

    >>> from qa.types import Message, Role
    >>> freeze(Chat("c", (Message(Role.CUSTOMER, "我电话13800138000"), Message(Role.AGENT, "x", private=True))))
    [CaseLine(turn=0, role='customer', text='我电话***********', after_s=None, kind='text')]
    """
    masked = mask_chat(chat, EXPORT)
    times = [one.at for one in masked.messages if one.at is not None]
    return [
        CaseLine(
            turn, one.role.value, _nameless(one.text, chat.agent.name).translate(_SHOWN),
            None if one.at is None else (one.at - times[0]) / MICROSECONDS, one.kind,
        )
        for turn, one in enumerate(masked.messages)
        if not one.private and not one.withdrawn
    ]  # fmt: skip


def _nameless(text: str, name: str | None) -> str:
    """Hide the name by which the agent introduces himself; a case is about what was said, not about who said it."""
    return text if name is None or len(name.strip()) < _SHORTEST_NAME else text.replace(name, "＊" * len(name))


def checked_notes(notes: Iterable[CaseNote], transcript: Sequence[CaseLine]) -> list[CaseNote]:
    """Return notes as they are kept, in the order of what they are about; those without words are left out.

    Raises:
        CaseError: a note is about a place that the transcript does not have, or there are too many.
    """
    texts = {one.turn: one.text for one in transcript}
    kept = []
    for note in notes:
        words = lines(note.text, "notes")
        if not words:
            continue
        said = texts.get(note.turn)
        if said is None:
            raise CaseError(Problem.NOTE, str(note.turn))
        start, end = note.start, note.end
        if start is None or end is None or not 0 <= start < end <= len(said):
            start = end = None
        kept.append(CaseNote(note.turn, note.good, words, start, end))
    if len(kept) > MOST_NOTES:
        raise CaseError(Problem.NOTE, str(MOST_NOTES))
    return sorted(kept, key=lambda one: (one.turn, -1 if one.start is None else one.start))


def checked_star(star: Mapping[str, str]) -> dict[str, str]:
    """Return the parts of a STAR note that say something, in their order."""
    return {part: text for part in STAR if (text := lines(star.get(part), part))}


def quote(note: CaseNote, transcript: Sequence[CaseLine]) -> str:
    """Return the words that a note is about."""
    said = next((one.text for one in transcript if one.turn == note.turn), "")
    return said if note.start is None else said[note.start : note.end]


def spans(one: CaseLine, notes: Sequence[CaseNote]) -> tuple[Span, ...]:
    """Return a message cut where a noted place begins or ends; notes count from 1 over the whole case.

    >>> spans(CaseLine(0, "agent", "马上为您查"), [CaseNote(0, True, "快", 0, 2)])
    (Span(text='马上', notes=(1,), good=True), Span(text='为您查', notes=(), good=True))
    """
    here = [
        (number, note, 0 if note.start is None else note.start, len(one.text) if note.end is None else note.end)
        for number, note in enumerate(notes, 1)
        if note.turn == one.turn
    ]
    edges = sorted({0, len(one.text), *(start for *_, start, _ in here), *(end for *_, end in here)})
    found = []
    for start, end in pairwise(edges):
        over = [(number, note) for number, note, first, last in here if first < end and last > start]
        good = all(note.good for _, note in over)
        found.append(Span(one.text[start:end], tuple(number for number, _ in over), good))
    return tuple(found)


def lines_of(stored: Iterable[Mapping[str, Any]]) -> list[CaseLine]:
    """Return a transcript as it is kept, as values."""
    return [CaseLine(**one) for one in stored]


def notes_of(stored: Iterable[Mapping[str, Any]]) -> list[CaseNote]:
    """Return notes as they are kept, as values."""
    return [CaseNote(**one) for one in stored]
