"""What the agent makes of the customer's turn: answers that are too short, that refuse, that leave something out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from qa.ledger import STICKER_KINDS
from qa.rules import quiet
from qa.rules.asking import Asked
from qa.rules.base import Judge, Judgement, Operator, Place, State, hit, miss, not_applicable
from qa.rules.batch import MANY, Batch, Flags, Numbers
from qa.rules.bench import Bench
from qa.rules.columns import stands_in
from qa.rules.finder import Finder, Words, listed
from qa.rules.quiet import Glance, Known
from qa.rules.reasons import ASK, IS_HIT, MISSED
from qa.rules.scoping import counts, ordinals, role_rows
from qa.rules.view import View
from qa.text import Level, fold
from qa.types import Role

_CODE = re.compile(r"#e-[a-z](?:[0-9]{1,4}|\[[^\]\n]{1,8}\])|\[(?:[一-鿿]{1,4}|[a-z]{2,12})\]")
"""Sticker codes; a log made anonymous has #E-s[…] for #E-s13."""


_FOLD, _SQUASH = Level.FOLD, Level.SQUASH
_CUSTOMER, _AGENT, _BOT, _SYSTEM = Role.CUSTOMER, Role.AGENT, Role.BOT, Role.SYSTEM


@dataclass(slots=True)
class _Exchange:
    """What the customer wrote, and what the agent wrote until the customer's next turn."""

    asked: list[int] = field(default_factory=list)
    answer: list[int] = field(default_factory=list)
    shown: bool = False
    """Whether the agent also sent what is no text: a picture, a card, a file."""
    asks: bool | None = None
    """Whether the customer asked; None until somebody wants to know."""
    size: int | None = None
    """Letters and digits of the answer, sticker codes read as words; None until somebody wants to know."""


class Answer(Operator):
    """``at_least`` so many answers of the agent's are of this kind; each is quoted, and the value is their number.

    An answer is all that the agent writes between two turns of the customer's. ``to: question`` looks only at answers
    to turns that ask, ``to: other`` only at those to turns that do not; ``on`` only at answers to turns in which that
    condition of ``let`` is hit. Of these count the answers with a word of ``has`` / ``has_list``, with none of
    ``lacks`` / ``lacks_list``, and of ``max_chars`` letters and digits or fewer, whichever of the three are given.
    Sticker codes and stickers are no letters, so ``max_chars: 0`` is nothing but stickers; an answer with a picture or
    a card is never short. ``negated`` and ``asked`` are those of ``keywords``, for ``has``; what an answer lacks is
    looked for everywhere in it. Not applicable without any answer, or any to ``on``.

    Example: ``{answer: {to: question, has: [不行, 不能], lacks: [建议, 可以], max_chars: 15}}``
    """

    name: ClassVar[str] = "answer"

    to: Literal["any", "question", "other"] = "any"
    on: str | None = None
    has: Words = ()
    has_list: tuple[str, ...] = ()
    lacks: Words = ()
    lacks_list: tuple[str, ...] = ()
    max_chars: int | None = Field(default=None, ge=0)
    at_least: int = Field(default=1, ge=1)
    negated: bool = False
    asked: Asked = "count"

    @model_validator(mode="after")
    def _something_asked(self) -> Self:
        if not (self.has or self.has_list or self.lacks or self.lacks_list) and self.max_chars is None:
            raise ValueError("give has, lacks, max_chars or several of them")
        return self

    def compile(self, bench: Bench) -> Judge:
        """Return the judge."""
        bench.folds(_SQUASH)
        on = bench.named(self.on) if self.on is not None else None
        has = _finder(bench, [*self.has, *listed(bench, self.has_list)], self.negated, self.asked)
        lacks = _finder(bench, [*self.lacks, *listed(bench, self.lacks_list)], negated=True, asked="count")

        def judge(view: View) -> Judgement:
            exchanges = _exchanges(view)
            if on is not None:
                turns = _turns_of(on(view))
                exchanges = [one for one in exchanges if not turns.isdisjoint(one.asked)] if turns else []
            if not exchanges:
                return not_applicable(f"no answer to {self.on}" if self.on else "no answer")
            found = self._found(view, exchanges, has, lacks)
            value = float(len(found))
            if len(found) < self.at_least:
                return miss(tuple([turn for one in exchanges for turn in one.answer]), value)
            return hit(tuple(place for places in found for place in places), value=value)

        return judge

    def glance(self, bench: Bench) -> Glance:
        """Tell by the letters of the answers and the words in them whether there can be so many."""
        on = bench.glances.get(bench.named(self.on)) if self.on is not None else None
        has = _finder(bench, [*self.has, *listed(bench, self.has_list)], self.negated, self.asked)
        lacks = _finder(bench, [*self.lacks, *listed(bench, self.lacks_list)], negated=True, asked="count")
        none = bench.reasons(f"no answer to {self.on}" if self.on else "no answer")

        def glance(batch: Batch) -> Known:
            answers = batch.keep("answers", lambda: _answers(batch))
            chat, made = answers.chat, np.ones(answers.chat.size, bool)
            if self.max_chars is not None:
                made &= answers.letters <= self.max_chars
            if has is not None:
                made &= answers.having(batch, has)
            if lacks is not None:
                made &= ~answers.having(batch, lacks)
            chats = len(batch.views)
            states = np.where(np.bincount(chat[made], minlength=chats) < self.at_least, MISSED, ASK)
            states = np.where(np.bincount(chat, minlength=chats) > 0, states, none)
            if self.on is None:
                return quiet.unplaced(batch, states)
            asked = (on or quiet.nothing_known)(batch).states
            known = np.where(asked == IS_HIT, np.where(states == none, none, ASK), none)
            return quiet.unplaced(batch, np.where(asked == ASK, ASK, known))

        return glance

    def _found(
        self, view: View, exchanges: list[_Exchange], has: Finder | None, lacks: Finder | None
    ) -> list[list[Place]]:
        """What is quoted of each answer of the kind; what was asked is looked at last, as it costs the most."""
        if has is not None:
            exchanges = _with(exchanges, has.said_in(view))
        made = []
        for one in exchanges:
            if self._short(view, one):
                turns = _texts(view, one)
                places = _whole(view, one) if has is None else has(view, turns)
                if places and not (lacks and lacks.occurs(view, turns)) and self._looked_at(view, one):
                    made.append(places)
        return made

    def _short(self, view: View, one: _Exchange) -> bool:
        return self.max_chars is None or not (one.shown or _longer(view, one, self.max_chars))

    def _looked_at(self, view: View, one: _Exchange) -> bool:
        if self.to == "any":
            return True
        if one.asks is None:
            one.asks = any(view.asks(turn) for turn in one.asked)
        return one.asks == (self.to == "question")


def _whole(view: View, one: _Exchange) -> list[Place]:
    return [(turn, 0, len(view.text(turn))) for turn in one.answer]


def _with(exchanges: list[_Exchange], turns: set[int]) -> list[_Exchange]:
    """The answers that have one of these turns."""
    return [one for one in exchanges if not turns.isdisjoint(one.answer)] if turns else []


def _texts(view: View, one: _Exchange) -> tuple[int, ...]:
    """The turns of an answer that are made of text."""
    return tuple(turn for turn in one.answer if view.chat.messages[turn].kind == "text")


def _finder(bench: Bench, words: list[str], negated: bool, asked: Asked) -> Finder | None:
    if not words:
        return None
    return Finder(_FOLD, bench.phrases(_FOLD, words), negated=negated, quoted=negated, asked=asked)


def _turns_of(judgement: Judgement) -> set[int]:
    return {turn for turn, _, _ in judgement.places} if judgement.state is State.HIT else set()


def _exchanges(view: View) -> list[_Exchange]:
    """Every answer with what it answers; computed once a chat."""
    known: list[_Exchange] | None = view.judged.get("exchanges")
    if known is None:
        known = view.judged["exchanges"] = _paired(view)
    return known


def _paired(view: View) -> list[_Exchange]:
    exchanges: list[_Exchange] = []
    current = _Exchange()
    for turn, message in enumerate(view.chat.messages):
        role = message.role
        if role is _SYSTEM or message.withdrawn or message.private:
            continue
        text = message.kind == "text"
        if role is not _AGENT:  # what a bot says ends an answer, and asks for none
            if current.answer:
                exchanges.append(current)
            if current.answer or role is _BOT:
                current = _Exchange()
            if text and role is _CUSTOMER:
                current.asked.append(turn)
        elif current.asked:
            if text or message.kind in STICKER_KINDS:
                current.answer.append(turn)
            else:
                current.shown = True
    return [*exchanges, current] if current.answer else exchanges


class _Answers(NamedTuple):
    """The answers of many chats, numbered: the chat of each, and its letters at least."""

    chat: Numbers
    letters: Numbers
    of_row: Numbers
    """Row → the answer it belongs to, one more than there are where it belongs to none."""

    def having(self, batch: Batch, words: Finder) -> Flags:
        """Which answers have one of these words."""
        there = np.zeros(self.chat.size + 1, bool)
        there[self.of_row.take(batch.found(words.level, words.slot).row)] = True
        return there[:-1]


def _answers(batch: Batch) -> _Answers:
    plain = _plain(batch)
    chat, row, answer = _runs(batch, plain.take(batch.chat))
    exchanges = [
        (which, one.answer) for which in (~plain).nonzero()[0].tolist() for one in _exchanges(batch.views[which])
    ]
    more, rows, of = _listed(batch, exchanges)
    of += chat.size
    chat, row, answer = np.append(chat, more), np.append(row, rows), np.append(answer, of)
    of_row = np.full(batch.turn.size, chat.size)
    of_row[row] = answer
    letters = np.where(stands_in(batch, "[#"), 0, batch.letters(_SQUASH))  # as there may be sticker codes
    return _Answers(chat, np.bincount(answer, letters.take(row), minlength=chat.size), of_row)


def _plain(batch: Batch) -> Flags:
    """Chats in which customer and agent wrote everything, and every message is a row."""
    messages = np.array([len(view.chat.messages) for view in batch.views])
    of_two = role_rows(batch, _CUSTOMER) | role_rows(batch, _AGENT)
    told: Flags = (messages == np.diff(batch.first)) & (messages == counts(batch, of_two))
    return told


def _runs(batch: Batch, rows: Flags) -> tuple[Numbers, Numbers, Numbers]:
    """The answers of plain chats: the chat of each; their rows, and which answer a row belongs to.

    There an answer is what the agent writes between two turns of the customer's.
    """
    asked = ordinals(batch, role_rows(batch, _CUSTOMER)) > 0
    (row,) = (rows & role_rows(batch, _AGENT) & asked).nonzero()
    begins = np.diff(row, prepend=-1) != 1  # between two chats stands the first turn of a customer's
    return batch.chat.take(row[begins]), row, begins.cumsum() - 1


def _listed(batch: Batch, exchanges: list[tuple[int, list[int]]]) -> tuple[Numbers, Numbers, Numbers]:
    """The same of answers given by chat and turns; a sticker is no row."""
    chats = np.array([chat for chat, _ in exchanges], np.int64)
    sizes = [len(turns) for _, turns in exchanges]
    turn = np.array([turn for _, turns in exchanges for turn in turns], np.int64)
    row = np.minimum(batch.rows_at(np.repeat(chats, sizes) * MANY + turn), batch.turn.size - 1)
    text = batch.turn.take(row) == turn
    return chats, row[text], np.repeat(np.arange(chats.size), sizes)[text]


def _longer(view: View, one: _Exchange, most: int) -> bool:
    """Whether the answer has more letters and digits than that; a sticker has none, whatever its text says."""
    folded = view.folded(_SQUASH)
    if one.size is None:
        one.size = sum([len(folded[turn]) for turn in one.answer if turn in folded])
    if one.size <= most:
        return False
    if not view.coded:
        return True
    texts = [turn for turn in one.answer if turn in folded]
    codes = [turn for turn in texts if "[" in view.text(turn) or "#" in view.text(turn)]
    if not codes:
        return True
    return sum(_letters(view, turn) if turn in codes else len(folded[turn]) for turn in texts) > most


def _letters(view: View, turn: int) -> int:
    return len(fold(_CODE.sub(" ", view.folded(_FOLD)[turn]), _SQUASH))
