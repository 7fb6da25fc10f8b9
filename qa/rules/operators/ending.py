"""How a chat ends and is handed on: closed too soon, silence before the end, transfers in the middle of a question."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from qa.ledger import CLOSED, STICKER_KINDS, TRANSFER, Row
from qa.rules import quiet
from qa.rules.base import Judge, Judgement, Operator, Place, hit, miss, not_applicable
from qa.rules.batch import Batch, Flags
from qa.rules.bench import Bench
from qa.rules.quiet import Glance, Known, States
from qa.rules.reasons import ASK, IS_HIT, MISSED, Reasons
from qa.rules.timeline import Ends, ends_of, last_of, timeline_of
from qa.rules.view import View
from qa.rules.waits import Waits, waits_of
from qa.types import MICROSECONDS, Instant, Message, Role

_CUSTOMER, _AGENT, _BOT, _SYSTEM = Role.CUSTOMER, Role.AGENT, Role.BOT, Role.SYSTEM

_SPEAKERS = (_CUSTOMER, _AGENT, _BOT)


class PrematureClose(Operator):
    """The chat was closed while a question was unanswered, or within ``within`` seconds after the customer spoke.

    The close is the last ``closed`` event of the system, or the end the source gives. ``unanswered: false`` leaves out
    the first reason, no ``within`` the second; a courtesy of the customer's (谢谢, a sticker) is no turn to wait after.
    The customer's turn is quoted; the value is the seconds from it to the close. Not applicable without times, without
    a customer's turn before the close, or where nothing says when the chat was closed.

    Example: ``{premature_close: {within: 120}}``
    """

    name: ClassVar[str] = "premature_close"

    within: float | None = Field(default=None, gt=0)
    unanswered: bool = True

    @model_validator(mode="after")
    def _some_reason(self) -> Self:
        if self.within is None and not self.unanswered:
            raise ValueError("give within, or leave unanswered true")
        return self

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - times are not searched for words
        """Return the judge."""
        return self._judge

    def glance(self, bench: Bench) -> Glance:
        """Tell by the customer's last turn and the last wait; courtesies are looked up in full."""
        none, reasons = bench.reasons("no customer turn before the end"), bench.reasons

        def glance(batch: Batch) -> Known:
            told = waits_of(batch)
            ends = ends_of(batch)
            last, seconds = ends.last(_CUSTOMER)
            states = np.full(last.size, MISSED)
            if self.within is not None:
                states[seconds <= self.within] = ASK
            if self.unanswered:
                states[_left(told.waits, ends)] = IS_HIT
            return told.known(batch, _or_why_not(ends, reasons, np.where(last < 0, none, states)))

        return glance

    def _judge(self, view: View) -> Judgement:
        rows = _rows(view)
        if rows is None:
            return not_applicable("no times")
        end = _closed(view, rows)
        if end is None:
            return not_applicable("no end")
        last = next((row for row in reversed(rows) if row[2].role is _CUSTOMER and row[0] <= end), None)
        if last is None:
            return not_applicable("no customer turn before the end")
        at, turn, message = last
        seconds = (end - at) / MICROSECONDS
        waits = view.ledger.waits
        left = self.unanswered and bool(waits) and waits[-1].unanswered and waits[-1].opened_at <= end
        soon = self.within is not None and seconds <= self.within and not _courtesy(view, message)
        if not (left or soon):
            return miss((turn,), seconds)
        return hit(_whole(view, waits[-1].opened_turn if left and not soon else turn), value=seconds)


class SilenceBeforeEnd(Operator):
    """Nobody spoke for more than ``over`` seconds before the chat was closed; the last turn is quoted.

    The close is the last ``closed`` event of the system, or the end the source gives. ``role`` asks only of chats in
    which that side spoke last. The value is the silence in seconds. Not applicable without times, a turn or an end.

    Example: ``{silence_before_end: {over: 600, role: customer}}``
    """

    name: ClassVar[str] = "silence_before_end"

    over: float = Field(ge=0)
    role: Literal["customer", "agent", "bot", "any"] = "any"

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - times are not searched for words
        """Return the judge."""
        return self._judge

    def glance(self, bench: Bench) -> Glance:
        """Tell by the last turn."""
        none, reasons = bench.reasons("no turn before the end"), bench.reasons
        refused = {role: bench.reasons(_spoke_last(role)) for role in _SPEAKERS if self.role not in ("any", role)}

        def glance(batch: Batch) -> Known:
            ends = ends_of(batch)
            last, silence = ends.last(*_SPEAKERS)
            states = np.where(silence > self.over, IS_HIT, MISSED)
            for role, reason in refused.items():
                states[ends.last(role)[0] == last] = reason
            return quiet.unplaced(batch, _or_why_not(ends, reasons, np.where(last < 0, none, states)))

        return glance

    def _judge(self, view: View) -> Judgement:
        rows = _rows(view)
        if rows is None:
            return not_applicable("no times")
        end = _closed(view, rows)
        if end is None:
            return not_applicable("no end")
        last = next((row for row in reversed(rows) if row[2].role in _SPEAKERS and row[0] <= end), None)
        if last is None:
            return not_applicable("no turn before the end")
        at, turn, message = last
        if self.role not in ("any", message.role.value):
            return not_applicable(_spoke_last(message.role))
        silence = (end - at) / MICROSECONDS
        return hit(_whole(view, turn), value=silence) if silence > self.over else miss((turn,), silence)


class Handover(Operator):
    """A hand-over went wrong: it left a question ``unanswered``, or the next agent turn came ``over`` seconds later.

    ``by`` says who handed on: an agent who had spoken (default), only a bot so far, or any. With ``unanswered: true`` a
    hand-over counts when the customer was the last to speak, a courtesy aside. With ``over`` it counts when nobody took
    over in that many seconds, or at all; give one of the two. Each hand-over is quoted with the customer's last turn
    before it; the value is the longest time to the first agent turn, unknown where there is none. Not applicable
    without times or such a hand-over.

    Example: ``{handover: {over: 60}}``
    """

    name: ClassVar[str] = "handover"
    waits_for_kind: ClassVar[str | None] = TRANSFER

    unanswered: Literal[True] | None = None
    over: float | None = Field(default=None, ge=0)
    by: Literal["agent", "bot", "any"] = "agent"

    @model_validator(mode="after")
    def _one_fault(self) -> Self:
        if (self.unanswered is None) == (self.over is None):
            raise ValueError("give exactly one of unanswered, over")
        return self

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - times are not searched for words
        """Return the judge."""
        return self._judge

    def glance(self, bench: Bench) -> Glance:
        """Tell where there is none."""
        no_times, none = bench.reasons("no times"), bench.reasons("no hand-over")

        def glance(batch: Batch) -> Known:
            lines = timeline_of(batch)
            events = lines.transfers()
            begin = lines.first.take(lines.chat.take(events))
            by_agent, by_bot = (last_of(lines.by(role), events, begin) >= 0 for role in (_AGENT, _BOT))
            if self.by != "any":
                events = events[by_agent if self.by == "agent" else by_bot & ~by_agent]
            states = np.where(np.diff(lines.first) > 0, none, no_times)
            states[lines.chat.take(events)] = ASK
            return quiet.unplaced(batch, states)

        return glance

    def _judge(self, view: View) -> Judgement:
        rows = _rows(view)
        if rows is None:
            return not_applicable("no times")
        if TRANSFER not in view.kinds:
            return not_applicable("no hand-over")
        events = [i for i, (_, _, message) in enumerate(rows) if message.kind == TRANSFER and self._ours(rows[:i])]
        if not events:
            return not_applicable("no hand-over")
        gaps = [_seconds_to_agent(rows, i) for i in events]
        known = [gap for gap in gaps if gap is not None]
        value = max(known) if len(known) == len(gaps) else None
        if self.over is None:
            faults = [i for i in events if _owed(view, rows[:i])]
        else:
            limit = self.over
            faults = [i for i, gap in zip(events, gaps, strict=True) if gap is None or gap > limit]
        if not faults:
            return miss(tuple(rows[i][1] for i in events), value)
        turns = {turn for i in faults for turn in (rows[i][1], _last_customer(rows[:i]))}
        return hit(_whole(view, *sorted(turn for turn in turns if turn is not None)), value=value)

    def _ours(self, before: list[Row]) -> bool:
        roles = {message.role for _, _, message in before}
        by_agent = _AGENT in roles
        return self.by == "any" or (by_agent if self.by == "agent" else _BOT in roles and not by_agent)


def _left(waits: Waits, ends: Ends) -> Flags:
    """Chats whose last wait opened before the end and is unanswered."""
    left = waits.exist.copy()
    last = waits.first[1:][left] - 1
    left[left] = ~waits.answered.take(last) & (waits.opened_at.take(last) <= ends.at[left])
    return left


def _or_why_not(ends: Ends, reasons: Reasons, states: States) -> States:
    """These states, where chats have times and an end."""
    return np.where(ends.spoken, np.where(ends.known, states, reasons("no end")), reasons("no times"))


def _spoke_last(role: Role) -> str:
    return f"the {role.value} spoke last"


def _rows(view: View) -> list[Row] | None:
    """What was said and the system's events, in order of time; None when something has no time (as in the ledger)."""
    return view.rows or None


def _closed(view: View, rows: list[Row]) -> Instant | None:
    """When the chat was closed: by the system's last event, or as the source says."""
    if CLOSED in view.kinds:
        events = [at for at, _, message in rows if message.role is _SYSTEM and message.kind == CLOSED]
        if events:
            return events[-1]
    return view.chat.ended_at


def _seconds_to_agent(rows: list[Row], event: int) -> float | None:
    later = (at for at, _, message in rows[event + 1 :] if message.role is _AGENT)
    answered = next(later, None)
    return None if answered is None else (answered - rows[event][0]) / MICROSECONDS


def _last_customer(rows: list[Row]) -> int | None:
    return next((turn for _, turn, message in reversed(rows) if message.role is _CUSTOMER), None)


def _owed(view: View, rows: list[Row]) -> bool:
    """Whether the customer has spoken since the agent or the bot last did, and not only in courtesy."""
    for _, _, message in reversed(rows):
        if message.role in (_AGENT, _BOT):
            return False
        if message.role is _CUSTOMER and not _courtesy(view, message):
            return True
    return False


def _courtesy(view: View, message: Message) -> bool:
    return message.kind in STICKER_KINDS or view.context.ledger.courtesy(message.text)


def _whole(view: View, *turns: int) -> tuple[Place, ...]:
    return tuple((turn, 0, len(view.text(turn))) for turn in turns)
