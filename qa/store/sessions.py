"""Who is logged in, and how often somebody tried to be.

Counting is done in the database, under a lock: two processes of the workbench share it, and sixteen guesses sent at
once are sixteen, not one.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, update

from qa.people import User
from qa.store.account_tables import login_attempts, sessions, users
from qa.store.accounts import token_hash, user_from
from qa.types import MICROSECONDS, Instant

SEEN_EVERY = 60 * MICROSECONDS
"""How old ``seen_at`` may get before a request renews it: a click is not worth a write each time."""

_LOCK = 0x5A4A_0003  # PostgreSQL advisory lock: one counts attempts at a time


class Session(NamedTuple):
    """A session that is alive, and its account."""

    user: User
    created_at: Instant
    seen_at: Instant
    expires_at: Instant


def start(connection: Connection, user_id: int, token: str, at: Instant, until: Instant) -> None:
    """Log somebody in; sessions of anybody that are over are cleared away."""
    connection.execute(delete(sessions).where(sessions.c.expires_at <= at))
    values = {"token_hash": token_hash(token), "user_id": user_id, "created_at": at, "seen_at": at, "expires_at": until}
    connection.execute(insert(sessions).values(values))


_FIND = (
    select(users, sessions.c.created_at.label("begun"), sessions.c.seen_at, sessions.c.expires_at)
    .join(sessions, sessions.c.user_id == users.c.id)
    .where(
        sessions.c.token_hash == bindparam("hash"),
        sessions.c.expires_at > bindparam("at"),
        sessions.c.seen_at > bindparam("since"),
        users.c.disabled_at.is_(None),
    )
)
"""Made once: every request asks it, and to make a statement takes longer than to run it."""


def find(connection: Connection, token: str, at: Instant, idle: int) -> Session | None:
    """The session of a token, if it is neither over nor was left alone for ``idle`` microseconds."""
    row = connection.execute(_FIND, {"hash": token_hash(token), "at": at, "since": at - idle}).one_or_none()
    return None if row is None else Session(user_from(row), row.begun, row.seen_at, row.expires_at)


def touch(connection: Connection, token: str, at: Instant) -> None:
    """Note that the session is in use."""
    connection.execute(update(sessions).where(sessions.c.token_hash == token_hash(token)).values(seen_at=at))


def end(connection: Connection, token: str) -> None:
    """Log out."""
    connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash(token)))


def end_all(connection: Connection, user_id: int) -> int:
    """Log an account out everywhere; returns how many sessions that were."""
    return connection.execute(delete(sessions).where(sessions.c.user_id == user_id)).rowcount


class Attempts(NamedTuple):
    """Earlier tries within the throttle's window, and when the oldest of each kind was (None: there was none)."""

    of_pair: int
    of_name: int
    of_address: int
    oldest: Instant | None


def count_attempts(connection: Connection, name: str, address: str, since: Instant) -> Attempts:
    """Tries since an instant for the name from the address, for the name, and from the address.

    Holds the lock until the transaction ends: what is added by ``add_attempt`` after it is not overlooked by another.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(delete(login_attempts).where(login_attempts.c.at < since))
    named, there = login_attempts.c.name_hash == _name_hash(name), login_attempts.c.address == address
    query = select(func.count(), func.min(login_attempts.c.at))
    pair, by_name, by_address = (
        connection.execute(query.where(*conditions)).one() for conditions in ((named, there), (named,), (there,))
    )
    oldest = min((row[1] for row in (by_name, by_address) if row[1] is not None), default=None)
    return Attempts(pair[0], by_name[0], by_address[0], oldest)


def add_attempt(connection: Connection, name: str, address: str, at: Instant) -> None:
    """Count a try, before its password is looked at."""
    values = {"at": at, "name_hash": _name_hash(name), "address": address}
    connection.execute(insert(login_attempts).values(values))


def forget_attempts(connection: Connection, name: str, address: str) -> None:
    """The password was right: what this name tried from this address counts no more."""
    named, there = login_attempts.c.name_hash == _name_hash(name), login_attempts.c.address == address
    connection.execute(delete(login_attempts).where(named, there))


def _name_hash(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
