"""How often rules fired, and what people said of it: counts by rule over a window of days and merchants."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, literal_column, select, tuple_

from qa.store.inspections import FINDING_BITS, RANK_BITS
from qa.store.nights import RunKind
from qa.store.tables import chats, findings, inspections, nights, publications, reviews, rulesets, runs, verdicts
from qa.types import Instant

_FIRED = ("failed", "bonus")


class Window(NamedTuple):
    """Which nights count: local days, both ends included, and merchants (None: all)."""

    first: str
    last: str
    merchants: tuple[str, ...] | None = None


class Missed(NamedTuple):
    """Chats in which people saw what the rule did not; ``in_audit``: those of a blind review."""

    chats: int
    in_audit: int


class Ruleset(NamedTuple):
    """A standard that the store keeps: it judged a night, or was published."""

    hash: str
    pack: str
    version: str
    kept_at: Instant
    nights: int
    first_day: str | None
    last_day: str | None


def inspected(connection: Connection, window: Window) -> int:
    """Inspections of the window's nights, re-scorings left out."""
    query = select(func.count()).select_from(_inspected()).where(*_days(window), _own_run())
    query = query.where(_between(_span(connection, window), inspections.c.id))
    return int(connection.execute(query).scalar_one())


def fired(connection: Connection, window: Window) -> dict[str, int]:
    """Rule → chats in which it fired, re-scorings left out."""
    f = findings.c
    query = select(f.rule, func.count()).select_from(_inspected().join(findings, f.inspection_id == inspections.c.id))
    query = query.where(*_days(window), _own_run(), f.outcome.in_(_FIRED)).group_by(f.rule)
    span = _span(connection, window)
    query = query.where(_between(span, f.inspection_id), _between(span, inspections.c.id))
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def fired_together(connection: Connection, window: Window, least: int) -> list[tuple[str, str, int]]:
    """(rule, rule, chats) for pairs that fired in one chat at least so often."""
    one, other = findings.alias("one"), findings.alias("other")
    number = func.count().label("number")
    joined = _inspected().join(one, one.c.inspection_id == inspections.c.id)
    joined = joined.join(other, (other.c.inspection_id == one.c.inspection_id) & (other.c.rule > one.c.rule))
    query = select(one.c.rule, other.c.rule, number).select_from(joined)
    query = query.where(*_days(window), _own_run(), one.c.outcome.in_(_FIRED), other.c.outcome.in_(_FIRED))
    span = _span(connection, window)
    query = query.where(*(_between(span, c) for c in (inspections.c.id, one.c.inspection_id, other.c.inspection_id)))
    query = query.group_by(one.c.rule, other.c.rule).having(func.count() >= least)
    return [(r[0], r[1], int(r[2])) for r in connection.execute(query.order_by(number.desc(), one.c.rule))]


def said(connection: Connection, window: Window) -> dict[str, dict[str, int]]:
    """Rule → word → findings; of a finding that was judged more than once the latest word counts."""
    order = func.row_number().over(
        partition_by=verdicts.c.finding_id, order_by=(reviews.c.reviewed_at.desc(), reviews.c.id.desc())
    )
    span = _span(connection, window)
    joined = (
        _inspected()
        .join(findings, findings.c.inspection_id == inspections.c.id)
        .join(verdicts, verdicts.c.finding_id == findings.c.id)
        .join(reviews, reviews.c.id == verdicts.c.review_id)
    )
    latest = (
        select(verdicts.c.rule, verdicts.c.verdict, order.label("place"))
        .select_from(joined)
        .where(*_days(window), _between(span, inspections.c.id), _between(span, findings.c.inspection_id))
        .where(_between(span, verdicts.c.finding_id, RANK_BITS + FINDING_BITS))
    ).subquery()
    query = select(latest.c.rule, latest.c.verdict, func.count()).where(latest.c.place == 1)
    found: dict[str, dict[str, int]] = {}
    for rule, word, number in connection.execute(query.group_by(latest.c.rule, latest.c.verdict)):
        found.setdefault(rule, {})[word] = int(number)
    return found


def missed(connection: Connection, window: Window) -> dict[str, Missed]:
    """Rule → chats in which somebody's latest review says that it should have fired."""
    chat = reviews.c.chat_pk
    audit = case((reviews.c.kind == "audit", chat))
    query = (
        select(verdicts.c.rule, func.count(chat.distinct()), func.count(audit.distinct()))
        .join(reviews, reviews.c.id == verdicts.c.review_id)
        .join(chats, chats.c.id == chat)
        .where(verdicts.c.verdict == "missed", *_latest_of(window))
        .group_by(verdicts.c.rule)
    )
    return {row[0]: Missed(int(row[1]), int(row[2])) for row in connection.execute(query)}


def audited(connection: Connection, window: Window) -> int:
    """Chats of the window that somebody reviewed blind, as audit."""
    query = select(func.count(reviews.c.chat_pk.distinct())).join(chats, chats.c.id == reviews.c.chat_pk)
    blind = reviews.c.kind == literal_column("'audit'")  # as the index of these reviews says it
    return int(connection.execute(query.where(blind, *_latest_of(window))).scalar_one())


def last_day(connection: Connection) -> str | None:
    """The newest day that has a night."""
    found: str | None = connection.execute(select(func.max(nights.c.day))).scalar_one()
    return found


def list_rulesets(connection: Connection) -> list[Ruleset]:
    """Every standard that is kept, the newest first, with the nights that it judged."""
    r, n = rulesets.c, nights.c
    judged = runs.c.kind == RunKind.NIGHT.value
    query = (
        select(r.hash, r.pack, r.version, r.published_at, func.count(n.id), func.min(n.day), func.max(n.day))
        .outerjoin(runs, (runs.c.ruleset == r.hash) & judged)
        .outerjoin(nights, n.id == runs.c.night_id)
        .group_by(r.hash, r.pack, r.version, r.published_at)
        .order_by(r.published_at.desc(), r.hash)
    )
    return [Ruleset(row[0], row[1], row[2], row[3], int(row[4]), row[5], row[6]) for row in connection.execute(query)]


def has_ruleset(connection: Connection, digest: str) -> bool:
    """Whether a standard of that hash is kept."""
    return connection.execute(select(rulesets.c.hash).where(rulesets.c.hash == digest)).first() is not None


def published_rulesets(connection: Connection) -> set[str]:
    """Hashes of the standards that were published."""
    return set(connection.execute(select(publications.c.ruleset).distinct()).scalars())


def _inspected() -> Any:
    joined = inspections.join(runs, runs.c.id == inspections.c.run_id)
    return joined.join(nights, nights.c.id == inspections.c.night_id)


def _days(window: Window) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [nights.c.day.between(window.first, window.last)]
    if window.merchants is not None:
        where.append(nights.c.merchant.in_(window.merchants))
    return where


def _span(connection: Connection, window: Window) -> tuple[int, int]:
    """Return the first run of the window's nights, and the one behind the last."""
    query = select(func.min(runs.c.id), func.max(runs.c.id)).join(nights, nights.c.id == runs.c.night_id)
    first, last = connection.execute(query.where(*_days(window))).one()
    return (0, 0) if first is None else (first, last + 1)


def _between(span: tuple[int, int], column: Any, bits: int = RANK_BITS) -> ColumnElement[bool]:
    """Return between which keys the rows of these runs lie, so that an index need not be read beyond.

    The key of an inspection begins with its run, and nights follow each other: the rows of a month lie together.
    """
    found: ColumnElement[bool] = and_(column >= span[0] << bits, column < span[1] << bits)
    return found


def _own_run() -> ColumnElement[bool]:
    return runs.c.kind != RunKind.RESCORE.value


def _latest_of(window: Window) -> list[ColumnElement[bool]]:
    """Return the conditions that a review is of a chat of the window, and that person's latest of it."""
    r, later = reviews.c, reviews.alias("later")
    again = exists().where(
        later.c.chat_pk == r.chat_pk,
        later.c.reviewer == r.reviewer,
        tuple_(later.c.reviewed_at, later.c.id) > tuple_(r.reviewed_at, r.id),
    )
    found = [chats.c.day.between(window.first, window.last), ~again]
    return found if window.merchants is None else [*found, chats.c.merchant.in_(window.merchants)]
