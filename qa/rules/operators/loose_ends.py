"""Threads that were taken up too late or not at all: a promise to be back, a customer who came back."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from qa.ledger import STICKER_KINDS, TRANSFER, WaitKind
from qa.rules import quiet
from qa.rules.base import Judge, Judgement, Operator, hit, miss, not_applicable
from qa.rules.bench import Bench
from qa.rules.quiet import Glance
from qa.rules.reasons import ASK
from qa.rules.view import View
from qa.types import Message, Role

_CUSTOMER, _AGENT, _BOT = Role.CUSTOMER, Role.AGENT, Role.BOT

_REOPENED = WaitKind.REOPENED

_ANSWERS = frozenset([_AGENT, _BOT])


class LeftHolding(Operator):
    """The last thing the agent said is a holding phrase (稍等, 我查一下), and nobody ever came back.

    Told by the word list ``holding`` and the order of the turns, so it needs no times. The holding phrases since the
    last answer are quoted; the value is the number of turns the customer wrote after the last of them. Anything else of
    an agent's or a bot's after it (a picture too) is an answer, a sticker is none; a hand-over after it means that
    somebody else was to answer. Not applicable without an agent's text turn.

    Example: ``{left_holding: {}}``
    """

    name: ClassVar[str] = "left_holding"

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - the ledger's word list decides
        """Return the judge."""
        return self._judge

    def glance(self, bench: Bench) -> Glance:
        """Tell by asking, which takes no longer."""
        return quiet.asked_of(self._judge, bench.reasons)

    def _judge(self, view: View) -> Judgement:
        if not view.turns_of(_AGENT):
            return not_applicable("no agent turn")
        holding, waiting = view.context.ledger.holding, 0
        held: list[int] = []
        for turn, message in reversed(list(enumerate(view.chat.messages))):
            if message.withdrawn or message.private or message.kind in STICKER_KINDS:
                continue
            if message.kind == TRANSFER and not held:
                return miss()
            if message.role is _CUSTOMER:
                waiting += not held
            if message.role not in _ANSWERS:
                continue
            if not _holds(message, holding(message.text)):
                break
            held.append(turn)
        places = tuple((turn, 0, len(view.text(turn))) for turn in reversed(held))
        return hit(places, value=float(waiting)) if held else miss()


class ReopenedWait(Operator):
    """A customer who came back after the chat had gone quiet waited ``over`` seconds for an answer.

    The first wait of every later sitting (docs/ledger.md); ``until: response`` measures to the agent's next turn,
    ``until: substantive`` (default) skips holding phrases. The value is the longest of these waits in seconds. Not
    applicable without times or an answered, counted wait of this kind.

    Example: ``{reopened_wait: {over: 180}}``
    """

    name: ClassVar[str] = "reopened_wait"

    over: float = Field(ge=0)
    until: Literal["response", "substantive"] = "substantive"

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - a wait searches for no words
        """Return the judge."""
        return self._judge

    def glance(self, bench: Bench) -> Glance:
        """Tell where nobody came back."""
        none, reasons = bench.reasons("no answered wait of a customer who came back"), bench.reasons

        def state(view: View) -> int:
            ledger = view.ledger
            if ledger.not_applicable:
                return reasons(ledger.not_applicable)
            return ASK if any(wait.kind is _REOPENED for wait in ledger.waits) else none

        return lambda batch: quiet.by_reason(batch, [state(view) for view in batch.views])

    def _judge(self, view: View) -> Judgement:
        ledger = view.ledger
        if ledger.not_applicable:
            return not_applicable(ledger.not_applicable)
        waits = [
            (wait.response_s if self.until == "response" else wait.substantive_s, wait.opened_turn)
            for wait in ledger.waits
            if wait.kind is WaitKind.REOPENED and wait.counted
        ]
        known = [(seconds, turn) for seconds, turn in waits if seconds is not None]
        if not known:
            return not_applicable("no answered wait of a customer who came back")
        longest = max(seconds for seconds, _ in known)
        late = tuple((turn, 0, len(view.text(turn))) for seconds, turn in known if seconds > self.over)
        return hit(late, value=longest) if late else miss(value=longest)


def _holds(message: Message, holds: bool) -> bool:
    return message.role is _AGENT and message.kind == "text" and holds
