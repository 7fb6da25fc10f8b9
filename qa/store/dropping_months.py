"""Letting the texts of whole months go, in as many steps as there are tables, however many chats were judged.

What has to stay of judged chats, their covered copies, is made before, part by part and ahead of time; the rest goes by
the range of the month's keys, and with the month's partitions.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    and_,
    bindparam,
    delete,
    exists,
    func,
    select,
    update,
)

from qa.store.bulk import change_all, insert_new
from qa.store.dropping import Dropped, copy_of, cover_verdicts
from qa.store.keys import among
from qa.store.operation_tables import dropped_texts
from qa.store.queue_tables import queue_items, queue_marks
from qa.store.tables import chat_bodies, chats, findings, inspections, nights, reviews, verdicts
from qa.store.texts import AHEAD, let_go, lock_texts, month_of, months_with_texts
from qa.store.words import words_table
from qa.types import Instant

_b, _c, _d, _i = chat_bodies.c, chats.c, dropped_texts.c, inspections.c
_STREAM = {"yield_per": 10_000}


class Span(NamedTuple):
    """The least and the greatest key of the chats of a month."""

    month: int
    first: int
    last: int


def due_months(connection: Connection, before: Mapping[str, str]) -> dict[int, list[str]]:
    """Return the months that can go as a whole, with their merchants; ``before``: merchant → first day that is kept.

    A month is kept while it holds texts of any merchant that still wants them.
    """
    found = months_with_texts(connection)
    return {
        month: sorted(merchants)
        for month, merchants in found.items()
        if all(name in before and month < month_of(before[name]) for name in merchants)
    }


def span_of(connection: Connection, month: int) -> Span:
    """Return where the keys of a month lie; those of other months may lie between them."""
    query = select(func.min(_b.chat_pk), func.max(_b.chat_pk)).where(_b.month == month)
    first, last = connection.execute(query).one()
    return Span(month, 1, 0) if first is None else Span(month, first, last)


def _of_month(span: Span, chat_pk: Any) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a chat, given by a column, has a text in the month."""
    there = exists().where(_b.month == span.month, _b.chat_pk == chat_pk)
    return chat_pk >= span.first, chat_pk <= span.last, there


def uncovered(connection: Connection, span: Span) -> array[int]:
    """Return the chats of a month that an inspection or a review points at and that have no covered copy."""
    found = array("q")
    for by in (inspections, reviews):
        pk: Column[int] = by.c.chat_pk
        query = select(pk).where(*_of_month(span, pk), ~_copied(pk)).order_by(pk).execution_options(**_STREAM)
        found.extend(connection.execute(query).scalars())
    return array("q", sorted(set(found)))


def uncovered_of_days(connection: Connection, merchant: str, first: str, before: str) -> dict[int, list[int]]:
    """Return month → the chats inspected in the nights of some days that have no covered copy."""
    there = exists().where(_b.month == bindparam("qa_month", type_=Integer), _b.chat_pk == _i.chat_pk)
    query = select(nights.c.id, nights.c.day).where(
        nights.c.merchant == merchant, nights.c.day >= first, nights.c.day < before
    )
    found: dict[int, list[int]] = {}
    for night, day in connection.execute(query.order_by(nights.c.day)).all():
        judged = select(_i.chat_pk).where(_i.night_id == night, there, ~_copied(_i.chat_pk)).distinct()
        pks = connection.execute(judged, {"qa_month": month_of(day)}).scalars()
        found.setdefault(month_of(day), []).extend(sorted(pks))
    return found


def _copied(chat_pk: Any) -> ColumnElement[bool]:
    return exists().where(_d.chat_pk == chat_pk, _d.body.is_not(None))


def copy_ahead(connection: Connection, month: int, pks: Sequence[int], now: Instant) -> None:
    """Make covered copies of chats of a month; what was said in them stays for now."""
    query = select(_c.id, _c.merchant, _c.chat_id, _b.body).join(chat_bodies, _b.chat_pk == _c.id)
    rows = connection.execute(query.where(_b.month == month, among(connection, _b.chat_pk, pks)))
    made = [
        {"chat_pk": row.id, "dropped_at": now, "reason": AHEAD, "body": copy_of(row)} for row in rows
    ]  # fmt: skip
    if insert_new(connection, dropped_texts, made) < len(made):  # somebody was quicker, or one has no copy
        bare = set(connection.execute(select(_d.chat_pk).where(_d.chat_pk.in_(pks), _d.body.is_(None))).scalars())
        again = [{"chat_pk": row["chat_pk"], "body": row["body"]} for row in made if row["chat_pk"] in bare]
        change_all(connection, dropped_texts, "chat_pk", again)


def searched(connection: Connection, span: Span, limit: int) -> list[int]:
    """Return the first chats of a month whose words the search of SQLite knows."""
    words = words_table.c.rowid
    query = select(words).where(*_of_month(span, words)).order_by(words).limit(limit)
    return list(connection.execute(query).scalars())


def counts(connection: Connection, span: Span, merchants: Sequence[str]) -> dict[str, Dropped]:
    """Return what goes, or is covered, with a month, by merchant."""
    q = queue_items.c
    parts = {
        "chats": _texts(connection, span, merchants),
        "findings": _findings(connection, span),
        "reviews": _count(connection, span, reviews.c.chat_pk, reviews),
        "queued": _count(connection, span, q.chat_pk, queue_items, q.done_at.is_(None)),
    }
    return {name: Dropped(**{part: found.get(name, 0) for part, found in parts.items()}) for name in merchants}


def _texts(connection: Connection, span: Span, merchants: Sequence[str]) -> dict[str, int]:
    of_month = (_b.month == span.month, _b.chat_pk >= span.first, _b.chat_pk <= span.last)
    if len(merchants) == 1:  # no look at each chat
        query = select(func.count()).select_from(chat_bodies).where(*of_month)
        return {merchants[0]: int(connection.execute(query).scalar_one())}
    both = chats.join(chat_bodies, and_(_b.chat_pk == _c.id, _c.id >= span.first, _c.id <= span.last))
    by_merchant = select(_c.merchant, func.count()).select_from(both).where(*of_month).group_by(_c.merchant)
    return {merchant: int(number) for merchant, number in connection.execute(by_merchant)}


def _findings(connection: Connection, span: Span) -> dict[str, int]:
    """Return merchant → findings in chats of the month; the night says whose they are, for chats are many more."""
    each = inspections.join(findings, findings.c.inspection_id == _i.id).join(nights, nights.c.id == _i.night_id)
    query = select(nights.c.merchant, func.count()).select_from(each).where(*_of_month(span, _i.chat_pk))
    return {merchant: int(number) for merchant, number in connection.execute(query.group_by(nights.c.merchant))}


def _count(connection: Connection, span: Span, pk: Any, rows: Any, *where: Any) -> dict[str, int]:
    query = select(_c.merchant, func.count()).select_from(rows.join(chats, _c.id == pk))
    found = connection.execute(query.where(*_of_month(span, pk), *where).group_by(_c.merchant))
    return {merchant: int(number) for merchant, number in found}


def drop_month(connection: Connection, span: Span, now: Instant) -> None:
    """Drop all that was said in a month, and everything that repeats it.

    Covered copies were made before; what was judged in between is covered now.

    Raises:
        StoreError: somebody has been reading texts all the time, an export for example; give the command again.
    """
    lock_texts(connection)
    late = uncovered(connection, span)
    if late:
        copy_ahead(connection, span.month, late.tolist(), now)
    q = queue_items.c
    open_ones = (*_of_month(span, q.chat_pk), q.done_at.is_(None))
    of_these = select(q.inspection_id).where(*open_ones)
    connection.execute(delete(queue_marks).where(queue_marks.c.inspection_id.in_(of_these)))
    connection.execute(delete(queue_items).where(*open_ones))
    lines = (*_of_month(span, q.chat_pk), q.evidence.is_not(None))
    connection.execute(update(queue_items).where(*lines).values(evidence=None))
    if connection.dialect.name == "postgresql":
        connection.execute(delete(words_table).where(*_of_month(span, words_table.c.chat_pk)))
    said = select(reviews.c.id).where(*_of_month(span, reviews.c.chat_pk))
    cover_verdicts(connection, verdicts.c.review_id.in_(said))
    let_go(connection, span.month)
