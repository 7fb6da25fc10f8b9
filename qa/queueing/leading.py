"""What a lead does with the queue: gives chats to people, takes them back, says how many a day, sees how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from qa.errors import NotFoundError, QaError
from qa.people import Reach, Scope, User, UserRole, scope_of, within
from qa.queueing.claims import Worker
from qa.queueing.looking import Today
from qa.store import accounts, audit, queue, queue_work
from qa.store.audit import Act
from qa.store.queue import Looking
from qa.store.queue_filters import Filters
from qa.store.queue_work import Day
from qa.store.session import read_tx, write_tx
from qa.types import Instant

MOST = 500
"""Chats assigned at once, at most."""
MOST_A_DAY = 1_000
REVIEWING = (UserRole.SPECIALIST, UserRole.LEAD)
"""Roles that review what is in the queue."""


class QuotaError(QaError):
    """Not a number of chats that one can review in a day."""

    status = 422


class Assigned(NamedTuple):
    """What became of it: chats assigned; out of that person's reach; done or being worked on, so left as they are."""

    assigned: int
    beyond: int
    left: int


def reviewers(engine: Engine, scope: Scope) -> list[User]:
    """Return who may review and has some reach in common with this scope, by the name that is shown."""
    with read_tx(engine) as connection:
        return _reviewers(connection, scope)


def _reviewers(connection: Connection, scope: Scope) -> list[User]:
    able = [one for one in accounts.all_users(connection) if one.role in REVIEWING and one.disabled_at is None]
    return sorted((one for one in able if _meets(scope, one)), key=lambda one: (one.shown_as, one.id))


def _meets(scope: Scope, user: User) -> bool:
    shares = scope.merchants is None or user.merchants is None or bool(set(scope.merchants) & set(user.merchants))
    return shares and (scope.team is None or user.team in (None, scope.team))


def assign(engine: Engine, act: Act, lead: Worker, inspections: Sequence[int], user_id: int | None) -> Assigned:
    """Assign chats to a reviewer, or (None) to nobody again.

    What is out of the lead's or the reviewer's reach, done, or being worked on by somebody else stays as it is.

    Raises:
        NotFoundError: there is no such reviewer.
    """
    with write_tx(engine) as connection:
        return _assign(connection, act, lead, list(dict.fromkeys(inspections))[:MOST], user_id)


def assign_first(
    engine: Engine, act: Act, lead: Worker, filters: Filters, number: int, user_id: int | None
) -> Assigned:
    """Assign the first ``number`` chats of a filter, as ``assign`` does."""
    with write_tx(engine) as connection:
        looking = Looking(lead.scope, lead.user.id, act.at)
        chosen = queue.list_ids(connection, looking, filters, max(0, min(number, MOST)))
        return _assign(connection, act, lead, chosen, user_id)


def _assign(
    connection: Connection, act: Act, lead: Worker, inspections: Sequence[int], user_id: int | None
) -> Assigned:
    places = {
        pk: place for pk, place in queue_work.places_of(connection, inspections).items() if within(lead.scope, place)
    }
    reachable = places
    if user_id is not None:
        reviewer = _reviewer(connection, lead.scope, user_id)
        reach = scope_of(reviewer, Reach.TEAM)
        reachable = {pk: place for pk, place in places.items() if within(reach, place)}
    done = queue_work.assign(connection, sorted(reachable), user_id, act.at)
    to = "nobody" if user_id is None else f"user:{user_id}"
    audit.append(connection, act, "queue.assign", to, {"inspections": done})
    return Assigned(len(done), len(places) - len(reachable), len(reachable) - len(done))


def _reviewer(connection: Connection, scope: Scope, user_id: int) -> User:
    found = next((one for one in _reviewers(connection, scope) if one.id == user_id), None)
    if found is None:
        raise NotFoundError("there is no such reviewer")
    return found


def set_quota(engine: Engine, act: Act, lead: Worker, user_id: int, day: str, chats: int) -> None:
    """Say how many chats a reviewer is to review a day, from that day on.

    Raises:
        NotFoundError: there is no such reviewer.
        QuotaError: the number is none of 0 to ``MOST_A_DAY``.
    """
    if not 0 <= chats <= MOST_A_DAY:
        raise QuotaError(f"a quota is a number from 0 to {MOST_A_DAY:,}")
    with write_tx(engine) as connection:
        _reviewer(connection, lead.scope, user_id)
        queue_work.set_quota(connection, user_id, day, chats)
        audit.append(connection, act, "queue.quota", f"user:{user_id}", {"day": day, "chats": chats})


def team_day(engine: Engine, lead: Worker, now: Instant, today: Today) -> list[tuple[User, Day]]:
    """Return each reviewer of the lead's reach with how far the day has come."""
    with read_tx(engine) as connection:
        people = _reviewers(connection, lead.scope)
        days = queue_work.days_of(connection, {one.id: one.name for one in people}, *today, now)
    return list(zip(people, days, strict=True))
