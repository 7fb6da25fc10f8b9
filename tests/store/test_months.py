"""A month of judged chats: copies made ahead, quotes that go with it, killed anywhere, moved by the migration."""

from __future__ import annotations

from typing import Any

import installation_kit as kit
import pytest
from night_kit import ZONE
from sqlalchemy import Engine, func, select, text

from qa import auditing, retention
from qa.retention import Term
from qa.show import look_up
from qa.store import covering, dropping, dropping_months, inspections, migrate, portable, quotes
from qa.store.chat_places import chat_places
from qa.store.chats import get_chat
from qa.store.dropping import Dropped, refuse_dropped, without_text
from qa.store.inspections import Rows
from qa.store.operation_tables import dropped_texts
from qa.store.session import read_tx, write_tx
from qa.store.tables import findings
from qa.store.tables import quotes as quote_table
from qa.store.texts import AHEAD

OVER = Term("acme", 1, "2026-12-01")
GONE = Dropped(6, findings=6, reviews=1, queued=5)
"""All that the kit makes is of one day of November."""
SAID = ("退款0", "13916283547", '"quote":"退款"')


class KilledError(Exception):
    """In the place of SIGKILL: nothing catches it, and the transaction is gone."""


def run(engine: Engine, term: Term = OVER) -> Dropped | None:
    return retention.keep_to(engine, kit.ACT, [term], whole_months=True)[0].dropped


def told(engine: Engine) -> list[Any]:
    """What pages read of every inspection: messages, evidence, words behind opinions."""
    with read_tx(engine) as connection:
        ids = connection.execute(text("SELECT id FROM inspections ORDER BY id")).scalars().all()
        found = inspections.details(connection, ids)
        return [(one.message, one.evidence, found[pk].opinions) for pk in ids for one in found[pk].findings]


def test_quotes_are_read_as_they_were_written_and_stored_apart(store_engine: Engine) -> None:
    kit.fill(store_engine)
    messages, evidence, opinions = told(store_engine)[0]
    assert evidence == '[{"turn":0,"start":0,"end":2,"quote":"退款"}]'.encode()
    assert '"quote":"退款"' in opinions.decode()
    with read_tx(store_engine) as connection:
        rows = connection.execute(select(findings.c.message, findings.c.evidence)).all()
        assert {(row.message, bytes(row.evidence)) for row in rows} == {
            (messages, '[{"turn":0,"start":0,"end":2,"quote":"＊＊"}]'.encode())
        }
        kept = connection.execute(select(quote_table.c.month, quote_table.c.body)).all()
        assert {(row.month, bytes(row.body).decode()) for row in kept} == {
            (202611, '[[[0,"rude 不合规",["退款"]]],["退款"]]')
        }


def test_no_quotes_are_kept_of_a_month_that_is_gone(store_engine: Engine) -> None:
    kit.fill(store_engine)
    row = {"inspection_id": 1, "body": b"[[],[]]"}
    with write_tx(store_engine) as connection:
        inspections.write(connection, Rows([], [], [], [row | {"month": 202611}, row | {"month": 202610}]))
        months = connection.execute(select(quote_table.c.month).where(quote_table.c.inspection_id == 1))
        assert months.scalars().all() == [202611]


def test_copies_are_made_ahead_and_nobody_notices(store_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    kit.fill(store_engine)
    before, shown = kit.everything(store_engine), told(store_engine)
    assert run(store_engine, Term("acme", 1, "2026-10-01")) == Dropped()  # far too early
    assert kit.everything(store_engine) == before
    assert run(store_engine, Term("acme", 1, "2026-10-20")) == Dropped()
    with read_tx(store_engine) as connection:
        made = connection.execute(select(dropped_texts.c.reason, func.count()).group_by(dropped_texts.c.reason)).all()
        assert [tuple(one) for one in made] == [(AHEAD, 6)]
        refuse_dropped(connection, "acme", "2026-11-17")
        assert without_text(connection, range(1, 7)) == set()
        assert chat_places(connection, [("acme", "c-0")])["acme", "c-0"].told
        assert get_chat(connection, "c-0").chat.messages[0].text == "退款0 订单 13916283547"
    assert told(store_engine) == shown
    with monkeypatch.context() as patched:  # nothing is left to be covered on the day
        patched.setattr(covering, "covered", lambda *_: 1 / 0)
        patched.setattr(dropping, "covered", lambda *_: 1 / 0)
        assert run(store_engine) == GONE
    rest = kit.everything(store_engine).replace("客户电话13916283547", "")
    assert [one for one in SAID if one in rest] == []
    with read_tx(store_engine) as connection:
        assert get_chat(connection, "c-0").chat.messages[0].text == "＊＊* ＊＊ ***********"
        assert not chat_places(connection, [("acme", "c-0")])["acme", "c-0"].told
        assert without_text(connection, range(1, 7)) == set(range(1, 7))


def test_a_copy_made_ahead_serves_a_single_chat_and_not_an_erasure(store_engine: Engine) -> None:
    kit.fill(store_engine)
    run(store_engine, Term("acme", 1, "2026-10-20"))
    retention.erase_customer(store_engine, kit.ACT, "acme", "li-lei")
    done = retention.keep_to(store_engine, kit.ACT, [Term("acme", 1, "2026-11-18")])[0].dropped
    assert done == Dropped(4, findings=4, queued=4)
    with read_tx(store_engine) as connection:
        rows = connection.execute(select(dropped_texts.c.reason).order_by(dropped_texts.c.chat_pk)).scalars().all()
        assert rows == ["erasure", "erasure", *["retention"] * 4]
        assert get_chat(connection, "c-0").chat.customer.id is None
        assert get_chat(connection, "c-5").chat.messages[0].text == "＊＊* ＊＊ ***********"
    assert "li-lei" not in kit.everything(store_engine)


def test_what_was_judged_in_the_last_moment_is_covered_too(
    store_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.fill(store_engine, 2)
    monkeypatch.setattr(retention, "_copy", lambda *_: None)
    assert run(store_engine) == Dropped(2, findings=2, reviews=1, queued=1)
    with read_tx(store_engine) as connection:
        assert get_chat(connection, "c-1").chat.messages[0].text == "＊＊* ＊＊ ***********"


@pytest.mark.parametrize("place", ["copy_ahead", "let_go"])
def test_killed_anywhere_it_goes_on(store_engine: Engine, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    kit.fill(store_engine)
    shown = told(store_engine)
    monkeypatch.setattr(retention, "COPIES", 4)
    with monkeypatch.context() as killed:
        whole, calls = getattr(dropping_months, place), []

        def once_more(*given: Any) -> Any:
            calls.append(place)
            if place == "copy_ahead" and len(calls) == 1:
                return whole(*given)
            raise KilledError

        killed.setattr(dropping_months, place, once_more)
        with pytest.raises(KilledError):
            run(store_engine)
    assert told(store_engine) == shown  # what was said is still there, all of it
    with read_tx(store_engine) as connection:
        refuse_dropped(connection, "acme", "2026-11-17")
        copies = connection.execute(select(func.count()).select_from(dropped_texts)).scalar_one()
        assert copies == (4 if place == "copy_ahead" else 6)
        assert get_chat(connection, "c-5").chat.messages[0].text.startswith("退款5")
    assert run(store_engine) == GONE
    rest = kit.everything(store_engine).replace("客户电话13916283547", "")
    assert [one for one in SAID if one in rest] == []
    assert kit.found_by(store_engine, "退款") == set()
    assert auditing.verify(store_engine).broken is None
    assert run(store_engine) == Dropped()


def test_what_is_shown_afterwards_says_so_with_stars(store_engine: Engine) -> None:
    kit.fill(store_engine)
    run(store_engine)
    with read_tx(store_engine) as connection:
        shown = look_up(connection, "c-0", ZONE)
        assert shown.judged is not None
        assert shown.judged.findings[0].evidence == '[{"turn":0,"start":0,"end":2,"quote":"＊＊"}]'.encode()
        assert [why["quote"] for one in shown.judged.opinions for why in one["because"]] == ["＊＊"]
        assert shown.stored.chat.messages[0].text == "＊＊* ＊＊ ***********"


def test_the_migration_moves_quotes_there_and_back(store_engine: Engine) -> None:
    kit.fill(store_engine)
    with write_tx(store_engine) as connection:  # the text of one is gone, of another there is a copy made ahead
        dropping.drop(connection, "acme", ["c-5"], 1, "tests", dropping.RETENTION)
    before, shown = sorted(kit.everything(store_engine).splitlines()), told(store_engine)
    with write_tx(store_engine) as connection:
        dropping_months.copy_ahead(connection, 202611, [1], 1)
    migrate.downgrade(store_engine, "0011")
    with read_tx(store_engine) as connection:
        rows = connection.execute(text("SELECT evidence FROM findings ORDER BY id")).scalars().all()
        opinions = connection.execute(text("SELECT opinions FROM inspections ORDER BY id")).scalars().all()
        gone = connection.execute(text("SELECT chat_pk, reason FROM dropped_texts")).all()
    assert ["退款" in bytes(one).decode() for one in rows] == [True] * 5 + [False]
    assert ["退款" in bytes(one).decode() for one in opinions] == [True] * 5 + [False]
    assert [tuple(one) for one in gone] == [(6, "retention")]
    months = next(shape for shape in portable.shapes() if shape.table == "text_months")
    with write_tx(store_engine) as connection:  # as an older backup is read: there is no place for quotes yet
        portable.write(connection, months, [[(202612, "acme")]])
    migrate.upgrade(store_engine)
    assert sorted(kit.everything(store_engine).splitlines()) == sorted([*before, "202612", "acme"])
    assert told(store_engine) == shown


def test_a_message_quotes_nul_as_its_picture() -> None:
    row = {
        "id": 7 << 8 | 3,
        "inspection_id": 7,
        "message": "说了“在␀吗”",
        "evidence": b'[{"quote":"\xe5\x9c\xa8\\u0000\xe5\x90\x97"}]',
    }
    claims = [dict(row)]
    kept = quotes.take_out([{"id": 7, "opinions": b"[]"}], claims, 202611)
    assert (claims[0]["message"], claims[0]["evidence"]) == ("说了“＊*＊”", '[{"quote":"＊*＊"}]'.encode())
    claim = quotes.Claim(
        row["id"], 7, "r", "failed", "minor", -1.0, 1, None, claims[0]["message"], claims[0]["evidence"]
    )
    back = quotes.put_back(claim, quotes.quoted(kept[0]["body"]))
    assert (back.message, back.evidence) == (row["message"], row["evidence"])
