"""What can be told of many chats at a glance: columns of answers, before any rule is asked about any chat.

Most rules pass in most chats, and mostly that can be seen from a few facts that are known of every turn: who wrote it,
how long it is, which words stand in it. So an operator may offer, besides its judge, a *glance*: an operation on the
columns of a ``Batch`` that says hit, missed or not applicable (and why) of the chats where that is certain, and *ask*
of the others. Logic combines the columns as it combines judgements. The engine then asks a rule in full only where the
glance says hit, as only the judge has evidence, or ask.

A glance may always say ask; it may never say what the judge would not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from qa.rules.base import HIT, MISS, NOT_APPLICABLE, Judge, State
from qa.rules.batch import Batch, Flags, Numbers
from qa.rules.reasons import ASK, IS_HIT, MISSED, UNTOLD
from qa.rules.view import View

States = npt.NDArray[np.int64]


@dataclass(slots=True)
class Known:
    """What is known of a condition in each chat, and where it is hit."""

    states: States
    rows: Flags
    """Row → whether it is hit there, in the chats that are ``placed``."""
    placed: Flags
    """Chat → whether the rows are all those that are hit, if it is hit."""
    turns: dict[int, list[int]] | None = None
    """The turns that are hit, in order, of chats in which not all of them are rows, if somebody has noted them."""


Glance = Callable[[Batch], Known]
Look = Callable[[Batch, Flags], Known]
"""Tells of these rows; what it says of chats that have none of them is not read."""


def nothing_known(batch: Batch) -> Known:
    """The glance of a condition that has to be asked."""
    return unplaced(batch, np.full(len(batch.views), ASK))


def unplaced(batch: Batch, states: States) -> Known:
    """What is known of a condition that is hit nobody knows where."""
    return Known(states, batch.no_row, batch.no_chat)


def told(batch: Batch, hits: Flags, misses: Flags) -> Known:
    """What is hit in these chats and missed in those; the others are to be asked."""
    return unplaced(batch, np.where(hits, IS_HIT, np.where(misses, MISSED, ASK)))


def each(state: Callable[[View], int]) -> Glance:
    """The glance of a condition whose state is quickly told of one chat."""

    def glance(batch: Batch) -> Known:
        asked = zip(batch.views, batch.wanted.tolist(), strict=True)
        return unplaced(batch, np.array([state(view) if wanted else ASK for view, wanted in asked]))

    return glance


def found(batch: Batch, row: Numbers, sure: Flags, at_least: int = 1) -> Known:
    """What is hit by so many matches in these rows, of which some are sure to count."""
    if not row.size:
        return unplaced(batch, np.full(len(batch.views), MISSED))
    chats = len(batch.views)
    chat = batch.chat.take(row)
    number = np.bincount(chat, minlength=chats)
    if at_least > 1:
        return told(batch, batch.no_chat, number < at_least)
    certain = np.bincount(chat[sure], minlength=chats)
    rows = np.zeros(batch.chat.size, bool)
    rows[row] = True
    return Known(told(batch, certain > 0, number == 0).states, rows, number == certain)


def of_all(parts: Sequence[Glance]) -> Glance:
    """Missed where one is; otherwise to be asked, or not applicable, where one is."""

    def glance(batch: Batch) -> Known:
        known = []
        before = batch.wanted
        for part in parts:
            one = part(batch)
            known.append(one)
            batch.wanted = batch.wanted & (one.states != MISSED)
            if not batch.wanted.any():
                break  # every chat that is asked about is decided
        batch.wanted = before
        rows = np.logical_or.reduce([one.rows for one in known])
        placed = np.logical_and.reduce([one.placed for one in known])
        return Known(reduce(_both, [one.states for one in known]), rows, placed)

    return glance


def _both(left: States, right: States) -> States:
    """Missed where one is, to be asked where one is, else the first that does not apply."""
    missed, ask = (left == MISSED) | (right == MISSED), (left == ASK) | (right == ASK)
    return np.where(missed, MISSED, np.where(ask, ASK, np.where(left == IS_HIT, right, left)))


def of_some(parts: Sequence[Glance], n: int, *, every: bool) -> Glance:
    """Hit where ``n`` are; missed where that many cannot be; not applicable where the unknown ones decide.

    With ``every`` all parts are looked at, as somebody may ask where they are hit; otherwise one hit of one will do.
    """

    def glance(batch: Batch) -> Known:
        known = []
        before = batch.wanted
        for part in parts:
            known.append(part(batch))
            if n == 1 and not every:
                batch.wanted = batch.wanted & (known[-1].states != IS_HIT)
                if not batch.wanted.any():
                    break
        batch.wanted = before
        table = np.array([one.states for one in known])
        hits, asks, unknown = (table == IS_HIT).sum(0), (table == ASK).sum(0), table > MISSED
        first = np.take_along_axis(table, unknown.argmax(0)[None], 0)[0]
        number = unknown.sum(0)
        states = np.where(hits + asks + number < n, MISSED, np.where(asks > 0, ASK, first))
        states = np.where(hits >= n, IS_HIT, states)
        rows = np.logical_or.reduce([one.rows & (one.states == IS_HIT).take(batch.chat) for one in known])
        settled = [(one.states != ASK) & ((one.states != IS_HIT) | one.placed) for one in known]
        return Known(states, rows, np.logical_and.reduce(settled))

    return glance


def of_not(inner: Glance) -> Glance:
    """Hit and missed change places."""
    return lambda batch: denied(batch, inner(batch))


def denied(batch: Batch, known: Known) -> Known:
    """What is hit as missed, and the other way round."""
    states = known.states
    return unplaced(batch, np.where((states == IS_HIT) | (states == MISSED), IS_HIT + MISSED - states, states))


def of_gate(applies: Glance, when: Glance, not_met: int) -> Glance:
    """``when`` where ``applies`` is hit."""

    def glance(batch: Batch) -> Known:
        first = applies(batch).states
        before, batch.wanted = batch.wanted, batch.wanted & (first == IS_HIT)
        second = when(batch).states if batch.wanted.any() else first
        batch.wanted = before
        return unplaced(batch, np.where(first == IS_HIT, second, np.where(first == MISSED, not_met, first)))

    return glance


def of_named(inner: Glance | None, judge: Judge) -> Glance:
    """A condition that is asked once a chat anyway: where its own glance does not know, its judge is asked at once.

    So what is said after it can be told from columns.
    """

    def glance(batch: Batch) -> Known:
        known, asked = batch.keep(judge, lambda: _open(batch, inner))
        todo = batch.wanted & ~asked & ((known.states == ASK) | ((known.states == IS_HIT) & ~known.placed))
        for chat in todo.nonzero()[0].tolist():
            _ask(batch, chat, judge, known)
        asked |= todo
        return known

    return glance


def _open(batch: Batch, inner: Glance | None) -> tuple[Known, Flags]:
    """What is known of a named condition before it is asked, ready to be filled in; and where it was asked: nowhere."""
    before, batch.wanted = batch.wanted, ~batch.alone  # other rules ask of other chats
    known = (inner or nothing_known)(batch)
    batch.wanted = before
    return Known(known.states.copy(), known.rows.copy(), known.placed.copy(), {}), batch.no_chat.copy()


def _ask(batch: Batch, chat: int, judge: Judge, known: Known) -> None:
    answer = judge(batch.views[chat])
    known.states[chat] = _STATES[answer.state]
    if answer.state is not HIT:
        return
    first, after = batch.first.item(chat), batch.first.item(chat + 1)
    turns = {turn for turn, _, _ in answer.places}
    rows = [first + i for i, turn in enumerate(batch.turn[first:after].tolist()) if turn in turns]
    known.rows[first:after] = False
    known.rows[rows] = True
    known.placed[chat] = len(rows) == len(turns) > 0
    if len(rows) < len(turns) and known.turns is not None:
        known.turns[chat] = sorted(turns)


_STATES: dict[State, int] = {HIT: IS_HIT, MISS: MISSED, NOT_APPLICABLE: UNTOLD}
