"""The queue as people see it: pages of items by falling risk, counts, and what there is to filter by.

A page is found by key (rank, inspection id), never by an offset: the thousandth page costs what the first one does,
and items that arrive meanwhile move nothing. A filter by rule, reason or severity walks ``queue_marks``, where the
items of each stand in their order; the others are tested along the way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, Select, func, select, text, true, tuple_

from qa.people import Scope
from qa.store.account_tables import users
from qa.store.queue_filters import (
    RESOLUTIONS,
    SENTIMENTS,
    SEVERITIES,
    Filters,
    State,
    bits_of,
    reasons_in,
)
from qa.store.queue_tables import queue_items, queue_marks, queue_places
from qa.store.tables import chats
from qa.store.words import holds, matching, phrases
from qa.types import FlagReason, Instant, Severity

COUNTED = 10_000
"""Up to here a count is exact; beyond, it is only said that there are more."""
COMMON = 5_000
"""Chats holding the words of a search from which the items are walked in their order, instead of the chats."""

_RULE = "rule:"
_c = queue_items.c


class Key(NamedTuple):
    """The place of an item in the order."""

    rank: float
    inspection_id: int


class Item(NamedTuple):
    """One line of the queue. ``evidence``: as ``qa.queueing`` wrote it; people: how they are shown."""

    inspection_id: int
    chat_id: str
    merchant: str
    team: str | None
    agent_id: str | None
    day: str
    started_at: Instant | None
    risk: float
    reasons: tuple[FlagReason, ...]
    score: float | None
    severity: Severity | None
    sentiment: str | None
    resolution: str | None
    evidence: dict[str, Any] | None
    assignee: str | None
    holder: str | None
    holder_id: int | None
    lease_until: Instant | None
    done_at: Instant | None
    done_by: str | None

    @property
    def key(self) -> Key:
        """Its place in the order."""
        return Key(-self.risk, self.inspection_id)


class Looking(NamedTuple):
    """Who looks, and when: what is within reach, whose items are mine, which leases still run."""

    scope: Scope
    user_id: int
    now: Instant


class Page(NamedTuple):
    """Some items; ``after``: where the next page begins, None on the last one."""

    items: list[Item]
    after: Key | None


def rule_mark(rule: str) -> str:
    """Return the mark of items in which this rule fired."""
    return _RULE + rule


def list_items(connection: Connection, looking: Looking, filters: Filters, after: Key | None, limit: int) -> Page:
    """Return up to ``limit`` items behind ``after``, by falling risk, of one risk in the order of inspection."""
    found = select(*_c).select_from(queue_items)
    found = _selected(connection, found, looking, filters, walking=True)
    found = _in_order(found, filters, after).limit(limit + 1)
    page = found.subquery("page")
    assignee, holder = users.alias("assignee"), users.alias("holding")
    query = (
        select(page, chats.c.chat_id, assignee.c.shown_as.label("assigned_to"), holder.c.shown_as.label("held_by"))
        .select_from(page)
        .outerjoin(chats, chats.c.id == page.c.chat_pk)
        .outerjoin(assignee, assignee.c.id == page.c.assignee)
        .outerjoin(holder, holder.c.id == page.c.holder)
        .order_by(page.c.rank, page.c.inspection_id)
    )
    items = [_item(row, looking.now) for row in connection.execute(query)]
    return Page(items[:limit], items[limit - 1].key if len(items) > limit else None)


def list_ids(connection: Connection, looking: Looking, filters: Filters, limit: int) -> list[int]:
    """Return the inspections of the first ``limit`` items."""
    query = _selected(connection, select(_c.inspection_id).select_from(queue_items), looking, filters, walking=True)
    return list(connection.execute(_in_order(query, filters, None).limit(limit)).scalars())


def count_items(connection: Connection, looking: Looking, filters: Filters, most: int = COUNTED) -> int:
    """Return how many items there are, exactly up to ``most``; ``most + 1`` means more than that."""
    query = _selected(connection, select(_c.inspection_id).select_from(queue_items), looking, filters, walking=False)
    return int(connection.execute(select(func.count()).select_from(query.limit(most + 1).subquery())).scalar_one())


def first_free(connection: Connection, looking: Looking, filters: Filters, *, assigned: bool) -> Select[Any]:
    """Return a query of the first item nobody works on: one assigned to the user, or (not ``assigned``) to nobody."""
    query = _selected(
        connection, select(_c.inspection_id).select_from(queue_items), looking,
        filters._replace(state=State.ALL), walking=True,
    )  # fmt: skip
    whose = _c.assignee == looking.user_id if assigned else _c.assignee.is_(None)
    query = query.where(_c.done_at.is_(None), _unheld(looking.now), whose)
    query = _in_order(query, filters, None).limit(1)
    return query.with_for_update(of=queue_items, skip_locked=True)


class Choices(NamedTuple):
    """What there is to filter by, within reach."""

    merchants: list[str]
    teams: list[str]
    rules: list[str]


def choices(connection: Connection, scope: Scope) -> Choices:
    """Return the merchants, teams and rules that items have."""
    p = queue_places.c
    query = select(p.merchant, p.team)
    if scope.merchants is not None:
        query = query.where(p.merchant.in_(scope.merchants))
    if scope.team is not None:
        query = query.where(p.team == scope.team)
    places = connection.execute(query).all()
    rules = connection.execute(_RULES, {"first": _RULE, "beyond": "rule;"}).scalars()
    return Choices(
        sorted({row.merchant for row in places}),
        sorted({row.team for row in places} - {""}),
        [mark.removeprefix(_RULE) for mark in rules],
    )


_RULES = text(
    # leaps from mark to mark in the index: a DISTINCT would read them all
    """
    WITH RECURSIVE marks(mark) AS (
        SELECT min(mark) FROM queue_marks WHERE mark >= :first AND mark < :beyond
        UNION ALL
        SELECT (SELECT min(m.mark) FROM queue_marks m WHERE m.mark > marks.mark AND m.mark < :beyond)
        FROM marks WHERE marks.mark IS NOT NULL
    )
    SELECT mark FROM marks WHERE mark IS NOT NULL
    """
)


# --- the pieces of a query -------------------------------------------------------------------------------------------


def _selected(
    connection: Connection, query: Select[Any], looking: Looking, filters: Filters, *, walking: bool
) -> Select[Any]:
    """Limit a query of ``queue_items``; ``walking``: it goes through them in their order and stops early."""
    mark = _mark(filters)
    if mark is not None:
        query = query.join(queue_marks, queue_marks.c.inspection_id == _c.inspection_id)
        query = query.where(queue_marks.c.mark == mark)
    query = query.where(*_within(looking.scope), *_state(filters.state, looking), *_tested(filters))
    if filters.text is None:
        return query
    wanted = phrases(filters.text)
    if not wanted:
        return query.where(~true())
    if walking and _is_common(connection, wanted):
        return query.where(holds(connection, wanted, _c.chat_pk))
    found = matching(connection, wanted).subquery("matching")
    return query.join(found, found.c.chat_pk == _c.chat_pk)


def _is_common(connection: Connection, wanted: list[list[str]]) -> bool:
    some = matching(connection, wanted).limit(COMMON).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one()) == COMMON


def _mark(filters: Filters) -> str | None:
    """Return the mark whose items are walked: that of the narrowest filter."""
    if filters.rule is not None:
        return rule_mark(filters.rule)
    if filters.reason is not None:
        return f"reason:{filters.reason.value}"
    return None if filters.severity is None else f"severity:{filters.severity.value}"


def _in_order(query: Select[Any], filters: Filters, after: Key | None) -> Select[Any]:
    rank, inspection = _c.rank, _c.inspection_id
    if _mark(filters) is not None:
        rank, inspection = queue_marks.c.rank, queue_marks.c.inspection_id
    if after is not None:
        query = query.where(tuple_(rank, inspection) > tuple_(*after))
    return query.order_by(rank, inspection)


def _within(scope: Scope) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if scope.merchants is not None:
        one = len(scope.merchants) == 1
        found.append(_c.merchant == scope.merchants[0] if one else _c.merchant.in_(scope.merchants))
    if scope.team is not None:
        found.append(_c.team == scope.team)
    if scope.user_id is not None:
        found.append(_c.agent_id == scope.agent_id)  # NULL where the user is no agent: reaches nothing
    return found


def _unheld(now: Instant) -> ColumnElement[bool]:
    return _c.holder.is_(None) | (_c.lease_until <= now)


def _state(state: State, looking: Looking) -> list[ColumnElement[bool]]:
    match state:
        case State.OPEN:
            return [_c.done_at.is_(None)]
        case State.MINE:
            held = (_c.holder == looking.user_id) & (_c.lease_until > looking.now)
            return [_c.done_at.is_(None), held | (_c.assignee == looking.user_id)]
        case State.UNCLAIMED:
            return [_c.done_at.is_(None), _c.assignee.is_(None), _unheld(looking.now)]
        case State.DONE:
            return [_c.done_at.is_not(None)]
        case State.ALL:
            return []


def _tested(filters: Filters) -> list[ColumnElement[bool]]:
    """Return the conditions on columns of the item."""
    f = filters
    equal: dict[Any, Any] = {
        _c.severity: _place(SEVERITIES, f.severity),
        _c.merchant: f.merchant,
        _c.team: f.team,
        _c.agent_id: f.agent,
        _c.sentiment: _place(SENTIMENTS, f.sentiment),
        _c.resolution: _place(RESOLUTIONS, f.resolution),
    }
    found: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if f.reason is not None:
        found.append(_c.reasons.op("&")(bits_of([f.reason])) != 0)
    found += [column >= value for column, value in ((_c.day, f.since), (_c.score, f.low)) if value is not None]
    found += [column <= value for column, value in ((_c.day, f.until), (_c.score, f.high)) if value is not None]
    return found


def _place(labels: tuple[Any, ...], label: Any) -> int | None:
    return None if label is None else labels.index(label)


def _label(labels: tuple[Any, ...], place: int | None) -> Any:
    return None if place is None else labels[place]


def _item(row: Any, now: Instant) -> Item:
    held = row.lease_until is not None and row.lease_until > now
    return Item(
        inspection_id=row.inspection_id,
        chat_id=row.chat_id,
        merchant=row.merchant,
        team=row.team,
        agent_id=row.agent_id,
        day=row.day,
        started_at=row.started_at,
        risk=-row.rank,
        reasons=reasons_in(row.reasons),
        score=row.score,
        severity=_label(SEVERITIES, row.severity),
        sentiment=_label(SENTIMENTS, row.sentiment),
        resolution=_label(RESOLUTIONS, row.resolution),
        evidence=None if row.evidence is None else orjson.loads(row.evidence),
        assignee=None if row.assigned_to is None else orjson.loads(row.assigned_to),
        holder=orjson.loads(row.held_by) if held and row.held_by is not None else None,
        holder_id=row.holder if held else None,
        lease_until=row.lease_until if held else None,
        done_at=row.done_at,
        done_by=row.done_by,
    )
