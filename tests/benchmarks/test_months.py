"""The store that benchmarks/months.py makes is one that the program could have made, and a month of it goes."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Engine, select

from benchmarks import month_rows, months
from qa.store import inspections
from qa.store.chats import get_chat
from qa.store.dropping import Dropped
from qa.store.session import read_tx
from qa.store.tables import inspections as inspection_table


def test_a_month_of_the_benchmark_goes_and_the_other_stays(store_engine: Engine) -> None:
    month_rows.make(store_engine, 180, months.MONTHS)
    with read_tx(store_engine) as connection:
        ids = connection.execute(select(inspection_table.c.id).order_by(inspection_table.c.id)).scalars().all()
        found = inspections.details(connection, ids)
    assert {one.message for each in found.values() for one in each.findings if one.id & 255 == 0} == {
        "请勿这样说：“我要退款，请尽快”"
    }
    assert months.run(store_engine, months.OVER)[1] == Dropped(180, findings=120, reviews=2, queued=4)
    with read_tx(store_engine) as connection:
        after = inspections.details(connection, ids)
        assert get_chat(connection, "chat-1").chat.messages[3].text == "＊" * 10
        assert get_chat(connection, "chat-181").chat.messages[3].text == "我要退款，请尽快处理"
    kept = [pk for pk in ids if after[pk] == found[pk]]
    assert len(kept) == len(ids) / 2
    assert {one.message for pk in after.keys() - set(kept) for one in after[pk].findings if one.id & 255 == 0} == {
        "请勿这样说：“＊＊＊＊＊＊＊＊”"
    }


def test_a_day_of_the_benchmark_goes_by_itself(store_engine: Engine) -> None:
    month_rows.make(store_engine, 84, months.MONTHS)
    assert months.run(store_engine, date(2026, 1, 3), whole_months=False)[1] == Dropped(6, findings=4, reviews=1)
    assert months.run(store_engine, date(2026, 1, 4), whole_months=False)[1] == Dropped(3, findings=2)
    with read_tx(store_engine) as connection:
        assert get_chat(connection, "chat-9").chat.messages == ()
        assert get_chat(connection, "chat-10").chat.messages[3].text == "我要退款，请尽快处理"
