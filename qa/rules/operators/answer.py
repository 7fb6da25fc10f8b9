"""What the agent makes of the customer's turn: answers that are too short, that refuse, that leave something out."""

from __future__ import annotations

import re
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from qa.rules import quiet
from qa.rules.asking import Asked
from qa.rules.base import Judge, Judgement, Operator, Place, State, hit, miss, not_applicable
from qa.rules.batch import Batch, Flags
from qa.rules.bench import Bench
from qa.rules.exchanges import Answers, Exchange, answers_of, exchanges_of
from qa.rules.finder import Finder, Words, listed
from qa.rules.quiet import Glance, Known
from qa.rules.reasons import ASK, IS_HIT, MISSED
from qa.rules.view import View
from qa.text import Level, fold

_CODE = re.compile(r"#e-[a-z](?:[0-9]{1,4}|\[[^\]\n]{1,8}\])|\[(?:[一-鿿]{1,4}|[a-z]{2,12})\]")
"""Sticker codes; a log made anonymous has #E-s[…] for #E-s13."""


_FOLD, _SQUASH = Level.FOLD, Level.SQUASH


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
            exchanges = exchanges_of(view)
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
            answers = answers_of(batch)
            asked = (on or quiet.nothing_known)(batch) if self.on is not None else None
            concerned = answers.chat >= 0 if asked is None else answers.asked_in(asked.rows)
            made = self._made(batch, answers, concerned, has, lacks)
            chats = len(batch.views)
            states = np.where(np.bincount(answers.chat[made], minlength=chats) < self.at_least, MISSED, ASK)
            states = np.where(np.bincount(answers.chat[concerned], minlength=chats) > 0, states, none)
            if asked is not None:
                settled = np.where((asked.states == IS_HIT) & asked.placed, states, ASK)
                states = np.where((asked.states == IS_HIT) | (asked.states == ASK), settled, none)
            return quiet.unplaced(batch, states)

        return glance

    def _made(self, batch: Batch, answers: Answers, made: Flags, has: Finder | None, lacks: Finder | None) -> Flags:
        """Which of these answers may be of the kind, whatever they answer."""
        if self.max_chars is not None:
            made = made & (answers.letters <= self.max_chars)
        if lacks is not None:
            made = made & ~answers.having(batch.found(lacks.level, lacks.slot))
        if has is not None:
            places, _ = has.look(batch, answers.rows(made), every=True)
            made = made & answers.having(places)
        return made

    def _found(
        self, view: View, exchanges: list[Exchange], has: Finder | None, lacks: Finder | None
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

    def _short(self, view: View, one: Exchange) -> bool:
        return self.max_chars is None or not (one.shown or _longer(view, one, self.max_chars))

    def _looked_at(self, view: View, one: Exchange) -> bool:
        if self.to == "any":
            return True
        if one.asks is None:
            one.asks = any(view.asks(turn) for turn in one.asked)
        return one.asks == (self.to == "question")


def _whole(view: View, one: Exchange) -> list[Place]:
    return [(turn, 0, len(view.text(turn))) for turn in one.answer]


def _with(exchanges: list[Exchange], turns: set[int]) -> list[Exchange]:
    """The answers that have one of these turns."""
    return [one for one in exchanges if not turns.isdisjoint(one.answer)] if turns else []


def _texts(view: View, one: Exchange) -> tuple[int, ...]:
    """The turns of an answer that are made of text."""
    return tuple(turn for turn in one.answer if view.chat.messages[turn].kind == "text")


def _finder(bench: Bench, words: list[str], negated: bool, asked: Asked) -> Finder | None:
    if not words:
        return None
    return Finder(_FOLD, bench.phrases(_FOLD, words), negated=negated, quoted=negated, asked=asked)


def _turns_of(judgement: Judgement) -> set[int]:
    return {turn for turn, _, _ in judgement.places} if judgement.state is State.HIT else set()


def _longer(view: View, one: Exchange, most: int) -> bool:
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
