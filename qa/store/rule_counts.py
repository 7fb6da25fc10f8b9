"""How often rules fired, and what people said of it: counts by rule over a window of days and merchants."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)  # fmt: skip

from qa.store import counted
from qa.store.board_tables import chat_facts, counted_nights
from qa.store.count_rows import unpacked_rules
from qa.store.counted import Days
from qa.store.nights import RunKind
from qa.store.rule_sums import RuleSums
from qa.store.tables import chats, nights, publications, reviews, rulesets, runs, verdicts
from qa.types import Instant

_k = counted_nights.c

Window = Days
"""Which nights count: local days, both ends included, and merchants (None: all)."""


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


class Fired(NamedTuple):
    """What the nights of a window say of rules, re-scorings left out, but not what people said of their findings.

    ``rules``: how often each fired, then how often people said each of ``WORDS`` last; ``together``: how many chats
    have both of two rules, those of ``least`` and more, the most frequent first.
    """

    inspected: int
    rules: dict[str, list[int]]
    together: list[tuple[str, str, int]]


def fired(connection: Connection, window: Window, least: int) -> Fired:
    """Return what the nights of a window say of rules, as of now."""
    inspected, sums = 0, RuleSums()
    for night in counted.read(connection, window, _k.inspected, _k.rules, _k.pairs):
        of_night = night.rules
        if night.counts is not None:
            inspected += night.counts.inspected
            sums.add_pairs(night.counts.pairs)
        else:
            inspected += night.row.inspected
            stored = of_night if night.news is None else unpacked_rules(bytes(night.row.rules))
            sums.add_packed_pairs(list(stored), bytes(night.row.pairs))
        sums.add(of_night)
    return Fired(inspected, sums.rules, sums.pairs(least))


def missed(connection: Connection, window: Window) -> dict[str, Missed]:
    """Rule → chats in which somebody's latest review says that it should have fired."""
    chat = reviews.c.chat_pk
    audit = case((reviews.c.kind == "audit", chat))
    query = (
        select(verdicts.c.rule, func.count(chat.distinct()), func.count(audit.distinct()))
        .join(reviews, reviews.c.id == verdicts.c.review_id)
        .where(verdicts.c.verdict == "missed", *_latest_of(window))
        .group_by(verdicts.c.rule)
    )
    return {row[0]: Missed(int(row[1]), int(row[2])) for row in connection.execute(query)}


def audited(connection: Connection, window: Window) -> int:
    """Chats of the window that somebody reviewed blind, as audit."""
    query = select(func.count(reviews.c.chat_pk.distinct()))
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


def _latest_of(window: Window) -> list[ColumnElement[bool]]:
    """Return the conditions that a review is of a chat of the window, and that person's latest of it.

    Nearly all of these chats were inspected, and an index tells the days of those without looking at the chats.
    """
    r, f, later = reviews.c, chat_facts.c, reviews.alias("later")
    again = exists().where(
        later.c.chat_pk == r.chat_pk,
        later.c.reviewer == r.reviewer,
        tuple_(later.c.reviewed_at, later.c.id) > tuple_(r.reviewed_at, r.id),
    )
    inspected = exists().where(f.chat_pk == r.chat_pk)
    seen = exists().where(f.chat_pk == r.chat_pk, *_of_window(chat_facts, window))
    other = exists().where(chats.c.id == r.chat_pk, *_of_window(chats, window))
    return [or_(seen, and_(~inspected, other)), ~again]


def _of_window(table: Table, window: Window) -> list[ColumnElement[bool]]:
    days = table.c.day.between(window.first, window.last)
    return [days] if window.merchants is None else [days, table.c.merchant.in_(window.merchants)]
