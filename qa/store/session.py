"""Engines and transactions: the only place that knows how the two databases differ in locking.

SQLite runs in WAL mode with foreign keys on; a write takes the lock at its start (``BEGIN IMMEDIATE``), because a
transaction that reads first and upgrades later loses updates or fails half-way. On PostgreSQL a read sees one
snapshot (``REPEATABLE READ``), as on SQLite, and a write runs ``READ COMMITTED``.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from qa.errors import ConfigError, StoreError

BUSY_SECONDS = 30
"""How long a SQLite connection waits for another writer before it gives up."""

_CONNECT_SECONDS = 10
_READ: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {"qa_tx": "read"},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}
_WRITE: Mapping[str, Mapping[str, Any]] = {"sqlite": {"qa_tx": "write"}, "postgresql": {}}
_LOOK_S = 0.002
_RANDOM_PAGE = 1.1
_NO_RIGHT, _READ_ONLY = "42501", "25006"  # PostgreSQL: of a role that may not, and of a standby
_turns: WeakKeyDictionary[Engine, Lock] = WeakKeyDictionary()


def normalise_url(url: str) -> URL:
    """The URL with our driver named.

    Raises:
        ConfigError: not a URL, or not one of the two databases; the text never repeats the URL.

    >>> normalise_url("postgres://qa@db/qa").drivername
    'postgresql+psycopg'
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the second: a port that is no number, as behind an @ in a password
        msg = "the database URL is malformed: write sqlite:///FILE or postgresql://USER@HOST/NAME"
        raise ConfigError(msg) from None
    backend = parsed.get_backend_name()
    if backend in {"postgres", "postgresql"}:
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ConfigError(f"database {backend!r} is not supported: write sqlite:///FILE or postgresql://USER@HOST/NAME")
    if parsed.database in {None, "", ":memory:"}:
        raise ConfigError("the database URL names no file: an in-memory database would forget everything at exit")
    return parsed.set(drivername="sqlite")


def describe(engine: Engine) -> str:
    """The database in words for messages, without password or options.

    >>> describe(make_engine("postgresql://qa:secret@db/qa"))
    'postgresql qa at db'
    """
    url = engine.url
    if url.get_backend_name() == "sqlite":
        return f"sqlite {url.database}"
    return f"postgresql {url.database} at {url.host or url.query.get('host') or 'local socket'}"


def sqlite_file(engine: Engine) -> Path | None:
    """The database file, or None on PostgreSQL."""
    database = engine.url.database
    return Path(database) if engine.dialect.name == "sqlite" and database else None


def make_engine(url: str, *, read_only: bool = False) -> Engine:
    """An engine for ``sqlite:///FILE`` or ``postgresql://…``; connects only when used.

    Raises:
        ConfigError: the URL is not usable.
        StoreError: the PostgreSQL driver is not installed.
    """
    parsed = normalise_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed, read_only=read_only)
    arguments: dict[str, Any] = {}
    if "connect_timeout" not in parsed.query:
        arguments["connect_timeout"] = _CONNECT_SECONDS
    if read_only:
        arguments["options"] = "-c default_transaction_read_only=on"
    try:
        engine = create_engine(parsed, pool_pre_ping=True, connect_args=arguments, hide_parameters=True)
    except ImportError as error:
        raise StoreError("PostgreSQL needs the driver psycopg: install zhijian[postgres]") from error
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


@contextmanager
def opened(url: str, *, read_only: bool = False) -> Iterator[Engine]:
    """An engine as by ``make_engine`` whose connections are closed at the end."""
    engine = make_engine(url, read_only=read_only)
    try:
        yield engine
    finally:
        engine.dispose()


def _sqlite_engine(url: URL, *, read_only: bool) -> Engine:
    # isolation_level None: we say BEGIN ourselves, the driver's own guesses are off
    arguments = {"timeout": BUSY_SECONDS, "isolation_level": None}
    engine = create_engine(url, connect_args=arguments, hide_parameters=True)  # of a crash: they are people's words

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        _prepare_sqlite(connection, read_only=read_only)

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        kind = connection.get_execution_options().get("qa_tx")
        if not read_only and connection.info.get("qa_tx") != kind:
            connection.exec_driver_sql(f"PRAGMA query_only = {int(kind == 'read')}")
            connection.info["qa_tx"] = kind  # belongs to the connection of the database, and goes with it
        if kind == "write":
            _await_writers(connection)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    """Tell the planner that a page out of order costs little more than the next one: no disk under it turns any more.

    With PostgreSQL's 4 the candidates for cases of a month were sought in five million inspections from end to end.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SET random_page_cost = {_RANDOM_PAGE}")
    connection.commit()


def _await_writers(connection: Connection) -> None:
    """Begin to write. SQLite's own waiting sleeps up to 0.1 s between two looks, so that whoever came last gets it."""
    cursor = connection.connection.cursor()
    deadline = time.monotonic() + BUSY_SECONDS
    cursor.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                cursor.execute("BEGIN IMMEDIATE")
                break
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise OperationalError("BEGIN IMMEDIATE", None, error) from error
                time.sleep(_LOOK_S)
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1_000}")
        cursor.close()


def _prepare_sqlite(connection: Any, *, read_only: bool) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA page_size = 8192")  # of a new file; at 4 KB a chat of 20 messages fills a page, half empty
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA cache_size = -16000")  # 16 MB a connection
    cursor.execute("PRAGMA journal_size_limit = 67108864")
    if read_only:
        cursor.execute("PRAGMA query_only = ON")
    else:
        _switch_to_wal(cursor)
    cursor.close()


def _switch_to_wal(cursor: Any) -> None:
    """Turn WAL on; the busy timeout does not cover this switch when two processes start at once, so retry."""
    deadline = time.monotonic() + BUSY_SECONDS
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def write_tx(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write: committed at the end, rolled back by an exception.

    Raises:
        StoreError: the database cannot be reached or used by this role, is locked too long, read-only, full or damaged.
    """
    with _turn(engine), _transaction(engine, _WRITE) as connection:
        yield connection


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """Let threads write one after the other where the database lets only one write anyway; they wait in a row."""
    if engine.dialect.name != "sqlite":
        yield
        return
    turn = _turns.setdefault(engine, Lock())
    if not turn.acquire(timeout=BUSY_SECONDS):
        raise StoreError(f"database ({describe(engine)}): locked by another thread")
    try:
        yield
    finally:
        turn.release()


@contextmanager
def read_tx(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one snapshot, takes no write lock, and refuses to write.

    Raises:
        StoreError: as ``write_tx``.
    """
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").exists():
        raise StoreError(f"no database at {engine.url.database}")  # connecting would leave an empty file behind
    with _transaction(engine, _READ) as connection:
        yield connection


@contextmanager
def _transaction(engine: Engine, options: Mapping[str, Mapping[str, Any]]) -> Iterator[Connection]:
    try:
        with engine.connect() as connection:
            connection.execution_options(**options[engine.dialect.name])
            with connection.begin():
                yield connection
    except (DBAPIError, _driver(engine).Error) as error:  # the second: of COPY, which speaks with the driver itself
        if not _is_the_place(engine, error, writes=options is _WRITE):  # a broken constraint or statement is a bug
            raise
        raise StoreError(f"database ({describe(engine)}): {_first_line(error)}") from error


def _driver(engine: Engine) -> Any:
    return engine.dialect.loaded_dbapi


def _is_the_place(engine: Engine, error: Exception, *, writes: bool) -> bool:
    """Whether the database's owner can mend it: lost, full, damaged, not ours to use; not a mistake of this program."""
    driver, origin = _driver(engine), _origin(error)
    if isinstance(origin, (driver.OperationalError, driver.InterfaceError)) or type(origin) is driver.DatabaseError:
        return True
    if isinstance(error, DBAPIError) and error.statement is None and isinstance(origin, driver.ProgrammingError):
        return True  # nothing was said yet: an option of the URL that PostgreSQL does not have
    state = getattr(origin, "sqlstate", None)
    return state == _NO_RIGHT or (writes and state == _READ_ONLY)


def _origin(error: Exception) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _first_line(error: Exception) -> str:
    origin = _origin(error)
    return (str(origin).strip() or type(origin).__name__).splitlines()[0]
