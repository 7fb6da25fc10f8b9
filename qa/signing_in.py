"""Logging in and out, the one-time link, changing one's password.

Hashing a password takes tens of milliseconds on purpose, so it is never done inside a transaction: ``begin`` counts
the attempt and hands out the hash to compare with, the caller compares, ``finish`` writes.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, Engine

from qa.errors import QaError
from qa.people import User, folded
from qa.store import accounts, audit, sessions
from qa.store.audit import Act
from qa.store.session import read_tx, write_tx
from qa.store.sessions import SEEN_EVERY, Attempts, Session
from qa.types import MICROSECONDS, Instant

WINDOW_MINUTES = 15
"""How long a failed attempt counts."""
TRIES_OF_PAIR = 5
"""Attempts for one name from one address within the window."""
TRIES_OF_NAME = 20
"""Attempts for one name from anywhere: more than of the pair, so that nobody is locked out by a stranger's five."""
TRIES_OF_ADDRESS = 60
"""Attempts from one address, for any names: a shared address of an office passes."""


class LockedOutError(QaError):
    """Too many attempts. ``seconds``: when the next one is looked at."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many attempts to log in: try again in {seconds} s")
        self.seconds = seconds


class LinkSpentError(QaError):
    """The one-time link was used, replaced, or is too old."""

    status = 404


class Attempt(NamedTuple):
    """A counted try. ``password`` is the hash to compare with; None: there is nothing that could match."""

    name: str
    address: str
    user_id: int | None
    password: str | None


class Ticket(NamedTuple):
    """A session to be: its secret, and how long it lives at most, in microseconds."""

    token: str
    lifetime: int


def begin(engine: Engine, typed: str, address: str, at: Instant) -> Attempt:
    """Count an attempt to log in.

    Raises:
        LockedOutError: too many of them; this one is not looked at, nor counted.
    """
    name = folded(typed)[:256]
    window = WINDOW_MINUTES * 60 * MICROSECONDS
    with write_tx(engine) as connection:
        earlier = sessions.count_attempts(connection, name, address, at - window)
        if _too_many(earlier):
            oldest = at if earlier.oldest is None else earlier.oldest
            raise LockedOutError(max(1, (oldest + window - at) // MICROSECONDS + 1))
        sessions.add_attempt(connection, name, address, at)
        user = accounts.find_user(connection, name) if "\0" not in name else None
        if user is None or user.disabled_at is not None:
            return Attempt(name, address, None, None)
        return Attempt(name, address, user.id, accounts.password_of(connection, user.id))


def _too_many(earlier: Attempts) -> bool:
    return (
        earlier.of_pair >= TRIES_OF_PAIR
        or earlier.of_name >= TRIES_OF_NAME
        or earlier.of_address >= TRIES_OF_ADDRESS
    )  # fmt: skip


def finish(
    engine: Engine, attempt: Attempt, ticket: Ticket, at: Instant, better_hash: str | None = None
) -> User | None:
    """Start a session: the password was right. None where account or password changed in between.

    ``better_hash``: the same password, hashed as it is today, where the stored hash is an older, weaker one.
    """
    if attempt.user_id is None or attempt.password is None:
        return None
    with write_tx(engine) as connection:
        if accounts.password_of(connection, attempt.user_id, hold=True) != attempt.password:
            return None
        user = accounts.user_by_id(connection, attempt.user_id)
        if user is None or user.disabled_at is not None:
            return None
        if better_hash is not None:
            accounts.replace_hash(connection, user.id, attempt.password, better_hash)
        sessions.forget_attempts(connection, attempt.name, attempt.address)
        _start(connection, user, ticket, at, "login")
    return user


def fail(engine: Engine, attempt: Attempt, at: Instant) -> None:
    """Log that somebody had a wrong password for an account that exists; the name typed is not kept otherwise."""
    if attempt.user_id is not None:
        with write_tx(engine) as connection:
            act = Act(f"address:{attempt.address}", at)
            audit.append(connection, act, "login.fail", f"user:{attempt.user_id}", {"name": attempt.name})


def owner_of_link(engine: Engine, token: str, at: Instant) -> User:
    """Whose one-time link it is; looking does not use it up.

    Raises:
        LinkSpentError: used, replaced, too old, or never made.
    """
    with read_tx(engine) as connection:
        user = accounts.user_of_link(connection, token, at)
    if user is None:
        raise LinkSpentError("this link has been used or is too old: ask for a new one")
    return user


def use_link(engine: Engine, link: str, password: str, ticket: Ticket, at: Instant) -> User:
    """Set the first password by the link, end what sessions there were, and start one.

    Raises:
        LinkSpentError: as ``owner_of_link``; of two who use it at once, one gets this.
    """
    with write_tx(engine) as connection:
        user = accounts.take_link(connection, link, password, at)
        if user is None:
            raise LinkSpentError("this link has been used or is too old: ask for a new one")
        sessions.end_all(connection, user.id)
        _start(connection, user, ticket, at, "login.link")
    return user


def password_hash(engine: Engine, user: User) -> str | None:
    """The argon2 hash of the user's password, to compare with."""
    with read_tx(engine) as connection:
        return accounts.password_of(connection, user.id)


def change_password(engine: Engine, user: User, old: str, new: str, ticket: Ticket, at: Instant) -> bool:
    """Change the hash ``old`` to ``new``, end every session and start a new one; False where it was changed already."""
    with write_tx(engine) as connection:
        if accounts.password_of(connection, user.id, hold=True) != old:
            return False
        accounts.set_password(connection, user.id, new)
        ended = sessions.end_all(connection, user.id)
        sessions.start(connection, user.id, ticket.token, at, at + ticket.lifetime)
        act = Act(user.name, at)
        audit.append(connection, act, "user.password", f"user:{user.id}", {"sessions": ended})
    return True


def find_session(engine: Engine, token: str, at: Instant, idle: int) -> Session | None:
    """The session of a request, kept alive by it; None where it is over. ``idle`` in microseconds."""
    with read_tx(engine) as connection:
        found = sessions.find(connection, token, at, idle)
    if found is not None and at - found.seen_at >= SEEN_EVERY:
        with write_tx(engine) as connection:
            sessions.touch(connection, token, at)
    return found


def leave(engine: Engine, user: User, token: str, at: Instant) -> None:
    """End the session."""
    with write_tx(engine) as connection:
        sessions.end(connection, token)
        audit.append(connection, Act(user.name, at), "logout", f"user:{user.id}")


def prefer(engine: Engine, user: User, *, language: str | None = None, theme: str | None = None) -> None:
    """Keep how the user wants to see the pages. Not in the audit log: it concerns nobody else."""
    with write_tx(engine) as connection:
        if language is not None:
            accounts.set_language(connection, user.id, language)
        if theme is not None:
            accounts.set_theme(connection, user.id, theme)


def _start(connection: Connection, user: User, ticket: Ticket, at: Instant, how: str) -> None:
    sessions.start(connection, user.id, ticket.token, at, at + ticket.lifetime)
    audit.append(connection, Act(user.name, at), how, f"user:{user.id}")
