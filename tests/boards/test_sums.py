"""Sums that add up against the estimators of the nights."""

from __future__ import annotations

import random

import pytest

from qa.boards.facts import Kind, Share
from qa.boards.sums import Figured, Seen, Sums, apart, figured, tally
from qa.estimates import estimate_mean, estimate_proportion, estimate_ratio, summarize

ALL = ("*", "*")


def seen(stratum: str, values: list[float | None], *, broken: int = 0) -> list[Seen]:
    said = [{} if v is None else {"f": Share(v, 1.0, v < 50)} for v in values]
    found = [Seen(stratum, broken=False, shares=one, groups=(ALL,)) for one in said]
    return found + [Seen(stratum, broken=True, shares={}, groups=(ALL,))] * broken


def test_a_night_of_strata_is_what_the_estimators_say() -> None:
    rng = random.Random(5)
    night = {f"s{i}": (20 + i, [round(rng.uniform(40, 99), 1) for _ in range(4 + i % 3)]) for i in range(12)}
    chats = [one for name, (_, values) in night.items() for one in seen(name, list(values), broken=1)]
    chats += seen("t", [10.0, 20.0])
    sizes = {name: size for name, (size, _) in night.items()} | {"t": 2}
    ours = figured(tally(sizes, chats, frozenset({"t"}))[ALL, "f"], Kind.POINTS)
    strata = [summarize(name, size, values, drawn=len(values) + 1) for name, (size, values) in night.items()]
    strata.append(summarize("t", 2, [10.0, 20.0], certainty=True))
    theirs = estimate_mean("f", strata, bounds=(0.0, 100.0))
    assert ours.value == pytest.approx(theirs.value)
    assert ours.n == theirs.n
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.3)


def test_a_domain_is_a_ratio() -> None:
    ours = figured(tally({"a": 20}, seen("a", [1.0, 0.0, 0.0, None]), frozenset())[ALL, "f"], Kind.RATE)
    theirs = estimate_ratio("f", [summarize("a", 20, [1, 0, 0, None])], proportion=True)
    assert (ours.value, ours.n) == (pytest.approx(theirs.value), theirs.n)
    assert ours.low is not None
    assert ours.high is not None
    assert ours.low < 1 / 3 < ours.high


def test_what_is_known_for_certain_is_never_denied() -> None:
    chats = seen("t", [1.0, 1.0, 1.0]) + seen("a", [0.0, 0.0, 0.0, 0.0])
    ours = figured(tally({"t": 3, "a": 40}, chats, frozenset({"t"}))[ALL, "f"], Kind.RATE)
    strata = [summarize("t", 3, [1, 1, 1], certainty=True), summarize("a", 40, [0, 0, 0, 0])]
    theirs = estimate_proportion("f", strata)
    assert ours.value == ours.low == pytest.approx(3 / 43) == theirs.value == theirs.low
    assert ours.high == pytest.approx(theirs.high, abs=0.01)


def test_days_add_up() -> None:
    one = tally({"a": 10}, seen("a", [80.0, 60.0]), frozenset())[ALL, "f"]
    other = tally({"a": 30}, seen("a", [90.0, 100.0, 95.0]), frozenset())[ALL, "f"]
    both = one.plus(other)
    assert figured(both, Kind.POINTS).value == pytest.approx((10 * 70 + 30 * 95) / 40)
    assert both.v_yy == pytest.approx(100 * 0.8 / 2 * 200 + 900 * 0.9 / 3 * 25)
    assert (both.chats, both.freedom, both.bad) == (5, 3, 0)


def test_a_lonely_chat_borrows_the_spread_of_its_night() -> None:
    chats = seen("a", [80.0]) + seen("b", [60.0, 100.0])
    found = tally({"a": 5, "b": 2}, chats, frozenset())[ALL, "f"]
    assert found.v_yy == pytest.approx(25 * 0.8 / 1 * 400)  # s² of 80, 60, 100; b was inspected whole


def test_strata_without_inspected_chats_are_stood_for() -> None:
    found = tally({"a": 10, "b": 30}, seen("a", [80.0, 60.0]), frozenset())[ALL, "f"]
    assert (found.x, found.y) == (40.0, 2800.0)


def test_what_every_chat_says_has_no_interval_to_speak_of_and_what_some_say_has_one() -> None:
    census = figured(tally({"a": 3}, seen("a", [1.0, 1.0, 1.0]), frozenset())[ALL, "f"], Kind.RATE)
    assert census[:3] == (1.0, 1.0, 1.0)
    sample = figured(tally({"a": 300}, seen("a", [1.0, 1.0, 1.0]), frozenset())[ALL, "f"], Kind.RATE)
    assert sample.value == sample.high == 1.0
    assert sample.low is not None
    assert sample.low < 0.5
    seconds = figured(tally({"a": 300}, seen("a", [9.0, 9.0]), frozenset())[ALL, "f"], Kind.SECONDS)
    assert seconds[:3] == (9.0, None, None)


def test_an_unknown_figure_is_apart_from_nothing() -> None:
    unknown = figured(Sums(), Kind.RATE)
    assert unknown == Figured(None, None, None, 0, 0)
    assert not apart(unknown, Figured(0.5, 0.4, 0.6, 9, 0))
