"""Scopes in columns: which rows of a batch an operator looks at, as ``Scope.cut`` says of one chat."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qa.rules.base import Operator, Scope, Scoped, Side
from qa.rules.batch import MANY, Batch, Flags, Numbers
from qa.rules.bench import Bench
from qa.rules.quiet import Glance, Known, Look, States, nothing_known, unplaced
from qa.rules.reasons import ASK, IS_HIT, Reasons
from qa.types import Role

_GO = -1
"""Of chats with rows in scope."""


def of_operator(operator: Operator, bench: Bench) -> Glance | None:
    """Return the glance of an operator that was just compiled, None where it has to be asked."""
    if not isinstance(operator, Scoped):
        return operator.glance(bench)
    bench.whose = None if operator.role == "any" else Role(operator.role)
    look = operator.look(bench) if operator.each is None else None
    bench.whose = None
    scope = operator.scope(bench)
    if look is None and scope.anchor is None:
        return None
    anchor = bench.glances.get(scope.anchor.judge) if scope.anchor else None
    return in_scope(scope, anchor, look or _unread, bench.reasons, counts_none=operator.counts_none)


def _unread(batch: Batch, rows: Flags) -> Known:  # noqa: ARG001 - it stands for one that reads them
    return nothing_known(batch)


class _Cut(NamedTuple):
    rows: Flags
    states: States
    """Chat → _GO, or what follows from there being no rows."""


def in_scope(scope: Scope, anchor: Glance | None, look: Look, reasons: Reasons, *, counts_none: bool) -> Glance:
    """Return the glance of an operator that looks at these rows; ``anchor`` is that of the scope's anchor."""
    beyond = reasons(scope.beyond)

    def glance(batch: Batch) -> Known:
        rows, states = batch.keep((scope, batch.wanted.tobytes()) if anchor else scope, lambda: cut(batch))
        if counts_none and scope.quantified:
            states = np.where(states == beyond, _GO, states)
        elif counts_none:
            rows = rows & (states == _GO).take(batch.chat)
            states = np.where(states != ASK, _GO, ASK)
        go = states == _GO
        if not go.any():
            return unplaced(batch, states)
        known = look(batch, rows)
        return Known(np.where(go, known.states, states), known.rows, known.placed)

    def cut(batch: Batch) -> _Cut:
        numbered = _numbered(batch, scope, reasons)
        return numbered if scope.anchor is None else _anchored(batch, scope, anchor, numbered, reasons)

    return glance


def counts(batch: Batch, rows: Flags) -> Numbers:
    """Chat → how many of these rows are its own."""
    number: Numbers = np.add.reduceat(rows, batch.first[:-1], dtype=np.int64)
    return number


def ordinals(batch: Batch, rows: Flags) -> Numbers:
    """Row → which of its chat's it is, from 1; of others the number of the last before them."""
    so_far = rows.cumsum()
    return so_far - np.concatenate(([0], so_far)).take(batch.first[:-1]).take(batch.chat)


def _firsts(batch: Batch, rows: Flags, number: int) -> Flags:
    return rows & (ordinals(batch, rows) <= number)


def _lasts(batch: Batch, rows: Flags, number: int) -> Flags:
    return rows & (ordinals(batch, rows) > (counts(batch, rows) - number).take(batch.chat))


def _ends(batch: Batch, scope: Scope, rows: Flags) -> Flags:
    if scope.first is not None:
        rows = _firsts(batch, rows, scope.first)
    return rows if scope.last is None else _lasts(batch, rows, scope.last)


def _numbered(batch: Batch, scope: Scope, reasons: Reasons) -> _Cut:
    """The turns of the role, from one of them to another."""
    rows = batch.rows_of(scope.role)
    there = batch.keep(("said", scope.role), lambda: counts(batch, rows) > 0)
    states = np.where(there, _GO, reasons(scope.nobody))
    if scope.start is not None or scope.stop is not None:
        number = ordinals(batch, rows)
        rows = rows & (number >= (scope.start or 1))
        if scope.stop is not None:
            rows &= number <= scope.stop
        states = np.where((states == _GO) & (counts(batch, rows) == 0), ASK, states)  # the reason has a number in it
    return _Cut(rows if scope.anchor else _ends(batch, scope, rows), states)


def _anchored(batch: Batch, scope: Scope, anchor: Glance | None, numbered: _Cut, reasons: Reasons) -> _Cut:
    """The turns beside one hit of the anchor."""
    rows, states = numbered
    assert scope.anchor is not None
    if anchor is None:
        return _Cut(rows, np.where(states == _GO, ASK, states))
    known = anchor(batch)
    at = _at(batch, scope, known)
    hit, no_hit = (known.states == IS_HIT) & (at >= 0), (known.states != IS_HIT) & (known.states != ASK)
    states = np.where(states != _GO, states, np.where(hit, _GO, np.where(no_hit, reasons(scope.unhit), ASK)))
    beside = _ends(batch, scope, _beside(batch, rows, scope.anchor.side, scope.reach, at.take(batch.chat)))
    empty = (states == _GO) & (counts(batch, beside) == 0)
    return _Cut(beside, np.where(empty, reasons(scope.beyond), states))


def _at(batch: Batch, scope: Scope, known: Known) -> Numbers:
    """Chat → the key of the turn with the hit that is asked about, -1 where that is not known; or of the only hit."""
    (row,) = known.rows.nonzero()
    bounds = row.searchsorted(batch.first)
    first, after = bounds[:-1], bounds[1:]
    which = after - 1 if scope.hit == "last" else first + _ordinal(scope) - 1
    there = known.placed & (which >= first) & (which < after)
    if scope.quantified:
        there &= after - first == 1
    at = np.where(there, np.append(batch.keys.take(row), -1).take(which, mode="clip"), -1)
    for chat, turns in (known.turns or {}).items():
        if len(turns) == 1 if scope.quantified else len(turns) >= _ordinal(scope):
            at[chat] = chat * MANY + turns[_ordinal(scope) - 1]
    return at


def _ordinal(scope: Scope) -> int:
    """Which hit is asked about, from 1; 0 for the last, and 1 where each of them is."""
    if scope.hit == "last":
        return 0
    return 1 if scope.quantified else int(scope.hit)


def _beside(batch: Batch, rows: Flags, side: Side, reach: int | None, at: Numbers) -> Flags:
    """The rows on this side of a hit; the hit's own is beside it only for ``around``."""
    here = batch.keys
    after: Flags = rows & (here > at)
    before: Flags = rows & (here < at)
    if reach is not None:
        after, before = _firsts(batch, after, reach), _lasts(batch, before, reach)
    if side != "around":
        return after if side == "after" else before
    around: Flags = before | after | (rows & (here == at))
    return around
