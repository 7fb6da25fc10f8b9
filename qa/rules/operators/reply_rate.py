"""Replies as shopping platforms count them: in hours of the day that the platform sets, on the clock on the wall.

The waits are those of the timing ledger (docs/ledger.md): one that more than two hours of silence ended is unanswered.
Only the seconds differ: a platform does not know a merchant's business hours, so they are not taken out.
"""

from __future__ import annotations

from abc import ABC
from math import fsum
from typing import Annotated, ClassVar, Literal

import msgspec
from pydantic import AfterValidator, Field

from qa.errors import ConfigError
from qa.hours import DAY, Hours, contains, offset_us, parse_hours
from qa.ledger import Wait, WaitKind
from qa.rules.base import Judge, Judgement, Operator, Place, hit, miss, not_applicable
from qa.rules.bench import Bench
from qa.rules.view import View
from qa.types import MICROSECONDS, Instant


def hours_of(text: str) -> Hours:
    """Hours written ``08:00-23:00``; ``23:00-08:00`` crosses midnight. ValueError when they are written otherwise.

    >>> [(start // 3_600_000_000, end // 3_600_000_000) for start, end in hours_of("23:00-08:00").ranges]
    [(0, 8), (23, 24)]
    """
    start, dash, end = text.partition("-")
    if not dash:
        raise ValueError(f"{text!r} are no hours such as 08:00-23:00")
    try:
        return parse_hours([(start.strip(), end.strip())])
    except ConfigError as problem:
        raise ValueError(str(problem)) from None


def _checked(text: str) -> str:
    hours_of(text)
    return text


class _Reply(msgspec.Struct, frozen=True, gc=False):
    """A wait with its answer: ``seconds`` by the clock (None: never answered), ``turn`` of the answer."""

    wait: Wait
    seconds: float | None
    turn: int | None


class InHours(Operator, ABC):
    """Base of the operators on waits that opened in given hours of the day."""

    hours: Annotated[str, AfterValidator(_checked)]
    effective: bool = False

    def _replies(self, view: View, hours: Hours) -> list[_Reply] | str:
        """Return the waits that opened in the hours with their answers, or the reason why there is none."""
        ledger = view.ledger
        if ledger.not_applicable and not ledger.waits:
            return ledger.not_applicable
        zone = view.context.zone
        found = [self._reply(view, wait) for wait in ledger.waits if contains(wait.opened_at, hours, zone)]
        return found or f"no wait opened in {self.hours}"

    def _reply(self, view: View, wait: Wait) -> _Reply:
        turn = wait.substantive_turn if self.effective else wait.closed_turn
        at = None if turn is None else view.chat.messages[turn].at
        seconds = None if at is None else (at - wait.opened_at) / MICROSECONDS
        return _Reply(wait, seconds, turn)


class ReplyRate(InHours):
    """The share of the customer's waits that a person answered within ``within_s`` seconds is ``under`` a limit.

    Only waits that opened in ``hours`` (local time, the end outside; 23:00-08:00 crosses midnight) count, with the
    seconds of the clock, business hours or not; one never answered is a failure. ``under: 1`` asks whether any of them
    is late. ``effective``: an answer of nothing but a holding phrase is none. The waits of people only: what a bot
    answers is no wait. Late ones are quoted; not applicable without a wait in these hours.

    Example: ``{reply_rate: {within_s: 180, hours: "08:00-23:00", under: 0.8, effective: true}}``
    """

    name: ClassVar[str] = "reply_rate"

    within_s: float = Field(gt=0)
    under: float = Field(default=1, gt=0, le=1)

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - a wait searches for no words
        """Return the judge."""
        hours = hours_of(self.hours)

        def judge(view: View) -> Judgement:
            replies = self._replies(view, hours)
            if isinstance(replies, str):
                return not_applicable(replies)
            late = [r.wait for r in replies if r.seconds is None or r.seconds > self.within_s]
            share = 1 - len(late) / len(replies)
            return hit(_opened(view, late), value=share) if share < self.under else miss(value=share)

        return judge


class ReplyTime(InHours):
    """A person's reply takes ``over`` so many seconds, among the waits that opened in ``hours``.

    ``figure``: the chat's ``first`` wait, the ``average`` or the ``longest`` of the answered ones. Seconds are those of
    the clock, business hours or not; ``effective`` skips holding phrases. Not applicable where none was answered (that
    is ``reply_rate``'s and ``unanswered``'s to say), or where the first wait opened at another hour.

    Example: ``{reply_time: {figure: average, over: 60, hours: "08:00-23:00"}}``
    """

    name: ClassVar[str] = "reply_time"

    figure: Literal["first", "average", "longest"]
    over: float = Field(ge=0)

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - a wait searches for no words
        """Return the judge."""
        hours = hours_of(self.hours)

        def judge(view: View) -> Judgement:
            replies = self._replies(view, hours)
            if isinstance(replies, str):
                return not_applicable(replies)
            if self.figure == "first":
                replies = [reply for reply in replies if reply.wait.kind is WaitKind.FIRST]
            answered = [(reply.seconds, reply) for reply in replies if reply.seconds is not None]
            if not answered:
                return not_applicable("unanswered" if replies else f"the first wait opened outside {self.hours}")
            longest, slowest = max(answered, key=lambda one: one[0])
            value = fsum(seconds for seconds, _ in answered) / len(answered) if self.figure == "average" else longest
            if value <= self.over:
                return miss(value=value)
            return hit((*_opened(view, [slowest.wait]), *_whole(view, slowest.turn)), value=value)

        return judge


class OwedAtEnd(InHours):
    """A question asked in ``hours`` was still without a person's answer when those hours ended; each is quoted.

    Questions of the last ``spare_s`` seconds before the end are left out. ``effective``: a holding phrase is no answer.
    The value is their number; not applicable without a question asked early enough.

    Example: ``{owed_at_end: {hours: "08:00-23:00", spare_s: 180}}``
    """

    name: ClassVar[str] = "owed_at_end"

    spare_s: float = Field(default=180, ge=0)

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - a wait searches for no words
        """Return the judge."""
        hours = hours_of(self.hours)

        def judge(view: View) -> Judgement:
            replies = self._replies(view, hours)
            if isinstance(replies, str):
                return not_applicable(replies)
            owed, early = [], 0
            for reply in replies:
                left = _left(view, reply.wait.opened_at, hours)
                if left >= self.spare_s:
                    early += 1
                    if reply.seconds is None or reply.seconds >= left:
                        owed.append(reply.wait)
            if not early:
                return not_applicable(f"no wait opened {self.spare_s:g} s before the end of {self.hours}")
            value = float(len(owed))
            return hit(_opened(view, owed), value=value) if owed else miss(value=value)

        return judge


def _left(view: View, at: Instant, hours: Hours) -> float:
    """Seconds from an instant inside the hours to their end; hours that cross midnight end on the next day."""
    clock = (at + offset_us(at, view.context.zone)) % DAY
    end = next(stop for start, stop in hours.ranges if start <= clock < stop)
    if end == DAY and hours.ranges[0][0] == 0 and len(hours.ranges) > 1:
        end += hours.ranges[0][1]
    return (end - clock) / MICROSECONDS


def _opened(view: View, waits: list[Wait]) -> tuple[Place, ...]:
    return _whole(view, *(wait.opened_turn for wait in waits))


def _whole(view: View, *turns: int | None) -> tuple[Place, ...]:
    return tuple((turn, 0, len(view.text(turn))) for turn in turns if turn is not None)
