"""Claiming chats: a lease that frees itself, and “next”, which never gives one chat to two people."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Engine

from qa.errors import NotFoundError, QaError
from qa.people import Scope, User, UserRole
from qa.store import audit, queue_work
from qa.store.audit import Act
from qa.store.queue import Looking
from qa.store.queue_filters import Filters
from qa.store.queue_work import Held
from qa.store.session import read_tx, write_tx
from qa.types import MICROSECONDS, Instant

LEASE_MINUTES = 20
"""How long a claim holds without a sign of life."""

_LEASE = LEASE_MINUTES * 60 * MICROSECONDS


class ClaimHeldError(QaError):
    """Somebody else has the chat, or is to have it; or it is done already."""

    status = 409

    def __init__(self, message: str, holder: str | None = None, until: Instant | None = None) -> None:
        super().__init__(message)
        self.holder, self.until = holder, until


class Worker(NamedTuple):
    """Who works on the queue: the account, and what is within its reach."""

    user: User
    scope: Scope


class Claim(NamedTuple):
    """A chat that somebody has until the lease ends."""

    inspection_id: int
    until: Instant


def claim_next(engine: Engine, act: Act, worker: Worker, filters: Filters | None = None) -> Claim | None:
    """Claim the riskiest free chat of these filters, those assigned to the worker first; None: there is none free."""
    until = act.at + _LEASE
    looking = Looking(worker.scope, worker.user.id, act.at)
    with write_tx(engine) as connection:
        found = queue_work.claim_next(connection, looking, filters or Filters(), until)
        if found is None:
            return None
        audit.append(connection, act, "queue.claim", f"inspection:{found}", {"until": until, "next": True})
    return Claim(found, until)


def claim(engine: Engine, act: Act, worker: Worker, inspection_id: int) -> Claim:
    """Claim this chat; one's own claim is prolonged. A lead may also claim what is assigned to another.

    Raises:
        NotFoundError: it is not in the queue.
        ClaimHeldError: somebody else works on it or is to work on it, or it is done.
    """
    until = act.at + _LEASE
    lead = worker.user.role is UserRole.LEAD
    with write_tx(engine) as connection:
        if not queue_work.claim(connection, inspection_id, worker.user.id, act.at, until, whoever_is_to=lead):
            raise _refusal(queue_work.find_item(connection, inspection_id, act.at), worker.user.id)
        audit.append(connection, act, "queue.claim", f"inspection:{inspection_id}", {"until": until})
    return Claim(inspection_id, until)


def extend(engine: Engine, act: Act, worker: Worker, inspection_id: int) -> Claim:
    """Prolong one's claim; also one that has run out, if nobody took the chat meanwhile.

    Raises:
        NotFoundError: it is not in the queue.
        ClaimHeldError: it is somebody else's now, or done, or was given back.
    """
    until = act.at + _LEASE
    with write_tx(engine) as connection:
        if not queue_work.extend(connection, inspection_id, worker.user.id, until):
            raise _refusal(queue_work.find_item(connection, inspection_id, act.at), worker.user.id)
    return Claim(inspection_id, until)


def release(engine: Engine, act: Act, worker: Worker, inspection_id: int) -> None:
    """Give a claim back.

    Raises:
        NotFoundError: it is not in the queue.
        ClaimHeldError: it was not the worker's any more; nothing changed.
    """
    with write_tx(engine) as connection:
        if not queue_work.release(connection, inspection_id, worker.user.id):
            raise _refusal(queue_work.find_item(connection, inspection_id, act.at), worker.user.id)
        audit.append(connection, act, "queue.release", f"inspection:{inspection_id}")


def standing(engine: Engine, inspection_id: int, now: Instant) -> Held | None:
    """Return who has a chat; None: it is not in the queue."""
    with read_tx(engine) as connection:
        return queue_work.find_item(connection, inspection_id, now)


def _refusal(found: Held | None, user_id: int) -> QaError:
    if found is None:
        return NotFoundError("this chat is not in the queue")
    if found.done_at is not None:
        return ClaimHeldError("this chat has been reviewed already")
    if found.holder is not None and found.holder != user_id:
        return ClaimHeldError(f"{found.holder_name} is working on this chat", found.holder_name, found.lease_until)
    if found.assignee is not None and found.assignee != user_id:
        return ClaimHeldError(f"this chat is assigned to {found.assignee_name}", found.assignee_name)
    return ClaimHeldError("your claim of this chat has ended")
