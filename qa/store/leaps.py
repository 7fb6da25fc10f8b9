"""Distinct values by leaping through an index from one to the next: no scan, however many rows share a value."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select


def distinct(connection: Connection, column: ColumnElement[str], *where: Any, start: str = "") -> list[str]:
    """Return the values of a column from ``start`` on, sorted, without NULL: one look into the index for each.

    The index must begin with what ``where`` holds equal, and go on with the column. A lower bound of the column belongs
    into ``start``: among the conditions of every leap SQLite would begin there each time.
    """
    from_start = (column >= start,) if start else ()
    first = select(func.min(column).label("value")).where(*where, *from_start).cte("leaps", recursive=True)
    following = select(func.min(column)).where(*where, column > first.c.value).correlate(first).scalar_subquery()
    leaps = first.union_all(select(following).where(first.c.value.is_not(None)))
    found: list[Any] = list(connection.execute(select(leaps.c.value).where(leaps.c.value.is_not(None))).scalars())
    return sorted(found)
