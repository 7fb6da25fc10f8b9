from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from qa.sampling import draw_key
from qa.store import frames, nights
from qa.store.chats import read_frame_chunk, store_chats
from qa.store.frames import FrameEntry, Screened, StratumRow
from qa.store.revisions import Incoming, prepare
from qa.store.session import read_tx, write_tx
from qa.types import Chat, Message, Role, Status

DAY = "2026-11-20"
NINE = 1_795_136_400_000_000  # 2026-11-20T09:00:00+08:00
SALT = "s"


def put(engine: Engine, names: Sequence[str], words: str = "在吗", merchant: str = "acme", **fields) -> None:
    batch = []
    for name in names:
        chat = Chat(id=name, merchant=merchant, messages=(Message(Role.CUSTOMER, words, NINE),), **fields)
        ready = prepare(chat, ZoneInfo("Asia/Shanghai"), DAY, None)
        assert isinstance(ready, Incoming)
        batch.append(ready)
    with write_tx(engine) as connection:
        store_chats(connection, batch, 1)


@pytest.fixture
def night(store_engine: Engine) -> int:
    with write_tx(store_engine) as connection:
        return nights.create_night(connection, "acme", DAY, SALT, {}, 1).id


@pytest.fixture
def pks(store_engine: Engine) -> dict[str, int]:
    """Six closed chats of the day; beside them one that is open and one of another merchant."""
    put(store_engine, [f"c-{n}" for n in range(6)])
    put(store_engine, ["open"], status=Status.OPEN)
    put(store_engine, ["c-0"], merchant="other")
    with read_tx(store_engine) as connection:
        return {row.chat_id: row.pk for row in read_frame_chunk(connection, "acme", DAY, 0, 99)}


def screened(pks: dict[str, int], name: str, agent: str = "a", channel: str = "", *reasons: str) -> Screened:
    return Screened(pks[name], (agent, channel), draw_key(SALT, name), reasons)


@pytest.fixture
def framed(store_engine: Engine, night: int, pks: dict[str, int]) -> list[Screened]:
    rows = [
        screened(pks, "c-0", "a"),
        screened(pks, "c-1", "", "web"),
        screened(pks, "c-2", "a", "", "csat", "red_line:x"),
        screened(pks, "c-3", "a"),
        screened(pks, "c-4", "商", "web"),
    ]
    with write_tx(store_engine) as connection:
        frames.add_frame(connection, night, 0, rows)
        frames.add_frame(connection, night, 0, [])
    return rows


def test_closed_current_chats_make_the_frame(store_engine: Engine, pks: dict[str, int]) -> None:
    assert sorted(pks) == [f"c-{n}" for n in range(6)]
    with read_tx(store_engine) as connection:
        assert frames.count_frame(connection, "acme", DAY) == 6
        assert frames.count_frame(connection, "acme", "2026-11-19") == 0
        assert frames.count_frame(connection, "other", DAY) == 1


@pytest.mark.usefixtures("framed")
def test_the_rest_is_grouped_and_in_the_order_of_its_keys(store_engine: Engine, night: int, pks) -> None:
    with read_tx(store_engine) as connection:
        assert frames.last_screened(connection, night, 0) == pks["c-4"]
        assert frames.last_screened(connection, night, 1) == 0
        assert frames.rest_sizes(connection, night, 0) == {("a", ""): 2, ("", "web"): 1, ("商", "web"): 1}
        assert frames.rest_sizes(connection, night, 1) == {}
        rest = list(frames.iter_rest(connection, night, 0))
    expected = [("", "web", "c-1"), *sorted([("a", "", "c-0"), ("a", "", "c-3")], key=lambda r: draw_key(SALT, r[2]))]
    expected.append(("商", "web", "c-4"))
    assert rest == [((a, c), draw_key(SALT, name), ((a, c), pks[name])) for a, c, name in expected]


def save(engine: Engine, night: int, pks: dict[str, int]) -> None:
    drawn = [(("a", ""), pks["c-3"]), (("商", "web"), pks["c-4"])]
    design = {("a", ""): (2, 1), ("", "web"): (1, 0), ("商", "web"): (1, 1)}
    with write_tx(engine) as connection:
        frames.save_draw(connection, night, 0, drawn, design)


@pytest.mark.usefixtures("framed")
def test_a_draw_is_kept_with_its_probabilities(store_engine: Engine, night: int, pks) -> None:
    save(store_engine, night, pks)
    with read_tx(store_engine) as connection:
        found = {entry.chat_id: entry for entry in frames.iter_frame(connection, night)}
        assert {name: entry.probability for name, entry in found.items()} == {
            "c-0": None, "c-1": None, "c-2": 1.0, "c-3": 0.5, "c-4": 1.0,
        }  # fmt: skip
        assert found["c-2"] == FrameEntry("c-2", 0, ("a", ""), draw_key(SALT, "c-2"), ("csat", "red_line:x"), 1.0)
        assert [e.chat_id for e in frames.iter_frame(connection, night, targeted=True)] == ["c-2"]
        assert [e.chat_id for e in frames.iter_frame(connection, night, targeted=False, drawn=True)] == ["c-3", "c-4"]
        left = {e.chat_id for e in frames.iter_frame(connection, night, drawn=False)}
        assert left == {"c-0", "c-1"}
        assert frames.frame_size(connection, night) == (5, 1)
        assert frames.sampled(connection, night, None) == frames.sampled(connection, night, 0) == 3
        assert frames.sampled(connection, night, 1) == 0
        assert frames.strata_of(connection, night) == [
            StratumRow(0, ("", "web"), 1, 0), StratumRow(0, ("a", ""), 2, 1), StratumRow(0, ("商", "web"), 1, 1),
        ]  # fmt: skip


@pytest.mark.usefixtures("framed")
def test_what_is_sampled_is_inspected_by_key(store_engine: Engine, night: int, pks) -> None:
    save(store_engine, night, pks)
    with write_tx(store_engine) as connection:
        nights.keep_ruleset(connection, "h", "house", "1", {}, 1)
        run = nights.create_run(connection, night, nights.RunKind.NIGHT, 0, "h", 1)
        assert list(frames.to_inspect(connection, night, 0, run.id)) == [pks["c-2"], pks["c-3"], pks["c-4"]]
        assert list(frames.to_inspect(connection, night, None, run.id)) == [pks["c-2"], pks["c-3"], pks["c-4"]]
        assert list(frames.to_inspect(connection, night, 1, run.id)) == []


@pytest.mark.usefixtures("framed", "pks")
def test_late_is_what_is_in_no_revision_of_the_frame(store_engine: Engine, night: int) -> None:
    put(store_engine, ["c-1", "c-5"], "变了")
    put(store_engine, ["c-9"])
    put(store_engine, ["open"])
    with read_tx(store_engine) as connection:
        late = frames.read_late_chunk(connection, night, "acme", DAY, 0, 99)
        assert [row.chat_id for row in late] == ["c-5", "c-9", "open"]
        assert frames.count_late(connection, night, "acme", DAY) == 3
        assert frames.count_late(connection, night, "other", DAY) == 1
        after = frames.read_late_chunk(connection, night, "acme", DAY, late[0].pk, 99, late[1].pk)
        assert [row.chat_id for row in after] == ["c-9"]
        assert len(frames.read_late_chunk(connection, night, "acme", DAY, 0, 2)) == 2


def test_a_night_without_a_rest(store_engine: Engine, night: int, pks: dict[str, int]) -> None:
    with write_tx(store_engine) as connection:
        frames.add_frame(connection, night, 0, [screened(pks, "c-0", "a", "", "tier")])
        frames.save_draw(connection, night, 0, [], {})
        assert [e.probability for e in frames.iter_frame(connection, night)] == [1.0]
        assert frames.strata_of(connection, night) == []
