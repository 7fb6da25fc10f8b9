"""Databases with all tables and no rows: migrating one takes longer than most tests, so one is made and copied."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any


@cache
def migrated_sqlite() -> bytes:
    """Return a SQLite file as it is after all migrations; made once a process."""
    from qa.store.migrate import upgrade  # here, not above: conftest is read before coverage begins
    from qa.store.session import opened

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fresh.sqlite3"
        with opened(f"sqlite:///{file}") as engine:
            upgrade(engine)
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return file.read_bytes()


def make_template(admin: Any, name: str, url: str) -> None:
    """Make a PostgreSQL database of that name as it is after all migrations; ``admin``: a connection of psycopg."""
    from qa.store.migrate import upgrade
    from qa.store.session import opened

    admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    with opened(url) as engine:
        upgrade(engine)
