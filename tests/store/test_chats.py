from __future__ import annotations

import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, Engine, func, select, text

from qa.errors import NotFoundError, QaError
from qa.store import chats as store
from qa.store.chats import BatchCount, store_chats
from qa.store.revisions import Incoming, prepare
from qa.store.session import opened, read_tx, write_tx
from qa.store.tables import chats
from qa.store.texts import BODY
from qa.types import Agent, Chat, Customer, Message, Role, Status

SHANGHAI = ZoneInfo("Asia/Shanghai")
NINE = 1_795_136_400_000_000  # 2026-11-20T09:00:00+08:00
HOUR = 3_600_000_000
DAY = "2026-11-20"


def chat(name: str, words: str = "在吗", *, at: int | None = NINE, **fields) -> Chat:
    return Chat(**({"id": name, "messages": (Message(Role.CUSTOMER, words, at),)} | fields))


def ready(value: Chat, source: str | None = None, day: str = DAY) -> Incoming:
    prepared = prepare(value, SHANGHAI, day, source)
    assert isinstance(prepared, Incoming)
    return prepared


def put(engine: Engine, *values: Chat, source: str | None = None, day: str = DAY) -> BatchCount:
    with write_tx(engine) as connection:
        return store_chats(connection, [ready(value, source, day) for value in values], imported_at=1)


@pytest.fixture
def reader(store_engine: Engine):
    """A function that runs a query in a transaction of its own."""

    def read(query, *arguments, **named):
        with read_tx(store_engine) as connection:
            return query(connection, *arguments, **named)

    return read


def test_every_column_of_a_stored_chat(store_engine: Engine, reader) -> None:
    value = chat(
        "c-1",
        "\0 NUL, 😀, 汉字",
        agent=Agent("a-1", "小李", "售后"),
        channel="web",
        customer=Customer("u-1", "vip"),
        started_at=NINE - HOUR,
        status=Status.OPEN,
        extra={"big": 2**64, "deep": {"x": [1.5, None]}},
    )
    assert put(store_engine, value, source="crm") == BatchCount(1, 0, 0, ())
    with read_tx(store_engine) as connection:
        row = dict(connection.execute(select(chats, BODY.label("body"))).mappings().one())
    assert len(row.pop("content_hash")) == 16
    assert store.decode_body(row.pop("body")) == value
    assert row == {
        "id": 1, "merchant": "default", "chat_id": "c-1", "revision": 1, "current": True, "source": "crm", "day": DAY,
        "day_assumed": False, "status": "open", "agent_id": "a-1", "team": "售后", "channel": "web",
        "customer_id": "u-1", "started_at": NINE - HOUR, "turns": 1, "imported_at": 1,
    }  # fmt: skip
    assert reader(store.get_chat, "c-1").chat == value


def test_again_is_unchanged_and_other_content_is_a_revision(store_engine: Engine, reader) -> None:
    assert put(store_engine, chat("c-1"), chat("c-2")) == BatchCount(2, 0, 0, ())
    assert put(store_engine, chat("c-1"), chat("c-2")) == BatchCount(0, 0, 2, ())
    assert put(store_engine, chat("c-1", "好"), chat("c-1", "的"), chat("c-2")) == BatchCount(0, 2, 1, ())
    texts = [reader(store.get_chat, "c-1", revision=n).chat.messages[0].text for n in (1, 2, 3)]
    assert texts == ["在吗", "好", "的"]
    now = reader(store.get_chat, "c-1")
    assert (now.revision, now.current, reader(store.get_chat, "c-1", revision=2).current) == (3, True, False)


def test_a_conflict_names_its_place_and_the_owner(store_engine: Engine) -> None:
    put(store_engine, chat("c-1"), source="crm")
    assert put(store_engine, chat("c-0"), chat("c-1", "x"), source="shop") == BatchCount(1, 0, 0, ((1, "crm"),))


def test_an_undated_chat_keeps_the_day_of_its_first_import(store_engine: Engine, reader) -> None:
    put(store_engine, chat("c-1", at=None), day="2026-11-01")
    assert put(store_engine, chat("c-1", at=None), day="2026-11-02") == BatchCount(0, 0, 1, ())
    assert put(store_engine, chat("c-1", "x", at=None), day="2026-11-02") == BatchCount(0, 1, 0, ())
    now = reader(store.get_chat, "c-1")
    assert (now.day, now.day_assumed, now.revision) == ("2026-11-01", True, 2)


def test_a_batch_larger_than_an_in_list(store_engine: Engine) -> None:
    many = [chat(f"c-{n}") for n in range(1_300)]
    assert put(store_engine, *many) == BatchCount(1_300, 0, 0, ())
    changed = [chat(f"c-{n}", "x") for n in range(1_300)]
    assert put(store_engine, *changed, *many[:10]) == BatchCount(0, 1_310, 0, ())


def test_a_chat_that_is_not_there(reader) -> None:
    for named in ({}, {"merchant": "acme"}, {"revision": 2}):
        with pytest.raises(NotFoundError, match="there is no chat 'c-9'"):
            reader(store.get_chat, "c-9", **named)


def test_an_id_of_two_merchants_must_be_told_apart(store_engine: Engine, reader) -> None:
    put(store_engine, chat("c-1", merchant="a"), chat("c-1", merchant="b"), chat("c-2", merchant="b"))
    with pytest.raises(QaError, match=r"several merchants \(a, b\)"):
        reader(store.get_chat, "c-1")
    assert reader(store.get_chat, "c-1", "b").merchant == "b"
    assert reader(store.get_chat, "c-2").merchant == "b"


def test_days_and_merchants_with_chats(store_engine: Engine, reader) -> None:
    tomorrow = NINE + 24 * HOUR
    put(store_engine, chat("1", merchant="b"), chat("2", merchant="a"), chat("3", merchant="a", at=tomorrow))
    put(store_engine, chat("4", merchant="é"), chat("5", merchant="Z"))
    assert reader(store.merchants) == ["Z", "a", "b", "é"]  # bytes, not the language of the server
    assert reader(store.merchants_with_chats, DAY) == ["Z", "a", "b", "é"]
    assert reader(store.merchants_with_chats, "2026-11-21") == ["a"]
    assert reader(store.merchants_with_chats, "1999-01-01") == []
    assert reader(store.days_with_chats, "a") == [DAY, "2026-11-21"]
    assert reader(store.days_with_chats, "nobody") == []


def test_a_day_without_current_revisions_is_no_day_with_chats(store_engine: Engine, reader) -> None:
    put(store_engine, chat("1"))
    put(store_engine, chat("1", at=NINE + 24 * HOUR))
    assert reader(store.days_with_chats, "default") == ["2026-11-21"]


@pytest.mark.parametrize("page", [1, 2, 500])
def test_iterating_visits_each_current_chat_once(store_engine: Engine, reader, page: int) -> None:
    put(store_engine, *(chat(str(n), merchant="ab"[n % 2], at=NINE + n % 3 * 24 * HOUR) for n in range(12)))
    put(store_engine, chat("0", "x", merchant="a"))

    def ids(*arguments: str | None) -> list[str]:
        return reader(lambda c: [one.chat_id for one in store.iter_chats(c, *arguments, page=page)])

    assert ids() == ["6", "0", "4", "10", "2", "8", "3", "9", "1", "7", "5", "11"]
    assert ids("b") == ["3", "9", "1", "7", "5", "11"]
    assert ids("b", DAY) == ["3", "9"]
    assert ids(None, DAY) == ["6", "0", "3", "9"]
    assert ids("c") == []


def test_the_frame_is_the_closed_current_chats_of_the_day(store_engine: Engine, reader) -> None:
    put(store_engine, *(chat(f"c-{n}", status=Status.OPEN if n % 4 == 0 else Status.CLOSED) for n in range(10)))
    put(store_engine, chat("c-1", "x"), chat("other", merchant="acme"), chat("late", at=NINE + 24 * HOUR))
    assert reader(store.count_open, "default", DAY) == 3
    ranges = reader(store.frame_ranges, "default", DAY, 4)
    assert ranges == [(0, 5), (5, 9), (9, 11)]
    rows = [
        row
        for after, last in ranges
        for row in reader(store.read_frame_chunk, "default", DAY, after, 100, last_id=last)
    ]
    assert [row.chat_id for row in rows] == ["c-2", "c-3", "c-5", "c-6", "c-7", "c-9", "c-1"]
    assert rows == reader(store.read_frame_chunk, "default", DAY, 0, 100)
    assert [row.pk for row in reader(store.read_frame_chunk, "default", DAY, 3, 2)] == [4, 6]
    assert store.decode_body(rows[-1].body).messages[0].text == "x"
    assert reader(store.frame_ranges, "default", "1999-01-01", 4) == []
    assert reader(store.frame_ranges, "default", DAY, 4, after_id=9) == [(9, 11)]


def test_bodies_by_key_in_any_revision(store_engine: Engine, reader) -> None:
    put(store_engine, chat("a", "1"), chat("b", "2"))
    put(store_engine, chat("a", "3"))
    bodies = reader(store.read_bodies, [3, 1, 99])
    assert {pk: store.decode_body(body).messages[0].text for pk, body in bodies.items()} == {1: "1", 3: "3"}


def test_repeat_contact_within_the_hours(store_engine: Engine, reader) -> None:
    one, other = Customer("u-1"), Customer("u-2")
    put(
        store_engine,
        chat("first", customer=one),
        chat("at 72 h", customer=one, at=NINE + 72 * HOUR),
        chat("too late", customer=one, at=NINE + 144 * HOUR + 1),
        chat("other customer", customer=other, at=NINE + HOUR),
        chat("other merchant", customer=one, at=NINE + HOUR, merchant="acme"),
        chat("unknown customer", at=NINE + HOUR),
        chat("no time", customer=one, at=None),
        chat("same time", customer=other, at=NINE + HOUR),
    )
    pks = range(1, 9)
    assert reader(store.repeat_contacts, pks, 72) == {2}
    assert reader(store.repeat_contacts, pks, 73) == {2, 3}
    assert reader(store.repeat_contacts, pks, 71.99) == set()
    assert reader(store.repeat_contacts, [1, 3], 720) == {3}


def test_the_old_revision_of_a_chat_is_no_earlier_contact(store_engine: Engine, reader) -> None:
    put(store_engine, chat("a", customer=Customer("u")))
    put(store_engine, chat("a", customer=Customer("u"), at=NINE + HOUR))
    assert reader(store.repeat_contacts, [2], 72) == set()


def invariants(connection: Connection) -> None:
    """Each chat: revisions 1..n without gap, the last of them current and no other."""
    c = chats.c
    rows = connection.execute(select(c.chat_id, c.revision, c.current).order_by(c.chat_id, c.revision)).all()
    found: dict[str, list[tuple[int, bool]]] = {}
    for name, revision, current in rows:
        found.setdefault(name, []).append((revision, bool(current)))
    for revisions in found.values():
        assert revisions == [(n, n == len(revisions)) for n in range(1, len(revisions) + 1)]


def _import_some(url: str, words: str) -> tuple[int, int, int]:
    totals = [0, 0, 0]
    with opened(url) as engine:
        for start in range(0, 200, 20):
            count = put(engine, *(chat(f"c-{n}", words) for n in range(start, start + 20)))
            totals = [one + more for one, more in zip(totals, count[:3], strict=True)]
    return totals[0], totals[1], totals[2]


@pytest.mark.slow
@pytest.mark.parametrize("texts", [["same"] * 3, ["a", "b", "c"]], ids=["same", "different"])
def test_importers_at_the_same_time_lose_and_double_nothing(store_engine: Engine, db_url: str, texts) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        counts = list(pool.map(_import_some, [db_url] * 3, texts))
    assert sum(new for new, _, _ in counts) == 200
    assert sum(map(sum, counts)) == 600
    changed = sum(changed for _, changed, _ in counts)
    assert changed == (0 if len(set(texts)) == 1 else 400)
    with read_tx(store_engine) as connection:
        invariants(connection)
        assert connection.execute(select(func.count()).select_from(chats)).scalar() == 200 + changed


def test_a_second_importer_waits_for_the_first_batch(store_engine: Engine) -> None:
    done: list[BatchCount] = []
    with write_tx(store_engine) as connection:
        store_chats(connection, [ready(chat("a"))], 1)
        second = threading.Thread(target=lambda: done.append(put(store_engine, chat("a"))))
        second.start()
        second.join(0.3)
        assert done == []
    second.join(180)
    assert done == [BatchCount(0, 0, 1, ())]


def test_a_reader_is_not_kept_waiting_by_an_importer(store_engine: Engine) -> None:
    with write_tx(store_engine) as connection:
        store_chats(connection, [ready(chat("a"))], 1)
        with read_tx(store_engine) as other:
            assert other.execute(text("SELECT count(*) FROM chats")).scalar() == 0
