"""Times, all from the timing ledger (docs/ledger.md): response, waits, complete answer, follow-up."""

from __future__ import annotations

from collections.abc import Callable
from math import fsum
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from qa.hours import contains
from qa.ledger import Ledger, Wait, WaitKind
from qa.rules import quiet
from qa.rules.base import Judge, Judgement, Operator, Place, hit, miss, not_applicable
from qa.rules.batch import Batch, Flags
from qa.rules.bench import Bench
from qa.rules.quiet import Glance, Known, States
from qa.rules.reasons import IS_HIT, MISSED, Reasons
from qa.rules.view import View
from qa.rules.waits import Figures, Told, waits_of
from qa.types import MICROSECONDS, Instant

Opened = Literal["any", "peak", "off_peak"]
HoursOf = Literal["all", "peak", "off_peak", "business"]
_HOUR = 3600 * MICROSECONDS
_OUTSIDE, _INSIDE = "opened outside peak hours", "opened in peak hours"


class Figure(Operator):
    """A figure of the ledger is ``over`` or ``under`` a limit (seconds; ``within_rate``: a share from 0 to 1).

    ``within_rate`` is the share of waits answered within ``seconds``. ``opened`` restricts the rule to chats whose
    first wait opened in, or outside, the policy's peak hours. ``hours`` draws the figure only from the waits that
    opened in the peak hours, outside them or in the business hours (all hours, where a policy has none); those measured
    from the chat's first wait are not applicable when it is not among them. A figure that is unknown is not applicable.

    Example: ``{figure: {figure: first_response, over: 30, opened: off_peak}}``
    """

    name: ClassVar[str] = "figure"

    figure: Literal[
        "first_response", "first_substantive", "average_response", "longest_wait", "complete_answer", "within_rate"
    ]
    over: float | None = Field(default=None, ge=0)
    under: float | None = Field(default=None, ge=0)
    seconds: float = Field(default=180, gt=0)
    opened: Opened = "any"
    hours: HoursOf = "all"

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.over is None) == (self.under is None):
            raise ValueError("give exactly one of over, under")
        if self.figure == "within_rate":
            if max(self.over or 0, self.under or 0) > 1:
                raise ValueError("within_rate is a share from 0 to 1")
        elif "seconds" in self.model_fields_set:
            raise ValueError("seconds belongs to within_rate")
        return self

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - a ledger figure searches for no words
        """Return the judge."""
        return self._judge

    def glance(self, bench: Bench) -> Glance | None:
        """Tell by the figures."""
        return None if self.hours != "all" else lambda batch: self._told(batch, bench.reasons)

    def _told(self, batch: Batch, reasons: Reasons) -> Known:
        told = waits_of(batch)
        within = self.figure == "within_rate"
        values = told.waits.within_rate(self.seconds) if within else getattr(told.waits, f"{self.figure}_s")
        beyond = values > self.over if self.over is not None else values < (self.under or 0)
        unknown = batch.keep("no figure", lambda: _why_unknown(told, reasons))
        states = np.where(np.isnan(values), unknown, np.where(beyond, IS_HIT, MISSED))
        if self.opened != "any":
            outside = batch.keep(("outside", self.opened), lambda: _outside_of(told, self.opened, reasons))
            states = np.where(outside > 0, outside, states)
        return told.known(batch, states)

    def _judge(self, view: View) -> Judgement:
        ledger = view.ledger
        first = ledger.waits[0] if ledger.waits else None
        if first is None and ledger.not_applicable:
            return not_applicable(ledger.not_applicable)
        if self.opened != "any":
            refused = _outside(first, self.opened, view)
            if refused:
                return not_applicable(refused)
        return self._compare(view, ledger) if self.hours == "all" else self._within_hours(view)

    def _within_hours(self, view: View) -> Judgement:
        """Judge the figure as it is without the waits that opened in other hours."""
        ledger = view.ledger
        waits = opened_in(view, ledger.waits, self.hours)
        first_matters = self.figure in ("first_response", "first_substantive", "complete_answer")
        if not waits or (first_matters and waits[0] is not ledger.waits[0]):
            return not_applicable(f"no {'first ' if first_matters else ''}wait opened in {self.hours} hours")
        if first_matters:
            return self._compare(view, ledger)
        reduced = Ledger(
            waits=waits,
            average_response_s=_average(waits),
            longest_wait_s=max(_counted(waits), default=None),
            unanswered=sum(wait.unanswered for wait in waits),
            not_applicable=ledger.not_applicable,
        )
        return self._compare(view, reduced)

    def _compare(self, view: View, ledger: Ledger) -> Judgement:
        value = self._value(ledger)
        if value is None:
            return not_applicable(ledger.not_applicable or ("unanswered" if ledger.unanswered else "no counted wait"))
        beyond = value > self.over if self.over is not None else value < (self.under or 0)
        if not beyond:
            return miss(value=value)
        return hit(self._places(view, ledger), value=value)

    def _value(self, ledger: Ledger) -> float | None:
        if self.figure == "within_rate":
            return ledger.within_rate(self.seconds)
        value: float | None = getattr(ledger, f"{self.figure}_s")
        return value

    def _places(self, view: View, ledger: Ledger) -> tuple[Place, ...]:
        """Return the turns between which the figure was measured."""
        first = ledger.waits[0] if ledger.waits else None
        if self.figure in ("first_response", "first_substantive") and first is not None:
            ends = first.closed_turn if self.figure == "first_response" else first.substantive_turn
            return _whole(view, first.opened_turn, ends)
        if self.figure == "complete_answer" and first is not None:
            return _whole(view, first.opened_turn, ledger.complete_turn)
        if self.figure == "within_rate":
            late = [w for w in ledger.waits if w.unanswered or (w.response_s or 0) > self.seconds]
            return tuple(place for wait in late for place in _whole(view, wait.opened_turn))
        counted = [wait for wait in ledger.waits if wait.counted and wait.response_s is not None]
        slowest = max(counted, key=lambda wait: wait.response_s or 0)
        return _whole(view, slowest.opened_turn, slowest.closed_turn)


class AnyWait(Operator):
    """Any single wait of the customer is ``over`` a number of seconds; each such wait is a hit.

    ``until: response`` measures to the agent's next turn, ``until: substantive`` skips holding phrases. The first wait
    has rules of its own: ``first: false`` leaves it out. ``hours``: only waits that opened in the peak hours, outside
    them or in the business hours.

    Example: ``{wait: {over: 300, until: substantive}}``
    """

    name: ClassVar[str] = "wait"

    over: float = Field(ge=0)
    until: Literal["response", "substantive"] = "response"
    first: bool = True
    hours: HoursOf = "all"

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - a wait searches for no words
        """Return the judge."""
        return self._judge

    def glance(self, bench: Bench) -> Glance:
        """Tell by the longest of the waits."""
        none, reasons = bench.reasons("no counted wait"), bench.reasons

        def glance(batch: Batch) -> Known:
            told = waits_of(batch)
            longest = batch.keep(("longest", self.until, self.first, self.hours), lambda: self._longest(told))
            states = np.where(np.isnan(longest), none, np.where(longest > self.over, IS_HIT, MISSED))
            no_ledger = told.no_ledger(reasons)
            return told.known(batch, np.where(no_ledger > 0, no_ledger, states))

        return glance

    def _judge(self, view: View) -> Judgement:
        ledger = view.ledger
        if ledger.not_applicable:
            return not_applicable(ledger.not_applicable)
        longest, waits = self._waits(view)
        if longest is None:
            return not_applicable("no counted wait")
        if longest <= self.over:
            return miss(value=longest)
        return hit(_whole(view, *(turn for seconds, turn in waits if seconds > self.over)), value=longest)

    def _longest(self, told: Told) -> Figures:
        """Chat → the first that ``_waits`` returns, for the many chats of which nobody asks for the second."""
        waits = told.waits
        asked = waits.counted & _opened_in(told, self.hours)
        if not self.first:
            asked &= ~waits.is_first
        return waits.longest(waits.response_s if self.until == "response" else waits.substantive_s, asked)

    def _waits(self, view: View) -> tuple[float | None, list[tuple[float, int]]]:
        """The longest of the waits asked about; seconds and first turn of each. Kept for other rules that ask so."""
        key = ("waits", self.until, self.first, self.hours)
        known: tuple[float | None, list[tuple[float, int]]] | None = view.judged.get(key)
        if known is None:
            waits = []
            for wait in opened_in(view, view.ledger.waits, self.hours):
                seconds = wait.response_s if self.until == "response" else wait.substantive_s
                if seconds is not None and wait.counted and (self.first or wait.kind is not WaitKind.FIRST):
                    waits.append((seconds, wait.opened_turn))
            known = view.judged[key] = (max(waits)[0] if waits else None, waits)
        return known


class Unanswered(Operator):
    """``at_least`` so many questions of the customer were never answered; each is quoted.

    ``hours``: only those asked in the peak hours, outside them or in the business hours.

    Example: ``{unanswered: {at_least: 1}}``
    """

    name: ClassVar[str] = "unanswered"

    at_least: int = Field(default=1, ge=1)
    hours: HoursOf = "all"

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - a wait searches for no words
        """Return the judge."""

        def judge(view: View) -> Judgement:
            ledger = view.ledger
            if ledger.not_applicable and not ledger.unanswered:
                return not_applicable(ledger.not_applicable)
            waits = opened_in(view, ledger.waits, self.hours)
            if not waits:
                return not_applicable("no wait" if self.hours == "all" else f"no wait opened in {self.hours} hours")
            open_waits = [wait for wait in waits if wait.unanswered]
            places = tuple(place for wait in open_waits for place in _whole(view, wait.opened_turn))
            value = float(len(open_waits))
            return hit(places, value=value) if len(open_waits) >= self.at_least else miss(value=value)

        return judge

    def glance(self, bench: Bench) -> Glance | None:
        """Tell by the number of them."""
        none, reasons = bench.reasons("no wait"), bench.reasons
        if self.hours != "all":
            return None

        def glance(batch: Batch) -> Known:
            told = waits_of(batch)
            number, no_ledger = told.waits.unanswered, told.no_ledger(reasons)
            states = np.where(number >= self.at_least, IS_HIT, np.where(told.waits.exist, MISSED, none))
            return told.known(batch, np.where((no_ledger > 0) & (number == 0), no_ledger, states))

        return glance


class FollowUp(Operator):
    """The customer was contacted again ``within_hours`` after the chat's end.

    Where given, only contacts of a ``kind``, or of one of the ``kinds``, count.
    Not applicable where the source does not carry follow-ups or the end is unknown.

    Example: ``{not: {followup: {within_hours: 24, kind: survey}}}``
    """

    name: ClassVar[str] = "followup"

    within_hours: float = Field(gt=0)
    kind: str | None = None
    kinds: tuple[str, ...] = ()

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - a follow-up is metadata
        """Return the judge."""
        made = self._made()

        def judge(view: View) -> Judgement:
            answer = made(view)
            if isinstance(answer, str):
                return not_applicable(answer)
            return hit() if answer else miss(view.turns[-1:])

        return judge

    def glance(self, bench: Bench) -> Glance:
        """Tell by asking, which takes no longer."""
        made, reasons = self._made(), bench.reasons

        def state(view: View) -> int:
            answer = made(view)
            if isinstance(answer, str):
                return reasons(answer)
            return IS_HIT if answer else MISSED

        return quiet.each(state)

    def _made(self) -> Callable[[View], bool | str]:
        """Return what says whether the customer of a chat was contacted, or why nobody knows."""
        within = self.within_hours * _HOUR
        wanted = {*self.kinds, *([self.kind] if self.kind is not None else [])}

        def made(view: View) -> bool | str:
            followups = view.chat.followups
            if followups is None:
                return "the source carries no follow-ups"
            end = _end(view)
            if end is None:
                return "no times"
            for one in followups:
                if one.at is not None and end <= one.at <= end + within and (not wanted or one.kind in wanted):
                    return True
            return False

        return made


def _end(view: View) -> Instant | None:
    if view.chat.ended_at is not None:
        return view.chat.ended_at
    return max((m.at for m in view.chat.messages if m.at is not None), default=None)


def _why_unknown(told: Told, reasons: Reasons) -> States:
    """Chat → why a figure of its ledger is unknown, where one is."""
    no_ledger = told.no_ledger(reasons)
    unanswered = np.where(told.waits.unanswered > 0, reasons("unanswered"), reasons("no counted wait"))
    return np.where(no_ledger > 0, no_ledger, unanswered)


def _outside_of(told: Told, opened: Opened, reasons: Reasons) -> States:
    """Chat → why its first wait is not in the hours asked for, 0 where it is or nothing is known of the chat."""
    waits = told.waits
    at_peak = waits.exist.copy()
    at_peak[waits.exist] = told.at_peak()[waits.is_first]
    outside, why = (~at_peak, _OUTSIDE) if opened == "peak" else (at_peak, _INSIDE)
    no_wait = np.where(told.no_ledger(reasons) > 0, 0, reasons("no first wait"))
    return np.where(waits.exist, np.where(outside, reasons(why), 0), no_wait)


def _opened_in(told: Told, hours: HoursOf) -> Flags:
    """Which waits ``opened_in`` returns."""
    if hours == "all":
        return np.ones(told.waits.opened.size, bool)
    if hours == "business":
        return told.at_business()
    at_peak = told.at_peak()
    return at_peak if hours == "peak" else ~at_peak


def _outside(first: Wait | None, opened: str, view: View) -> str:
    """Return why the chat's first wait is not in the hours asked for, or nothing when it is."""
    if first is None:
        return "no first wait"
    peak = view.context.peak
    inside = peak is not None and contains(first.opened_at, peak, view.context.zone)
    if opened == "peak":
        return "" if inside else _OUTSIDE
    return _INSIDE if inside else ""


def opened_in(view: View, waits: tuple[Wait, ...], hours: HoursOf) -> tuple[Wait, ...]:
    """Return the waits that opened in these hours; without peak hours none is in them, without business hours all."""
    if hours == "all":
        return waits
    context = view.context
    if hours == "business":
        business = context.ledger.business_hours
        return waits if business is None else tuple(w for w in waits if contains(w.opened_at, business, context.zone))
    peak = context.peak
    inside = [peak is not None and contains(wait.opened_at, peak, context.zone) for wait in waits]
    return tuple(wait for wait, at_peak in zip(waits, inside, strict=True) if at_peak == (hours == "peak"))


def _counted(waits: tuple[Wait, ...]) -> list[float]:
    return [wait.response_s for wait in waits if wait.counted and wait.response_s is not None]


def _average(waits: tuple[Wait, ...]) -> float | None:
    counted = _counted(waits)
    return fsum(counted) / len(counted) if counted else None


def _whole(view: View, *turns: int | None) -> tuple[Place, ...]:
    return tuple((turn, 0, len(view.text(turn))) for turn in turns if turn is not None)
