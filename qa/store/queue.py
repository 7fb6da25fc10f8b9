"""The queue as people see it: pages of items by falling risk, counts, and what there is to filter by.

A page is found by key (rank, inspection id), never by an offset: the thousandth page costs what the first one does,
and items that arrive meanwhile move nothing. A filter by rule, reason or severity walks ``queue_marks``, where the
items of each stand in their order; the others are tested along the way.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    Select,
    Update,
    bindparam,
    func,
    select,
    text,
    true,
    tuple_,
    update,
)

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

_MADE = 512  # statements of each kind that are kept: to make one takes longer than to run it, and many ask the same
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
    asked = _asked(connection, looking, filters, walking=True)
    query = _page_query(asked, limit + 1, behind=after is not None)
    items = [_item(row, looking.now) for row in connection.execute(query, values_of(looking, after))]
    return Page(items[:limit], items[limit - 1].key if len(items) > limit else None)


def list_ids(connection: Connection, looking: Looking, filters: Filters, limit: int) -> list[int]:
    """Return the inspections of the first ``limit`` items."""
    asked = _asked(connection, looking, filters, walking=True)
    query = _in_order(_selected(select(_c.inspection_id).select_from(queue_items), asked), filters, behind=False)
    return list(connection.execute(query.limit(limit), values_of(looking)).scalars())


def count_items(connection: Connection, looking: Looking, filters: Filters, most: int = COUNTED) -> int:
    """Return how many items there are, exactly up to ``most``; ``most + 1`` means more than that."""
    query = _count_query(_asked(connection, looking, filters, walking=False), most)
    return int(connection.execute(query, values_of(looking)).scalar_one())


def taking(connection: Connection, looking: Looking, filters: Filters, *, assigned: bool) -> Update:
    """Return what claims the first item nobody works on: one assigned to the user, or (not ``assigned``) to nobody.

    To be executed with ``values_of(looking)`` and ``qa_until``, the end of the lease.
    """
    asked = _asked(connection, looking, filters._replace(state=State.ALL), walking=True)
    return _taking(asked, assigned=assigned)


class Choices(NamedTuple):
    """What there is to filter by, within reach."""

    merchants: list[str]
    teams: list[str]
    rules: list[str]


def choices(connection: Connection, scope: Scope) -> Choices:
    """Return the merchants, teams and rules that items have."""
    places = connection.execute(_places_query(scope)).all()
    rules = connection.execute(_RULES, {"first": _RULE, "beyond": "rule;"}).scalars()
    return Choices(
        sorted({row.merchant for row in places}),
        sorted({row.team for row in places} - {""}),
        [mark.removeprefix(_RULE) for mark in rules],
    )


@lru_cache(maxsize=_MADE)
def _places_query(scope: Scope) -> Select[Any]:
    p = queue_places.c
    query = select(p.merchant, p.team)
    if scope.merchants is not None:
        query = query.where(p.merchant.in_(scope.merchants))
    return query if scope.team is None else query.where(p.team == scope.team)


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

_NOW, _USER = bindparam("qa_now", type_=BigInteger), bindparam("qa_user", type_=BigInteger)
_RANK, _INSPECTION = bindparam("qa_rank", type_=_c.rank.type), bindparam("qa_inspection", type_=BigInteger)


class _Asked(NamedTuple):
    """What the text of a query depends on; who asks, when, and behind which item are its parameters."""

    scope: Scope
    filters: Filters
    dialect: Dialect
    wanted: tuple[tuple[str, ...], ...] | None
    """The phrases of a search; None: no text is searched for."""
    each: bool
    """Whether the items are walked and each one's words are tested; else the chats that hold the words lead."""


def _asked(connection: Connection, looking: Looking, filters: Filters, *, walking: bool) -> _Asked:
    """``walking``: the query goes through the items in their order and stops early."""
    wanted = None if filters.text is None else tuple(map(tuple, phrases(filters.text)))
    each = bool(walking and wanted and _is_common(connection, wanted))
    return _Asked(looking.scope, filters, connection.dialect, wanted, each)


def values_of(looking: Looking, after: Key | None = None) -> dict[str, Any]:
    """Return what the parameters of a query of this module stand for."""
    given: dict[str, Any] = {"qa_now": looking.now, "qa_user": looking.user_id}
    return given if after is None else given | {"qa_rank": after.rank, "qa_inspection": after.inspection_id}


@lru_cache(maxsize=_MADE)
def _page_query(asked: _Asked, limit: int, *, behind: bool) -> Select[Any]:
    found = _selected(select(*_c).select_from(queue_items), asked)
    page = _in_order(found, asked.filters, behind=behind).limit(limit).subquery("page")
    assignee, holder = users.alias("assignee"), users.alias("holding")
    return (
        select(page, chats.c.chat_id, assignee.c.shown_as.label("assigned_to"), holder.c.shown_as.label("held_by"))
        .select_from(page)
        .outerjoin(chats, chats.c.id == page.c.chat_pk)
        .outerjoin(assignee, assignee.c.id == page.c.assignee)
        .outerjoin(holder, holder.c.id == page.c.holder)
        .order_by(page.c.rank, page.c.inspection_id)
    )


@lru_cache(maxsize=_MADE)
def _count_query(asked: _Asked, most: int) -> Select[Any]:
    query = _selected(select(_c.inspection_id).select_from(queue_items), asked)
    return select(func.count()).select_from(query.limit(most + 1).subquery())


@lru_cache(maxsize=_MADE)
def _taking(asked: _Asked, *, assigned: bool) -> Update:
    query = _selected(select(_c.inspection_id).select_from(queue_items), asked)
    whose = _c.assignee == _USER if assigned else _c.assignee.is_(None)
    query = query.where(_c.done_at.is_(None), _unheld(), whose)
    query = _in_order(query, asked.filters, behind=False).limit(1)
    first = query.with_for_update(of=queue_items, skip_locked=True).scalar_subquery()
    claimed = {"holder": _USER, "lease_until": bindparam("qa_until", type_=BigInteger)}
    return update(queue_items).where(_c.inspection_id == first).values(claimed).returning(_c.inspection_id)


def _selected(query: Select[Any], asked: _Asked) -> Select[Any]:
    """Limit a query of ``queue_items``."""
    filters = asked.filters
    mark = _mark(filters)
    if mark is not None:
        query = query.join(queue_marks, queue_marks.c.inspection_id == _c.inspection_id)
        query = query.where(queue_marks.c.mark == mark)
    query = query.where(*_within(asked.scope), *_state(filters.state), *_tested(filters))
    if asked.wanted is None:
        return query
    if not asked.wanted:
        return query.where(~true())
    if asked.each:
        return query.where(holds(asked, asked.wanted, _c.chat_pk))
    found = matching(asked, asked.wanted).subquery("matching")
    return query.join(found, found.c.chat_pk == _c.chat_pk)


def _is_common(connection: Connection, wanted: tuple[tuple[str, ...], ...]) -> bool:
    some = matching(connection, wanted).limit(COMMON).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one()) == COMMON


def _mark(filters: Filters) -> str | None:
    """Return the mark whose items are walked: that of the narrowest filter."""
    if filters.rule is not None:
        return rule_mark(filters.rule)
    if filters.reason is not None:
        return f"reason:{filters.reason.value}"
    return None if filters.severity is None else f"severity:{filters.severity.value}"


def _in_order(query: Select[Any], filters: Filters, *, behind: bool) -> Select[Any]:
    rank, inspection = _c.rank, _c.inspection_id
    if _mark(filters) is not None:
        rank, inspection = queue_marks.c.rank, queue_marks.c.inspection_id
    if behind:
        query = query.where(tuple_(rank, inspection) > tuple_(_RANK, _INSPECTION))
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


def _unheld() -> ColumnElement[bool]:
    return _c.holder.is_(None) | (_c.lease_until <= _NOW)


def _state(state: State) -> list[ColumnElement[bool]]:
    match state:
        case State.OPEN:
            return [_c.done_at.is_(None)]
        case State.MINE:
            held = (_c.holder == _USER) & (_c.lease_until > _NOW)
            return [_c.done_at.is_(None), held | (_c.assignee == _USER)]
        case State.UNCLAIMED:
            return [_c.done_at.is_(None), _c.assignee.is_(None), _unheld()]
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
