"""Fixtures for all tests: the shared material, databases of both kinds, and an environment without surprises."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pg_server
import psycopg
import pytest
from sqlalchemy import Engine

ROOT = Path(__file__).resolve().parent.parent

hypothesis.settings.register_profile("qa", deadline=None, derandomize=True, database=None, print_blob=True)
hypothesis.settings.load_profile("qa")

_numbers = itertools.count(1)

CORE = ("qa", "tests/rules", "tests/sources", *(
    f"tests/test_{name}.py" for name in (
        "estimates", "flagging", "hours", "ledger", "ledger_sittings", "people", "phrases", "policy", "sampling",
        "scoring", "text",
    )
))  # fmt: skip
"""The quick tests of the pure core, under which its coverage is measured."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them."""
    for item in items:
        place = item.path.relative_to(ROOT).as_posix()
        if f"{place}/".startswith(tuple(f"{name}/" for name in CORE)) and not item.get_closest_marker("slow"):
            item.add_marker("core")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The real chats and conformance suites, which are not part of the project; without them the test skips."""
    folder = Path(os.environ.get("QA_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        pytest.skip("no shared material: set QA_SHARED to its folder")
    return folder


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for name in os.environ:
        if name.startswith("QA_") and not name.startswith(("QA_TEST_", "QA_SHARED")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[pg_server.Server]:
    """A PostgreSQL server for this process, started when the first test wants it."""
    with pg_server.running() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: pg_server.Server) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of the test's own."""
    name = f"t{next(_numbers)}"
    with psycopg.connect(host=str(postgres_server.folder), user="qa", dbname="postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        yield postgres_server.url(name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file of the test's own, not made yet."""
    return f"sqlite:///{tmp_path / 'zhijian.sqlite3'}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def db_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database; the test runs once on each of the two kinds."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def store_engine(db_url: str) -> Iterator[Engine]:
    """An engine on a database with all tables, on each of the two kinds."""
    from qa.store.migrate import upgrade
    from qa.store.session import make_engine

    engine = make_engine(db_url)
    upgrade(engine)
    yield engine
    engine.dispose()
