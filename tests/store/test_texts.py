"""What was said, month by month: new months find their place, old ones go at once, migrations move texts both ways."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import installation_kit as kit
import night_kit
import pytest
from sqlalchemy import Engine, func, inspect, select, text

from qa import auditing, retention
from qa.errors import QaError, StoreError
from qa.retention import Term
from qa.store import audit, migrate, texts
from qa.store.chats import get_chat, iter_chats, read_bodies, store_chats
from qa.store.dropping import Dropped, refuse_dropped
from qa.store.operation_tables import dropped_texts
from qa.store.revisions import Incoming, prepare
from qa.store.session import read_tx, write_tx
from qa.store.tables import chat_bodies
from qa.types import Chat, Message, Role

MONTHS = ("2026-08", "2026-09", "2026-10")


def incoming(name: str, day: str, merchant: str = "acme", said: str = "退款") -> Incoming:
    ready = prepare(Chat(name, (Message(Role.CUSTOMER, said),), merchant=merchant), night_kit.ZONE, day, None)
    assert isinstance(ready, Incoming)
    return ready


def put(engine: Engine, *some: Incoming) -> None:
    with write_tx(engine) as connection:
        store_chats(connection, some, 1)


def places(engine: Engine) -> list[str]:
    """Partitions there are, sorted; on SQLite months with texts stand for them."""
    with read_tx(engine) as connection:
        if engine.dialect.name == "postgresql":
            return sorted(n for n in inspect(connection).get_table_names() if n.startswith("chat_bodies_"))
        found = connection.execute(select(chat_bodies.c.month).distinct().order_by(chat_bodies.c.month)).scalars()
        return [f"chat_bodies_{month}" for month in found]


def three_months(engine: Engine) -> None:
    put(engine, *(incoming(f"c-{month}-{n}", f"{month}-{n:02d}") for month in MONTHS for n in (1, 15, 28)))


def keep(engine: Engine, *asked: Term, **options: bool) -> list[Dropped | None]:
    return [one.dropped for one in retention.keep_to(engine, kit.ACT, list(asked), **options)]


def test_a_month_that_is_over_goes_and_the_others_are_untouched(store_engine: Engine) -> None:
    three_months(store_engine)
    assert places(store_engine) == ["chat_bodies_202608", "chat_bodies_202609", "chat_bodies_202610"]
    with read_tx(store_engine) as connection:
        before = read_bodies(connection, range(4, 10))
    assert keep(store_engine, Term("acme", 1, "2026-09-01")) == [Dropped(chats=3)]
    assert places(store_engine) == ["chat_bodies_202609", "chat_bodies_202610"]
    with read_tx(store_engine) as connection:
        assert read_bodies(connection, range(1, 10)) == before
        assert [one.chat.messages for one in iter_chats(connection, day="2026-08-01")] == [()]
        assert get_chat(connection, "c-2026-08-15").chat.merchant == "acme"
        with pytest.raises(QaError, match="texts of 1 chats were dropped"):
            refuse_dropped(connection, "acme", "2026-08-15")
        refuse_dropped(connection, "acme", "2026-09-15")
        facts = next(entry.facts for entry in audit.latest(connection, 1))
        assert (facts["month"], facts["chats"], facts["before"]) == (202608, 3, "2026-09-01")
    assert keep(store_engine, Term("acme", 1, "2026-09-01")) == [Dropped()]


def test_a_month_that_is_not_over_goes_day_by_day_or_is_left(store_engine: Engine) -> None:
    three_months(store_engine)
    assert keep(store_engine, Term("acme", 1, "2026-09-16"), whole_months=True) == [Dropped(chats=3)]
    assert keep(store_engine, Term("acme", 1, "2026-09-16"), dry_run=True) == [None]
    assert keep(store_engine, Term("acme", 1, "2026-09-16")) == [Dropped(chats=2)]
    assert places(store_engine) == ["chat_bodies_202609", "chat_bodies_202610"]
    with read_tx(store_engine) as connection:
        assert sorted(read_bodies(connection, range(1, 10))) == [6, 7, 8, 9]


def test_a_month_stays_while_anybody_wants_it(store_engine: Engine) -> None:
    three_months(store_engine)
    put(store_engine, incoming("o-1", "2026-08-09", "other"), incoming("o-2", "2026-11-01", "other"))
    assert keep(store_engine, Term("acme", 1, "2026-10-01")) == [Dropped(chats=6)]
    assert places(store_engine) == ["chat_bodies_202608", "chat_bodies_202610", "chat_bodies_202611"]
    with read_tx(store_engine) as connection:
        assert sorted(read_bodies(connection, range(1, 12))) == [7, 8, 9, 10, 11]
    both = (Term("acme", 1, "2026-10-01"), Term("other", 1, "2026-09-01"))
    assert keep(store_engine, *both) == [Dropped(), Dropped(chats=1)]
    assert places(store_engine) == ["chat_bodies_202610", "chat_bodies_202611"]


def test_what_was_judged_in_the_month_is_covered_and_its_shape_stays(store_engine: Engine) -> None:
    kit.fill(store_engine)  # six inspected chats of November, one of them reviewed
    put(store_engine, incoming("c-9", "2026-11-20"))
    with read_tx(store_engine) as connection:
        was = {pk: len(body) for pk, body in read_bodies(connection, range(1, 8)).items()}
    assert keep(store_engine, Term("acme", 1, "2026-12-01")) == [Dropped(7, findings=6, reviews=1, queued=5)]
    assert places(store_engine) == []
    rest = kit.everything(store_engine).replace("客户电话13916283547", "")
    assert [one for one in ("退款0", "13916283547", '"quote":"退款"') if one in rest] == []
    assert kit.found_by(store_engine, "退款") == set()
    with read_tx(store_engine) as connection:
        assert get_chat(connection, "c-0").chat.messages[0].text == "＊＊* ＊＊ ***********"
        assert get_chat(connection, "c-9").chat.messages == ()
        assert sorted(read_bodies(connection, was)) == [1, 2, 3, 4, 5, 6]
        assert connection.execute(select(func.count()).select_from(dropped_texts)).scalar_one() == 6
    assert auditing.verify(store_engine).broken is None


def test_two_importers_find_a_new_month_at_once(store_engine: Engine) -> None:
    together = threading.Barrier(4)

    def bring(number: int) -> None:
        together.wait()
        put(store_engine, incoming(f"c-{number}", "2027-01-01"), incoming(f"d-{number}", "2027-02-01", f"m-{number}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(bring, range(4)))
    assert places(store_engine) == ["chat_bodies_202701", "chat_bodies_202702"]
    with read_tx(store_engine) as connection:
        assert len(read_bodies(connection, range(1, 9))) == 8
        assert texts.months_with_texts(connection) == {
            202701: {"acme"}, 202702: {"m-0", "m-1", "m-2", "m-3"},
        }  # fmt: skip


@pytest.mark.postgres
def test_who_reads_on_and_on_is_told_and_nothing_is_dropped(
    store_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store_engine.dialect.name != "postgresql":
        pytest.skip("SQLite's readers keep their own snapshot")
    three_months(store_engine)
    with monkeypatch.context() as hasty, read_tx(store_engine) as reading:
        hasty.setattr(texts, "_WAIT", "20ms")
        hasty.setattr(texts, "_TRIES", 2)
        assert read_bodies(reading, [1])
        with pytest.raises(StoreError, match="chat_bodies_202608 is being read"):
            keep(store_engine, Term("acme", 1, "2026-09-01"))
    assert keep(store_engine, Term("acme", 1, "2026-09-01")) == [Dropped(chats=3)]


def test_migrations_move_the_texts_there_and_back(store_engine: Engine) -> None:
    kit.fill(store_engine, 4)
    put(store_engine, incoming("c-8", "2026-10-02"), incoming("c-9", "2026-12-02"))
    keep(store_engine, Term("acme", 1, "2026-11-01"))  # c-8: gone without a trace
    with write_tx(store_engine) as connection:  # and c-3 one by one
        texts.delete_texts(connection, [(4, "2026-11-17")])
        row = {"chat_pk": 4, "dropped_at": 7, "reason": "erasure", "body": b'{"id":"c-3","messages":[]}'}
        connection.execute(dropped_texts.insert(), row)
    with read_tx(store_engine) as connection:
        before = [(one.chat_id, one.chat.messages) for one in iter_chats(connection)]
        bodies = read_bodies(connection, range(1, 7))
    migrate.downgrade(store_engine, "0008")
    with read_tx(store_engine) as connection:
        assert not {"chat_bodies", "text_months"} & set(inspect(connection).get_table_names())
        old = connection.execute(text("SELECT id, body FROM chats ORDER BY id")).all()
        gone = connection.execute(text("SELECT chat_pk, reason FROM dropped_texts ORDER BY 1")).all()
    assert {pk: bytes(body) for pk, body in old if pk in bodies} == bodies
    assert [bytes(body) for pk, body in old if pk not in bodies] == [b'{"id":"c-8","messages":[],"merchant":"acme"}']
    assert [tuple(one) for one in gone] == [(4, "erasure"), (5, "retention")]
    migrate.upgrade(store_engine)
    with read_tx(store_engine) as connection:
        assert [(one.chat_id, one.chat.messages) for one in iter_chats(connection)] == before
        assert connection.execute(select(func.count()).select_from(chat_bodies)).scalar_one() == 4
        assert set(texts.months_with_texts(connection)) == {202610, 202611, 202612}
    put(store_engine, incoming("c-10", "2026-12-03"))  # the numbers go on


def test_a_chat_changed_to_another_day_keeps_each_text_in_its_month(store_engine: Engine) -> None:
    put(store_engine, incoming("c-1", "2026-08-01"))
    with write_tx(store_engine) as connection:
        moved = incoming("c-1", "2026-10-01", said="改了")._replace(day_assumed=False)
        store_chats(connection, [moved], 2)
    assert keep(store_engine, Term("acme", 1, "2026-09-01")) == [Dropped(chats=1)]
    with read_tx(store_engine) as connection:
        assert get_chat(connection, "c-1").chat.messages[0].text == "改了"
        assert get_chat(connection, "c-1", revision=1).chat.messages == ()
