"""Collections of cases: made, named, filled, put in order."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from qa.people import Scope
from qa.store.case_tables import cases, collected, collections
from qa.types import Instant

_k, _m = collections.c, collected.c
_APART = 1_000_000
"""Added to places while they are given anew, so that no two are equal in between."""


class Collection(NamedTuple):
    """A collection; ``merchant`` None: of any. ``size``: how many cases it has."""

    id: int
    name: str
    about: str | None
    merchant: str | None
    created_at: Instant
    created_by: str
    size: int


def add_collection(
    connection: Connection, name: str, about: str | None, merchant: str | None, by: str, at: Instant
) -> int:
    """Make an empty collection; returns its key."""
    values = {"name": name, "about": about, "merchant": merchant, "created_by": by, "created_at": at}
    return int(connection.execute(insert(collections).values(values).returning(_k.id)).scalar_one())


def rename(connection: Connection, collection_id: int, name: str, about: str | None) -> None:
    """Give a collection another name."""
    connection.execute(update(collections).where(_k.id == collection_id).values(name=name, about=about))


def drop(connection: Connection, collection_id: int) -> None:
    """Remove a collection; its cases stay in the library."""
    connection.execute(delete(collected).where(_m.collection_id == collection_id))
    connection.execute(delete(collections).where(_k.id == collection_id))


def hold(connection: Connection, collection_id: int) -> None:
    """Let nobody else change this collection until the transaction ends (SQLite's are alone anyway)."""
    connection.execute(select(_k.id).where(_k.id == collection_id).with_for_update())


def put_in(connection: Connection, collection_id: int, case_id: int) -> bool:
    """Put a case at the end of a collection; False: it is there already."""
    held = order(connection, collection_id)
    if case_id in held:
        return False
    last = connection.execute(select(func.max(_m.place)).where(_m.collection_id == collection_id)).scalar() or 0
    values = {"collection_id": collection_id, "case_id": case_id, "place": last + 1}
    connection.execute(insert(collected).values(values))
    return True


def take_out(connection: Connection, collection_id: int, case_id: int) -> bool:
    """Take a case out of a collection; False: it was not there."""
    gone = delete(collected).where(_m.collection_id == collection_id, _m.case_id == case_id)
    return connection.execute(gone).rowcount == 1


def order(connection: Connection, collection_id: int) -> list[int]:
    """Return the cases of a collection in their order."""
    query = select(_m.case_id).where(_m.collection_id == collection_id).order_by(_m.place)
    return list(connection.execute(query).scalars())


def set_order(connection: Connection, collection_id: int, case_ids: list[int]) -> None:
    """Give the cases of a collection this order."""
    mine = _m.collection_id == collection_id
    connection.execute(update(collected).where(mine).values(place=_m.place + _APART))
    for place, case_id in enumerate(case_ids, 1):
        connection.execute(update(collected).where(mine, _m.case_id == case_id).values(place=place))


def read_collection(connection: Connection, collection_id: int) -> Collection | None:
    """Return a collection; None: there is no such one."""
    if not 0 < collection_id < 1 << 63:
        return None  # PostgreSQL has no greater keys
    row = connection.execute(_query().where(_k.id == collection_id)).first()
    return None if row is None else Collection._make(row)


def list_collections(connection: Connection, scope: Scope) -> list[Collection]:
    """Return the collections within reach, by name."""
    query = _query() if scope.merchants is None else _query().where(_k.merchant.in_(scope.merchants))
    return [Collection._make(row) for row in connection.execute(query.order_by(_k.name, _k.id))]


def holding(connection: Connection, case_id: int) -> list[int]:
    """Return the collections that hold a case."""
    return list(connection.execute(select(_m.collection_id).where(_m.case_id == case_id)).scalars())


def _query() -> Select[tuple[int, str, str | None, str | None, int, str, int]]:
    size = (
        select(func.count())
        .select_from(collected.join(cases, cases.c.id == _m.case_id))
        .where(_m.collection_id == _k.id)
        .scalar_subquery()
    )
    return select(_k.id, _k.name, _k.about, _k.merchant, _k.created_at, _k.created_by, size)
