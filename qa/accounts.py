"""Accounts: who may log in, made and taken back by an admin. Each act lands in the audit log with what it changed."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, Engine

from qa.errors import NotFoundError
from qa.people import AccountError, User, UserRole, check_account, login_name
from qa.store import accounts, audit, sessions
from qa.store.accounts import Link
from qa.store.audit import Act
from qa.store.session import read_tx, write_tx
from qa.types import MICROSECONDS

LINK_HOURS = 24
"""How long a one-time link works."""


class NewUser(NamedTuple):
    """What an account is made of; ``merchants`` None: all of them."""

    name: str
    role: UserRole
    shown_as: str | None = None
    merchants: tuple[str, ...] | None = None
    team: str | None = None
    agent_id: str | None = None


def add_user(engine: Engine, act: Act, new: NewUser, token: str) -> tuple[User, Link]:
    """Make an account, and the one-time link by which its owner sets a password.

    Raises:
        AccountError: the name is taken or malformed, or the role lacks what limits it.
    """
    with write_tx(engine) as connection:
        return _add(connection, act, new, token)


def add_first_admin(engine: Engine, act: Act, name: str, token: str) -> tuple[User, Link] | None:
    """Make the first account, an admin; None where there are accounts already (of two who try, one makes it)."""
    with write_tx(engine) as connection:
        audit.hold(connection)
        if accounts.count_users(connection):
            return None
        return _add(connection, act, NewUser(name, UserRole.ADMIN), token)


def _add(connection: Connection, act: Act, new: NewUser, token: str) -> tuple[User, Link]:
    name = login_name(new.name)
    check_account(new.role, new.merchants, new.team, new.agent_id)
    audit.hold(connection)  # of two who add the same name at once the second sees the first
    if accounts.find_user(connection, name) is not None:
        raise AccountError(f"there is an account {name!r} already")
    shown_as = (new.shown_as or name).strip()
    made = accounts.insert_user(
        connection, name, shown_as, new.role, new.merchants, new.team, new.agent_id, act.at
    )  # fmt: skip
    link = _open_link(connection, act, made, token)
    facts = {"role": made.role.value, "merchants": made.merchants, "team": made.team, "agent_id": made.agent_id}
    audit.append(connection, act, "user.add", f"user:{made.id}", {"name": made.name, **facts})
    return made._replace(link_until=link.until), link


def list_users(engine: Engine) -> list[User]:
    """Every account, by name."""
    with read_tx(engine) as connection:
        return accounts.all_users(connection)


def disable_user(engine: Engine, act: Act, name: str) -> int:
    """Shut an account and end its sessions; returns how many those were. An account that is shut stays so.

    Raises:
        NotFoundError: there is no such account.
        AccountError: it is the last admin who can log in.
    """
    with write_tx(engine) as connection:
        audit.hold(connection)
        user = _known(connection, name)
        if user.disabled_at is not None:
            return 0
        _keep_an_admin(connection, user)
        accounts.set_disabled(connection, user.id, act.at)
        ended = sessions.end_all(connection, user.id)
        audit.append(connection, act, "user.disable", f"user:{user.id}", {"name": user.name, "sessions": ended})
    return ended


def reset_user(engine: Engine, act: Act, name: str, token: str, *, enable: bool = False) -> tuple[User, Link]:
    """Take the password away, end all sessions, and open a one-time link.

    Raises:
        NotFoundError: there is no such account.
        AccountError: it is disabled, and ``enable`` is not given.
    """
    with write_tx(engine) as connection:
        user = _known(connection, name)
        if user.disabled_at is not None:
            if not enable:
                raise AccountError(f"account {user.name!r} is disabled: --enable opens it again")
            accounts.set_disabled(connection, user.id, None)
        accounts.set_password(connection, user.id, None)
        ended = sessions.end_all(connection, user.id)
        link = _open_link(connection, act, user, token)
        facts = {"name": user.name, "sessions": ended, "enabled": user.disabled_at is not None}
        audit.append(connection, act, "user.reset", f"user:{user.id}", facts)
    return user._replace(disabled_at=None, has_password=False, link_until=link.until), link


def _known(connection: Connection, name: str) -> User:
    user = accounts.find_user(connection, login_name(name))
    if user is None:
        raise NotFoundError(f"there is no account {name!r}")
    return user


def _keep_an_admin(connection: Connection, user: User) -> None:
    admins = [u for u in accounts.all_users(connection) if u.role is UserRole.ADMIN and u.disabled_at is None]
    if admins == [user]:
        raise AccountError(f"{user.name!r} is the only admin: add another one first")


def _open_link(connection: Connection, act: Act, user: User, token: str) -> Link:
    link = Link(token, act.at + LINK_HOURS * 3600 * MICROSECONDS)
    accounts.set_link(connection, user.id, link)
    return link
