"""Writing many rows at once: by COPY on PostgreSQL, as bare tuples on SQLite. What is there already stays as it is.

On PostgreSQL the rows are copied straight into their table, below a savepoint: nearly always all of them are new, and
nothing is quicker. Where one is not, the savepoint is taken back, they are copied beside the table, and those that are
new go in from there (``ON CONFLICT DO NOTHING``). Either way it happens within the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Double,
    Float,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError

Row = Mapping[str, Any]
_KEEP = " ON CONFLICT DO NOTHING"

_TAKEN = "23505"  # unique_violation
_SENT_AS: tuple[tuple[type, str], ...] = (
    (Boolean, "bool"), (BigInteger, "int8"), (SmallInteger, "int2"), (Integer, "int4"), (Double, "float8"),
    (Float, "float8"), (LargeBinary, "bytea"), (String, "text"),
)  # fmt: skip


def insert_all(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Write rows, all with the same columns and none of them there yet; ``IntegrityError`` where one is."""
    if rows and connection.dialect.name == "postgresql":
        _copy(connection, table, _quoted(connection, table.name), rows)
    elif rows:
        _insert_tuples(connection, table, rows, "")


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Write rows, all with the same columns, and return how many were new; those whose key is taken are left out."""
    if not rows:
        return 0
    if connection.dialect.name != "postgresql":
        return _insert_tuples(connection, table, rows, _KEEP)
    return len(rows) if _copied(connection, table, rows) else len(_from_beside(connection, table, rows, None))


def insert_new_keys(connection: Connection, table: Table, rows: Sequence[Row], key: str) -> set[Any]:
    """As ``insert_new``; returns the values that the new rows have in the column ``key``."""
    if not rows:
        return set()
    if _all_new(connection, table, rows):
        return {row[key] for row in rows}
    if connection.dialect.name == "postgresql":
        return {row[0] for row in _from_beside(connection, table, rows, key)}
    statement = sqlite.insert(table).values(list(rows)).on_conflict_do_nothing().returning(table.c[key])
    return set(connection.execute(statement).scalars())


def change_all(connection: Connection, table: Table, key: str, rows: Sequence[Row]) -> None:
    """Set the columns of rows that are there, found by the column ``key``; all rows name the same columns."""
    if not rows:
        return
    names = [name for name in rows[0] if name != key]
    into, found_by = _quoted(connection, table.name), _quoted(connection, key)
    if connection.dialect.name != "postgresql":
        given = ", ".join(f"{_quoted(connection, name)} = ?" for name in names)
        statement = f"UPDATE {into} SET {given} WHERE {found_by} = ?"  # noqa: S608 - names of our own
        connection.exec_driver_sql(statement, [_cells([*names, key], row) for row in rows])
        return
    beside = _copy_beside(connection, table, rows)
    given = ", ".join(f"{_quoted(connection, name)} = b.{_quoted(connection, name)}" for name in names)
    statement = f"UPDATE {into} AS t SET {given} FROM {beside} AS b WHERE t.{found_by} = b.{found_by}"  # noqa: S608 - the same
    connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"DROP TABLE {beside}")


def _copy_beside(connection: Connection, table: Table, rows: Sequence[Row]) -> str:
    """Copy rows into a temporary table with their columns; returns its name."""
    into, names = _quoted(connection, table.name), _list(connection, list(rows[0]))
    beside = _quoted(connection, f"bulk_{table.name}")
    connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {beside} AS SELECT {names} FROM {into} WITH NO DATA")  # noqa: S608 - names of our own
    _copy(connection, table, beside, rows)
    return beside


def _insert_tuples(connection: Connection, table: Table, rows: Sequence[Row], otherwise: str) -> int:
    names = list(rows[0])
    marks = ", ".join("?" * len(names))
    into = f"{_quoted(connection, table.name)} ({_list(connection, names)})"
    statement = f"INSERT INTO {into} VALUES ({marks}){otherwise}"  # noqa: S608 - names of our own
    done = connection.exec_driver_sql(statement, [_cells(names, row) for row in rows])
    return int(done.rowcount)


def _all_new(connection: Connection, table: Table, rows: Sequence[Row]) -> bool:
    """Write rows; False, and nothing is written, where the key of any is taken."""
    if connection.dialect.name == "postgresql":
        return _copied(connection, table, rows)
    with connection.begin_nested() as kept:
        if _insert_tuples(connection, table, rows, _KEEP) == len(rows):
            return True
        kept.rollback()
    return False


def _copied(connection: Connection, table: Table, rows: Sequence[Row]) -> bool:
    """Copy rows into their table; False, and nothing is written, where the key of any is taken."""
    try:
        with connection.begin_nested():
            _copy(connection, table, _quoted(connection, table.name), rows)
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", None) != _TAKEN:
            raise
        return False
    return True


def _from_beside(connection: Connection, table: Table, rows: Sequence[Row], key: str | None) -> Sequence[Any]:
    """Copy rows beside their table and take over the new ones; returns a row, with its key, for each of them."""
    into, names = _quoted(connection, table.name), _list(connection, list(rows[0]))
    said = "1" if key is None else _quoted(connection, key)
    beside = _copy_beside(connection, table, rows)
    taken_over = connection.exec_driver_sql(
        f"INSERT INTO {into} ({names}) SELECT {names} FROM {beside} ON CONFLICT DO NOTHING RETURNING {said}"  # noqa: S608 - names of our own
    ).all()
    connection.exec_driver_sql(f"DROP TABLE {beside}")
    return taken_over


def _copy(connection: Connection, table: Table, into: str, rows: Sequence[Row]) -> None:
    names = list(rows[0])
    kinds = [_sent_as(table, name) for name in names]
    binary = all(kinds)  # a text search vector, say, is sent as text, and PostgreSQL reads it
    statement = f"COPY {into} ({_list(connection, names)}) FROM STDIN" + (" (FORMAT BINARY)" if binary else "")
    driver: Any = connection.connection.driver_connection
    errors: Any = connection.dialect.loaded_dbapi
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            if binary:
                copy.set_types(kinds)
            for row in rows:
                copy.write_row(_cells(names, row))
    except errors.Error as error:
        raise DBAPIError.instance(statement, None, error, errors.Error, dialect=connection.dialect) from error


def _sent_as(table: Table, name: str) -> str | None:
    kind = table.c[name].type
    return next((sent for one, sent in _SENT_AS if isinstance(kind, one)), None)


def _cells(names: Sequence[str], row: Row) -> tuple[Any, ...]:
    if len(names) == 1:
        return (row[names[0]],)
    return itemgetter(*names)(row)  # type: ignore[no-any-return]


def _list(connection: Connection, names: Sequence[str]) -> str:
    return ", ".join(_quoted(connection, name) for name in names)


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)
