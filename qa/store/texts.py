"""What was said in chats: kept beside the chats, month by month, so that the texts of a month can go in one step.

On PostgreSQL each month is a partition of its own, made when the first chat of it comes in; letting a month go is
``DROP TABLE``, whatever it holds. Nothing points at these rows. Of a chat whose text is gone and that was inspected or
reviewed, a covered copy stays (``dropped_texts``), so that places in it stay places.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.exc import OperationalError

from qa.errors import StoreError
from qa.store.bulk import insert_all, insert_new
from qa.store.keys import among
from qa.store.operation_tables import dropped_texts
from qa.store.tables import chat_bodies, chats, quotes, text_months

_LOCK = 0x5A4A_0005  # PostgreSQL advisory lock: one importer at a time, as SQLite has it anyway
_WAIT, _TRIES = "2s", 15
_BUSY = "55P03"  # lock_not_available


PLACED = ("chat_bodies", "quotes")
"""Tables that have a partition a month, in the order in which these are dropped: that first for which one may wait."""
AHEAD = "ahead"
"""Why there is a covered copy of a chat: its text will go soon, or went with its month."""


class Said(NamedTuple):
    """What was said in one revision of a chat."""

    chat_pk: int
    merchant: str
    day: str
    body: bytes


def month_of(day: str) -> int:
    """Return the month of a day as a number.

    >>> month_of("2026-11-22")
    202611
    """
    return int(day[:4] + day[5:7])


_b = chat_bodies.c
_MONTH: ColumnElement[int] = cast(func.substr(chats.c.day, 1, 4).concat(func.substr(chats.c.day, 6, 2)), Integer)
_COVERED = select(dropped_texts.c.body).where(dropped_texts.c.chat_pk == chats.c.id).correlate(chats).scalar_subquery()


def _body(month: ColumnElement[int]) -> ColumnElement[bytes]:
    kept = select(_b.body).where(_b.month == month, _b.chat_pk == chats.c.id).correlate(chats).scalar_subquery()
    return func.coalesce(kept, _COVERED, literal(b"", LargeBinary))


BODY = _body(_MONTH)
"""For a query over chats: the body of each, else its covered copy, else nothing (``b""``)."""
BODY_OF_MONTH = _body(bindparam("qa_month", type_=Integer))
"""The same for chats of one month, ``qa_month``; quicker, for the database need not work it out for each."""
TEXT_THERE: ColumnElement[bool] = exists().where(_b.month == _MONTH, _b.chat_pk == chats.c.id).correlate(chats)
"""The condition, for a query over chats, that what was said is still there."""
THERE_OF_MONTH: ColumnElement[bool] = (
    exists().where(_b.month == bindparam("qa_month", type_=Integer), _b.chat_pk == chats.c.id).correlate(chats)
)
"""The same for chats of one month, ``qa_month``."""


def gone(chat_pk: ColumnElement[int], day: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that what was said in a judged chat, given by two columns of the query, was dropped."""
    d = dropped_texts.c
    month = cast(func.substr(day, 1, 4).concat(func.substr(day, 6, 2)), Integer)
    there = exists().where(_b.month == month, _b.chat_pk == chat_pk).correlate_except(chat_bodies)
    return exists().where(d.chat_pk == chat_pk, or_(d.reason != AHEAD, ~there)).correlate_except(dropped_texts)


def lock_texts(connection: Connection) -> None:
    """Wait until no other transaction brings in or lets go texts; until the end of this one, none begins."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def add_texts(connection: Connection, said: Sequence[Said]) -> None:
    """Keep what was said in chats that have none yet; a month that is new gets its place."""
    add_months(connection, {(month_of(one.day), one.merchant) for one in said})
    rows = [{"month": month_of(one.day), "chat_pk": one.chat_pk, "body": one.body} for one in said]
    insert_all(connection, chat_bodies, rows)


def add_months(connection: Connection, wanted: Iterable[tuple[int, str]]) -> None:
    """Note that these merchants have texts in these months, and make the place for them."""
    wanted = set(wanted)
    m = text_months.c
    of_these = select(m.month, m.merchant).where(m.month.in_([month for month, _ in wanted]))
    missing = sorted(wanted - {(row.month, row.merchant) for row in connection.execute(of_these)}) if wanted else []
    if missing:
        lock_texts(connection)
        make_places(connection, {month for month, _ in missing})
        insert_new(connection, text_months, [{"month": month, "merchant": merchant} for month, merchant in missing])


def make_places(connection: Connection, months: Iterable[int]) -> None:
    """Make the partitions of months where absent (PostgreSQL).

    They are made beside the table and then attached, which locks out neither readers nor writers.
    """
    if connection.dialect.name != "postgresql":
        return
    placed = [table for table in PLACED if _there(connection, table)]  # an older backup is read into its own schema
    for table, month in product(placed, sorted(months)):
        name = f"{table}_{month:d}"
        if not _there(connection, name):
            connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE {table})")
            connection.exec_driver_sql(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES IN ({month:d})")


def _there(connection: Connection, table: str) -> bool:
    return connection.execute(text("SELECT to_regclass(:name)"), {"name": table}).scalar() is not None


def delete_texts(connection: Connection, of: Iterable[tuple[int, str]]) -> None:
    """Delete what was said in single chats, given by (key, day)."""
    by_month: dict[int, list[int]] = {}
    for pk, day in of:
        by_month.setdefault(month_of(day), []).append(pk)
    for month, pks in by_month.items():
        connection.execute(delete(chat_bodies).where(_b.month == month, among(connection, _b.chat_pk, pks)))


def let_go(connection: Connection, month: int) -> None:
    """Drop all that was said in a month.

    Raises:
        StoreError: somebody has been reading texts all the time, an export for example; give the command again.
    """
    lock_texts(connection)
    connection.execute(delete(text_months).where(text_months.c.month == month))
    if connection.dialect.name == "postgresql":
        for table in PLACED:
            _drop_place(connection, f"{table}_{month:d}")
    else:
        for kept in (quotes, chat_bodies):
            connection.execute(delete(kept).where(kept.c.month == month))


def _drop_place(connection: Connection, name: str) -> None:
    """Drop a partition; whoever wants to read waits behind us, so we stand in line for a short while only."""
    for _ in range(_TRIES):
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_WAIT}'")
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")
                connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _BUSY:
                raise
        else:
            return
    raise StoreError(f"{name} is being read without a pause; nothing of this month was dropped, try again later")


def months_with_texts(connection: Connection) -> dict[int, set[str]]:
    """Return month → the merchants that have (or had) texts in it."""
    found: dict[int, set[str]] = {}
    m = text_months.c
    for month, merchant in connection.execute(select(m.month, m.merchant).order_by(m.month, m.merchant)):
        found.setdefault(month, set()).add(merchant)
    return found


def months_before(connection: Connection, merchant: str, before: str, since: str = "") -> list[int]:
    """Return the months in which a merchant has (or had) texts of days before one, from that of ``since`` on."""
    m = text_months.c
    where = (m.merchant == merchant, m.month <= month_of(before), m.month >= (month_of(since) if since else 0))
    return list(connection.execute(select(m.month).where(*where).order_by(m.month)).scalars())


def days_of(month: int) -> tuple[str, str]:
    """Return what the days of a month lie between, to be compared with days.

    >>> days_of(202611)
    ('2026-11-01', '2026-11-31')
    """
    name = f"{month // 100:04d}-{month % 100:02d}"
    return f"{name}-01", f"{name}-31"
