"""Letting the texts of whole months go: what was judged of them is covered part by part, then the month is dropped.

Only chats that were inspected or reviewed are looked at one by one; all the others, and every body, go with the month.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Table, exists, select

from qa.store.dropping import RETENTION, Dropped, cover_of, texts_of
from qa.store.operation_tables import dropped_texts
from qa.store.tables import chat_bodies, inspections, reviews
from qa.store.texts import month_of, months_with_texts
from qa.types import Instant

POINTING: tuple[Table, ...] = (inspections, reviews)
"""What points at places in chats."""

_b = chat_bodies.c


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


def pointed_at(connection: Connection, month: int, by: Table, after: int, limit: int) -> list[int]:
    """Return keys of revisions behind ``after`` that rows of a table point at and that are not covered yet."""
    query = select(_b.chat_pk).where(
        _b.month == month,
        _b.chat_pk > after,
        exists().where(by.c.chat_pk == _b.chat_pk),
        ~exists().where(dropped_texts.c.chat_pk == _b.chat_pk),
    )
    return list(connection.execute(query.order_by(_b.chat_pk).limit(limit)).scalars())


def cover_judged(connection: Connection, pks: list[int], now: Instant) -> Iterator[tuple[str, Dropped]]:
    """Cover what was found in these revisions; yields what was covered of each merchant. Their texts stay for now."""
    by_merchant: dict[str, list[Any]] = {}
    for row in texts_of(connection, pks):
        by_merchant.setdefault(row.merchant, []).append(row)
    for merchant, rows in sorted(by_merchant.items()):
        yield merchant, cover_of(connection, rows, now, RETENTION)
