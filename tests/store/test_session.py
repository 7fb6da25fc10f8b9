from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from qa.errors import ConfigError, StoreError
from qa.store.migrate import upgrade
from qa.store.session import describe, make_engine, normalise_url, opened, read_tx, write_tx

NIGHT = text("INSERT INTO strata VALUES (1, 0, '', '', 1, 1)")
COUNT = "INSERT INTO rulesets VALUES ('count', '0', '', :content, 0)"


@pytest.mark.parametrize("prefix", ["postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_gets_our_driver(prefix: str) -> None:
    assert normalise_url(f"{prefix}://qa@/x?host=/s").drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://root:secret@db/x",
        "sqlite://",
        "sqlite:///:memory:",
        "",
        "://secret",
        "postgresql://qa:p@x:secret@db/qa",
    ],
)
def test_unusable_urls_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_engine(url)
    assert "secret" not in str(caught.value)


def test_an_unreachable_server_is_one_clear_line_without_the_password() -> None:
    with (
        opened("postgresql://qa:geheim@127.0.0.1:1/nothing") as engine,
        pytest.raises(StoreError) as caught,
        write_tx(engine),
    ):
        pass
    message = str(caught.value)
    assert message.startswith("database (postgresql nothing at 127.0.0.1): ")
    assert "geheim" not in message
    assert "\n" not in message


def test_a_missing_sqlite_file_is_not_created_by_reading(tmp_path: Path) -> None:
    file = tmp_path / "none.sqlite3"
    with opened(f"sqlite:///{file}") as engine, pytest.raises(StoreError, match="no database at"), read_tx(engine):
        pass
    assert not file.exists()


def test_a_file_that_is_no_database_is_a_store_error(tmp_path: Path) -> None:
    file = tmp_path / "text.sqlite3"
    file.write_text("this is a text, not a database, and it is long enough to have a header of its own\n" * 20)
    with opened(f"sqlite:///{file}") as engine, pytest.raises(StoreError, match="not a database"), read_tx(engine):
        pass


def test_an_unwritable_place_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with opened(f"sqlite:///{tmp_path}/file/x.sqlite3") as engine, pytest.raises(StoreError, match="cannot create"):
        upgrade(engine)


def test_sqlite_runs_in_wal_with_foreign_keys_on_every_connection(sqlite_url: str) -> None:
    with opened(sqlite_url) as engine:
        upgrade(engine)
        with read_tx(engine) as one, read_tx(engine) as other:
            for connection in (one, other):
                values = [
                    connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                    for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
                ]
                assert values == ["wal", 1, 1, 30_000]


def test_foreign_keys_are_enforced(store_engine: Engine) -> None:
    with pytest.raises(IntegrityError), write_tx(store_engine) as connection:
        connection.execute(NIGHT)


def test_a_read_refuses_to_write(store_engine: Engine) -> None:
    with pytest.raises(Exception, match=r"readonly|read-only"), read_tx(store_engine) as connection:
        connection.execute(text(COUNT), {"content": b""})
    with write_tx(store_engine) as connection:  # the same pooled connection may write again
        connection.execute(text(COUNT), {"content": b""})


def test_a_read_only_engine_refuses_to_write(store_engine: Engine, db_url: str) -> None:
    with (
        opened(db_url, read_only=True) as engine,
        pytest.raises(Exception, match=r"readonly|read-only"),
        write_tx(engine) as connection,
    ):
        connection.execute(text(COUNT), {"content": b""})
    assert describe(store_engine) == describe(engine)


def test_an_exception_rolls_back(store_engine: Engine) -> None:
    def fails_half_way() -> None:
        with write_tx(store_engine) as connection:
            connection.execute(text(COUNT), {"content": b""})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_half_way()
    with read_tx(store_engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM rulesets")).scalar() == 0


def test_a_read_sees_one_snapshot(store_engine: Engine) -> None:
    query = text("SELECT count(*) FROM rulesets")
    with read_tx(store_engine) as reader:
        before = reader.execute(query).scalar()
        with write_tx(store_engine) as writer:
            writer.execute(text(COUNT), {"content": b""})
        assert (before, reader.execute(query).scalar()) == (0, 0)


def test_read_then_write_loses_no_update_on_sqlite(sqlite_url: str) -> None:
    with opened(sqlite_url) as engine:
        upgrade(engine)
        with write_tx(engine) as connection:
            connection.execute(text(COUNT), {"content": b""})

        def increment() -> None:
            for _ in range(50):
                with write_tx(engine) as connection:
                    count = int(connection.execute(text("SELECT pack FROM rulesets")).scalar_one())
                    connection.execute(text("UPDATE rulesets SET pack = :n"), {"n": str(count + 1)})

        threads = [threading.Thread(target=increment) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with read_tx(engine) as connection:
            assert connection.execute(text("SELECT pack FROM rulesets")).scalar() == "200"


def test_what_the_owner_of_the_server_can_mend_is_one_clear_line(postgres_url: str) -> None:
    raised = "DO $$ BEGIN RAISE SQLSTATE '{}' USING MESSAGE = 'not today'; END $$"
    with opened(postgres_url) as engine:
        for state in ("42501", "25006"):  # a role without the right, a standby
            with pytest.raises(StoreError, match="not today"), write_tx(engine) as connection:
                connection.exec_driver_sql(raised.format(state))
        with pytest.raises(StoreError, match="not today"), write_tx(engine) as connection:  # as COPY does
            connection.connection.driver_connection.execute(raised.format("57P01"))  # type: ignore[union-attr]
        with (
            pytest.raises(DBAPIError, match="syntax"),
            write_tx(engine) as connection,
        ):  # a mistake of ours shows as one
            connection.exec_driver_sql("SELEKT")
    between = "&" if "?" in postgres_url else "?"
    with opened(f"{postgres_url}{between}foo=1") as engine, pytest.raises(StoreError, match="foo"), read_tx(engine):
        pass


def test_a_crash_does_not_tell_what_was_to_be_written(store_engine: Engine) -> None:
    twice = text(f"{COUNT}, ('count', '0', '', :content, 0)")
    with pytest.raises(IntegrityError) as caught, write_tx(store_engine) as connection:
        connection.execute(twice, {"content": b"call me on 13812345678"})
    assert "13812345678" not in str(caught.value)
