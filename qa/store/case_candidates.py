"""Chats that might make a case: inspected ones with a high score or something people said, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, exists, false, or_, select, true

from qa.people import Scope
from qa.store.case_tables import case_nominations, cases
from qa.store.chats import decode_body
from qa.store.inspections import FINDING_BITS
from qa.store.reviews import AUDIT
from qa.store.tables import chats, findings, flags, inspections, reviews, verdicts
from qa.store.texts import BODY
from qa.types import Chat, FlagReason

_BATCH = 200
_i, _c, _r = inspections.c, chats.c, reviews.c
_CONFIRMED = verdicts.c.verdict.concat("") == "confirm"
"""Said so that SQLite looks verdicts up by their finding, and not all that confirm for each chat."""


class Source(StrEnum):
    """Where candidates come from."""

    ALL = "all"
    PEOPLE = "people"
    """Somebody marked or nominated them."""
    PRAISE = "praise"
    """The machine found them: a high score, or a rule that praises fired."""
    PROBLEM = "problem"
    """A person confirmed a finding, or marked a problem as typical."""


class Seen(NamedTuple):
    """An inspected chat with everything that may speak for it."""

    inspection_id: int
    merchant: str
    chat_id: str
    team: str | None
    agent_id: str | None
    day: str
    score: float | None
    red_line: bool
    opinions: bytes
    chat: Chat
    praised: tuple[str, ...] = ()
    """Rules that praise and fired."""
    confirmed: tuple[str, ...] = ()
    """Rules whose findings a person confirmed."""
    marked: tuple[tuple[str, str], ...] = ()
    """(kind, who): marks of reviewers."""
    nominated: tuple[tuple[str, str, str | None], ...] = ()
    """(kind, who, note)."""


def newest(
    connection: Connection, scope: Scope, source: Source, since: str, until: str, before: int | None, high: float
) -> Iterator[Seen]:
    """Yield chats of these local days that no case was made of, by falling key of the inspection (below ``before``).

    ``high``: the score from which a chat is worth a look. A chat whose blind review is awaited is left out.
    """
    while True:
        query = _query(scope, source, since, until, high)
        query = query if before is None else query.where(_i.id < before)
        rows = connection.execute(query.order_by(_i.id.desc()).limit(_BATCH)).all()
        yield from _seen(connection, rows)
        if len(rows) < _BATCH:
            return
        before = rows[-1].id


def _query(scope: Scope, source: Source, since: str, until: str, high: float) -> Any:
    later = inspections.alias("later")
    drawn = exists().where(flags.c.inspection_id == _i.id, flags.c.reason == FlagReason.AUDIT.value)
    blind = drawn & ~exists().where(_r.chat_pk == _c.id, _r.kind == AUDIT)
    return (
        select(
            _i.id, _i.score, _i.red_line, _i.opinions, _c.merchant, _c.chat_id, _c.team, _c.agent_id, _c.day,
            BODY.label("body"), _c.id.label("pk"),
        )
        .join(chats, _c.id == _i.chat_pk)
        .where(
            _c.day >= since,
            _c.day <= until,
            _c.current == true(),
            *_within(scope),
            ~exists().where(later.c.chat_pk == _i.chat_pk, later.c.id > _i.id),
            ~exists().where(cases.c.merchant == _c.merchant, cases.c.chat_id == _c.chat_id),
            ~blind,
            _wanted(source, high),
        )
    )  # fmt: skip


def _wanted(source: Source, high: float) -> ColumnElement[bool]:
    marked = exists().where(_r.chat_pk == _c.id, or_(_r.excellent == true(), _r.typical == true()))
    people = or_(marked, exists().where(case_nominations.c.inspection_id == _i.id))
    praise = (_i.score >= high) & (_i.red_line == false())
    first = _i.id * (1 << FINDING_BITS)
    confirmed = exists().where(verdicts.c.finding_id.between(first, first + (1 << FINDING_BITS) - 1), _CONFIRMED)
    typical = exists().where(_r.chat_pk == _c.id, _r.typical == true())
    return {
        Source.ALL: or_(people, praise, confirmed),
        Source.PEOPLE: people,
        Source.PRAISE: praise,
        Source.PROBLEM: or_(confirmed, typical),
    }[source]


def _within(scope: Scope) -> list[ColumnElement[bool]]:
    limits: list[ColumnElement[bool]] = [] if scope.merchants is None else [_c.merchant.in_(scope.merchants)]
    return limits if scope.team is None else [*limits, _c.team == scope.team]


def _seen(connection: Connection, rows: Any) -> Iterator[Seen]:
    keys, pks = [row.id for row in rows], [row.pk for row in rows]
    if not keys:
        return
    praised = _grouped(
        connection,
        select(findings.c.inspection_id, findings.c.rule)
        .where(findings.c.inspection_id.in_(keys), findings.c.outcome == "bonus")
        .order_by(findings.c.id),
    )
    confirmed = _grouped(
        connection,
        select(findings.c.inspection_id, findings.c.rule)
        .join(verdicts, verdicts.c.finding_id == findings.c.id)
        .where(findings.c.inspection_id.in_(keys), _CONFIRMED, findings.c.outcome == "failed")
        .distinct(),
    )
    marks = _marks(connection, pks)
    n = case_nominations.c
    nominated: dict[int, list[tuple[str, str, str | None]]] = {}
    for row in connection.execute(select(case_nominations).where(n.inspection_id.in_(keys)).order_by(n.nominated_at)):
        note = None if row.note is None else orjson.loads(row.note)
        nominated.setdefault(row.inspection_id, []).append((row.kind, row.nominated_by, note))
    for row in rows:
        yield Seen(
            row.id, row.merchant, row.chat_id, row.team, row.agent_id, row.day, row.score, bool(row.red_line),
            bytes(row.opinions), decode_body(bytes(row.body)), tuple(praised.get(row.id, ())),
            tuple(confirmed.get(row.id, ())), tuple(marks.get(row.pk, ())), tuple(nominated.get(row.id, ())),
        )  # fmt: skip


def _marks(connection: Connection, pks: list[int]) -> dict[int, list[tuple[str, str]]]:
    """Return the marks of each reviewer's latest review, by chat."""
    latest: dict[tuple[int, str], Any] = {}
    query = select(_r.chat_pk, _r.reviewer, _r.excellent, _r.typical).where(_r.chat_pk.in_(pks)).order_by(_r.id)
    for row in connection.execute(query):
        latest[row.chat_pk, row.reviewer] = row
    found: dict[int, list[tuple[str, str]]] = {}
    for row in latest.values():
        kinds = [kind for kind in ("excellent", "typical") if getattr(row, kind)]
        found.setdefault(row.chat_pk, []).extend((kind, row.reviewer) for kind in kinds)
    return found


def _grouped(connection: Connection, query: Any) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for key, value in connection.execute(query):
        found.setdefault(key, []).append(value)
    return found
