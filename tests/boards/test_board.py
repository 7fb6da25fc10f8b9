"""Targets, groups of agents, hours of the week: values in, values out."""

from __future__ import annotations

import pytest

from qa.boards.board import heat, met, rule_share
from qa.boards.facts import ABOUT, About, Fact, Figure, Kind, shares
from qa.boards.ranks import tiers
from qa.boards.sums import Figured, Sums
from qa.store.board import Hour
from qa.store.chat_list import BAD, DOMAINS


def test_a_target_is_met_missed_or_nobody_can_tell() -> None:
    up, down = About(Kind.RATE, 0.75, up=True), About(Kind.SECONDS, 60.0, up=False)
    told = [met(Figured(0.5, low, high, 9, 0), up) for low, high in ((0.75, 0.8), (0.7, 0.8), (0.6, 0.74))]
    assert told == [True, None, False]
    assert [met(Figured(50.0, low, high, 9, 0), down) for low, high in ((40, 60), (40, 61), (61, 70))] == [
        True, None, False,
    ]  # fmt: skip
    assert met(Figured(None, None, None, 0, 0), up) is None
    assert met(Figured(0.5, 0.4, 0.6, 9, 0), About(Kind.RATE, None, up=True)) is None


def test_every_figure_has_its_target_and_its_chats() -> None:
    assert set(ABOUT) == set(Figure) == set(DOMAINS) == set(BAD)
    assert {name.value: one.target for name, one in ABOUT.items() if one.target is not None} == {
        "response": 60.0, "fcr": 0.75, "satisfaction": 90.0, "escalation": 0.05,
    }  # fmt: skip


def test_groups_do_not_overlap_and_who_has_no_interval_is_left_out() -> None:
    def agent(name: str, low: float, high: float) -> tuple[str, str, Figured]:
        return "m", name, Figured((low + high) / 2, low, high, 9, 0)

    named = [agent("a", 90, 95), agent("b", 85, 91), agent("c", 70, 84.9), agent("d", 80, 84), agent("e", 50, 60)]
    groups = tiers([*named, ("m", "x", Figured(99.0, None, None, 1, 0))], 85.0)
    assert [[one.agent for one in group] for group in groups] == [["a", "b"], ["d", "c"], ["e"]]
    assert [one.against for group in groups for one in group] == [1, 0, -1, -1, -1]
    assert tiers([], None) == []


def test_hours_of_one_weekday_are_added() -> None:
    one = Hour("2026-11-17", 9, 5, 3, 0.0, 0.0, 0.0, 0.0)
    assert heat([one])[0] == (1, 9, 5, 3, None, None)
    assert heat([]) == []


def test_a_rule_that_fails_nowhere_is_a_share_of_nothing() -> None:
    chats = Sums(chats=4, freedom=2, x=8.0, noise=8.0)
    assert rule_share(Sums(), chats).value == 0.0
    assert rule_share(Sums(), Sums()).value is None


@pytest.mark.parametrize("fact", [Fact(), Fact(broken=True, score=50.0, waits=3, due=3, solved=1)])
def test_who_says_nothing_adds_nothing(fact: Fact) -> None:
    assert shares(fact) == {}
