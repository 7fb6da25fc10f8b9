"""What a night's drift is held against: the merchant's nights before."""

from __future__ import annotations

import pytest

from qa.cli.nightly_summary import drift_lines
from qa.models.drift import Drift, Level
from qa.nightly.drifting import _told
from qa.store.night_pages import NightLine
from qa.store.nights import State


def night(day: int, value: float | None) -> NightLine:
    told = [] if value is None else [{"what": "words", "value": value}, {"what": "sentiment", "value": 9.0}]
    date = f"2026-11-{day:02}"
    return NightLine(day, "acme", date, State.DONE, 1, 0, 1, {"drift": told}, "m-1", None, None, None)


@pytest.mark.parametrize(
    ("past", "value", "usual", "unusual"),
    [
        ([1.0, 1.1, 0.9, 1.0, 1.2, 1.0, 0.9], 1.2, 1.0, False),
        ([1.0, 1.1, 0.9, 1.0, 1.2, 1.0, 0.9], 1.6, 1.0, True),
        ([1.0, 1.1, None, 1.0, 1.2, 1.1, 1.1], 1.2, None, True),  # a night without opinions tells nothing
        ([0.01, 0.02, 0.01, 0.0, 0.01, 0.01, 0.0], 0.3, 0.01, True),
    ],
)
def test_a_night_stands_out_among_the_nights_of_its_shop(
    past: list[float | None], value: float, usual: float | None, unusual: bool
) -> None:
    before = [night(day, one) for day, one in enumerate(past, 1)]
    told = _told(Drift("words", value, Level.LARGE, 0.02), before)
    assert (told["usual"], told["unusual"]) == (usual, unusual)


def test_a_shop_that_is_far_from_the_start_is_told_once() -> None:
    first = {"drift": [_told(Drift("words", 1.0, Level.LARGE, 0.02), [])]}
    second = {"drift": [_told(Drift("words", 1.0, Level.LARGE, 0.02), [night(1, 1.0)._replace(summary=first)])]}
    assert [one["drift"][0]["unusual"] for one in (first, second)] == [True, False]


def test_a_night_whose_words_the_model_does_not_know_is_told() -> None:
    strange, usual = (_told(Drift("words", 0.0, Level.NONE, 0.02, known=known), []) for known in (0.0, 0.9))
    assert [line for line, _ in drift_lines([strange])] == [
        "warning: the model knows 0% of what customers said here; on chats of which it knows almost nothing it abstains"
    ]
    before = {key: value for key, value in strange.items() if key != "known"}  # told before this was counted
    assert list(drift_lines([usual, before])) == []
