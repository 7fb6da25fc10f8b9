"""Databases that can be had again and again in the same state, and the process that runs and kills commands."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import fault_server
import pg_server
import psycopg
import pytest
from sqlalchemy import Engine

from qa.store.migrate import upgrade
from qa.store.session import opened

_numbers = itertools.count(1)


class Origin(Protocol):
    """A database that stays as it was prepared."""

    def again(self) -> str:
        """Return the URL of a copy; the one made before is gone."""


class SqliteOrigin:
    """A file, copied."""

    def __init__(self, folder: Path, prepare: Callable[[Engine], None]) -> None:
        self._origin, self._copy = folder / "origin.sqlite3", folder / "copy.sqlite3"
        with opened(f"sqlite:///{self._origin}") as engine:
            upgrade(engine)
            prepare(engine)
        assert not list(folder.glob("origin.sqlite3-*")), "the last to close it leaves one file"

    def again(self) -> str:
        for left in self._copy.parent.glob("copy.sqlite3*"):
            left.unlink()
        shutil.copyfile(self._origin, self._copy)
        return f"sqlite:///{self._copy}"

    def close(self) -> None:
        """Nothing: the folder goes with the test."""


class PostgresOrigin:
    """A database that serves as template."""

    def __init__(self, server: pg_server.Server, prepare: Callable[[Engine], None]) -> None:
        number = next(_numbers)
        self._server, self._origin, self._copy = server, f"origin{number}", f"copy{number}"
        self._admin = psycopg.connect(host=str(server.folder), user="qa", dbname="postgres", autocommit=True)
        self._admin.execute(f"CREATE DATABASE {self._origin} TEMPLATE template0 STRATEGY file_copy")
        with opened(server.url(self._origin)) as engine:
            upgrade(engine)
            prepare(engine)

    def again(self) -> str:
        self._admin.execute(f"DROP DATABASE IF EXISTS {self._copy} WITH (FORCE)")
        self._admin.execute(f"CREATE DATABASE {self._copy} TEMPLATE {self._origin} STRATEGY file_copy")
        return self._server.url(self._copy)

    def close(self) -> None:
        for name in (self._copy, self._origin):
            self._admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._admin.close()


MakeOrigin = Callable[[Callable[[Engine], None]], Origin]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def make_origin(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeOrigin]:
    """A function that prepares a database, of each of the two kinds, to be had again and again."""
    made: list[SqliteOrigin | PostgresOrigin] = []

    def make(prepare: Callable[[Engine], None]) -> Origin:
        if request.param == "sqlite":
            made.append(SqliteOrigin(tmp_path, prepare))
        else:
            made.append(PostgresOrigin(request.getfixturevalue("postgres_server"), prepare))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def faults(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[fault_server.FaultServer]:
    """The process that runs and kills commands."""
    with fault_server.serving(root, tmp_path_factory.mktemp("faults")) as server:
        yield server
