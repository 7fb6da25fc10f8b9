"""Accounts in the database. A one-time link is kept as the SHA-256 of its token, a password as its argon2 hash."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, func, insert, select, update

from qa.people import User, UserRole
from qa.store.account_tables import users
from qa.types import Instant


class Link(NamedTuple):
    """A one-time link: its secret, and until when it works."""

    token: str
    until: Instant


def token_hash(token: str) -> bytes:
    """What is stored of a token: enough to recognise it, useless to whoever reads it."""
    return hashlib.sha256(token.encode()).digest()


def insert_user(
    connection: Connection,
    name: str,
    shown_as: str,
    role: UserRole,
    merchants: tuple[str, ...] | None,
    team: str | None,
    agent_id: str | None,
    created_at: Instant,
) -> User:
    """Add an account that cannot log in yet."""
    values = {
        "name": name,
        "shown_as": orjson.dumps(shown_as),
        "role": role.value,
        "merchants": None if merchants is None else orjson.dumps(sorted(set(merchants))),
        "team": team,
        "agent_id": agent_id,
        "created_at": created_at,
    }
    return user_from(connection.execute(insert(users).values(values).returning(*users.c)).one())


def find_user(connection: Connection, name: str) -> User | None:
    """The account of that (folded) login name."""
    row = connection.execute(select(users).where(users.c.name == name)).one_or_none()
    return None if row is None else user_from(row)


def user_by_id(connection: Connection, user_id: int) -> User | None:
    """The account with that key."""
    row = connection.execute(select(users).where(users.c.id == user_id)).one_or_none()
    return None if row is None else user_from(row)


def all_users(connection: Connection) -> list[User]:
    """Every account, by name."""
    return [user_from(row) for row in connection.execute(select(users).order_by(users.c.name))]


def count_users(connection: Connection) -> int:
    """How many accounts there are, disabled ones included."""
    return int(connection.execute(select(func.count()).select_from(users)).scalar_one())


def password_of(connection: Connection, user_id: int, *, hold: bool = False) -> str | None:
    """The argon2 hash, None where no password is set. ``hold``: nobody changes the account before we are done."""
    query = select(users.c.password).where(users.c.id == user_id)
    found: str | None = connection.execute(query.with_for_update() if hold else query).scalar_one_or_none()
    return found


def set_password(connection: Connection, user_id: int, password: str | None) -> None:
    """Set the hash of the password (None: none works); a link that is still open is closed by it."""
    _set(connection, user_id, password=password, link_hash=None, link_until=None)


def replace_hash(connection: Connection, user_id: int, old: str, new: str) -> None:
    """Keep the same password under a stronger hash, unless it was changed meanwhile."""
    query = update(users).where(users.c.id == user_id, users.c.password == old)
    connection.execute(query.values(password=new))


def set_link(connection: Connection, user_id: int, link: Link) -> None:
    """Open a one-time link; an earlier one is closed."""
    _set(connection, user_id, link_hash=token_hash(link.token), link_until=link.until)


def user_of_link(connection: Connection, token: str, at: Instant) -> User | None:
    """Whose link this is, if it is open and its account is not disabled; the link stays open."""
    row = connection.execute(select(users).where(*_open_link(token, at))).one_or_none()
    return None if row is None else user_from(row)


def take_link(connection: Connection, token: str, password: str, at: Instant) -> User | None:
    """Close the link and set the password, in one statement: of two who try at once, one gets the account."""
    query = update(users).where(*_open_link(token, at))
    query = query.values(password=password, link_hash=None, link_until=None)
    row = connection.execute(query.returning(*users.c)).one_or_none()
    return None if row is None else user_from(row)


def set_disabled(connection: Connection, user_id: int, at: Instant | None) -> None:
    """Disable an account as of ``at``, or (None) enable it again; an open link is closed."""
    _set(connection, user_id, disabled_at=at, link_hash=None, link_until=None)


def set_language(connection: Connection, user_id: int, language: str) -> None:
    """Keep the language the user chose."""
    _set(connection, user_id, language=language)


def set_theme(connection: Connection, user_id: int, theme: str) -> None:
    """Keep whether the user wants light, dark, or what the device says."""
    _set(connection, user_id, theme=theme)


def _set(connection: Connection, user_id: int, **values: Any) -> None:
    connection.execute(update(users).where(users.c.id == user_id).values(**values))


def _open_link(token: str, at: Instant) -> tuple[Any, ...]:
    return users.c.link_hash == token_hash(token), users.c.link_until > at, users.c.disabled_at.is_(None)


def user_from(row: Row[Any]) -> User:
    """The account of a row that holds every column of ``users``."""
    return User(
        id=row.id,
        name=row.name,
        shown_as=orjson.loads(row.shown_as),
        role=UserRole(row.role),
        merchants=None if row.merchants is None else tuple(orjson.loads(row.merchants)),
        team=row.team,
        agent_id=row.agent_id,
        disabled_at=row.disabled_at,
        has_password=row.password is not None,
        link_until=row.link_until,
        language=row.language,
        theme=row.theme,
    )
