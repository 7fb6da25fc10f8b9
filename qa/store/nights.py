"""Nights, their runs and their leases: who works on which merchant's day, and how far it has come.

A night moves ``screening`` → ``inspecting`` → ``done`` for each of its waves. Every write of a night goes through
``renew``, so a process whose lease was taken over stops before it can write.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Select, bindparam, delete, exists, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from qa.errors import LeaseHeldError, NotFoundError
from qa.store.tables import nights, publications, rulesets, runs
from qa.types import Instant


class State(StrEnum):
    """How far a night or a run has come."""

    SCREENING = "screening"
    INSPECTING = "inspecting"
    DONE = "done"


class RunKind(StrEnum):
    """Why chats were inspected."""

    NIGHT = "night"
    EXTEND = "extend"
    RESCORE = "rescore"


class Night(NamedTuple):
    """The night of one merchant and local day. ``waves``: how many waves its frame has, the first included."""

    id: int
    merchant: str
    day: str
    state: State
    salt: str
    policy: dict[str, Any]
    waves: int
    lease_owner: str | None
    lease_until: Instant | None
    summary: dict[str, Any] | None


class Run(NamedTuple):
    """One pass of inspection over (a wave of) a night. ``model``: the version that gave opinions; None: none did."""

    id: int
    night_id: int
    kind: RunKind
    wave: int
    ruleset: str
    state: State
    summary: dict[str, Any] | None
    model: str | None = None


class Lease(NamedTuple):
    """Who holds a night, and until when unless renewed."""

    owner: str
    until: Instant


def find_night(connection: Connection, merchant: str, day: str) -> Night | None:
    """The night of a merchant's day, or None where it never started."""
    row = connection.execute(_night_of_day(), {"qa_merchant": merchant, "qa_day": day}).one_or_none()
    return None if row is None else _night(row)


@cache
def _night_of_day() -> Select[Any]:
    query: Select[Any] = _night_query()
    return query.where(nights.c.merchant == bindparam("qa_merchant"), nights.c.day == bindparam("qa_day"))


def nights_of_day(connection: Connection, day: str) -> list[Night]:
    """All nights of a day, by merchant."""
    return [_night(row) for row in connection.execute(_night_query().where(nights.c.day == day).order_by("merchant"))]


def nights_between(connection: Connection, first: str, last: str, merchant: str | None = None) -> list[Night]:
    """All nights of the days ``first`` to ``last`` (of one merchant, if given), by merchant and day."""
    query = _night_query().where(nights.c.day >= first, nights.c.day <= last)
    if merchant is not None:
        query = query.where(nights.c.merchant == merchant)
    return [_night(row) for row in connection.execute(query.order_by(nights.c.merchant, nights.c.day))]


def create_night(
    connection: Connection, merchant: str, day: str, salt: str, policy: dict[str, Any], started_at: Instant
) -> Night:
    """The night of a merchant's day, created with this salt and policy unless it is there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {
        "merchant": merchant,
        "day": day,
        "state": State.SCREENING.value,
        "salt": salt,
        "policy": orjson.dumps(policy),
        "waves": 1,
        "started_at": started_at,
    }
    connection.execute(dialect.insert(nights).values(values).on_conflict_do_nothing())
    night = find_night(connection, merchant, day)
    assert night is not None, "just inserted, or somebody else's"
    return night


def take_lease(
    connection: Connection, night_id: int, lease: Lease, now: Instant, is_gone: Callable[[str], bool]
) -> None:
    """Take the night, unless a living process holds it.

    Raises:
        LeaseHeldError: who holds it and until when.
    """
    query = select(nights.c.lease_owner, nights.c.lease_until, nights.c.merchant, nights.c.day)
    row = connection.execute(query.where(nights.c.id == night_id).with_for_update()).one()
    held = row.lease_owner is not None and row.lease_owner != lease.owner and row.lease_until > now
    if held and not is_gone(row.lease_owner):
        seconds = (row.lease_until - now) // 1_000_000
        raise LeaseHeldError(
            f"the night {row.day} of {row.merchant!r} is being worked on by {row.lease_owner}"
            f" (its lease runs for another {seconds} s unless renewed)"
        )
    connection.execute(
        update(nights).where(nights.c.id == night_id).values(lease_owner=lease.owner, lease_until=lease.until)
    )


def renew(connection: Connection, night_id: int, lease: Lease) -> None:
    """Prolong the lease within a write; LeaseHeldError when another process has taken the night over."""
    held = connection.execute(
        update(nights)
        .where(nights.c.id == night_id, nights.c.lease_owner == lease.owner)
        .values(lease_until=lease.until)
    )
    if held.rowcount != 1:
        raise LeaseHeldError("another process has taken over this night: stopping without writing")


def set_night(connection: Connection, night_id: int, **values: Any) -> None:
    """Change fields of a night: ``state``, ``waves``, ``summary`` (a dict), ``finished_at``, lease fields."""
    if "summary" in values:
        values["summary"] = orjson.dumps(values["summary"])
    connection.execute(update(nights).where(nights.c.id == night_id).values(**values))


def keep_ruleset(
    connection: Connection, digest: str, pack: str, version: str, content: dict[str, Any], published_at: Instant
) -> bool:
    """Store a standard under its hash, once; returns whether it was new."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {
        "hash": digest,
        "pack": pack,
        "version": version,
        "content": orjson.dumps(content),
        "published_at": published_at,
    }
    put = dialect.insert(rulesets).values(row).on_conflict_do_nothing().returning(rulesets.c.hash)
    return connection.execute(put).first() is not None


def ruleset_content(connection: Connection, digest: str) -> dict[str, Any]:
    """The standard of that hash, as it judged."""
    content = connection.execute(select(rulesets.c.content).where(rulesets.c.hash == digest)).scalar_one_or_none()
    if content is None:
        raise NotFoundError(f"no rule set {digest!r}")
    loaded: dict[str, Any] = orjson.loads(content)
    return loaded


def create_run(
    connection: Connection,
    night_id: int,
    kind: RunKind,
    wave: int,
    ruleset: str,
    at: Instant,
    model: str | None = None,
) -> Run:
    """Begin a run; it stays ``screening``/``inspecting`` until it is set done."""
    state = State.INSPECTING if kind is RunKind.RESCORE else State.SCREENING
    values = {
        "night_id": night_id, "kind": kind.value, "wave": wave, "ruleset": ruleset, "state": state.value,
        "started_at": at, "model": model,
    }  # fmt: skip
    run_id = connection.execute(insert(runs).values(values).returning(runs.c.id)).scalar_one()
    return Run(int(run_id), night_id, kind, wave, ruleset, state, None, model)


def set_run(connection: Connection, run_id: int, **values: Any) -> None:
    """Change fields of a run: ``state``, ``summary`` (a dict), ``finished_at``."""
    if "summary" in values:
        values["summary"] = orjson.dumps(values["summary"])
    connection.execute(update(runs).where(runs.c.id == run_id).values(**values))


def unmake(connection: Connection, run: Run, *, ruleset: bool) -> None:
    """Take back a run in which nothing was done, and its night where it is the only one; the lease must be ours.

    ``ruleset``: its standard as well, unless somebody has published it meanwhile or judged by it.
    """
    connection.execute(delete(runs).where(runs.c.id == run.id))
    empty = ~exists().where(runs.c.night_id == nights.c.id)
    connection.execute(delete(nights).where(nights.c.id == run.night_id, empty))
    if ruleset:
        used = [exists().where(table.c.ruleset == rulesets.c.hash) for table in (runs, publications)]
        connection.execute(delete(rulesets).where(rulesets.c.hash == run.ruleset, *(~one for one in used)))


def runs_of(connection: Connection, night_id: int) -> list[Run]:
    """All runs of a night in the order they began."""
    c = runs.c
    query = select(c.id, c.night_id, c.kind, c.wave, c.ruleset, c.state, c.summary, c.model).where(
        c.night_id == night_id
    )
    return [
        Run(r.id, r.night_id, RunKind(r.kind), r.wave, r.ruleset, State(r.state), _json(r.summary), r.model)
        for r in connection.execute(query.order_by(c.id))
    ]


def _night_query() -> Any:
    c = nights.c
    return select(c.id, c.merchant, c.day, c.state, c.salt, c.policy, c.waves, c.lease_owner, c.lease_until, c.summary)


def _night(row: Any) -> Night:
    return Night(
        row.id, row.merchant, row.day, State(row.state), row.salt, orjson.loads(row.policy), row.waves,
        row.lease_owner, row.lease_until, _json(row.summary),
    )  # fmt: skip


def _json(raw: bytes | None) -> dict[str, Any] | None:
    return None if raw is None else orjson.loads(raw)
