"""Threads that were taken up too late or not at all: a promise to be back, a customer who came back."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from qa.ledger import STICKER_KINDS, TRANSFER, WaitKind
from qa.rules import quiet
from qa.rules.base import Judge, Judgement, Operator, hit, miss, not_applicable
from qa.rules.batch import Batch
from qa.rules.bench import Bench
from qa.rules.quiet import Glance, Known
from qa.rules.reasons import ASK, IS_HIT, MISSED
from qa.rules.view import View
from qa.rules.waits import waits_of
from qa.types import Role

_CUSTOMER, _AGENT, _BOT = Role.CUSTOMER, Role.AGENT, Role.BOT

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
        none = bench.reasons("no agent turn")

        def state(view: View) -> int:
            if not view.has(_AGENT, 1):
                return none
            held, _ = _held(view)
            return IS_HIT if held else MISSED

        return quiet.each(state)

    def _judge(self, view: View) -> Judgement:
        if not view.has(_AGENT, 1):
            return not_applicable("no agent turn")
        held, waiting = _held(view)
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

        def glance(batch: Batch) -> Known:
            told = waits_of(batch)
            states = told.no_ledger(reasons)
            states[states == 0] = none
            came_back = told.waits.chat[told.waits.reopened]
            states[came_back[~told.waits.one_sided.take(came_back)]] = ASK
            return told.known(batch, states)

        return glance

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


def _held(view: View) -> tuple[list[int], int]:
    """The holding phrases since the last answer, the last one first, and the customer's turns after that.

    None where somebody was handed on to.
    """
    messages, holding, waiting = view.chat.messages, view.context.ledger.holding, 0
    held: list[int] = []
    for turn in range(len(messages) - 1, -1, -1):
        message = messages[turn]
        if message.withdrawn or message.private or message.kind in STICKER_KINDS:
            continue
        if message.kind == TRANSFER and not held:
            break
        if message.role is _CUSTOMER:
            waiting += not held
        elif message.role in _ANSWERS:
            if message.role is not _AGENT or message.kind != "text" or not holding(message.text):
                break
            held.append(turn)
    return held, waiting
