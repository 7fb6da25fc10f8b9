from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import orjson
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from qa.auditing import verify
from qa.errors import QaError
from qa.store import audit
from qa.store.account_tables import audit_log
from qa.store.audit import GENESIS, Act, hash_of
from qa.store.session import read_tx, write_tx

AT = 1_000_000_000_000


def fill(engine: Engine, rows: int) -> None:
    for n in range(rows):
        with write_tx(engine) as connection:
            audit.append(
                connection, Act("li", AT + n), "thing.do", f"thing:{n}", {"z": n, "a": "中文 \0 \u2028", "f": 0.1}
            )


def tamper(engine: Engine, statement: str, **values) -> None:
    """Do what only the owner of the database can: switch the triggers off first."""
    with write_tx(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER ALL"))
        else:
            for verb in ("update", "delete", "replace"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS audit_log_no_{verb}"))
        connection.execute(text(statement), values)


def test_rows_are_numbered_and_chained(store_engine: Engine) -> None:
    assert verify(store_engine) == (0, None, None)
    fill(store_engine, 3)
    with read_tx(store_engine) as connection:
        entries = [*audit.chain(connection)]
    assert [entry.id for entry in entries] == [1, 2, 3]
    assert entries[0].previous == GENESIS
    assert [entry.previous for entry in entries[1:]] == [entry.hash for entry in entries[:2]]
    assert entries[2].facts == {"a": "中文 \0 \u2028", "f": 0.1, "z": 2}
    assert verify(store_engine) == (3, f"3:{entries[2].hash.hex()}", None)


def test_the_hash_can_be_computed_by_hand(store_engine: Engine) -> None:
    import hashlib
    import json

    fill(store_engine, 1)
    with read_tx(store_engine) as connection:
        (entry,) = audit.chain(connection)
    fields = {"id": 1, "at": AT, "actor": "li", "action": "thing.do", "subject": "thing:0", "details": entry.facts}
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert orjson.loads(canonical) == fields
    assert hashlib.sha256(bytes(32) + canonical).digest() == entry.hash == hash_of(entry)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET actor = 'wu' WHERE id = 1",
        "UPDATE audit_log SET actor = actor",
        "DELETE FROM audit_log",
        "DELETE FROM audit_log WHERE id = 3",
    ],
)
def test_the_database_refuses_to_change_it(store_engine: Engine, statement: str) -> None:
    fill(store_engine, 3)
    with pytest.raises(IntegrityError, match="append-only"), write_tx(store_engine) as connection:
        connection.execute(text(statement))
    assert verify(store_engine).broken is None


def test_nor_by_the_back_doors(store_engine: Engine) -> None:
    fill(store_engine, 2)
    postgres = store_engine.dialect.name == "postgresql"
    back_door = "TRUNCATE audit_log" if postgres else "INSERT OR REPLACE INTO audit_log SELECT * FROM audit_log"
    with pytest.raises(IntegrityError, match="append-only"), write_tx(store_engine) as connection:
        connection.execute(text(back_door))
    assert verify(store_engine).rows == 2


@pytest.mark.parametrize(
    ("statement", "number", "reason"),
    [
        ("UPDATE audit_log SET actor = 'wu' WHERE id = 3", 3, "was changed"),
        ("UPDATE audit_log SET at = at + 1 WHERE id = 1", 1, "was changed"),
        ("UPDATE audit_log SET details = :empty WHERE id = 2", 2, "was changed"),
        ("UPDATE audit_log SET previous = hash WHERE id = 4", 4, "does not follow"),
        ("DELETE FROM audit_log WHERE id = 3", 3, "missing: the next row is number 4"),
        ("DELETE FROM audit_log WHERE id = 1", 1, "missing"),
    ],
)
def test_the_first_broken_link_is_named(store_engine: Engine, statement: str, number: int, reason: str) -> None:
    fill(store_engine, 5)
    tamper(store_engine, statement, **({"empty": b"{}"} if ":empty" in statement else {}))
    found = verify(store_engine)
    assert found.broken is not None
    assert found.broken[0] == number
    assert reason in found.broken[1]
    assert found.rows == number - 1


def test_a_link_kept_elsewhere_shows_what_the_chain_alone_cannot(store_engine: Engine) -> None:
    fill(store_engine, 5)
    known = verify(store_engine).head
    fill(store_engine, 1)
    assert verify(store_engine, known).broken is None
    tamper(store_engine, "DELETE FROM audit_log WHERE id >= 4")
    assert verify(store_engine).broken is None
    assert verify(store_engine, known).broken == (4, "the log ends before number 5, which was in it")
    with write_tx(store_engine) as connection:  # somebody writes the end anew, in good order
        for n in range(3):
            audit.append(connection, Act("wu", AT + n), "thing.undo", "thing:9")
    assert verify(store_engine).broken is None
    assert verify(store_engine, known).broken == (5, "has another hash than it had: the log was written anew")


@pytest.mark.parametrize("known", ["5", "x:y", "0:" + "0" * 64, "1:abc", "1:" + "G" * 64])
def test_what_is_no_link(store_engine: Engine, known: str) -> None:
    with pytest.raises(QaError, match="NUMBER:HASH"):
        verify(store_engine, known)


def test_a_transaction_that_fails_leaves_no_row_and_no_gap(store_engine: Engine) -> None:
    fill(store_engine, 1)

    def append_and_fail() -> None:
        with write_tx(store_engine) as connection:
            audit.append(connection, Act("li", AT), "thing.do", "thing:1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        append_and_fail()
    fill(store_engine, 1)
    assert verify(store_engine).rows == 2


@pytest.mark.slow
def test_many_who_write_at_once_make_one_chain(store_engine: Engine) -> None:
    def write(n: int) -> None:
        with write_tx(store_engine) as connection:
            audit.append(connection, Act(f"u{n}", AT), "thing.do", f"thing:{n}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(80)))
    assert verify(store_engine)[::2] == (80, None)


def test_the_newest_rows_first_by_whom_and_of_what(store_engine: Engine) -> None:
    fill(store_engine, 5)
    with write_tx(store_engine) as connection:
        audit.append(connection, Act("wu", AT), "thing.do", "thing:0")
    with read_tx(store_engine) as connection:
        assert [entry.id for entry in audit.latest(connection, 2)] == [6, 5]
        assert [entry.id for entry in audit.latest(connection, 2, before=5)] == [4, 3]
        assert [entry.id for entry in audit.latest(connection, 9, subject="thing:0")] == [6, 1]
        assert [entry.id for entry in audit.latest(connection, 9, actor="wu", subject="thing:1")] == []


def test_a_long_log_is_read_in_pages(store_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_PAGE", 2)
    fill(store_engine, 5)
    assert verify(store_engine).rows == 5
    assert audit_log.name == "audit_log"
