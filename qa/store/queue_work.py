"""Claims, assignments, quotas and saved filters.

Whatever two may try at once is one statement that says in its condition what must still hold: a claim that reads
first and writes then gives one chat to two people.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    ScalarSelect,
    Table,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from qa.people import Place
from qa.store.account_tables import users
from qa.store.queue import Looking, taking, values_of
from qa.store.queue_filters import Filters
from qa.store.queue_tables import queue_items, quotas, saved_filters
from qa.types import Instant

_c = queue_items.c


class Held(NamedTuple):
    """An item of the queue and who has it. ``holder`` None: nobody's lease runs."""

    inspection_id: int
    place: Place
    holder: int | None
    holder_name: str | None
    """How the holder is shown."""
    lease_until: Instant | None
    assignee: int | None
    assignee_name: str | None
    done_at: Instant | None


class Day(NamedTuple):
    """What one reviewer has done and has before him. ``quota`` None: none is set."""

    user_id: int
    done: int
    quota: int | None
    holding: int
    assigned: int


class SavedFilter(NamedTuple):
    """A filter that somebody keeps; ``query`` as in a URL."""

    id: int
    owner: int
    owner_name: str
    name: str
    query: str
    shared: bool

    @property
    def merchant(self) -> str | None:
        """The merchant it names."""
        return dict(parse_qsl(self.query)).get("merchant")


# --- claims ----------------------------------------------------------------------------------------------------------


_holding, _assignee = users.alias("holding"), users.alias("assignee")
_FIND = (
    select(
        _c.merchant, _c.team, _c.agent_id, _c.holder, _c.lease_until, _c.assignee, _c.done_at,
        _holding.c.shown_as.label("held_by"), _assignee.c.shown_as.label("assigned_to"),
    )
    .outerjoin(_holding, _holding.c.id == _c.holder)
    .outerjoin(_assignee, _assignee.c.id == _c.assignee)
    .where(_c.inspection_id == bindparam("qa_inspection", type_=BigInteger))
)  # fmt: skip


def find_item(connection: Connection, inspection_id: int, now: Instant) -> Held | None:
    """Return an item with who has it now; None: the inspection is not in the queue."""
    row = connection.execute(_FIND, {"qa_inspection": inspection_id}).one_or_none()
    if row is None:
        return None
    held = row.lease_until is not None and row.lease_until > now
    return Held(
        inspection_id, Place(row.merchant, row.team, row.agent_id), row.holder if held else None,
        orjson.loads(row.held_by) if held else None, row.lease_until if held else None, row.assignee,
        None if row.assigned_to is None else orjson.loads(row.assigned_to), row.done_at,
    )  # fmt: skip


def claim(
    connection: Connection, inspection_id: int, user_id: int, now: Instant, until: Instant, *, whoever_is_to: bool
) -> bool:
    """Claim an open item unless somebody else's lease runs or (not ``whoever_is_to``) it is assigned to another."""
    mine = or_(_c.holder.is_(None), _c.holder == user_id, _c.lease_until <= now)
    conditions = [_c.inspection_id == inspection_id, _c.done_at.is_(None), mine]
    if not whoever_is_to:
        conditions.append(or_(_c.assignee.is_(None), _c.assignee == user_id))
    return _set(connection, conditions, holder=user_id, lease_until=until)


def claim_next(connection: Connection, looking: Looking, filters: Filters, until: Instant) -> int | None:
    """Claim the riskiest item nobody has: first of those assigned to the user, then of those assigned to nobody.

    Finding and claiming are one statement. On PostgreSQL others skip the row that is being claimed; on SQLite the
    write lock is held from the beginning of the transaction.
    """
    for assigned in (True, False):
        statement = taking(connection, looking, filters, assigned=assigned)
        claimed = connection.execute(statement, values_of(looking) | {"qa_until": until}).scalar()
        if claimed is not None:
            return int(claimed)
    return None


def extend(connection: Connection, inspection_id: int, user_id: int, until: Instant) -> bool:
    """Prolong one's own claim, also one that has run out and that nobody else took meanwhile."""
    conditions = [_c.inspection_id == inspection_id, _c.holder == user_id, _c.done_at.is_(None)]
    return _set(connection, conditions, lease_until=until)


def release(connection: Connection, inspection_id: int, user_id: int) -> bool:
    """Give one's own claim back."""
    conditions = [_c.inspection_id == inspection_id, _c.holder == user_id]
    return _set(connection, conditions, holder=None, lease_until=None)


def _set(connection: Connection, conditions: Sequence[ColumnElement[bool]], **values: Any) -> bool:
    statement = update(queue_items).where(*conditions).values(**values).returning(_c.inspection_id)
    return connection.execute(statement).scalar() is not None


# --- assignments -----------------------------------------------------------------------------------------------------


def places_of(connection: Connection, inspection_ids: Sequence[int]) -> dict[int, Place]:
    """Return where items lie; what is not in the queue is left out."""
    query = select(_c.inspection_id, _c.merchant, _c.team, _c.agent_id).where(_c.inspection_id.in_(inspection_ids))
    return {row[0]: Place(row[1], row[2], row[3]) for row in connection.execute(query)}


def assign(connection: Connection, inspection_ids: Sequence[int], user_id: int | None, now: Instant) -> list[int]:
    """Assign open items to a user, or (None) to nobody; returns those that were.

    What another person works on at this moment stays as it is.
    """
    free = or_(_c.holder.is_(None), _c.lease_until <= now)
    if user_id is not None:
        free = or_(free, _c.holder == user_id)
    statement = (
        update(queue_items)
        .where(_c.inspection_id.in_(inspection_ids), _c.done_at.is_(None), free)
        .values(assignee=user_id)
        .returning(_c.inspection_id)
    )
    return sorted(connection.execute(statement).scalars())


# --- the day ---------------------------------------------------------------------------------------------------------


def set_quota(connection: Connection, user_id: int, day: str, chats: int) -> None:
    """Set how many chats a user is to review a day, from that day on."""
    statement = _insert(connection, quotas).values(user_id=user_id, day=day, chats=chats)
    connection.execute(statement.on_conflict_do_update(index_elements=["user_id", "day"], set_={"chats": chats}))


def days_of(connection: Connection, reviewers: dict[int, str], day: str, since: Instant, now: Instant) -> list[Day]:
    """Return the day of each reviewer (id → login name), in the order given; ``since`` is when the day began."""
    ids = list(reviewers)
    done = _tally(connection, _c.done_by, _c.done_by.in_(list(reviewers.values())), _c.done_at >= since)
    held = and_(_c.holder.in_(ids), _c.holder.is_not(None), _c.lease_until > now, _c.done_at.is_(None))
    holding = _tally(connection, _c.holder, held)
    assigned = _tally(connection, _c.assignee, _c.assignee.in_(ids), _c.assignee.is_not(None), _c.done_at.is_(None))
    quota = _quotas(connection, ids, day)
    return [
        Day(pk, done.get(name, 0), quota.get(pk), holding.get(pk, 0), assigned.get(pk, 0))
        for pk, name in reviewers.items()
    ]


def day_of(connection: Connection, user_id: int, name: str, day: str, since: Instant, now: Instant) -> Day:
    """Return the day of one reviewer, as ``days_of`` does, by one statement: it stands on every page of the queue."""
    given = {"qa_user": user_id, "qa_name": name, "qa_day": day, "qa_since": since, "qa_now": now}
    row = connection.execute(_DAY, given).one()
    return Day(user_id, int(row.done), row.quota, int(row.holding), int(row.assigned))


def _number(*where: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(queue_items).where(*where).scalar_subquery()


_USER, _NOW = bindparam("qa_user", type_=BigInteger), bindparam("qa_now", type_=BigInteger)
_DAY = select(
    _number(_c.done_by == bindparam("qa_name"), _c.done_at >= bindparam("qa_since"), _c.done_at.is_not(None)).label(
        "done"
    ),
    _number(_c.holder == _USER, _c.holder.is_not(None), _c.lease_until > _NOW, _c.done_at.is_(None)).label("holding"),
    _number(_c.assignee == _USER, _c.assignee.is_not(None), _c.done_at.is_(None)).label("assigned"),
    select(quotas.c.chats)
    .where(quotas.c.user_id == _USER, quotas.c.day <= bindparam("qa_day"))
    .order_by(quotas.c.day.desc())
    .limit(1)
    .scalar_subquery()
    .label("quota"),
)


def _tally(connection: Connection, column: Any, *where: ColumnElement[bool]) -> dict[Any, int]:
    query = select(column, func.count()).select_from(queue_items).where(*where).group_by(column)
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def _quotas(connection: Connection, ids: Sequence[int], day: str) -> dict[int, int]:
    q = quotas.c
    query = select(q.user_id, q.chats).where(q.user_id.in_(ids), q.day <= day).order_by(q.day)
    return {row.user_id: row.chats for row in connection.execute(query)}


# --- saved filters ---------------------------------------------------------------------------------------------------


def save_filter(connection: Connection, owner: int, name: str, query: str, *, shared: bool) -> int:
    """Keep a filter; one of the same name and owner is replaced."""
    given = {"query": query, "shared": shared}
    statement = _insert(connection, saved_filters).values(owner=owner, name=name, **given)
    statement = statement.on_conflict_do_update(index_elements=["owner", "name"], set_=given)
    return int(connection.execute(statement.returning(saved_filters.c.id)).scalar_one())


def delete_filter(connection: Connection, filter_id: int, owner: int) -> str | None:
    """Forget one's own filter; returns its name, None where there is none."""
    f = saved_filters.c
    statement = delete(saved_filters).where(f.id == filter_id, f.owner == owner).returning(f.name)
    name: str | None = connection.execute(statement).scalar()
    return name


_f = saved_filters.c
_FILTERS = (
    select(_f.id, _f.owner, users.c.shown_as, _f.name, _f.query, _f.shared)
    .join(users, users.c.id == _f.owner)
    .where(or_(_f.owner == _USER, _f.shared))
    .order_by(_f.owner != _USER, _f.name, _f.id)
)


def filters_for(connection: Connection, user_id: int) -> list[SavedFilter]:
    """Return the filters of a user and those that others share, one's own first, by name."""
    rows = connection.execute(_FILTERS, {"qa_user": user_id})
    return [SavedFilter(r[0], r[1], orjson.loads(r[2]), r[3], r[4], bool(r[5])) for r in rows]


def _insert(connection: Connection, table: Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
