"""Tables as streams of rows that every database can take: what copying, backing up and restoring have in common.

A row is written as one line of JSON: numbers, text and null as they are, yes and no as 1 and 0, hashes in base64, JSON
columns as a string of their bytes (byte for byte; what is no UTF-8 as ``{"base64": …}``). Rows come in the order of
their key, compared byte by byte, so the same content gives the same lines and the same SHA-256 on each database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import Boolean, Connection, Double, Float, Integer, LargeBinary, String, Table, inspect, select, text
from sqlalchemy.schema import sort_tables

from qa.errors import StoreError
from qa.store import migrate  # noqa: F401 - it knows every module that defines tables
from qa.store.session import describe
from qa.store.tables import Base, text_months
from qa.store.texts import PLACED, make_places

Kind: TypeAlias = Literal["integer", "yesno", "real", "text", "json", "bytes"]
Row: TypeAlias = tuple[Any, ...]

BATCH = 1_000
"""Rows read and written at a time."""


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table as it is carried: its columns with their kinds, those that make its key, those whose number rises."""

    table: str
    columns: tuple[tuple[str, Kind], ...]
    key: tuple[str, ...]
    counted: str | None = None
    """The column that the database numbers by itself."""


class Digest(NamedTuple):
    """How many rows a table has, and the SHA-256 in hex of their lines in the order of the key."""

    rows: int
    sha256: str


class Odd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes of a JSON column that are no UTF-8."""

    base64: bytes


class Hasher:
    """Counts and hashes rows as they pass."""

    def __init__(self) -> None:
        self._sha, self._rows = hashlib.sha256(), 0

    def take(self, lines: Sequence[bytes]) -> None:
        """Add lines."""
        self._sha.update(b"".join(lines))
        self._rows += len(lines)

    @property
    def digest(self) -> Digest:
        """What was taken until now."""
        return Digest(self._rows, self._sha.hexdigest())


def shapes(but: Iterable[str] = ()) -> list[Shape]:
    """Return all tables of this program's schema in an order in which each stands behind those it points at.

    The queue stands behind the reviews as well: a trigger on these makes its items done, which they may not be; and
    texts and quotes behind their months.
    """
    known = Base.metadata.tables
    first = [(known["reviews"], known["queue_items"])]
    first += [(known["text_months"], known[table]) for table in PLACED]
    tables = sort_tables(known.values(), extra_dependencies=first)
    left_out = set(but)
    return [_shape(table) for table in tables if table.name not in left_out]


def _shape(table: Table) -> Shape:
    columns = tuple((str(column.name), _kind(column.type)) for column in table.columns)
    counted = table.autoincrement_column
    return Shape(
        str(table.name),
        columns,
        tuple(str(column.name) for column in table.primary_key),
        None if counted is None or counted.autoincrement is False else str(counted.name),
    )


def _kind(given: Any) -> Kind:
    if isinstance(given, LargeBinary):
        return "json" if given.length is None else "bytes"
    kinds: tuple[tuple[type, Kind], ...] = (
        (Boolean, "yesno"), (Integer, "integer"), (Double, "real"), (Float, "real"), (String, "text"),
    )  # fmt: skip
    return next(kind for one, kind in kinds if isinstance(given, one))


# --- reading -------------------------------------------------------------------------------------------------------


def count(connection: Connection, table: str) -> int:
    """Return how many rows a table has."""
    return int(connection.execute(text(f"SELECT count(*) FROM {_quoted(table)}")).scalar_one())  # noqa: S608 - a name of our own


def read(connection: Connection, shape: Shape) -> Iterator[list[Row]]:
    """Yield the rows of a table in the order of its key, some at a time; bytes are bytes, yes is 1."""
    postgresql = connection.dialect.name == "postgresql"
    chosen = ", ".join(
        f"CAST({_quoted(name)} AS integer)" if kind == "yesno" else _quoted(name) for name, kind in shape.columns
    )
    kinds = dict(shape.columns)
    order = ", ".join(
        _quoted(name) + (' COLLATE "C"' if postgresql and kinds[name] == "text" else "") for name in shape.key
    )
    found = connection.execute(
        text(f"SELECT {chosen} FROM {_quoted(shape.table)} ORDER BY {order}"),  # noqa: S608 - names of our own
        execution_options={"yield_per": BATCH},
    )
    for part in found.partitions():
        yield [tuple(row) for row in part]


def writer(shape: Shape) -> Callable[[Row], bytes]:
    """Return what makes the line of a row, with its line end."""
    texts = [place for place, (_, kind) in enumerate(shape.columns) if kind == "json"]
    encode = msgspec.json.Encoder().encode

    def line(row: Row) -> bytes:
        if not texts:
            return encode(row) + b"\n"
        cells = list(row)
        for place in texts:
            cells[place] = _readable(cells[place])
        return encode(cells) + b"\n"

    return line


def reader(shape: Shape) -> Callable[[bytes], Row]:
    """Return what makes the row of a line; it raises ``msgspec.MsgspecError`` for a line that is none of this table."""
    types: Mapping[Kind, Any] = {
        "integer": int | None, "yesno": int | None, "real": float | None, "text": str | None, "bytes": bytes | None,
        "json": str | Odd | None,
    }  # fmt: skip
    decode = msgspec.json.Decoder(tuple[tuple(types[kind] for _, kind in shape.columns)]).decode  # type: ignore[misc]
    texts = [place for place, (_, kind) in enumerate(shape.columns) if kind == "json"]

    def row(line: bytes) -> Row:
        found: Row = decode(line)
        if not texts:
            return found
        cells = list(found)
        for place in texts:
            cells[place] = _bytes(cells[place])
        return tuple(cells)

    return row


def _readable(content: bytes | None) -> str | Odd | None:
    if content is None:
        return None
    try:
        return bytes(content).decode()
    except UnicodeDecodeError:
        return Odd(bytes(content))


def _bytes(content: str | Odd | None) -> bytes | None:
    return content.base64 if isinstance(content, Odd) else None if content is None else content.encode()


def digest(connection: Connection, shape: Shape) -> Digest:
    """Return count and hash of a table as it is stored."""
    hasher, line = Hasher(), writer(shape)
    for part in read(connection, shape):
        hasher.take([line(row) for row in part])
    return hasher.digest


# --- writing -------------------------------------------------------------------------------------------------------


def filled(connection: Connection) -> str | None:
    """Return the name of a table of ours that holds a row, None where none does (or none is there)."""
    there = set(inspect(connection).get_table_names())
    for shape in shapes():
        table = shape.table
        if table in there and connection.execute(text(f"SELECT 1 FROM {_quoted(table)} LIMIT 1")).first():  # noqa: S608 - a name of our own
            return table
    return None


def refuse_filled(connection: Connection) -> None:
    """Raise ``StoreError`` where the database holds anything of ours."""
    table = filled(connection)
    if table is not None:
        where = describe(connection.engine)
        raise StoreError(f"the target ({where}) is not empty: there are rows in {table}; name an empty database")


def write(connection: Connection, shape: Shape, parts: Iterable[Sequence[Row]]) -> None:
    """Put rows into a table, by COPY on PostgreSQL; afterwards the database numbers on from the last one."""
    columns = ", ".join(_quoted(name) for name, _ in shape.columns)
    into = f"{_quoted(shape.table)} ({columns})"
    if connection.dialect.name == "postgresql":
        _copy(connection, into, parts)
        _number_on(connection, shape)
        if shape.table == text_months.name:  # the texts come later, and want a place for each month
            make_places(connection, connection.execute(select(text_months.c.month).distinct()).scalars())
        return
    # a row may point at a later one of the same table; what points nowhere fails at the commit
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    marks = ", ".join("?" * len(shape.columns))
    for part in parts:
        if part:
            connection.exec_driver_sql(f"INSERT INTO {into} VALUES ({marks})", list(part))  # noqa: S608 - names of our own


def _copy(connection: Connection, into: str, parts: Iterable[Sequence[Row]]) -> None:
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as copy:
        for part in parts:
            for row in part:
                copy.write_row(row)


def _number_on(connection: Connection, shape: Shape) -> None:
    if shape.counted is None:
        return
    column, table = _quoted(shape.counted), _quoted(shape.table)
    connection.execute(
        text(
            f"SELECT setval(pg_get_serial_sequence(:table, :column), coalesce(max({column}), 1), "  # noqa: S608 - names of our own
            f"max({column}) IS NOT NULL) FROM {table}"
        ),
        {"table": shape.table, "column": shape.counted},
    )


def check(shape: Shape, wanted: Digest, found: Digest) -> None:
    """Raise ``StoreError`` unless what was stored is what was to be stored."""
    if wanted != found:
        raise StoreError(
            f"table {shape.table}: {found.rows:,} rows with the hash {found.sha256[:12]} were stored, "
            f"not {wanted.rows:,} with {wanted.sha256[:12]}; nothing was kept"
        )


def _quoted(name: str) -> str:
    """Return a name as SQL takes it; a backup names tables and columns, so what is none is refused.

    >>> _quoted("chats")
    '"chats"'
    """
    if not (name.isascii() and name.isidentifier()):
        raise StoreError(f"{name!r} is no name of a table or column")
    return f'"{name}"'
