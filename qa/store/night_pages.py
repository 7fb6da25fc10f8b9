"""Nights as pages list them: newest first by key, with the model that judged, the standard, and when they ran."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Select, and_, select, tuple_

from qa.store import leaps
from qa.store.nights import RunKind, State
from qa.store.tables import chats, inspections, nights, rulesets, runs
from qa.types import Instant


class NightLine(NamedTuple):
    """A night with what its first run was judged by. ``summary`` None: not finished; ``model`` None: rules only."""

    id: int
    merchant: str
    day: str
    state: State
    waves: int
    started_at: Instant
    finished_at: Instant | None
    summary: dict[str, Any] | None
    model: str | None
    ruleset: str | None
    pack: str | None
    version: str | None


class RunTimes(NamedTuple):
    """One run of a night and when it worked; ``finished_at`` None: it has not ended."""

    id: int
    kind: RunKind
    wave: int
    state: State
    model: str | None
    started_at: Instant
    finished_at: Instant | None


class BrokenChat(NamedTuple):
    """A chat that could not be judged, and why."""

    inspection: int
    chat_id: str
    reason: str


def list_nights(
    connection: Connection,
    merchants: tuple[str, ...] | None,
    limit: int,
    *,
    merchant: str | None = None,
    before: tuple[str, int] | None = None,
) -> list[NightLine]:
    """At most ``limit`` nights of these merchants (None: all), newest day first; ``before``: day and id of the last."""
    query = _query()
    if merchants is not None:
        query = query.where(nights.c.merchant.in_(merchants))
    if merchant is not None:
        query = query.where(nights.c.merchant == merchant)
    if before is not None:
        query = query.where(tuple_(nights.c.day, nights.c.id) < tuple_(*before))
    rows = connection.execute(query.order_by(nights.c.day.desc(), nights.c.id.desc()).limit(limit))
    return [_line(row) for row in rows]


def night_by_id(connection: Connection, night_id: int) -> NightLine | None:
    """The night of that key."""
    row = connection.execute(_query().where(nights.c.id == night_id)).one_or_none()
    return None if row is None else _line(row)


def up_to(connection: Connection, merchant: str, day: str, limit: int) -> list[NightLine]:
    """The last finished nights of a merchant up to a day, oldest first."""
    query = _query().where(nights.c.merchant == merchant, nights.c.day <= day, nights.c.summary.is_not(None))
    rows = connection.execute(query.order_by(nights.c.day.desc()).limit(limit)).all()
    return [_line(row) for row in reversed(rows)]


def merchants_with_nights(connection: Connection, merchants: tuple[str, ...] | None) -> list[str]:
    """Merchants that have a night, of these (None: all)."""
    limited = () if merchants is None else (nights.c.merchant.in_(merchants),)
    return leaps.distinct(connection, nights.c.merchant, *limited)


def run_times(connection: Connection, night_id: int) -> list[RunTimes]:
    """All runs of a night, re-scorings too, in the order they began."""
    c = runs.c
    query = select(c.id, c.kind, c.wave, c.state, c.model, c.started_at, c.finished_at).where(c.night_id == night_id)
    return [
        RunTimes(r.id, RunKind(r.kind), r.wave, State(r.state), r.model, r.started_at, r.finished_at)
        for r in connection.execute(query.order_by(c.id))
    ]


def broken_chats(connection: Connection, run_ids: list[int], limit: int) -> list[BrokenChat]:
    """Chats of these runs that could not be judged, by chat id."""
    query = (
        select(inspections.c.id, chats.c.chat_id, inspections.c.broken)
        .join(chats, chats.c.id == inspections.c.chat_pk)
        .where(inspections.c.run_id.in_(run_ids), inspections.c.broken.is_not(None))
        .order_by(chats.c.chat_id)
        .limit(limit)
    )
    return [BrokenChat(*row) for row in connection.execute(query)]


def _query() -> Select[Any]:
    n, first = nights.c, runs.alias("first")
    kind = first.c.kind == RunKind.NIGHT.value
    return (
        select(
            n.id, n.merchant, n.day, n.state, n.waves, n.started_at, n.finished_at, n.summary,
            first.c.model, first.c.ruleset, rulesets.c.pack, rulesets.c.version,
        )
        .outerjoin(first, and_(first.c.night_id == n.id, kind))
        .outerjoin(rulesets, rulesets.c.hash == first.c.ruleset)
    )  # fmt: skip


def _line(row: Any) -> NightLine:
    summary = None if row.summary is None else orjson.loads(row.summary)
    return NightLine._make(row)._replace(state=State(row.state), summary=summary)
