"""What the agent answered to what: of one chat, and of many in columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from qa.ledger import STICKER_KINDS
from qa.rules.batch import MANY, Batch, Flags, Numbers, Places
from qa.rules.columns import stands_in
from qa.rules.view import View
from qa.text import Level
from qa.types import Message, Role

_SQUASH = Level.SQUASH
_CUSTOMER, _AGENT, _BOT, _SYSTEM = Role.CUSTOMER, Role.AGENT, Role.BOT, Role.SYSTEM


@dataclass(slots=True)
class Exchange:
    """What the customer wrote, and what the agent wrote until the customer's next turn."""

    asked: list[int] = field(default_factory=list)
    answer: list[int] = field(default_factory=list)
    shown: bool = False
    """Whether the agent also sent what is no text: a picture, a card, a file."""
    asks: bool | None = None
    """Whether the customer asked; None until somebody wants to know."""
    size: int | None = None
    """Letters and digits of the answer, sticker codes read as words; None until somebody wants to know."""


def exchanges_of(view: View) -> list[Exchange]:
    """Every answer with what it answers; computed once a chat."""
    known: list[Exchange] | None = view.judged.get("exchanges")
    if known is None:
        known = view.judged["exchanges"] = _paired(view)
    return known


def _paired(view: View) -> list[Exchange]:
    exchanges: list[Exchange] = []
    current = Exchange()
    for turn, message in enumerate(view.chat.messages):
        if _unread(message):
            continue
        role, text = message.role, message.kind == "text"
        if role is not _AGENT:  # what a bot says ends an answer, and asks for none
            if current.answer:
                exchanges.append(current)
            if current.answer or role is _BOT:
                current = Exchange()
            if text and role is _CUSTOMER:
                current.asked.append(turn)
        elif current.asked:
            if text or message.kind in STICKER_KINDS:
                current.answer.append(turn)
            else:
                current.shown = True
    return [*exchanges, current] if current.answer else exchanges


def _unread(message: Message) -> bool:
    return message.role is _SYSTEM or message.withdrawn or message.private


class Answers(NamedTuple):
    """The answers of many chats, numbered: the chat of each, and its letters at least."""

    chat: Numbers
    letters: Numbers
    of_row: Numbers
    """Row → the answer it belongs to, one more than there are where it belongs to none."""
    to_row: Numbers
    """Row → the answer that it gets, in the same way."""

    def rows(self, which: Flags) -> Flags:
        """The rows of these answers."""
        return np.append(which, False).take(self.of_row)

    def having(self, places: Places) -> Flags:
        """Which answers have one of these places."""
        return self._named(self.of_row.take(places.row))

    def asked_in(self, rows: Flags) -> Flags:
        """Which answers are to one of these rows."""
        return self._named(self.to_row[rows])

    def _named(self, answers: Numbers) -> Flags:
        there = np.zeros(self.chat.size + 1, bool)
        there[answers] = True
        return there[:-1]


def answers_of(batch: Batch) -> Answers:
    """The answers of a batch; computed once."""
    return batch.keep("answers", lambda: _answers(batch))


def _answers(batch: Batch) -> Answers:
    said = _said(batch)
    at, row = np.arange(said.key.size), said.row
    last_asked = _last(said.what == _ASKS, at)
    answers = (said.what == _ANSWERS) | (said.what == _STICKER)
    ends = (said.what == _BOT_SAYS) | ((said.what == _SHOWS) & (_last(answers, at) > last_asked))
    begin = said.key.searchsorted(said.key // MANY * MANY - 1)  # of its chat; one without turns has turn -1
    ended = np.maximum(_last(ends, at), begin - 1)
    answers &= last_asked > ended
    first = answers & (np.concatenate(([-1], _last(answers, at)[:-1])) < last_asked)
    (begins,) = first.nonzero()
    number = first.cumsum()
    of = np.where(answers, number - 1, begins.size)
    unended = np.append(ended.take(begins), at.size).take(number) < at  # nothing ends between it and the next answer
    to = np.where((said.what == _ASKS) & unended, number, begins.size)
    (rows,) = (row >= 0).nonzero()
    of_row, to_row = of.take(rows), to.take(rows)
    letters = np.where(stands_in(batch, "[#"), 0, batch.letters(_SQUASH))  # as there may be sticker codes
    return Answers(
        said.key.take(begins) // MANY, np.bincount(of_row, letters, minlength=begins.size + 1)[:-1], of_row, to_row
    )


def _last(flags: Flags, at: Numbers) -> Numbers:
    """The last place up to each where the flag is set, -1 before the first."""
    last: Numbers = np.maximum.accumulate(np.where(flags, at, -1))
    return last


class _Said(NamedTuple):
    """All messages that are read, in order: the key and the row of each (-1: none), and who says what."""

    key: Numbers
    row: Numbers
    what: Numbers


_ASKS, _ANSWERS, _BOT_SAYS, _STICKER, _SHOWS, _NOTHING = range(6)
_SAYS = {_CUSTOMER: _ASKS, _AGENT: _ANSWERS, _BOT: _BOT_SAYS}
"""What a turn of text is."""


def _said(batch: Batch) -> _Said:
    """The rows, and what else customer, agent and bot have sent."""
    what = np.full(batch.turn.size, _NOTHING)
    for role, number in _SAYS.items():
        what[batch.rows_of(role)] = number
    rows = np.arange(batch.turn.size)
    more = _without_text(batch)
    if not more:
        return _Said(batch.keys, rows, what)
    keys, others = np.array(more).T
    key = np.append(batch.keys, keys)
    order = key.argsort(kind="stable")
    row = np.append(rows, np.full(keys.size, -1))
    return _Said(key.take(order), row.take(order), np.append(what, others).take(order))


def _without_text(batch: Batch) -> list[tuple[int, int]]:
    """What was sent that is no text, by key."""
    told = zip(batch.views, np.diff(batch.first).tolist(), strict=True)
    return [
        (chat * MANY + turn, _sends(message))
        for chat, (view, rows) in enumerate(told)
        if len(view.chat.messages) != rows
        for turn, message in enumerate(view.chat.messages)
        if message.kind != "text" and not _unread(message)
    ]


def _sends(message: Message) -> int:
    if message.role is not _AGENT:
        return _BOT_SAYS if message.role is _BOT else _SHOWS
    return _STICKER if message.kind in STICKER_KINDS else _NOTHING
