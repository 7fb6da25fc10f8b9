"""What an operator watches: nights and their stages, the queue, attempts to log in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, delete, func, insert, select

from qa.store.account_tables import audit_log, login_attempts
from qa.store.operation_tables import stage_times
from qa.store.queue_tables import queue_items
from qa.store.tables import nights
from qa.types import Instant

_n, _q = nights.c, queue_items.c


class LastNight(NamedTuple):
    """The newest finished night of a merchant; ``stages``: seconds by stage, where they were noted."""

    merchant: str
    day: str
    started_at: Instant
    finished_at: Instant | None
    summary: dict[str, Any]
    stages: dict[str, float]


class Waiting(NamedTuple):
    """Open items of a merchant's queue, and the day of the chat that has waited longest."""

    merchant: str
    items: int
    oldest_day: str


def note_stages(connection: Connection, night_id: int, seconds: Mapping[str, float]) -> None:
    """Keep how long the stages of a night took; those of an earlier attempt are replaced where worked on again."""
    names = list(seconds)
    connection.execute(delete(stage_times).where(stage_times.c.night_id == night_id, stage_times.c.stage.in_(names)))
    rows = [{"night_id": night_id, "stage": name, "seconds": took} for name, took in seconds.items()]
    if rows:
        connection.execute(insert(stage_times), rows)


def stages_of(connection: Connection, night_id: int) -> dict[str, float]:
    """Return seconds by stage of a night, the longest first; of a stage that a killed process did, nothing is known."""
    s = stage_times.c
    query = select(s.stage, s.seconds).where(s.night_id == night_id).order_by(s.seconds.desc(), s.stage)
    return {row.stage: row.seconds for row in connection.execute(query)}


def last_nights(connection: Connection) -> list[LastNight]:
    """Return the newest finished night of each merchant."""
    newest = (
        select(_n.merchant, func.max(_n.day).label("day")).where(_n.state == "done").group_by(_n.merchant).subquery()
    )
    query = select(_n.id, _n.merchant, _n.day, _n.started_at, _n.finished_at, _n.summary).join(
        newest, (newest.c.merchant == _n.merchant) & (newest.c.day == _n.day)
    )
    rows = connection.execute(query.order_by(_n.merchant)).all()
    took: dict[int, dict[str, float]] = {row.id: {} for row in rows}
    s = stage_times.c
    for row in connection.execute(select(s.night_id, s.stage, s.seconds).where(s.night_id.in_(list(took)))):
        took[row.night_id][row.stage] = row.seconds
    return [
        LastNight(
            r.merchant, r.day, r.started_at, r.finished_at, {} if r.summary is None else orjson.loads(r.summary),
            took[r.id],
        )
        for r in rows
    ]  # fmt: skip


def unfinished_nights(connection: Connection) -> dict[str, int]:
    """Return how many nights of each merchant are begun and not done."""
    query = select(_n.merchant, func.count()).where(_n.state != "done").group_by(_n.merchant)
    return {merchant: int(number) for merchant, number in connection.execute(query)}


def waiting(connection: Connection) -> list[Waiting]:
    """Return what is open in the queue, by merchant."""
    query = select(_q.merchant, func.count(), func.min(_q.day)).where(_q.done_at.is_(None)).group_by(_q.merchant)
    return [Waiting(merchant, int(items), day) for merchant, items, day in connection.execute(query)]


def failed_logins(connection: Connection) -> int:
    """Return how many wrong passwords for existing accounts are in the audit log."""
    query = select(func.count()).where(audit_log.c.action == "login.fail")
    return int(connection.execute(query).scalar_one())


def open_attempts(connection: Connection, since: Instant) -> int:
    """Return how many tries to log in since then no success followed, for any name."""
    return int(connection.execute(select(func.count()).where(login_attempts.c.at >= since)).scalar_one())
