"""The search lets go of the words that went in, whatever the program cuts today."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import case_kit
import installation_kit as kit
import pytest
import queue_kit
from click.testing import CliRunner
from sqlalchemy import Engine, text

from qa import retention
from qa.cli import main
from qa.queueing import recutting
from qa.retention import Term
from qa.store import case_words, dropping, migrate, words
from qa.store import recutting as store
from qa.store.dropping import Dropped
from qa.store.session import read_tx, sqlite_file, write_tx

SAID = ("琵琶箜篌", "ＸＹＺＷ鸚鵡在哪", "蝴蝶兰怎么浇", "骆驼皮AB12")
"""Of a chat each; every one has words that neither another nor a rule has."""
OVER = Term("acme", 1, "2026-12-01")


class Told:
    """Progress that is remembered."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.steps = 0

    def stage(self, name: str, total: int | None = None) -> None:
        self.stages.append((name, total))

    def advance(self, steps: int = 1) -> None:
        self.steps += steps


class Killed(Told):
    """In the place of SIGKILL, when the first words are in."""

    def advance(self, steps: int = 1) -> None:
        raise ZeroDivisionError(steps)


def cut_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have another version of the program: each character is a word, and nothing is folded."""

    class Unfolded:
        def __init__(self, texts: list[str], _: object) -> None:
            self.text = words.BREAK.join(texts)

    monkeypatch.setattr(words, "tokenize", list)
    monkeypatch.setattr(words, "join", Unfolded)


@pytest.fixture
def made(store_engine: Engine) -> queue_kit.Made:
    """Four chats in the queue, the first two of one customer."""
    made = queue_kit.Made(store_engine)
    run = made.run()
    for number, said in enumerate(SAID):
        made.add(run, f"c-{number}", 0.5, text=said)
    with write_tx(store_engine) as connection:
        connection.execute(text("UPDATE chats SET customer_id = 'li-lei' WHERE chat_id IN ('c-0', 'c-1')"))
    assert made.fill() == len(SAID)
    return made


def indexed(engine: Engine) -> set[str]:
    """Return every word by which the database finds anything."""
    with write_tx(engine) as connection:
        if engine.dialect.name == "postgresql":
            query = "SELECT word FROM ts_stat('SELECT words FROM queue_words')"
            return set(connection.execute(text(query)).scalars())
        connection.execute(text("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', 'queue_words', 'row')"))
        found = set(connection.execute(text("SELECT term FROM temp.vocabulary")).scalars())
        connection.execute(text("DROP TABLE temp.vocabulary"))
        connection.execute(text("INSERT INTO queue_words (queue_words) VALUES ('integrity-check')"))  # or raises
        return found


def of(*said: str) -> set[str]:
    """Return the words of texts and of the answer that every chat has, as the index holds them."""
    return {*words.terms("您好"), words._GAP, *(word for one in said for word in words.terms(one))}


def held(engine: Engine) -> bytes:
    """Return what the files of a database hold, byte for byte; nothing where the database is a server's."""
    file = sqlite_file(engine)
    return b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*")) if file else b""


def test_erasure_and_retention_take_out_words_that_are_cut_otherwise_now(
    store_engine: Engine, made: queue_kit.Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything, left = of(*SAID), of(*SAID[2:])
    sqlite = store_engine.dialect.name == "sqlite"
    gap = set() if sqlite else {words._GAP}  # a place without a word there
    assert indexed(store_engine) == everything - gap
    seen = held(store_engine)
    assert all(one.encode() in seen for one in ("琵琶 箜篌", "鹦鹉", "蝴蝶兰")) or not sqlite
    cut_otherwise(monkeypatch)
    run = made.run(kind="rescore")
    for number in range(len(SAID)):
        made.add(run, "", 0.6, chat=number + 1)
    assert made.fill() == len(SAID)  # found as before
    assert indexed(store_engine) == everything - gap
    with monkeypatch.context() as killed:  # after the transaction; given again the command knows no such customer
        killed.setattr(dropping, "forget", lambda *_: None)
        done = retention.erase_customer(store_engine, kit.ACT, "acme", "li-lei")
    assert (done.chats, done.queued) == (2, 2)
    store_engine.dispose()  # whoever closes the file last empties the log of changes
    assert indexed(store_engine) == left - gap
    rest = held(store_engine)
    assert [one for one in ("琵琶", "箜篌", "鹦鹉", "鸚鵡", "xyzw") if one.encode() in rest] == []
    assert "蝴蝶兰 怎么".encode() in rest or not sqlite
    assert retention.keep_to(store_engine, kit.ACT, [Term("acme", 1, "2026-11-18")])[0].dropped == Dropped(2, queued=2)
    assert indexed(store_engine) == set()
    rest = held(store_engine)
    assert [one for one in ("蝴蝶", "骆驼", "ab12") if one.encode() in rest] == []


def test_the_searches_are_cut_anew(
    store_engine: Engine, made: queue_kit.Made, monkeypatch: pytest.MonkeyPatch, db_url: str, tmp_path: Path
) -> None:
    def found() -> list[set[int]]:
        with read_tx(store_engine) as connection:
            of_cases = set(connection.execute(case_words.found(connection, words.phrases("缝纫机"))).scalars())
        return [*(kit.found_by(store_engine, typed) for typed in ("琵琶", "鹦鹉", "缝纫机", "您好")), of_cases]

    case = case_kit.add(store_engine, ("缝纫机坏了",), title="缝纫机")
    run = made.run()
    made.add(run, "c-9", 0.5, text="缝纫机")
    made.fill()
    everything = [{1}, {2}, {5}, {1, 2, 3, 4, 5}, {case}]
    assert found() == everything
    before = indexed(store_engine)
    command = partial(CliRunner(env={"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path)}).invoke, main)
    assert command(["db", "reindex"]).stdout == "5 chats of the queue, 0 cut otherwise; 1 cases\n"
    with monkeypatch.context() as otherwise:
        cut_otherwise(otherwise)
        otherwise.setattr(recutting, "PART", 2)
        assert found() == [set(), set(), set(), set(), set()]  # typed text is cut otherwise as well
        with pytest.raises(ZeroDivisionError):
            recutting.recut(store_engine, Killed())
        with write_tx(store_engine) as connection:  # a text goes, and with it its words
            dropping.drop(connection, "acme", ["c-3"], 1, "tests", dropping.RETENTION)
        assert command(["db", "reindex"]).stdout == "4 chats of the queue, 2 cut otherwise; 1 cases\n"
        assert found() == [{1}, set(), {5}, {1, 2, 3, 5}, {case}]
        assert kit.found_by(store_engine, "鸚鵡") == {2}  # not folded
    store_engine.dispose()
    rest = held(store_engine)
    assert [one for one in ("琵琶 箜篌", "鹦鹉", "骆驼") if one.encode() in rest] == []
    assert command(["db", "reindex"]).stdout == "4 chats of the queue, 4 cut otherwise; 1 cases\n"
    assert found() == [{1}, {2}, {5}, {1, 2, 3, 5}, {case}]
    assert before - indexed(store_engine) == set(words.terms(SAID[3])) - set(words.terms(SAID[0]))


@pytest.mark.usefixtures("made")
def test_words_that_went_while_they_were_cut_stay_away(store_engine: Engine) -> None:
    with read_tx(store_engine) as connection:
        assert store.cut_otherwise(connection, [1, 2]) == {}
        cut = {1: words.written(connection, ["别的"]), 2: words.written(connection, ["别的"])}
    with write_tx(store_engine) as connection:
        dropping.drop(connection, "acme", ["c-0"], 1, "tests", dropping.RETENTION)
        store.replace_words(connection, cut)
        assert store.known_after(connection, 0, 9) == [2, 3, 4]
    assert kit.found_by(store_engine, "别的") == {2}
    with write_tx(store_engine) as connection:
        connection.execute(text("UPDATE chat_bodies SET body = :body WHERE chat_pk = 2"), {"body": b"{"})
        assert store.cut_otherwise(connection, [2]) == {2: ""}  # a broken chat has no words


@pytest.mark.usefixtures("made")
def test_a_whole_month_takes_them_out_too(store_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_otherwise(monkeypatch)
    monkeypatch.setattr(retention, "WORDS", 3)
    done = retention.keep_to(store_engine, kit.ACT, [OVER], whole_months=True)[0].dropped
    assert done == Dropped(4, queued=4)
    assert indexed(store_engine) == set()
    rest = held(store_engine)
    assert [one for one in SAID if one[:2].encode() in rest] == []


@pytest.mark.usefixtures("made")
def test_the_migration_finds_everything_and_leaves_no_old_word(
    store_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> list[set[int]]:
        return [kit.found_by(store_engine, typed) for typed in ("琵琶", "鹦鹉", "蝴蝶兰", "您好")]

    before = indexed(store_engine)
    migrate.downgrade(store_engine, "0012")
    assert (indexed(store_engine), found()) == (before, [{1}, {2}, {3}, {1, 2, 3, 4}])
    sqlite = store_engine.dialect.name == "sqlite"
    with write_tx(store_engine) as connection:  # a text that went while the search was told of other words
        if sqlite:
            statement = "INSERT INTO queue_words (queue_words, rowid, words) VALUES ('delete', 1, '琵 琶')"
            connection.execute(text(statement))
        monkeypatch.setattr(dropping, "drop_words", (lambda *_: None) if sqlite else dropping.drop_words)
        dropping.drop(connection, "acme", ["c-0"], 1, "tests", dropping.RETENTION)
    assert ("琵琶" in indexed(store_engine)) == sqlite
    monkeypatch.undo()
    if sqlite:
        with pytest.raises(ZeroDivisionError):
            migrate.upgrade(store_engine, Killed())
        assert (migrate.current_revision(store_engine), found()) == ("0012", [{1}, {2}, {3}, {1, 2, 3, 4}])
    told = Told()
    assert migrate.upgrade(store_engine, told) == "0012"
    assert (told.stages, told.steps) == (([("words of the queue's search", 3)], 3) if sqlite else ([], 0))
    assert (indexed(store_engine), found()) == (before - {"琵琶", "箜篌"}, [set(), {2}, {3}, {2, 3, 4}])
    with read_tx(store_engine) as connection:
        assert words.searched(connection, [1, 2, 3, 4]) == {2, 3, 4}
    store_engine.dispose()
    rest = held(store_engine)
    assert [one for one in ("琵琶", "箜篌") if one.encode() in rest] == []


@pytest.mark.usefixtures("made")
def test_a_broken_chat_has_no_words_after_the_migration(store_engine: Engine) -> None:
    migrate.downgrade(store_engine, "0012")
    with write_tx(store_engine) as connection:
        connection.execute(text("UPDATE chat_bodies SET body = :body WHERE chat_pk = 1"), {"body": b"{"})
    migrate.upgrade(store_engine)
    sqlite: Any = store_engine.dialect.name == "sqlite"
    assert kit.found_by(store_engine, "琵琶") == (set() if sqlite else {1})
    with read_tx(store_engine) as connection:
        assert words.searched(connection, [1, 2]) == {1, 2}
