"""The shape of a chat: how many turns, how short, who speaks last, how often it was handed on."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from qa.ledger import TRANSFER
from qa.rules import quiet
from qa.rules.base import MISSED, Judge, Judgement, Operator, Scoped, Weigh, hit, miss, not_applicable
from qa.rules.batch import Batch, Flags
from qa.rules.bench import Bench
from qa.rules.quiet import Known, Look
from qa.rules.scoping import counts
from qa.rules.view import View
from qa.text import Level
from qa.types import Role

_SQUASH = Level.SQUASH
_SYSTEM = Role.SYSTEM


class ShortReplies(Scoped):
    """``at_least`` so many turns in scope of no more than ``max_chars`` letters and digits (stickers do not count).

    Example: ``{short_replies: {max_chars: 1, at_least: 2}}``
    """

    name: ClassVar[str] = "short_replies"

    max_chars: int = Field(ge=1)
    at_least: int = Field(default=1, ge=1)

    def weigh(self, bench: Bench) -> Weigh:
        """Return how given turns are judged."""
        bench.folds(_SQUASH)

        def judge(view: View, scope: tuple[int, ...]) -> Judgement:
            folded = view.folded(_SQUASH)
            short = [turn for turn in scope if 1 <= len(folded[turn]) <= self.max_chars]
            if len(short) < self.at_least:
                return miss(scope)
            return hit(tuple((turn, 0, len(view.text(turn))) for turn in short), value=float(len(short)))

        return judge

    def look(self, bench: Bench) -> Look:
        """Tell by the turns' lengths."""
        bench.folds(_SQUASH)

        def look(batch: Batch, rows: Flags) -> Known:
            letters = batch.letters(_SQUASH)
            (short,) = (rows & (letters >= 1) & (letters <= self.max_chars)).nonzero()
            return quiet.found(batch, short, short < 0, self.at_least)

        return look


class TurnCount(Scoped):
    """The number of turns in scope is ``at_least`` and/or ``at_most`` a number; no turn is the number 0.

    Example: ``{turns: {role: agent, at_least: 3}}``
    """

    name: ClassVar[str] = "turns"
    by_turn: ClassVar[bool] = False
    counts_none: ClassVar[bool] = True

    at_least: int | None = Field(default=None, ge=0)
    at_most: int | None = Field(default=None, ge=0)

    def without_anchor(self) -> Judgement | None:
        """Return a miss where no turn is too few."""
        return MISSED if self.at_least else None

    @model_validator(mode="after")
    def _limited(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_most < self.at_least:
            raise ValueError("at_most is less than at_least")
        return self

    def weigh(self, bench: Bench) -> Weigh:  # noqa: ARG002 - no words are searched
        """Return how given turns are judged."""

        def judge(view: View, found: tuple[int, ...]) -> Judgement:
            enough = self.at_least is None or len(found) >= self.at_least
            few = self.at_most is None or len(found) <= self.at_most
            value = float(len(found))
            return hit(view.whole(found), value=value) if enough and few else miss(found, value=value)

        return judge

    def look(self, bench: Bench) -> Look:  # noqa: ARG002 - no words are searched
        """Tell by the number of turns."""

        def look(batch: Batch, rows: Flags) -> Known:
            number = counts(batch, rows)
            enough = number >= (self.at_least or 0)
            if self.at_most is not None:
                enough &= number <= self.at_most
            return Known(quiet.told(batch, enough, ~enough).states, rows, number > 0)

        return look


class Transfers(Operator):
    """The chat was handed on ``at_least`` so many times; each is quoted.

    A hand-over is a system message of kind ``transfer`` that was neither withdrawn nor private, as in the ledger.

    Example: ``{transfers: {at_least: 3}}``
    """

    name: ClassVar[str] = "transfers"
    waits_for_kind: ClassVar[str | None] = TRANSFER
    without_kind: ClassVar[Judgement | None] = MISSED

    at_least: int = Field(ge=1)

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - events are not searched for words
        """Return the judge."""

        def judge(view: View) -> Judgement:
            messages = view.chat.messages
            events = [
                turn
                for turn, message in enumerate(messages)
                if message.kind == TRANSFER and message.role is _SYSTEM and not (message.withdrawn or message.private)
            ]
            if len(events) < self.at_least:
                return miss(value=float(len(events)))
            return hit(tuple((turn, 0, len(messages[turn].text)) for turn in events), value=float(len(events)))

        return judge


class LastSpeaker(Operator):
    """The last text turn of the chat ``is`` of this role; what the system writes does not count as speaking.

    Example: ``{last_speaker: {is: customer}}``
    """

    name: ClassVar[str] = "last_speaker"

    is_: Literal["customer", "agent", "bot"] = Field(alias="is")

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - no words are searched
        """Return the judge."""

        def judge(view: View) -> Judgement:
            messages = view.chat.messages
            last = next((turn for turn in reversed(view.turns) if messages[turn].role is not _SYSTEM), None)
            if last is None:
                return not_applicable("no turn")
            if messages[last].role.value != self.is_:
                return miss((last,))
            return hit(((last, 0, len(view.text(last))),))

        return judge
