"""Many keys given to one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, String, Text, func, literal


def among(connection: Connection, column: Any, keys: Sequence[int] | Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a column is one of these keys.

    PostgreSQL gets them as one array: a list of a thousand parameters takes longer to read than to look up.
    """
    if connection.dialect.name != "postgresql":
        return column.in_(list(keys))  # type: ignore[no-any-return]
    kind = Text if isinstance(column.type, String) else BigInteger
    return column == func.any(literal(list(keys), ARRAY(kind)))  # type: ignore[no-any-return]
