"""Fixtures for all tests: the shared material, databases of both kinds, and an environment without surprises."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fresh_stores
import hypothesis
import one_database
import pg_server
import psycopg
import pytest
from sqlalchemy import Engine

ROOT = Path(__file__).resolve().parent.parent

hypothesis.settings.register_profile(
    "qa",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],  # which a busy machine is
)
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


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin to note which databases are opened: before the fixtures, those of the module too."""
    one_database.forget()


@pytest.fixture(autouse=True)
def _on_both_databases(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let no test look at a store of SQLite alone that is not listed as one that may."""
    yield
    given = getattr(request.node, "callspec", None)
    place = request.node.path.relative_to(ROOT).as_posix()
    if one_database.alone(place, request.node.name.partition("[")[0], given.params.values() if given else ()):
        pytest.fail(f"{place} opens an SQLite store only: take store_engine or module_engine (helpers/one_database.py)")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[pg_server.Server]:
    """A PostgreSQL server for this process, started when the first test wants it."""
    with pg_server.running() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_admin(postgres_server: pg_server.Server) -> Iterator[psycopg.Connection[Any]]:
    """A connection that makes and drops databases."""
    with psycopg.connect(host=str(postgres_server.folder), user="qa", dbname="postgres", autocommit=True) as admin:
        yield admin


@pytest.fixture(scope="session")
def postgres_template(postgres_server: pg_server.Server, postgres_admin: psycopg.Connection[Any]) -> str:
    """The name of a PostgreSQL database with all tables, to be copied."""
    fresh_stores.make_template(postgres_admin, "migrated", postgres_server.url("migrated"))
    return "migrated"


@pytest.fixture
def postgres_url(
    request: pytest.FixtureRequest, postgres_server: pg_server.Server, postgres_admin: psycopg.Connection[Any]
) -> Iterator[str]:
    """The URL of a PostgreSQL database of the test's own: empty, or with all tables where ``store_engine`` is asked."""
    name = f"t{next(_numbers)}"
    like = request.getfixturevalue("postgres_template") if "store_engine" in request.fixturenames else "template0"
    postgres_admin.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
    yield postgres_server.url(name)
    postgres_admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a SQLite file of the test's own: not made yet, or with all tables where ``store_engine`` is asked."""
    file = tmp_path / "zhijian.sqlite3"
    if "store_engine" in request.fixturenames:
        file.write_bytes(fresh_stores.migrated_sqlite())
    return f"sqlite:///{file}"


KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=KINDS)
def db_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database; the test runs once on each of the two kinds."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def another_url(request: pytest.FixtureRequest, db_url: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a second, empty database of the same kind."""
    if db_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'another.sqlite3'}"
        return
    admin, name = request.getfixturevalue("postgres_admin"), f"t{next(_numbers)}"
    admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield request.getfixturevalue("postgres_server").url(name)
    admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def store_engine(db_url: str) -> Iterator[Engine]:
    """An engine on a database with all tables, on each of the two kinds."""
    from qa.store.session import opened

    with opened(db_url) as engine:
        yield engine


@pytest.fixture(scope="module", params=KINDS)
def module_engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine on a database with all tables, on each of the two kinds, which the tests of a module share."""
    from qa.store.session import opened

    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("store") / "zhijian.sqlite3"
        file.write_bytes(fresh_stores.migrated_sqlite())
        with opened(f"sqlite:///{file}") as engine:
            yield engine
        return
    admin, name = request.getfixturevalue("postgres_admin"), f"t{next(_numbers)}"
    admin.execute(f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('postgres_template')}")
    with opened(request.getfixturevalue("postgres_server").url(name)) as engine:
        yield engine
    admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
