"""The audit log: who did what to what, each row chained to the one before by its hash.

A row is written in the transaction of the act it tells of, so there is no act without its row and no row without its
act. One writer at a time: on SQLite a write transaction is alone anyway, on PostgreSQL an advisory lock is held from
the append to the end of the transaction. Append last, to hold it shortly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Select, insert, select, text

from qa.store.account_tables import audit_log
from qa.types import Instant

GENESIS = bytes(32)
"""What the first row names as the hash before it."""

_LOCK = 0x5A4A_0002  # PostgreSQL advisory lock: one appends at a time
_PAGE = 1_000


class Act(NamedTuple):
    """Who does something, and when. ``by`` is a user's name; a command's is ``cli:`` and the system's user."""

    by: str
    at: Instant


class Entry(NamedTuple):
    """One row of the log. ``subject`` is what was acted upon, as ``kind:id``."""

    id: int
    at: Instant
    actor: str
    action: str
    subject: str
    details: bytes
    previous: bytes
    hash: bytes

    @property
    def facts(self) -> dict[str, Any]:
        """The details as a mapping."""
        loaded: dict[str, Any] = orjson.loads(self.details)
        return loaded


def hold(connection: Connection) -> None:
    """Become the only writer of the log until the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


_LAST = select(audit_log.c.id, audit_log.c.hash).order_by(audit_log.c.id.desc()).limit(1)
_ADD = insert(audit_log)


def append(
    connection: Connection, act: Act, action: str, subject: str, details: Mapping[str, Any] | None = None
) -> Entry:
    """Add a row at the end of the chain. ``details`` hold facts, never a secret or a sentence of a chat."""
    hold(connection)
    last = connection.execute(_LAST).one_or_none()
    number, previous = (1, GENESIS) if last is None else (last.id + 1, bytes(last.hash))
    told = orjson.dumps(dict(details or {}), option=orjson.OPT_SORT_KEYS)
    entry = Entry(number, act.at, act.by, action, subject, told, previous, b"")
    entry = entry._replace(hash=hash_of(entry))
    connection.execute(_ADD, entry._asdict())
    return entry


def hash_of(entry: Entry) -> bytes:
    """SHA-256 over the hash before and the canonical JSON of the row: keys sorted, UTF-8, no blanks."""
    fields = {
        "action": entry.action,
        "actor": entry.actor,
        "at": entry.at,
        "details": orjson.Fragment(entry.details),
        "id": entry.id,
        "subject": entry.subject,
    }
    return hashlib.sha256(entry.previous + orjson.dumps(fields)).digest()


def chain(connection: Connection) -> Iterator[Entry]:
    """Every row, the first one first, read in pages."""
    after = 0
    while True:
        page = connection.execute(_query().where(audit_log.c.id > after).order_by(audit_log.c.id).limit(_PAGE)).all()
        if not page:
            return
        yield from map(_entry, page)
        after = page[-1].id


def latest(
    connection: Connection,
    limit: int,
    before: int | None = None,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
) -> list[Entry]:
    """At most ``limit`` rows below number ``before``, the newest one first."""
    query = _query().order_by(audit_log.c.id.desc()).limit(limit)
    wanted = {audit_log.c.actor: actor, audit_log.c.action: action, audit_log.c.subject: subject}
    for column, value in wanted.items():
        query = query if value is None else query.where(column == value)
    return [
        _entry(row) for row in connection.execute(query if before is None else query.where(audit_log.c.id < before))
    ]


def _query() -> Select[Any]:
    return select(audit_log)


def _entry(row: Any) -> Entry:
    return Entry(
        row.id, row.at, row.actor, row.action, row.subject, bytes(row.details), bytes(row.previous), bytes(row.hash)
    )
