"""Texts that are dropped by policy, customers who are erased: what goes, what stays, what the log says."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import installation_kit as kit
import night_kit
import orjson
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select, text

from qa import auditing, learning, retention
from qa.boards.rollup import roll_up
from qa.cli import main
from qa.errors import NotFoundError, QaError
from qa.retention import Term
from qa.store import audit, dropping, migrate
from qa.store.chats import get_chat, iter_chats
from qa.store.dropping import Dropped, refuse_dropped
from qa.store.session import opened, read_tx, write_tx
from qa.store.tables import chats
from qa.store.texts import BODY

TODAY = date(2026, 11, 20)
"""Three days after the chats of the kit."""
GONE = ("退款0", "13916283547", '"quote":"退款"')


def drop(engine: Engine, days: int = 2, **options: bool) -> list[Dropped | None]:
    asked = retention.terms(engine, TODAY, days, {})
    return [one.dropped for one in retention.keep_to(engine, kit.ACT, asked, **options)]


def test_who_is_kept_how_long(store_engine: Engine) -> None:
    kit.fill(store_engine, 1)
    assert retention.terms(store_engine, TODAY, None, {}) == []
    assert retention.terms(store_engine, TODAY, 30, {"acme": 365}) == [Term("acme", 365, "2025-11-20")]
    assert retention.terms(store_engine, TODAY, None, {"acme": 1}, "acme") == [Term("acme", 1, "2026-11-19")]
    with pytest.raises(NotFoundError, match="known: acme"):
        retention.terms(store_engine, TODAY, 1, {}, "nobody")
    assert drop(store_engine, 3) == [Dropped()]  # the day itself is not over yet


def test_texts_go_and_everything_else_stays(store_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    made = kit.fill(store_engine)
    before, told = kit.counts(store_engine), kit.everything(store_engine)
    with read_tx(store_engine) as connection:
        was = get_chat(connection, "c-0")
        assert list(learning.iter_reviewed(connection))
    assert drop(store_engine, dry_run=True) == [None]
    assert kit.everything(store_engine) == told
    monkeypatch.setattr(retention, "BATCH", 2)  # more than one transaction
    monkeypatch.setattr(retention, "FOUND", 4)  # and more than one search for them
    assert drop(store_engine) == [Dropped(chats=6, findings=6, reviews=1, queued=5)]
    assert drop(store_engine) == [Dropped()]
    after = kit.counts(store_engine)
    changed = {name: after[name] - n for name, n in before.items() if after[name] != n}
    assert changed.pop("queue_marks") < 0
    assert changed == {"queue_items": -5, "dropped_texts": 6, "chat_bodies": -6, "quotes": -6, "audit_log": 3}
    rest = kit.everything(store_engine)
    assert "客户电话13916283547" in rest  # what a reviewer wrote is the reviewer's
    rest = rest.replace("客户电话13916283547", "")
    assert [one for one in GONE if one in rest] == []
    assert kit.found_by(store_engine, "退款") == set()
    with read_tx(store_engine) as connection:
        now = get_chat(connection, "c-0")
        assert now.chat.messages[0].text == "＊＊* ＊＊ ***********"
        assert (now.chat.messages[0].role, now.chat.customer) == (was.chat.messages[0].role, was.chat.customer)
        assert list(learning.iter_reviewed(connection)) == []
        with pytest.raises(QaError, match="texts of 6 chats were dropped"):
            refuse_dropped(connection, "acme", "2026-11-17")
        refuse_dropped(connection, "acme", "2026-11-18")
        facts = next(entry.facts for entry in audit.latest(connection, 1))
        assert facts == {
            "before": "2026-11-18",
            "cases": 0,
            "chats": 2,
            "days": 2,
            "findings": 2,
            "queued": 2,
            "reviews": 0,
        }
        places = connection.execute(text("SELECT evidence FROM findings")).scalars()
        assert [orjson.loads(bytes(one)) for one in places] == [
            [{"turn": 0, "start": 0, "end": 2, "quote": "＊＊"}]
        ] * 6
    assert auditing.verify(store_engine).broken is None
    assert made.fill() == 0


def test_a_customer_is_erased(store_engine: Engine) -> None:
    kit.fill(store_engine)
    before = kit.counts(store_engine)
    assert kit.everything(store_engine).count("li-lei") == 2
    done = retention.erase_customer(store_engine, kit.ACT, "acme", "li-lei", "R-17")
    assert done == Dropped(chats=2, findings=2, reviews=1, queued=1, cases=2)
    rest = kit.everything(store_engine)
    for gone in ("li-lei", "退款0", "退款1", "客户电话", "说话难听", "已经为您登记"):
        assert gone not in rest, gone
    assert "退款2" in rest  # somebody else's
    assert kit.found_by(store_engine, "退款") == {3, 4, 5, 6}
    after = kit.counts(store_engine)
    assert {name for name in before if before[name] != after[name]} == {
        "audit_log", "case_words", "chat_bodies", "dropped_texts", "queue_items", "queue_marks", "quotes",
    }  # fmt: skip
    with read_tx(store_engine) as connection:
        entry = audit.latest(connection, 1)[0]
        assert (entry.action, entry.subject) == ("customer.erase", "merchant:acme")
        assert entry.facts == done._asdict() | {"request": "R-17"}
        assert connection.execute(text("SELECT DISTINCT state FROM cases")).scalars().all() == ["withdrawn"]
    with pytest.raises(NotFoundError, match="has no chat of this customer"):
        retention.erase_customer(store_engine, kit.ACT, "acme", "li-lei")
    assert auditing.verify(store_engine).broken is None


def test_the_same_chat_imported_again_brings_nothing_back(store_engine: Engine, tmp_path: Path) -> None:
    records = night_kit.day_of_chats(3, day="2026-11-01")
    night_kit.bring_in(store_engine, tmp_path, records, "2026-11-01")
    assert drop(store_engine)[0].chats == 3
    night_kit.bring_in(store_engine, tmp_path, records, "2026-11-01")
    with read_tx(store_engine) as connection:
        assert connection.execute(select(BODY).select_from(chats)).scalars().all() == [b""] * 3
        assert [one.chat.messages for one in iter_chats(connection)] == [()] * 3  # nothing points at them
    with pytest.raises(QaError, match="were dropped; they cannot be judged again"):
        night_kit.night(store_engine, day="2026-11-01")


def test_a_chat_that_comes_late_goes_with_the_next_run(
    store_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_let_months_go", lambda _e, _a, asked, _p: dict.fromkeys(asked, Dropped()))
    for days, gone in ((("2026-10-31", "2026-11-02"), 4), (("2026-10-30", "2026-11-01", "2026-11-18"), 4), ((), 0)):
        for day in days:
            night_kit.bring_in(store_engine, tmp_path, night_kit.day_of_chats(2, day=day, prefix=day), day)
        assert drop(store_engine, dry_run=True) == [None]
        found = retention.keep_to(store_engine, kit.ACT, retention.terms(store_engine, TODAY, 2, {}))
        assert [(one.due, one.dropped) for one in found] == [(gone, Dropped(gone))]


def test_nothing_is_left_in_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in free pages, the log of changes, or the index of the search; killed at the end, the next run sees to it."""
    with opened(f"sqlite:///{tmp_path / 'a.sqlite3'}") as engine:
        migrate.upgrade(engine)
        kit.fill(engine)
        with monkeypatch.context() as killed:
            killed.setattr(dropping, "_merge_searches", _die)
            with pytest.raises(ZeroDivisionError):
                drop(engine)
        said = [f"退款{number} ".encode() for number in range(6)]
        assert any(one in _held(tmp_path) for one in said)
        with monkeypatch.context() as patience, read_tx(engine) as reading:
            patience.setattr("qa.store.session.BUSY_SECONDS", 0)
            reading.execute(text("SELECT * FROM chats")).all()
            assert drop(engine) == [Dropped()]  # nothing to do but that, and somebody reads
        assert drop(engine) == [Dropped()]
        assert [one for one in said if one in _held(tmp_path)] == []
        with monkeypatch.context() as unasked:
            unasked.setattr(dropping, "_merge_searches", _die)
            drop(engine)
            dropping.forget_rest(engine)  # nothing is owed any more


def _die(*_: object) -> None:
    raise ZeroDivisionError


def _held(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_the_commands(store_engine: Engine, db_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.cli.retention.now", lambda: night_kit.NOW)  # the month of the chats is not over
    kit.fill(store_engine)
    run = CliRunner(env={"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path)}).invoke
    assert "no term is set" in run(main, ["retention"]).stderr
    told = run(main, ["retention", "--dry-run"], env={"QA_RETENTION_DAYS": "1"})
    assert "(1 days): 6 chats would lose theirs" in told.stdout
    refused = run(main, ["erase-customer", "li-lei", "--merchant", "acme"], input="n\n")
    assert refused.exit_code == 1
    told = run(main, ["erase-customer", "li-lei", "--merchant", "acme", "--yes"])
    assert told.stdout.startswith("erased: 2 revisions of chats, 2 findings, 1 reviews")
    (tmp_path / "rejects").mkdir()
    for name in ("old", "new"):
        (tmp_path / "rejects" / f"{name}.rejects.jsonl").write_text("{}", "utf-8")
    for name, second in (("old", 1), ("new", night_kit.NOW // 1_000_000)):
        os.utime(tmp_path / "rejects" / f"{name}.rejects.jsonl", (second, second))
    told = run(main, ["retention", "--days", "1", "--merchant", "acme", "--whole-months"])
    assert ": 0 revisions of chats" in told.stdout
    told = run(main, ["retention", "--days", "1", "--merchant", "acme"])
    assert ": 4 revisions of chats, 4 findings" in told.stdout
    assert "rejects" not in told.stdout
    assert "1 files would go" in run(main, ["retention", "--days", "9", "--dry-run"]).stdout
    assert "rejects older than 9 days: 1 files removed" in run(main, ["retention", "--days", "9"]).stdout
    assert [file.name for file in (tmp_path / "rejects").iterdir()] == ["new.rejects.jsonl"]
    (tmp_path / "zhijian.toml").write_text("[retention]\nacme = 0\n", "utf-8")
    assert "retention.acme" in run(main, ["retention"]).stderr


@pytest.mark.slow
def test_figures_are_the_same_when_they_are_added_up_again(store_engine: Engine, tmp_path: Path) -> None:
    def figures() -> list[list[tuple[str, ...]]]:
        tables = ("chat_facts", "board_sums", "board_hours")
        return [sorted(tuple(map(repr, row.values())) for row in night_kit.rows(store_engine, one)) for one in tables]

    night_kit.bring_in(store_engine, tmp_path, night_kit.day_of_chats(60), night_kit.DAY)
    night_kit.night(store_engine)
    roll_up(store_engine, night_kit.ZONE)
    before = figures()
    assert sum(row["waits"] for row in night_kit.rows(store_engine, "chat_facts")) > 0
    retention.keep_to(store_engine, kit.ACT, [Term("acme", 1, "2026-11-21")])
    with write_tx(store_engine) as connection:
        connection.execute(text("DELETE FROM board_nights"))
    assert roll_up(store_engine, night_kit.ZONE) == 1
    assert figures() == before
