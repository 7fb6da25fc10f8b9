"""The timing ledgers of several chats in columns: every wait a row, every figure a column by chat.

What is said of a chat here is what ``qa.ledger.ledger_of`` says of it: `qa/ledger.py` has the definitions, the words
and the reasons, and a property test holds the two together. Where it takes one chat message by message, here each step
is taken for all of them: a place is the row of a ``Timeline``, and what comes next or came last is looked up in the
sorted rows of those who speak.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from math import fsum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from qa.hours import microseconds_inside
from qa.ledger import CLOSED, NO_TIMES, ONE_SIDED, STICKER_KINDS, TRANSFER, LedgerSettings
from qa.rules.batch import Batch, Flags, Numbers
from qa.rules.clock import inside
from qa.rules.quiet import Known, States, unplaced
from qa.rules.reasons import ASK, Reasons
from qa.rules.timeline import Timeline, last_of, next_of, timeline_of
from qa.rules.view import Context
from qa.types import MICROSECONDS, Role

Figures = npt.NDArray[np.float64]
"""A figure of each chat (or seconds of each wait), NaN where there is none."""


class _Sittings(NamedTuple):
    begin: Numbers
    """Sitting → its first row."""
    end: Numbers
    """Sitting → the row after its last one."""
    of: Numbers
    """Row → sitting."""


class Waits:
    """All waits of some chats in order, by one merchant's settings.

    A wait's rows: ``opened``, ``closed`` by an answer, by one that does more than hold (``substantive``); the latter
    are not below the end of its sitting (``end``) where there is none.
    """

    def __init__(self, lines: Timeline, how: LedgerSettings) -> None:
        self._lines, self._how = lines, how
        self._agents, self._customers = lines.by(Role.AGENT), lines.by(Role.CUSTOMER)
        sittings = self._sittings = _sittings(lines, how)
        self.opened = self._opened(lines.by(Role.BOT))
        self.chat = lines.chat.take(self.opened)
        """Wait → chat."""
        self.first = self.chat.searchsorted(np.arange(lines.first.size))
        """Chat → its first wait; one more at the end."""
        self.sitting = sittings.of.take(self.opened)
        self.end = sittings.end.take(self.sitting)
        self.closed = next_of(self._agents, self.opened, self.end)
        self.answered = self.closed < self.end
        self.response_s = self._seconds(self.opened, self.closed, self.answered)
        self.counted = self.answered & ~self._left_out(self.opened, self.response_s)

    def _opened(self, bots: Numbers) -> Numbers:
        """Where waits open."""
        begin, end, of = self._sittings
        agent = next_of(self._agents, begin, end)
        bot = last_of(bots, agent, begin)
        (served,) = (bot >= 0).nonzero()
        begin, end, agent, bot = begin.take(served), end.take(served), agent.take(served), bot.take(served)
        transfer = next_of(self._lines.events(TRANSFER), begin, agent)
        handed = transfer < agent
        ready = self._sittings.begin.copy()
        ready[served] = np.where(handed | (agent == end), agent, bot)  # a customer who turns to the bot does not wait
        opened = self._asked(self._customers[self._customers >= ready.take(of.take(self._customers))])
        taken_over = ~handed & (agent < end) & (next_of(opened, bot, agent) == agent)
        last = last_of(self._customers, agent[taken_over], begin[taken_over])
        return np.sort(np.concatenate([opened, transfer[handed], last[last >= 0]]))

    def _asked(self, rows: Numbers) -> Numbers:
        """Of a customer's rows the first of each burst that is more than a courtesy."""
        courtesy, said = self._how.courtesy, self._lines.said
        burst = self._sittings.of.take(rows) + self._agents.searchsorted(rows)  # an answer or a new sitting ends it
        opened, before = [], -1
        for row, this in zip(rows.tolist(), burst.tolist(), strict=True):
            if this != before and not (courtesy(said[row].text) or said[row].kind in STICKER_KINDS):
                opened.append(row)
                before = this
        return np.array(opened, np.int64)

    def _settled(self, waits: Numbers) -> Numbers:
        """Where these waits met the first agent turn that does more than hold."""
        holding, said, found, end = self._how.holding, self._lines.said, self.closed.take(waits), self.end.take(waits)
        (open_,) = (found < end).nonzero()
        while open_.size:
            held = [holding(said[row].text) for row in found.take(open_).tolist()]
            open_ = open_[held]
            found[open_] = next_of(self._agents, found.take(open_) + 1, end.take(open_))
            open_ = open_[found.take(open_) < end.take(open_)]
        return found

    @cached_property
    def substantive(self) -> Numbers:
        """Wait → the first row of an agent that does more than hold."""
        return self._settled(np.arange(self.opened.size))

    @cached_property
    def substantive_s(self) -> Figures:
        """Wait → seconds to the first answer that did more than hold."""
        return self._seconds(self.opened, self.substantive, self.substantive < self.end)

    @cached_property
    def opened_at(self) -> Numbers:
        """Wait → instant."""
        return self._lines.at.take(self.opened)

    @cached_property
    def is_first(self) -> Flags:
        """Whether a wait is its chat's first."""
        return _changes(self.chat)

    @cached_property
    def reopened(self) -> Flags:
        """Whether a wait is the first of a later sitting."""
        return _changes(self.sitting) & ~self.is_first

    @cached_property
    def exist(self) -> Flags:
        """Chats that have a wait."""
        return self.first[1:] > self.first[:-1]

    @cached_property
    def unanswered(self) -> Numbers:
        """Chat → how many of its waits nobody answered."""
        return self._number(self.chat[~self.answered])

    @cached_property
    def one_sided(self) -> Flags:
        """Chats in which the customer or the agent never spoke."""
        customers, agents = (self._number(self._lines.chat.take(rows)) for rows in (self._customers, self._agents))
        silent: Flags = (customers == 0) | (agents == 0)
        return silent & ~self._lines.untimed

    @cached_property
    def understood(self) -> Flags:
        """Chats of which all this is true: who was served by a bot in several sittings is left to ``ledger_of``."""
        sittings = self._number(self._lines.chat.take(self._sittings.begin))
        bots = self._number(self._lines.chat.take(self._lines.by(Role.BOT)))
        understood: Flags = (sittings <= 1) | (bots == 0)
        return understood

    @cached_property
    def first_response_s(self) -> Figures:
        """Chat → first response time."""
        first = self.first[:-1][self.exist]
        return self._of_first(np.where(self.counted.take(first), self.response_s.take(first), np.nan))

    @cached_property
    def first_substantive_s(self) -> Figures:
        """Chat → the same with holding turns skipped."""
        first = self.first[:-1][self.exist]
        settled = self._settled(first)
        seconds = self._seconds(self.opened.take(first), settled, settled < self.end.take(first))
        return self._of_first(np.where(self.counted.take(first) | (seconds > 0), seconds, np.nan))

    @cached_property
    def average_response_s(self) -> Figures:
        """Chat → mean of its counted waits."""
        counted = self.response_s[self.counted].tolist()
        bounds = np.append(0, self.counted.cumsum()).take(self.first).tolist()
        means = [fsum(counted[low:high]) / (high - low) if high > low else np.nan for low, high in pairwise(bounds)]
        return self._if_whole(np.array(means))

    @cached_property
    def longest_wait_s(self) -> Figures:
        """Chat → longest of its counted waits."""
        return self._if_whole(self.longest(self.response_s, self.counted))

    @cached_property
    def complete_answer_s(self) -> Figures:
        """Chat → seconds from its first wait to the last answer before the customer's closing courtesy."""
        first = self.first[:-1][self.exist]
        opened, sitting = self.opened.take(first), self.sitting.take(first)
        begin, end = self._sittings.begin.take(sitting), self._sittings.end.take(sitting)
        settled = self._settled(self.sitting.searchsorted(sitting, side="right") - 1)  # by its last wait all are
        thanks = next_of(self._customers, settled, end)  # anything else a customer says from there on opens a wait
        answer = last_of(self._agents, thanks, begin)
        seconds = self._seconds(opened, answer, settled < end)
        return self._of_first(np.where(self._left_out(opened, seconds), np.nan, seconds))

    def within_rate(self, seconds: float) -> Figures:
        """Chat → share of counted and unanswered waits that were answered within so many seconds."""
        asked = self._number(self.chat[self.counted]) + self.unanswered
        within = self._number(self.chat[self.counted & (self.response_s <= seconds)])
        return np.where(asked > 0, within / np.maximum(asked, 1), np.nan)

    def longest(self, seconds: Figures, which: Flags) -> Figures:
        """Chat → most seconds of some waits."""
        longest = np.full(self.exist.size, np.nan)
        np.fmax.at(longest, self.chat[which], seconds[which])
        return longest

    def _of_first(self, seconds: Figures) -> Figures:
        """Chat → what is known of its first wait, given for those that have one."""
        column = np.full(self.exist.size, np.nan)
        column[self.exist] = seconds
        return self._if_whole(column)

    def _if_whole(self, column: Figures) -> Figures:
        column[self.one_sided] = np.nan
        return column

    def _number(self, chats: Numbers) -> Numbers:
        return np.bincount(chats, minlength=self._lines.untimed.size)

    def _seconds(self, start: Numbers, end: Numbers, known: Flags) -> Figures:
        """Seconds between the times of rows, inside business hours where those are set."""
        at, seconds = self._lines.at, np.full(start.size, np.nan)
        start, end = at.take(start[known]), at.take(end[known])
        hours, zone = self._how.business_hours, self._how.zone
        if hours is None:
            seconds[known] = (end - start) / MICROSECONDS
        else:
            spans = zip(start.tolist(), end.tolist(), strict=True)
            seconds[known] = [microseconds_inside(low, high, hours, zone) / MICROSECONDS for low, high in spans]
        return seconds

    def _left_out(self, opened: Numbers, seconds: Figures) -> Flags:
        """Which answers lie wholly outside business hours."""
        hours = self._how.business_hours
        if hours is None:
            return np.zeros(opened.size, bool)
        return (seconds <= 0) & ~inside(self._lines.at.take(opened), hours, self._how.zone)


def _sittings(lines: Timeline, how: LedgerSettings) -> _Sittings:
    """Where a sitting begins: a chat, a row after a close, a row after a long silence."""
    begins = _changes(lines.chat)
    closed = lines.events(CLOSED) + 1
    begins[closed[closed < begins.size]] = True
    reopen_us = how.reopen_after_s * MICROSECONDS
    silent = np.diff(lines.at, prepend=lines.at[:1]) > reopen_us
    if how.business_hours is not None:
        for row in (silent & ~begins).nonzero()[0].tolist():
            start, end = lines.at[row - 1 : row + 1].tolist()
            silent[row] = microseconds_inside(start, end, how.business_hours, how.zone) > reopen_us
    begins |= silent
    (begin,) = begins.nonzero()
    return _Sittings(begin, np.append(begin[1:], begins.size), begins.cumsum() - 1)


def _changes(numbers: Numbers) -> Flags:
    """Where another number than the one before stands."""
    changes: Flags = np.diff(numbers, prepend=-1) != 0
    return changes


class Told(NamedTuple):
    """The waits of a batch, and the chats of which they are true: one merchant's, understood in columns."""

    waits: Waits
    lines: Timeline
    context: Context
    true: Flags

    def known(self, batch: Batch, states: States) -> Known:
        """What these states tell, where the waits are true; the other chats are to be asked."""
        return unplaced(batch, np.where(self.true, states, ASK))

    def no_ledger(self, reasons: Reasons) -> States:
        """Chat → why it has no figures, 0 where it has."""
        one_sided = np.where(self.waits.one_sided, reasons(ONE_SIDED), 0)
        return np.where(self.lines.untimed, reasons(NO_TIMES), one_sided)

    def at_peak(self) -> Flags:
        """Which waits opened in peak hours; without peak hours none."""
        opened, peak = self.waits.opened_at, self.context.peak
        return np.zeros(opened.size, bool) if peak is None else inside(opened, peak, self.context.zone)

    def at_business(self) -> Flags:
        """Which waits opened in business hours; without business hours all."""
        opened, hours = self.waits.opened_at, self.context.ledger.business_hours
        return np.ones(opened.size, bool) if hours is None else inside(opened, hours, self.context.zone)


def waits_of(batch: Batch) -> Told:
    """The waits of a batch, made once."""
    return batch.keep(Waits, lambda: _told(batch))


def _told(batch: Batch) -> Told:
    lines, context = timeline_of(batch), batch.views[0].context
    waits = Waits(lines, context.ledger)
    return Told(waits, lines, context, waits.understood & _alike([view.context for view in batch.views]))


def _alike(contexts: Sequence[Context]) -> Flags:
    """Which contexts have the settings of the first."""
    first = contexts[0]
    known = first.ledger, first.peak, first.zone
    return np.array([one is first or (one.ledger, one.peak, one.zone) == known for one in contexts])
