"""From SQLite to PostgreSQL and back: the same rows, numbers that go on, searches that find."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import case_kit
import installation_kit as kit
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from qa import auditing
from qa.cli import main
from qa.errors import StoreError
from qa.moving import copy_database
from qa.store import case_words, migrate, portable
from qa.store.portable import Digest
from qa.store.session import opened, read_tx, write_tx
from qa.store.words import phrases


@contextlib.contextmanager
def installation(url: str) -> Iterator[Engine]:
    with opened(url) as engine:
        migrate.upgrade(engine)
        yield engine


def digests(engine: Engine) -> dict[str, Digest]:
    with read_tx(engine) as connection:
        return {s.table: portable.digest(connection, s) for s in portable.shapes(("audit_log",))}


def cases_with(engine: Engine, typed: str) -> set[int]:
    with read_tx(engine) as connection:
        return set(connection.execute(case_words.found(connection, phrases(typed))).scalars())


@pytest.mark.postgres
def test_there_and_back(sqlite_url: str, postgres_url: str, tmp_path: Path) -> None:
    with installation(sqlite_url) as first, opened(postgres_url) as second:
        kit.fill(first)
        with write_tx(first) as connection:  # a body that is no text, and a number that few files carry exactly
            connection.execute(text("UPDATE chat_bodies SET body = :b WHERE chat_pk = 6"), {"b": b"\xff\x00\\x"})
            connection.execute(text("UPDATE inspections SET score = 0.1 + 0.2"))
        done = copy_database(first, second, kit.ACT)
        assert all(one.read == one.stored for one in done)
        assert digests(first) == digests(second)
        assert {name: n for name, n in kit.counts(first).items() if name != "audit_log"}.items() <= kit.counts(
            second
        ).items()
        assert auditing.verify(second).broken is None
        assert auditing.verify(second).rows == auditing.verify(first).rows + 1
        words = ("退款", "退款1", "13916283547", "没有")
        # what is no chat any more has no words to cut
        assert [kit.found_by(second, w) for w in words] == [kit.found_by(first, w) - {6} for w in words]
        assert kit.found_by(second, "退款1") == {2}
        assert cases_with(second, "登记 退款") == cases_with(first, "登记 退款") == {1, 2}
        assert case_kit.add(second) == 3  # the numbers go on
        with pytest.raises(StoreError, match="not empty: there are rows in"):
            copy_database(first, second, kit.ACT)
        with pytest.raises(StoreError, match="the same database"):
            copy_database(first, first, kit.ACT)
        with opened(f"sqlite:///{tmp_path / 'third.sqlite3'}") as third:
            copy_database(second, third, kit.ACT)
            assert digests(third) == digests(second)
            assert kit.found_by(third, "退款1") == {2}
            assert cases_with(third, "登记 退款") == {1, 2, 3}
            assert case_kit.add(third) == 4


def test_what_ends_early_leaves_nothing(db_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with installation(f"sqlite:///{tmp_path / 'a.sqlite3'}") as first, opened(db_url) as second:
        kit.fill(first, 2)
        with monkeypatch.context() as broken:
            broken.setattr("qa.store.portable.digest", lambda *_: Digest(0, "another"))
            with pytest.raises(StoreError, match="nothing was kept"):
                copy_database(first, second, kit.ACT)
        assert set(kit.counts(second).values()) == {0}
        copy_database(first, second, kit.ACT)
        assert digests(first) == digests(second)


def test_the_command_prints_the_tables(db_url: str, another_url: str, tmp_path: Path) -> None:
    source = f"sqlite:///{tmp_path / 'a.sqlite3'}"
    with installation(source) as first:
        kit.fill(first, 2)
    done = CliRunner().invoke(main, ["db", "copy", source, db_url])
    assert done.exit_code == 0, done.output
    assert [line.split()[::3] for line in done.stdout.splitlines() if line.startswith("chats ")] == [["chats", "same"]]
    assert "set QA_DATABASE_URL" in done.stderr
    again = CliRunner().invoke(main, ["db", "copy", source, db_url])
    assert again.exit_code == 5
    assert "not empty" in again.stderr
    assert "no chats yet" in CliRunner().invoke(main, ["db", "copy", another_url, db_url]).stderr
