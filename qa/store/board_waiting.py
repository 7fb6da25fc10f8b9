"""What waits for people: counts of the queue, nights that did not end, models that were refused, accounts."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, func, select

from qa.people import Scope
from qa.store.account_tables import users
from qa.store.queue_tables import queue_items
from qa.store.tables import chats, nights, reviews, verdicts
from qa.types import Instant

_q, _n, _u = queue_items.c, nights.c, users.c


class NightState(NamedTuple):
    """How a night ended, or did not."""

    id: int
    merchant: str
    day: str
    done: bool
    held: bool
    inspected: int | None
    flagged: int | None
    broken: int
    refused: bool
    drifted: bool


class Accounts(NamedTuple):
    """How many accounts can be used, wait for their owner's first visit, or are disabled."""

    active: int
    invited: int
    disabled: int


def oldest_day(connection: Connection, scope: Scope, holder: int | None = None) -> str | None:
    """Return the day of the chat that has waited longest in the queue; ``holder``: of those this person has."""
    query = select(_q.day).where(_q.done_at.is_(None))
    if scope.merchants is not None:
        query = query.where(_q.merchant.in_(scope.merchants))
    if scope.team is not None:
        query = query.where(_q.team == scope.team)
    if holder is not None:
        query = query.where(_q.holder == holder)
    found: str | None = connection.execute(query.order_by(_q.day).limit(1)).scalar()
    return found


def newest_nights(connection: Connection, scope: Scope, since: str, now: Instant) -> list[NightState]:
    """Return the nights from a day on, the newest first; ``held``: a process works on it at this moment."""
    query = select(_n.id, _n.merchant, _n.day, _n.state, _n.lease_until, _n.summary).where(_n.day >= since)
    if scope.merchants is not None:
        query = query.where(_n.merchant.in_(scope.merchants))
    return [_state(row, now) for row in connection.execute(query.order_by(_n.day.desc(), _n.merchant))]


def _state(row: Any, now: Instant) -> NightState:
    told = {} if row.summary is None else orjson.loads(row.summary)
    return NightState(
        row.id, row.merchant, row.day, row.state == "done", row.lease_until is not None and row.lease_until > now,
        told.get("inspected"), told.get("flagged"), int(told.get("broken") or 0), bool(told.get("model_refused")),
        any(one.get("unusual", one.get("level") == "large") for one in told.get("drift", ())),
    )  # fmt: skip


def last_night(connection: Connection, scope: Scope) -> str | None:
    """Return the newest day that has a night."""
    query = select(func.max(_n.day))
    if scope.merchants is not None:
        query = query.where(_n.merchant.in_(scope.merchants))
    found: str | None = connection.execute(query).scalar()
    return found


def judged_rules(connection: Connection, scope: Scope, since: Instant) -> dict[str, tuple[int, int]]:
    """Return rule → (confirmed, overturned) findings in reviews from then on; of each finding the latest word."""
    v, r = verdicts.c, reviews.c
    # counted as well: for the least key alone PostgreSQL walks up from the oldest review
    least, number = connection.execute(select(func.min(r.id), func.count()).where(r.reviewed_at >= since)).one()
    if not number:
        return {}
    last = func.row_number().over(partition_by=v.finding_id, order_by=v.id.desc()).label("last")
    said = (
        select(v.rule, v.verdict, last)
        .select_from(reviews.join(verdicts, r.id == v.review_id))
        .where(r.reviewed_at >= since, (v.finding_id + 0).is_not(None))  # SQLite would begin with all findings
        .where(r.id >= least, v.review_id >= least)  # says the same, so that no older verdict need be read
    )
    if scope.merchants is not None:
        said = said.join(chats, chats.c.id == r.chat_pk).where(chats.c.merchant.in_(scope.merchants))
    latest = said.subquery()
    query = select(latest.c.rule, latest.c.verdict, func.count()).where(latest.c.last == 1)
    found: dict[str, tuple[int, int]] = {}
    for rule, verdict, number in connection.execute(query.group_by(latest.c.rule, latest.c.verdict)):
        confirmed, overturned = found.get(rule, (0, 0))
        found[rule] = (confirmed + number * (verdict == "confirm"), overturned + number * (verdict == "overturn"))
    return found


def accounts(connection: Connection) -> Accounts:
    """Return how many accounts there are, by what can be done with them."""
    found = Accounts(0, 0, 0)
    for disabled_at, secret in connection.execute(select(_u.disabled_at, _u.password)):
        if disabled_at is not None:
            found = found._replace(disabled=found.disabled + 1)
        elif secret is None:
            found = found._replace(invited=found.invited + 1)
        else:
            found = found._replace(active=found.active + 1)
    return found
