"""The timing ledger: every wait of a customer for a person, and the figures drawn from the waits.

One definition for every response time in the product. What the words mean:

* *visible* are the messages of customer, agent and bot that were neither withdrawn nor private, and the system messages
  of kind ``transfer`` and ``closed`` (events). Everything else does not exist here, its missing time included.
* a *sitting* ends with a ``closed`` event or a silence of more than ``reopen_after_s`` between two visible messages;
  with business hours set, the silence is counted in business time.
* a bot *serves* a sitting when it speaks before the sitting's first agent turn, or served when the sitting before ended
  (no person has spoken since). Only then is a ``transfer`` event a hand-over; it must precede the sitting's first agent
  turn, later ones are transfers between people. A hand-over to a person who never speaks leaves an unanswered wait.
* with business hours set, an answered wait that lies wholly outside them has 0 seconds and is *left out* of every
  figure, the first response time included. An unanswered wait is never left out: nobody answered in the morning either.
* the *complete answer* is given by the last agent turn before the customer's closing courtesy, which is the first
  courtesy after the customer's last question made while nothing is owed; without one, by the sitting's last agent turn.
  It is None when the first wait's sitting ends with a wait or a substantive answer still open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from enum import StrEnum
from math import fsum
from operator import itemgetter
from typing import Any

import msgspec

from qa.hours import Hours, contains, iso_local, microseconds_inside
from qa.types import MICROSECONDS, Chat, Instant, Message, Role

OFF_HOURS = "off hours"
NO_TIMES = "no times"
ONE_SIDED = "one-sided"
TRANSFER = "transfer"
CLOSED = "closed"
STICKER_KINDS = frozenset({"sticker", "emoji", "emotion"})
"""Message kinds that are stickers whatever their text: a customer's sticker is a courtesy."""

Row = tuple[Instant, int, Message]
"""When, at which turn, what."""
_Place = tuple[Instant, int]
"""When and at which turn."""
_CUSTOMER, _AGENT, _BOT, _SYSTEM = Role.CUSTOMER, Role.AGENT, Role.BOT, Role.SYSTEM
_EVENTS = frozenset([TRANSFER, CLOSED])


class WaitKind(StrEnum):
    """``first``: the chat's first wait; ``reopened``: a later sitting's first; ``next``: all others."""

    FIRST = "first"
    NEXT = "next"
    REOPENED = "reopened"


_NEXT = WaitKind.NEXT


class Wait(msgspec.Struct, frozen=True, gc=False):
    """One wait of the customer for a person. Seconds are inside business hours where those are set.

    ``closed_turn`` is the agent turn that answered (None: unanswered); ``substantive_turn`` the first one from there on
    that did more than hold. ``counted`` waits enter averages and rates; ``left_out`` says why an answered one does not.
    """

    kind: WaitKind
    opened_turn: int
    opened_at: Instant
    closed_turn: int | None = None
    response_s: float | None = None
    substantive_turn: int | None = None
    substantive_s: float | None = None
    counted: bool = False
    left_out: str | None = None
    unanswered: bool = False


class Ledger(msgspec.Struct, frozen=True):
    """All waits of a chat in order, and the figures; seconds, None where a figure does not exist.

    ``not_applicable`` is None, ``no times`` (a visible message has no time: nothing is known) or ``one-sided``
    (customer or agent never spoke: only ``unanswered`` and the rates apply). The complete answer runs from the opening
    of ``waits[0]`` to ``complete_turn``.
    """

    waits: tuple[Wait, ...] = ()
    first_response_s: float | None = None
    first_substantive_s: float | None = None
    average_response_s: float | None = None
    longest_wait_s: float | None = None
    within_180_rate: float | None = None
    unanswered: int | None = None
    complete_answer_s: float | None = None
    complete_turn: int | None = None
    not_applicable: str | None = None

    def within_rate(self, seconds: float) -> float | None:
        """Share of counted and unanswered waits that were answered within so many seconds; None without any."""
        counted = [wait.response_s for wait in self.waits if wait.counted and wait.response_s is not None]
        return _share(counted, len([1 for wait in self.waits if wait.unanswered]), seconds)


class LedgerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a ledger depends on besides the chat; ``courtesy`` and ``holding`` decide on a turn's text."""

    zone: tzinfo
    courtesy: Callable[[str], bool]
    holding: Callable[[str], bool]
    business_hours: Hours | None = None
    """None: all hours count."""
    reopen_after_s: float = 7200


def build_ledger(chat: Chat, settings: LedgerSettings) -> Ledger:
    """The chat's ledger. Messages are taken in order of time, equal times in the order given.

    >>> from datetime import UTC
    >>> settings = LedgerSettings(zone=UTC, courtesy="谢谢".__eq__, holding="稍等".__eq__)
    >>> chat = Chat("c", (Message(Role.CUSTOMER, "在吗", at=0), Message(Role.AGENT, "在的", at=20_000_000)))
    >>> build_ledger(chat, settings).first_response_s
    20.0
    """
    return ledger_of(visible(chat.messages), settings)


def ledger_of(rows: Sequence[Row] | None, settings: LedgerSettings) -> Ledger:
    """The ledger of what ``visible`` returns."""
    if rows is None:
        return Ledger(not_applicable=NO_TIMES)
    walk = _Walk(settings)
    walk.run(rows)
    return _figures(walk)


def visible(messages: Iterable[Message]) -> list[Row] | None:
    """Visible messages with their turns, by time; None when one of them has no time."""
    rows: list[Any] = [
        (message.at, turn, message)
        for turn, message in enumerate(messages)
        if not (message.withdrawn or message.private) and (message.role is not _SYSTEM or message.kind in _EVENTS)
    ]
    times = [row[0] for row in rows]
    if None in times:
        return None
    if times != sorted(times):
        rows.sort(key=itemgetter(0))  # stable: equal times keep their given order
    return rows


class _Walk:
    """One pass over the visible messages, a method for each kind of event; lean, as every stored chat runs through it.

    ``open`` is the place where the open wait began. Until the sitting's first agent turn it is only a candidate: a
    bot's turn cancels it and a hand-over replaces it.
    """

    def __init__(self, settings: LedgerSettings) -> None:
        self.courtesy = settings.courtesy
        self.holding = settings.holding
        self.hours = settings.business_hours
        self.zone = settings.zone
        self.reopen_us = settings.reopen_after_s * MICROSECONDS
        self.waits: list[Wait] = []
        self.counted: list[float] = []  # response seconds of the counted waits
        self.unanswered = 0
        self.customer_spoke = self.agent_spoke = False
        self.bot_serves = False
        self.first_over = False  # whether the sitting of the first wait has ended; its answer is then settled
        self.new_sitting()

    def new_sitting(self) -> None:
        """Forget everything that belongs to one sitting; whether a bot serves carries over."""
        self.open: _Place | None = None
        self.transfer: _Place | None = None
        self.last_customer: _Place | None = None
        self.pending: list[int] = []  # indexes of waits answered only by holding turns
        self.person = self.bot_here = self.waited = self.thanked = False
        if not self.first_over:
            self.answer: _Place | None = None

    def run(self, rows: Sequence[Row]) -> None:
        """All visible messages, in order of time."""
        last = rows[0][0] if rows else 0
        reopen_us = self.reopen_us
        for at, turn, message in rows:
            if at - last > reopen_us and self.silent(last, at):
                self.end_sitting()
            last = at
            role = message.role
            if role is _CUSTOMER:
                self.customer((at, turn), message)
            elif role is _AGENT:
                self.agent((at, turn), message)
            elif role is _BOT:
                self.bot()
            elif message.kind == CLOSED:
                self.end_sitting()
            elif self.transfer is None and not self.person:
                self.transfer = (at, turn)
        self.end_sitting()

    def silent(self, start: Instant, end: Instant) -> bool:
        """Whether a gap that is long by the clock is also long in business time."""
        return self.hours is None or microseconds_inside(start, end, self.hours, self.zone) > self.reopen_us

    def customer(self, place: _Place, message: Message) -> None:
        """A customer turn opens a wait unless one is open or it is only a courtesy."""
        self.customer_spoke = True
        self.last_customer = place
        if self.open is not None:
            return
        if self.courtesy(message.text) or message.kind in STICKER_KINDS:
            if not self.pending:
                self.thanked = True
        else:
            self.open = place
            self.thanked = False

    def bot(self) -> None:
        """Before a person has spoken in the sitting, the bot serves and answers for itself."""
        if not self.person:
            self.bot_here = self.bot_serves = True
            self.open = None

    def agent(self, place: _Place, message: Message) -> None:
        """An agent turn closes the open wait; one that does more than hold closes substantive waits too."""
        self.agent_spoke = True
        if not self.person:
            self.hand_over()
        opened = self.open
        if opened is not None or self.pending:
            held = self.holding(message.text)
            if opened is not None:
                self.close(opened, place, held)
            if self.pending and not held:
                self.resolve(place)
        if not (self.thanked or self.first_over):
            self.answer = place

    def hand_over(self) -> None:
        """Settle, at the sitting's first agent turn, where the wait for the first person opened."""
        if self.bot_serves and self.transfer is not None:
            self.open = self.transfer
        elif self.bot_here and self.open is None:
            self.open = self.last_customer
        if self.open is not None:
            self.thanked = False
        self.person = True
        self.bot_serves = False

    def close(self, opened: _Place, place: _Place, held: bool) -> None:
        """The open wait ends with an answer, or with a holding turn that leaves it pending."""
        opened_at, opened_turn = opened
        closed_at, closed_turn = place
        left_out = None
        if self.hours is None:
            response_s = (closed_at - opened_at) / MICROSECONDS
        else:
            response_s = self.seconds(opened_at, closed_at)
            left_out = self.left_out(opened_at, response_s)
        counted = left_out is None
        if counted:
            self.counted.append(response_s)
        kind = _NEXT if self.waited else self.kind()
        if held:
            self.pending.append(len(self.waits))
            wait = Wait(kind, opened_turn, opened_at, closed_turn, response_s, None, None, counted, left_out)
        else:
            wait = Wait(
                kind, opened_turn, opened_at, closed_turn, response_s, closed_turn, response_s, counted, left_out
            )
        self.waits.append(wait)
        self.open = None

    def resolve(self, place: _Place) -> None:
        """The substantive answer of every wait that was only held so far."""
        for index in self.pending:
            wait = self.waits[index]
            substantive_s = self.seconds(wait.opened_at, place[0])
            self.waits[index] = msgspec.structs.replace(wait, substantive_turn=place[1], substantive_s=substantive_s)
        self.pending.clear()

    def end_sitting(self) -> None:
        """What is still open stays unanswered; the first wait's sitting settles the complete answer."""
        if not self.person:
            if self.bot_serves and self.transfer is not None:
                self.open = self.transfer
            elif self.bot_here:
                self.open = None
        opened = self.open
        if opened is not None:
            self.unanswered += 1
            self.waits.append(Wait(self.kind(), opened[1], opened[0], unanswered=True))
        if self.waits and not self.first_over:
            self.first_over = True
            if opened is not None or self.pending:
                self.answer = None
        self.new_sitting()

    def kind(self) -> WaitKind:
        """The kind of the wait about to be noted."""
        if self.waited:
            return _NEXT
        self.waited = True
        return WaitKind.REOPENED if self.waits else WaitKind.FIRST

    def seconds(self, opened_at: Instant, closed_at: Instant) -> float:
        """Seconds between two instants, inside business hours where those are set."""
        if self.hours is None:
            return (closed_at - opened_at) / MICROSECONDS
        return microseconds_inside(opened_at, closed_at, self.hours, self.zone) / MICROSECONDS

    def left_out(self, opened_at: Instant, seconds: float) -> str | None:
        """Why an answered wait is in no figure: it lies wholly outside business hours."""
        if self.hours is None or seconds > 0 or contains(opened_at, self.hours, self.zone):
            return None
        return OFF_HOURS


def _figures(walk: _Walk) -> Ledger:
    """The table of figures, from the waits."""
    waits = tuple(walk.waits)
    counted, unanswered = walk.counted, walk.unanswered
    rate = _share(counted, unanswered, 180)
    if not (walk.customer_spoke and walk.agent_spoke):
        return Ledger(waits=waits, unanswered=unanswered, within_180_rate=rate, not_applicable=ONE_SIDED)
    if not waits:
        return Ledger(unanswered=0)
    first = waits[0]
    complete_s, complete_turn = _complete(walk, first)
    return Ledger(
        waits,
        first.response_s if first.counted else None,
        first.substantive_s if first.counted or first.substantive_s else None,
        fsum(counted) / len(counted) if counted else None,
        max(counted, default=None),
        rate,
        unanswered,
        complete_s,
        complete_turn,
    )


def _complete(walk: _Walk, first: Wait) -> tuple[float | None, int | None]:
    """Seconds and last agent turn of the complete answer; None, None when there is none inside the hours."""
    if walk.answer is None:
        return None, None
    answered_at, turn = walk.answer
    seconds = walk.seconds(first.opened_at, answered_at)
    return (None, None) if walk.left_out(first.opened_at, seconds) else (seconds, turn)


def _share(counted: Sequence[float], unanswered: int, seconds: float) -> float | None:
    """Answered within so many seconds ÷ (counted + unanswered); None when the denominator is 0."""
    asked = len(counted) + unanswered
    return len([1 for response_s in counted if response_s <= seconds]) / asked if asked else None


def ledger_as_dict(chat_id: str, ledger: Ledger, zone: tzinfo) -> dict[str, Any]:
    """The ledger as ``qa rules ledger --json`` prints it; instants as ISO 8601 in the zone, turns 0-based.

    >>> from datetime import UTC
    >>> ledger_as_dict("c-1", Ledger(not_applicable="no times"), UTC)["unanswered"] is None
    True
    """
    return {
        "chat": chat_id,
        "waits": [_wait_as_dict(wait, zone) for wait in ledger.waits],
        "first_response_s": ledger.first_response_s,
        "first_substantive_s": ledger.first_substantive_s,
        "average_response_s": ledger.average_response_s,
        "longest_wait_s": ledger.longest_wait_s,
        "within_180_rate": ledger.within_180_rate,
        "unanswered": ledger.unanswered,
        "complete_answer_s": ledger.complete_answer_s,
        "not_applicable": ledger.not_applicable,
    }


def _wait_as_dict(wait: Wait, zone: tzinfo) -> dict[str, Any]:
    """One wait with plain values."""
    return {**msgspec.structs.asdict(wait), "kind": wait.kind.value, "opened_at": iso_local(wait.opened_at, zone)}
