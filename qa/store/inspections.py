"""What the night found: written in batches of ready-made rows, read back for reports and for one chat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    select,
    true,
)

from qa.store import quotes
from qa.store.bulk import insert_new
from qa.store.quotes import Claim
from qa.store.tables import chats, findings, flags, frame, inspections, nights, runs
from qa.store.texts import month_of
from qa.types import Instant

_STREAM = {"yield_per": 1000}
RANK_BITS = 24
"""Inspections of one run, at most: 2^24. ``inspection.id = run.id << 24 | rank`` makes a rerun write the same rows."""
FINDING_BITS = 8
"""Findings of one inspection, at most: 2^8. ``finding.id = inspection.id << 8 | ordinal``."""


class Rows(NamedTuple):
    """Rows of some inspections, ready to be written; the ids are relative to the run's first."""

    inspections: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    flags: list[dict[str, Any]]
    quotes: list[dict[str, Any]]
    """What the others quote, of which they hold stars only (``qa.store.quotes``)."""


class Found(NamedTuple):
    """One inspection with what a report needs, JSON columns still encoded."""

    id: int
    chat_id: str
    wave: int
    agent: str
    channel: str
    targeted: bool
    probability: float
    score: float | None
    red_line: bool
    failed: int
    broken: str | None
    dimensions: bytes


class Details(NamedTuple):
    """Everything found in one inspection: findings, rows of flags by falling risk, JSON columns encoded."""

    findings: list[Claim]
    flags: list[Any]
    not_applicable: bytes
    opinions: bytes
    """What the model thinks (``qa.models.stored``); ``[]`` where none gave an opinion."""


def inspection_id(run_id: int, rank: int) -> int:
    """The id of a run's ``rank``-th inspection; OverflowError beyond 2^24."""
    if rank >> RANK_BITS:
        raise OverflowError("a run holds at most 16,777,216 inspections")
    return run_id << RANK_BITS | rank


def within_run(
    run_id: int, after: int = 0, keys: int = 1 << RANK_BITS
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions on the key of a run's inspections, or of so many keys behind ``after``.

    Asked so, and not by ``run_id``, a database reads them in the order of their keys and sorts nothing. There is one
    upper bound, and no more: of two SQLite takes the first, and reads to the end of it.
    """
    first = max(after, before_run(run_id))
    return inspections.c.id > first, inspections.c.id <= min(first + keys, before_run(run_id + 1))


def before_run(run_id: int) -> int:
    """Return the key before the first that an inspection of a run may have."""
    return (run_id << RANK_BITS) - 1


def write(connection: Connection, rows: Rows) -> None:
    """Write inspections with findings and flags; rows that are there already stay as they are."""
    for table, values in ((inspections, rows.inspections), (findings, rows.findings), (flags, rows.flags)):
        insert_new(connection, table, values)
    quotes.write(connection, rows.quotes)


def stored_opinions(connection: Connection, run_ids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Chat key and encoded opinions of all inspections of these runs, ordered by id."""
    i = inspections.c
    for run_id in sorted(run_ids):
        query = select(i.chat_pk, i.opinions).where(*within_run(run_id)).order_by(i.id)
        for pk, opinions in connection.execute(query.execution_options(**_STREAM)):
            yield pk, bytes(opinions)


def count_inspected(connection: Connection, run_id: int) -> int:
    """How many chats a run has inspected so far."""
    return int(
        connection.execute(
            select(func.count()).select_from(inspections).where(inspections.c.run_id == run_id)
        ).scalar_one()
    )


def last_inspected(connection: Connection, run_id: int) -> int:
    """Return the greatest key of a run's inspections, 0 where it has none."""
    query = select(func.max(inspections.c.id)).where(*within_run(run_id))
    return int(connection.execute(query).scalar() or 0)


def spread(connection: Connection, run_id: int, keys: int) -> Iterator[int]:
    """Yield each ``after`` for ``within_run`` by which so many keys at a time give all inspections of a run.

    It begins where the keys do: the program counts them from 0, another hand may have not.
    """
    first = connection.execute(select(func.min(inspections.c.id)).where(*within_run(run_id))).scalar()
    if first is not None:
        yield from range(first - 1, last_inspected(connection, run_id), keys)


def clean_ids(connection: Connection, run_id: int) -> Iterator[tuple[str, int]]:
    """Chat id and inspection id of the run's chats without any flag, ordered by inspection."""
    query = (
        select(chats.c.chat_id, inspections.c.id)
        .join(chats, chats.c.id == inspections.c.chat_pk)
        .where(*within_run(run_id), ~_flagged())
        .order_by(inspections.c.id)
        .execution_options(**_STREAM)
    )
    yield from ((row[0], row[1]) for row in connection.execute(query))


def add_flags(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add flags; one that is there already stays."""
    insert_new(connection, flags, rows)


def iter_found(connection: Connection, run_ids: Sequence[int]) -> Iterator[Found]:
    """All inspections of these runs with their place in the frame, ordered by id."""
    i, f = inspections.c, frame.c
    query = (
        select(
            i.id, chats.c.chat_id, f.wave, f.agent, f.channel, f.reasons.is_not(None), f.probability, i.score,
            i.red_line, i.failed, i.broken, i.dimensions,
        )
        .join(chats, chats.c.id == i.chat_pk)
        .join(frame, (f.night_id == i.night_id) & (f.chat_pk == i.chat_pk))
        .order_by(i.id)
        .execution_options(**_STREAM)
    )  # fmt: skip
    for run_id in sorted(run_ids):
        for row in connection.execute(query.where(*within_run(run_id))):
            found = Found._make(row)
            yield found._replace(targeted=bool(found.targeted), red_line=bool(found.red_line))


_IDS = bindparam("qa_ids", expanding=True, type_=BigInteger)
_NOTES = (
    select(inspections.c.id, inspections.c.not_applicable, inspections.c.opinions, nights.c.day)
    .join(nights, nights.c.id == inspections.c.night_id)
    .where(inspections.c.id.in_(_IDS))
)
_FINDINGS = (
    select(*(findings.c[name] for name in Claim._fields))
    .where(findings.c.inspection_id.in_(_IDS))
    .order_by(findings.c.id)
)
_FLAGS = (
    select(flags)
    .where(flags.c.inspection_id.in_(_IDS))
    .order_by(flags.c.inspection_id, flags.c.risk.desc(), flags.c.reason)
)
_OF_CHAT = (
    select(inspections, runs.c.kind, chats.c.revision)
    .join(chats, chats.c.id == inspections.c.chat_pk)
    .join(runs, runs.c.id == inspections.c.run_id)
    .where(chats.c.merchant == bindparam("qa_merchant"), chats.c.chat_id == bindparam("qa_chat"))
    .order_by(inspections.c.run_id)
)


def details(connection: Connection, ids: Sequence[int]) -> dict[int, Details]:
    """Inspection id → everything found in it."""
    asked = {"qa_ids": list(ids)}
    notes = connection.execute(_NOTES, asked).all()
    said = quotes.read(connection, ids, (month_of(row.day) for row in notes))
    found = {
        pk: Details([], [], skipped, quotes.put_back_opinions(opinions, said.get(pk, quotes.NOTHING)))
        for pk, skipped, opinions, _ in notes
    }
    for row in connection.execute(_FINDINGS, asked):
        pk = row.inspection_id
        found[pk].findings.append(quotes.put_back(Claim._make(row), said[pk]) if pk in said else Claim._make(row))
    for row in connection.execute(_FLAGS, asked):
        found[row.inspection_id].flags.append(row)
    return found


def rule_counts(connection: Connection, run_ids: Sequence[int]) -> list[tuple[str, str, int]]:
    """(rule, outcome, chats) of these runs, the most frequent first."""
    number = func.count().label("number")
    query = (
        select(findings.c.rule, findings.c.outcome, number)
        .join(inspections, inspections.c.id == findings.c.inspection_id)
        .where(inspections.c.run_id.in_(list(run_ids)))
        .group_by(findings.c.rule, findings.c.outcome)
        .order_by(number.desc(), findings.c.rule)
    )
    return [(r[0], r[1], int(r[2])) for r in connection.execute(query)]


class ScoreChanges(NamedTuple):
    """How a re-scoring differs from the night's own inspections of the same chats; ``chats``: those in both."""

    chats: int
    worse: int
    better: int
    newly_void: int
    no_longer_void: int


def score_changes(connection: Connection, before: Sequence[int], after: int) -> ScoreChanges:
    """Compare the run ``after`` with the runs ``before`` of the same night, chat by chat."""
    old, new = inspections.alias("old"), inspections.alias("new")

    def count_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    query = (
        select(
            func.count(),
            count_if(new.c.score < old.c.score),
            count_if(new.c.score > old.c.score),
            count_if(and_(new.c.red_line == true(), old.c.red_line == false())),
            count_if(and_(new.c.red_line == false(), old.c.red_line == true())),
        )
        .select_from(new)
        .join(old, old.c.chat_pk == new.c.chat_pk)
        .where(new.c.run_id == after, old.c.run_id.in_(list(before)))
    )
    return ScoreChanges(*(int(number) for number in connection.execute(query).one()))


def flag_counts(connection: Connection, run_ids: Sequence[int]) -> list[tuple[str, int]]:
    """(reason, chats) of these runs, the most frequent first."""
    number = func.count().label("number")
    query = (
        select(flags.c.reason, number)
        .join(inspections, inspections.c.id == flags.c.inspection_id)
        .where(inspections.c.run_id.in_(list(run_ids)))
        .group_by(flags.c.reason)
        .order_by(number.desc(), flags.c.reason)
    )
    return [(r[0], int(r[1])) for r in connection.execute(query)]


def count_flagged(connection: Connection, run_ids: Sequence[int]) -> int:
    """How many inspections of these runs carry at least one flag."""
    query = select(func.count()).select_from(inspections).where(_flagged())
    return sum(int(connection.execute(query.where(*within_run(run_id))).scalar_one()) for run_id in run_ids)


def _flagged() -> ColumnElement[bool]:
    return exists().where(flags.c.inspection_id == inspections.c.id)


def iter_fired(connection: Connection) -> Iterator[tuple[str, str, str | None]]:
    """(merchant, chat id, rule that fired) of all nights, re-scorings left out; rule None where nothing fired."""
    query = (
        select(chats.c.merchant, chats.c.chat_id, findings.c.rule)
        .select_from(inspections)
        .join(runs, runs.c.id == inspections.c.run_id)
        .join(chats, chats.c.id == inspections.c.chat_pk)
        .outerjoin(findings, findings.c.inspection_id == inspections.c.id)
        .where(runs.c.kind != "rescore")
        .order_by(inspections.c.id)
        .execution_options(**_STREAM)
    )
    yield from ((row[0], row[1], row[2]) for row in connection.execute(query))


class History(NamedTuple):
    """One inspection of a chat among all that were made of it."""

    id: int
    run_id: int
    kind: str
    ruleset: str
    revision: int
    score: float | None
    red_line: bool
    broken: str | None
    dimensions: dict[str, float | None]
    card: list[dict[str, Any]]
    not_applicable: dict[str, str]
    inspected_at: Instant
    night_id: int
    chat_pk: int


def inspections_of(connection: Connection, merchant: str, chat_id: str) -> list[History]:
    """All inspections ever made of a chat, of any revision, the latest last."""
    rows = connection.execute(_OF_CHAT, {"qa_merchant": merchant, "qa_chat": chat_id})
    return [
        History(
            r.id, r.run_id, r.kind, r.ruleset, r.revision, r.score, bool(r.red_line), r.broken,
            orjson.loads(r.dimensions), orjson.loads(r.card), orjson.loads(r.not_applicable), r.inspected_at,
            r.night_id, r.chat_pk,
        )
        for r in rows
    ]  # fmt: skip
