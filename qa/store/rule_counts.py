"""How often rules fired, and what people said of it: counts by rule over a window of days and merchants."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, case, func, select

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
    return int(connection.execute(query).scalar_one())


def fired(connection: Connection, window: Window) -> dict[str, int]:
    """Rule → chats in which it fired, re-scorings left out."""
    f = findings.c
    query = select(f.rule, func.count()).select_from(_inspected().join(findings, f.inspection_id == inspections.c.id))
    query = query.where(*_days(window), _own_run(), f.outcome.in_(_FIRED)).group_by(f.rule)
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def fired_together(connection: Connection, window: Window, least: int) -> list[tuple[str, str, int]]:
    """(rule, rule, chats) for pairs that fired in one chat at least so often."""
    one, other = findings.alias("one"), findings.alias("other")
    number = func.count().label("number")
    joined = _inspected().join(one, one.c.inspection_id == inspections.c.id)
    joined = joined.join(other, (other.c.inspection_id == one.c.inspection_id) & (other.c.rule > one.c.rule))
    query = select(one.c.rule, other.c.rule, number).select_from(joined)
    query = query.where(*_days(window), _own_run(), one.c.outcome.in_(_FIRED), other.c.outcome.in_(_FIRED))
    query = query.group_by(one.c.rule, other.c.rule).having(func.count() >= least)
    return [(r[0], r[1], int(r[2])) for r in connection.execute(query.order_by(number.desc(), one.c.rule))]


def said(connection: Connection, window: Window) -> dict[str, dict[str, int]]:
    """Rule → word → findings; of a finding that was judged more than once the latest word counts."""
    order = func.row_number().over(
        partition_by=verdicts.c.finding_id, order_by=(reviews.c.reviewed_at.desc(), reviews.c.id.desc())
    )
    joined = (
        _inspected()
        .join(findings, findings.c.inspection_id == inspections.c.id)
        .join(verdicts, verdicts.c.finding_id == findings.c.id)
        .join(reviews, reviews.c.id == verdicts.c.review_id)
    )
    latest = (
        select(verdicts.c.rule, verdicts.c.verdict, order.label("place")).select_from(joined).where(*_days(window))
    ).subquery()
    query = select(latest.c.rule, latest.c.verdict, func.count()).where(latest.c.place == 1)
    found: dict[str, dict[str, int]] = {}
    for rule, word, number in connection.execute(query.group_by(latest.c.rule, latest.c.verdict)):
        found.setdefault(rule, {})[word] = int(number)
    return found


def missed(connection: Connection, window: Window) -> dict[str, Missed]:
    """Rule → chats in which somebody's latest review says that it should have fired."""
    latest = _latest_reviews(window).subquery()
    audit = case((latest.c.kind == "audit", latest.c.chat_pk))
    query = (
        select(verdicts.c.rule, func.count(latest.c.chat_pk.distinct()), func.count(audit.distinct()))
        .join(latest, latest.c.id == verdicts.c.review_id)
        .where(latest.c.place == 1, verdicts.c.verdict == "missed")
        .group_by(verdicts.c.rule)
    )
    return {row[0]: Missed(int(row[1]), int(row[2])) for row in connection.execute(query)}


def audited(connection: Connection, window: Window) -> int:
    """Chats of the window that somebody reviewed blind, as audit."""
    latest = _latest_reviews(window).subquery()
    query = select(func.count(latest.c.chat_pk.distinct())).where(latest.c.kind == "audit")
    return int(connection.execute(query).scalar_one())


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


def _own_run() -> ColumnElement[bool]:
    return runs.c.kind != RunKind.RESCORE.value


def _latest_reviews(window: Window) -> Select[Any]:
    """Reviews of the window's chats; ``place`` 1 is each person's latest of a chat."""
    order = func.row_number().over(
        partition_by=(reviews.c.chat_pk, reviews.c.reviewer),
        order_by=(reviews.c.reviewed_at.desc(), reviews.c.id.desc()),
    )
    query = select(reviews.c.id, reviews.c.chat_pk, reviews.c.kind, order.label("place"))
    query = query.join(chats, chats.c.id == reviews.c.chat_pk).where(chats.c.day.between(window.first, window.last))
    return query if window.merchants is None else query.where(chats.c.merchant.in_(window.merchants))
