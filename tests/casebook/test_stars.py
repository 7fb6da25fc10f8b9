"""Tiers of agents: whose intervals reach into each other stand together, in no order."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from qa.casebook.stars import Standing, Stars, standings, tiers
from qa.estimates import Estimate
from qa.store.stars import Cell, Deeds


def agent(name: str, low: float | None, high: float | None, n: int = 30, **more: int) -> Standing:
    value = None if low is None or high is None else (low + high) / 2
    score = Estimate(name="score", value=value, low=low, high=high, n=n, size=90)
    deeds = {"praised": 0, "marked": 0, "red_confirmed": 0, "red_open": 0} | more
    return Standing("m", name, None, None, score, **deeds)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30)), max_size=12))
def test_no_interval_reaches_into_another_tier(places: list[tuple[int, int]]) -> None:
    found = tiers(agent(str(number), low, low + wide) for number, (low, wide) in enumerate(places))
    assert sum(map(len, found)) == len(places)
    for better, worse in pairwise(found):
        assert min(one.score.low for one in better) > max(one.score.high for one in worse)  # type: ignore[type-var]
    for tier in found:
        assert [one.agent_id for one in tier] == sorted(one.agent_id for one in tier)


def test_nominated_are_the_first_tier_without_confirmed_red_lines() -> None:
    every = tiers([agent("a", 90, 95), agent("b", 94, 99, red_confirmed=1), agent("c", 60, 70), agent("d", None, None)])
    month = Stars("2026-11", [], every, ())
    assert [one.agent_id for one in month.nominated] == ["a"]
    assert Stars("2026-11", [], every[:1], ()).nominated == ()  # one tier tells nobody apart
    assert Stars("", [], (), ()).nominated == ()
    assert not agent("few", 80, 90, n=19).knowable


def test_the_mean_is_weighted_by_the_design() -> None:
    cells = [
        Cell("m", "a", "1:0:web:0", targeted=False, size=90, drawn=30, n=30, total=2700.0, squares=243_300.0),
        Cell("m", "a", "1:0::1", targeted=True, size=10, drawn=10, n=10, total=500.0, squares=26_000.0),
    ]  # 90 chats at 90 points, 10 at 50
    (found,) = standings(cells, [Deeds("m", "a", "t", 3, 1, 0, 2, 7)])
    assert (round(found.score.value or 0, 6), found.score.n, found.last_chat) == (86.0, 40, 7)
    assert found.knowable
