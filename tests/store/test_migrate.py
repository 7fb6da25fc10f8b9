from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from qa.errors import StoreError
from qa.store import migrate
from qa.store.session import opened, read_tx, write_tx
from qa.store.tables import Base

WORDS = ("queue_words", "case_search")
"""Full-text tables, made by DDL of each database."""


@pytest.fixture
def empty_engine(db_url: str):
    with opened(db_url) as engine:
        yield engine


def differences(engine: Engine) -> list[object]:
    with read_tx(engine) as connection:
        options = {"compare_type": True, "include_name": is_table_of_ours}
        return compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)


def is_table_of_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Whether the metadata knows it: the full-text tables differ by database, and SQLite makes more beside them."""
    return kind != "table" or name is None or not name.startswith(WORDS)


def indexes(engine: Engine) -> dict[str, list[object]]:
    """Every index with its predicate, which compare_metadata does not look at."""
    with read_tx(engine) as connection:
        if engine.dialect.name == "sqlite":
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOTNULL"))
        else:
            rows = connection.execute(
                text(
                    "SELECT indexname, indexdef FROM pg_indexes "
                    "WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
                )
            )
        return {row[0]: row[1] for row in rows}


def test_head_is_the_newest_migration() -> None:
    assert migrate.script_directory().get_heads() == [migrate.HEAD] == [migrate.head_revision()]


def test_up_is_the_model_and_down_is_nothing_and_up_again(empty_engine: Engine) -> None:
    assert migrate.current_revision(empty_engine) is None
    assert migrate.upgrade(empty_engine) is None
    assert migrate.current_revision(empty_engine) == migrate.HEAD
    assert differences(empty_engine) == []
    first = indexes(empty_engine)
    migrate.downgrade(empty_engine, "base")
    assert migrate.current_revision(empty_engine) is None
    with read_tx(empty_engine) as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    migrate.upgrade(empty_engine)
    assert differences(empty_engine) == []
    assert migrate.upgrade(empty_engine) == migrate.HEAD
    assert indexes(empty_engine) == first


def test_migrations_and_models_make_the_same_indexes(empty_engine: Engine) -> None:
    migrate.upgrade(empty_engine)
    migrated = indexes(empty_engine)
    migrate.downgrade(empty_engine, "base")
    with write_tx(empty_engine) as connection:
        Base.metadata.create_all(connection)
    assert indexes(empty_engine) == migrated
    assert "WHERE" in migrated["ix_chats_day"]


def test_an_empty_database_is_made_ready_and_a_ready_one_left(empty_engine: Engine) -> None:
    with pytest.raises(StoreError, match="holds no chats yet"):
        migrate.require_ready(empty_engine)
    migrate.ensure_ready(empty_engine)
    migrate.ensure_ready(empty_engine)
    migrate.require_ready(empty_engine)
    assert migrate.current_revision(empty_engine) == migrate.HEAD


def test_an_unknown_version_is_newer(store_engine: Engine) -> None:
    with write_tx(store_engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for check in (migrate.ensure_ready, migrate.require_ready, migrate.upgrade):
        with pytest.raises(StoreError, match=r"newer than this program.*upgrade the program"):
            check(store_engine)


def test_an_older_version_asks_for_the_upgrade(store_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "HEAD", "9998")
    with pytest.raises(StoreError, match="run `qa db upgrade`"):
        migrate.ensure_ready(store_engine)


def test_tables_of_someone_else_are_not_touched(empty_engine: Engine) -> None:
    with write_tx(empty_engine) as connection:
        connection.execute(text("CREATE TABLE chats (x INTEGER)"))
    with pytest.raises(StoreError, match="did not make: chats"):
        migrate.ensure_ready(empty_engine)


def test_down_one_version_and_up_again_keeps_what_was_there(store_engine: Engine) -> None:
    with write_tx(store_engine) as connection:
        connection.execute(text("INSERT INTO rulesets VALUES ('h', 'p', '1', :content, 1)"), {"content": b"{}"})
        connection.execute(
            text("INSERT INTO publications (ruleset, published_at, published_by) VALUES ('h', 1, 'lead')")
        )
    migrate.downgrade(store_engine, "0001")
    with read_tx(store_engine) as connection:
        assert not inspect(connection).has_table("publications")
        assert connection.execute(text("SELECT hash FROM rulesets")).scalar_one() == "h"
    with pytest.raises(StoreError, match=f"has schema 0001, this program needs {migrate.HEAD}: run `qa db upgrade`"):
        migrate.ensure_ready(store_engine)
    assert migrate.upgrade(store_engine) == "0001"
    assert differences(store_engine) == []
    with read_tx(store_engine) as connection:
        assert connection.execute(text("SELECT hash FROM rulesets")).scalar_one() == "h"
        assert connection.execute(text("SELECT count(*) FROM publications")).scalar_one() == 0


def test_there_is_no_version_of_that_name(store_engine: Engine) -> None:
    known = ", ".join(["base", *(f"{number:04}" for number in range(1, int(migrate.HEAD) + 1))])
    with pytest.raises(StoreError, match=f"no schema version 'x'; known: {known}"):
        migrate.downgrade(store_engine, "x")


def test_a_failed_migration_leaves_nothing(empty_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = migrate._alembic_upgrade

    def and_then_fail(connection, progress) -> None:
        whole(connection, progress)
        raise ZeroDivisionError

    monkeypatch.setattr(migrate, "_alembic_upgrade", and_then_fail)
    with pytest.raises(ZeroDivisionError):
        migrate.upgrade(empty_engine)
    with read_tx(empty_engine) as connection:
        assert inspect(connection).get_table_names() == []


def _ready(url: str) -> str | None:
    with opened(url) as engine:
        migrate.ensure_ready(engine)
        return migrate.current_revision(engine)


@pytest.mark.slow
def test_processes_that_start_at_once_all_find_it_ready(db_url: str) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(_ready, [db_url] * 4)) == [migrate.HEAD] * 4
