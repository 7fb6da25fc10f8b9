"""What the sums of the boards are made from, and writing them: a night at a time, the same rows however often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, delete, exists, func, or_, select, update

from qa.store.board_tables import board_hours, board_nights, board_sums, chat_facts
from qa.store.bulk import insert_all
from qa.store.inspections import within_run
from qa.store.nights import RunKind
from qa.store.tables import chats, findings, frame, inspections, nights, reviews, runs
from qa.store.texts import BODY, gone
from qa.types import MICROSECONDS, Instant

_IN_LIST = 500
_PAGE = 2_000


class OpenNight(NamedTuple):
    """A night whose sums are to be made (again)."""

    id: int
    merchant: str
    day: str
    policy: bytes
    ruleset: str
    finished_at: Instant | None


class Drawn(NamedTuple):
    """One inspected chat with its place in the sample, as it is stored; ``opinions`` and ``body`` are encoded."""

    inspection_id: int
    chat_pk: int
    wave: int
    stratum: tuple[str, str]
    targeted: bool
    score: float | None
    red_line: bool
    broken: bool
    opinions: bytes
    agent_id: str | None
    team: str | None
    started_at: Instant | None
    customer_id: str | None
    body: bytes


def stale_nights(connection: Connection, earliest: str) -> list[OpenNight]:
    """Return done nights without sums, or of which something is known that was not then, by key.

    That is: late chats were inspected, a chat was reviewed, or (days from ``earliest`` on) newer chats came in.
    """
    n, b = nights.c, board_nights.c
    newest = select(func.max(n.day)).scalar_subquery()
    told = board_nights.alias("told")
    least = connection.execute(select(func.min(b.review))).scalar() or 0  # by itself: it says how few reviews follow
    reviewed = n.id.in_(  # from the reviews that some night does not know: they are few beside the chats of all nights
        select(told.c.night_id)
        .select_from(chat_facts.join(told, told.c.night_id == chat_facts.c.night_id))
        .where(
            chat_facts.c.chat_pk.in_(select(reviews.c.chat_pk).where(reviews.c.id > least)),
            exists().where(reviews.c.chat_pk == chat_facts.c.chat_pk, reviews.c.id > told.c.review),
        )
    )
    known = or_(
        b.night_id.is_(None),
        func.coalesce(b.finished_at, 0) != func.coalesce(n.finished_at, 0),
        and_(n.day >= earliest, b.newest_day < newest),
        reviewed,
    )
    first = runs.alias("first")
    query = (
        select(n.id, n.merchant, n.day, n.policy, func.min(first.c.ruleset), n.finished_at)
        .outerjoin(board_nights, b.night_id == n.id)
        .join(first, and_(first.c.night_id == n.id, first.c.kind == RunKind.NIGHT.value))
        .where(n.state == "done", known)
        .group_by(n.id, n.merchant, n.day, n.policy, n.finished_at)
        .order_by(n.id)
    )
    return [OpenNight._make(row)._replace(policy=bytes(row[3])) for row in connection.execute(query)]


def note_reviews(connection: Connection, review: int) -> None:
    """Note that the sums of all nights know the reviews up to this one, so that the next look begins behind it."""
    b = board_nights.c
    connection.execute(update(board_nights).where(b.review < review).values(review=review))


def newest_day(connection: Connection) -> str | None:
    """Return the newest day that has a night."""
    found: str | None = connection.execute(select(func.max(nights.c.day))).scalar_one()
    return found


def own_runs(connection: Connection, night_id: int) -> list[int]:
    """Return a night's own runs in order; re-scorings are left out."""
    r = runs.c
    own = select(r.id).where(r.night_id == night_id, r.kind != RunKind.RESCORE.value)
    return list(connection.execute(own.order_by(r.id)).scalars())


def drawn_after(connection: Connection, run_id: int, after: int, keys: int) -> list[Drawn]:
    """Return inspected chats of a run, in order, of so many keys behind one; most keys are taken."""
    i, c, f = inspections.c, chats.c, frame.c
    query = (
        select(
            i.id, i.chat_pk, f.wave, f.agent, f.channel, f.reasons.is_not(None), i.score, i.red_line,
            i.broken.is_not(None), i.opinions, c.agent_id, c.team, c.started_at, c.customer_id, BODY,
        )
        .join(chats, c.id == i.chat_pk)
        .join(frame, and_(f.night_id == i.night_id, f.chat_pk == i.chat_pk))
        .where(*within_run(run_id, after, keys))
        .order_by(i.id)
    )  # fmt: skip
    return [
        Drawn(
            r[0], r[1], r[2], (r[3], r[4]), bool(r[5]), r[6], bool(r[7]), bool(r[8]), bytes(r[9]), r[10], r[11], r[12],
            r[13], bytes(r[14]),
        )
        for r in connection.execute(query)
    ]  # fmt: skip


def failed_rules(connection: Connection, inspection_ids: Sequence[int]) -> dict[int, set[str]]:
    """Return inspection → rules that failed in it."""
    f = findings.c
    query = select(f.inspection_id, f.rule).where(f.outcome == "failed")
    found: dict[int, set[str]] = {}
    for part in _parts(inspection_ids):
        for inspection, rule in connection.execute(query.where(f.inspection_id.in_(part))):
            found.setdefault(inspection, set()).add(rule)
    return found


def resolutions(connection: Connection, chat_pks: Sequence[int]) -> dict[int, str]:
    """Return chat → what its newest review that says so calls the resolution."""
    r = reviews.c
    query = select(r.chat_pk, r.resolution).where(r.resolution.is_not(None)).order_by(r.id)
    found: dict[int, str] = {}
    for part in _parts(chat_pks):
        found.update((row[0], row[1]) for row in connection.execute(query.where(r.chat_pk.in_(part))))
    return found


def came_back(connection: Connection, chat_pks: Sequence[int], hours: float) -> set[int]:
    """Return the chats whose customer began another one within so many hours after their beginning."""
    one, later = chats.alias("one"), chats.alias("later")
    again = exists().where(
        later.c.merchant == one.c.merchant,
        later.c.customer_id == one.c.customer_id,
        later.c.customer_id.is_not(None),
        later.c.current,
        later.c.chat_id != one.c.chat_id,
        later.c.started_at > one.c.started_at,
        later.c.started_at <= one.c.started_at + round(hours * 3600 * MICROSECONDS),
    )
    found: set[int] = set()
    for part in _parts(chat_pks):
        found.update(connection.execute(select(one.c.id).where(one.c.id.in_(part), again)).scalars())
    return found


def begun(connection: Connection, night_id: int) -> Iterator[tuple[str | None, str | None, Instant | None]]:
    """Return (agent, team, when it began) of every chat of a night's frame, inspected or not."""
    c = chats.c
    query = select(c.agent_id, c.team, c.started_at).join(frame, frame.c.chat_pk == c.id)
    query = query.where(frame.c.night_id == night_id).execution_options(yield_per=1000)
    yield from ((row[0], row[1], row[2]) for row in connection.execute(query))


def kept_times(connection: Connection, chat_pks: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return the waits of inspections whose chats' texts are gone, as they were added up when they were there."""
    f = chat_facts.c
    query = select(f.inspection_id, f.waits, f.response_s, f.due, f.in_time).where(
        f.chat_pk.in_(chat_pks), gone(f.chat_pk, f.day)
    )
    return {pk: times._asdict() for pk, times in ((row[0], _Times(*row[1:])) for row in connection.execute(query))}


class _Times(NamedTuple):
    waits: int
    response_s: float
    due: int
    in_time: int


def put_facts(connection: Connection, night_id: int, facts: Sequence[dict[str, Any]]) -> None:
    """Write facts in the place of those of the same inspections."""
    for part in _parts([row["inspection_id"] for row in facts]):
        connection.execute(delete(chat_facts).where(chat_facts.c.inspection_id.in_(part)))
    insert_all(connection, chat_facts, [row | {"night_id": night_id} for row in facts])


def replace(
    connection: Connection,
    night: OpenNight,
    known: dict[str, Any],
    sums: Iterable[dict[str, Any]],
    hours: Iterable[dict[str, Any]],
) -> None:
    """Write the sums of a night in the place of those that were there; ``known``: what was known."""
    for table, rows in ((board_sums, sums), (board_hours, hours), (board_nights, [known])):
        connection.execute(delete(table).where(table.c.night_id == night.id))
        left = iter(rows)
        while page := [row | {"night_id": night.id} for row in islice(left, _PAGE)]:
            insert_all(connection, table, page)


def _parts(values: Sequence[int]) -> Iterable[Sequence[int]]:
    return (values[start : start + _IN_LIST] for start in range(0, len(values), _IN_LIST))
