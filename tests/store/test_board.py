"""The boards' sums and lists in the store, on both databases, against figures computed by hand."""

from __future__ import annotations

import board_kit
import pytest
from board_kit import ACME, DAY, FIGURES, OTHER, ZONE
from sqlalchemy import Engine, select

from qa.boards.behind import behind, rule_names
from qa.boards.board import Board, Chosen, look
from qa.boards.rollup import roll_up
from qa.people import Scope
from qa.privacy import MaskPolicy
from qa.store import board, reviews
from qa.store.board import Window
from qa.store.board_tables import board_hours, board_nights, board_sums, chat_facts
from qa.store.chat_list import Key, Only, count, page
from qa.store.reviews import Review
from qa.store.session import read_tx, write_tx
from qa.store.tables import chats

VIEWER = Scope(merchants=("acme",))
RED = Scope(merchants=("acme",), team="red")
AGENT = Scope(merchants=("acme",), agent_id="a-1", user_id=7)


@pytest.fixture
def shop(store_engine: Engine) -> Engine:
    board_kit.build(store_engine)
    return store_engine


def figures(found: Board | None) -> dict[str, tuple[float | None, int, int]]:
    assert found is not None
    return {one.name.value: (one.now.value, one.now.n, one.now.bad) for one in found.tiles}


def dumped(engine: Engine) -> list[list[tuple[object, ...]]]:
    with read_tx(engine) as connection:
        tables = (chat_facts, board_sums, board_hours, board_nights)
        return [sorted(map(tuple, connection.execute(select(one))), key=repr) for one in tables]


def listed(engine: Engine, scope: Scope, **only: object) -> list[str]:
    """What a list and its count say, which must be the same."""
    window = Window(DAY, DAY, scope)
    with read_tx(engine) as connection:
        found = [one.chat_id for one in page(connection, window, Only(**only), None, 50)]  # type: ignore[arg-type]
        assert count(connection, window, Only(**only)) == len(found)  # type: ignore[arg-type]
    return sorted(found)


def test_figures_are_those_computed_by_hand_for_each_reach(shop: Engine) -> None:
    mine = look(shop, VIEWER, Chosen(7))
    assert mine is not None
    assert figures(mine) == {name: (pytest.approx(value), n, bad) for name, (value, n, bad) in FIGURES.items()}
    assert (mine.chats, mine.inspected, mine.merchants) == (6, 4, ("acme",))
    assert [(one.weekday, one.hour, one.chats, one.inspected) for one in mine.hours] == [(1, 9, 5, 3), (1, 10, 1, 1)]
    assert [(one.rule, one.now.value, one.now.n) for one in mine.problems] == [
        ("slow", pytest.approx(2 / 6), 1), ("insult", pytest.approx(1 / 6), 1),
    ]  # fmt: skip
    assert {one.agent for group in mine.agents for one in group} == {"a-1", "a-2"}
    everything = figures(look(shop, Scope(), Chosen(7)))
    assert everything["mean_score"] == (pytest.approx(480 / 7), 5, 2)
    assert figures(look(shop, RED, Chosen(7)))["mean_score"] == (pytest.approx(420 / 5), 3, 0)
    own = look(shop, AGENT, Chosen(7))
    assert own is not None
    assert (figures(own)["mean_score"], own.agents) == ((pytest.approx(420 / 5), 3, 0), ())
    assert own.chats == 5
    assert look(shop, Scope(merchants=()), Chosen()) is None
    assert look(shop, Scope(merchants=("acme",), user_id=8), Chosen()) is None  # who is no agent has no chats
    assert figures(look(shop, Scope(), Chosen(7, "other")))["mean_score"][0] == 10.0
    assert figures(look(shop, VIEWER, Chosen(7, "other"))) == figures(mine)  # out of reach: none chosen


def test_a_figure_names_as_many_chats_as_its_list_holds(shop: Engine) -> None:
    for scope in (Scope(), VIEWER, RED, AGENT):
        found = look(shop, scope, Chosen(7))
        assert found is not None
        for tile in found.tiles:
            assert len(listed(shop, scope, figure=tile.name.value)) == tile.now.n
            assert len(listed(shop, scope, figure=tile.name.value, bad=True)) == tile.now.bad
        for problem in found.problems:
            assert len(listed(shop, scope, rule=problem.rule)) == problem.now.n
        for cell in found.hours:
            assert len(listed(shop, scope, weekday=cell.weekday, hour=cell.hour)) == cell.inspected
    assert listed(shop, VIEWER, figure="fcr", bad=True) == ["c2", "c3"]
    assert listed(shop, AGENT) == ["c1", "c2", "c4"]
    assert listed(shop, Scope(), agent="a-1", hour=9) == ["c1", "c2", "c4", "o1"]
    assert listed(shop, VIEWER, team="blue") == ["c3"]


def test_a_list_goes_on_behind_a_key(shop: Engine) -> None:
    window = Window("0", "9", Scope())
    with read_tx(shop) as connection:
        whole = page(connection, window, Only(), None, 9)
        rest = page(connection, window, Only(), Key(whole[1].day, whole[1].inspection_id), 9)
    assert rest == whole[2:]
    first = whole[-1]
    assert (first.chat_id, first.average_s, first.due, first.in_time) == ("c1", 165.0, 2, 1)
    assert behind(shop, window, Only(said="excellent"), None, MaskPolicy()).number == 0
    assert "greeting-missing" in rule_names(shop)


def test_adding_up_again_changes_nothing(shop: Engine) -> None:
    before = dumped(shop)
    assert roll_up(shop, ZONE) == 0
    with write_tx(shop) as connection:
        connection.execute(board_nights.delete())
    assert roll_up(shop, ZONE) == 2
    assert dumped(shop) == before


def test_a_review_and_a_newer_night_are_taken_up(shop: Engine) -> None:
    with write_tx(shop) as connection:
        pk = connection.execute(select(chats.c.id).where(chats.c.chat_id == "c2")).scalar_one()
        given = Review("t", pk, "queue", "wang", 5, resolution="resolved", comment="做得好", excellent=True)
        reviews.add_review(connection, given)
    assert roll_up(shop, ZONE) == 1  # the night of that chat only
    assert figures(look(shop, VIEWER, Chosen(7)))["fcr"] == (pytest.approx(4 / 5), 3, 1)
    assert listed(shop, VIEWER, said="excellent") == listed(shop, VIEWER, said="comment") == ["c2"]
    with read_tx(shop) as connection:
        told = board.comments(connection, Window(DAY, DAY, AGENT), 5)
        assert [(one.chat_id, one.words, one.score) for one in told] == [("c2", "做得好", 100.0)]
        assert board.comments(connection, Window(DAY, DAY, AGENT._replace(agent_id="a-2")), 5) == []
    with write_tx(shop) as connection:
        board_kit.night(connection, "other", tuple(one | {"name": "o2"} for one in OTHER), day=1)
    assert roll_up(shop, ZONE) == 3  # the new one, and those in which customers may have come back
    moved = look(shop, Scope(), Chosen(7, "other"))
    assert moved is not None
    assert moved.window.last == "2026-11-18"
    assert [value for _, value in moved.tiles[-1].days] == [None] * 5 + [10.0, 10.0]


def test_a_chat_that_waits_for_a_blind_review_says_nothing(store_engine: Engine) -> None:
    with write_tx(store_engine) as connection:
        board_kit.night(connection, "acme", (ACME[0] | {"flags": ("audit",)}, ACME[1] | {"broken": "no"}))
    roll_up(store_engine, ZONE)
    with read_tx(store_engine) as connection:
        broken, blind = page(connection, Window(DAY, DAY, Scope()), Only(), None, 9)
    assert (blind.blind, blind.score, blind.solved, broken.broken, broken.blind) == (True, None, None, True, False)
    assert listed(store_engine, Scope(), figure="mean_score") == ["c1"]
