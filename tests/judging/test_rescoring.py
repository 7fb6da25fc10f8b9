from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import chat_kit
import night_kit
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from qa.judging.page import read_raw
from qa.judging.rescoring import Claimed, Scorer, rules_of
from qa.nightly.standard import standard_for
from qa.rules.inspector import Standard
from qa.store.session import read_tx

REPEATED = """\
pack: repeats
version: "1"
name: {zh: 屡犯, en: Repeats}
rules:
  - id: again
    name: {zh: 屡犯, en: Again}
    dimension: process
    severity: minor
    deduct: 4
    repeat: {within_days: 30, deduct: [6, 10]}
    message: {zh: "又", en: "again"}
    when: {keywords: {any: [又]}}
  - id: other
    name: {zh: 其他, en: Other}
    dimension: process
    severity: minor
    deduct: 10
    message: {zh: "别", en: "other"}
    when: {keywords: {any: [别]}}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Standard:
    """The small standard."""
    return chat_kit.standard(tmp_path_factory.mktemp("standard"))


def test_nothing_changed_is_the_machine_s_own_score(engine_of_chats: Engine) -> None:
    with read_tx(engine_of_chats) as connection:
        for row in night_kit.rows(engine_of_chats, "inspections", "id"):
            raw = read_raw(connection, row["id"])
            card = raw.scorer.final()
            assert card.total == row["score"]
            assert [line.points for line in card.lines] == [line["points"] for line in raw.history.card]


@pytest.fixture
def engine_of_chats(store_engine: Engine, tmp_path: Path) -> Engine:
    """A day of odd chats under the house standard, on each of the two databases."""
    night_kit.bring_in(store_engine, tmp_path, night_kit.day_of_chats(60))
    night_kit.night(store_engine)
    return store_engine


def test_points_come_back_and_are_taken(small: Standard) -> None:
    scorer = Scorer(small, [Claimed("dont-know", 1, -35.0), Claimed("add-wechat", 1, -65.0)], ["polite"])
    assert scorer.final().total == 0
    assert scorer.final({"add-wechat"}).total == 65
    assert scorer.final({"add-wechat", "dont-know"}).total == 100
    assert scorer.final({"add-wechat"}, {"too-slow": 1}).total == 50
    assert scorer.final({"add-wechat"}, {"too-slow": 2}).total == 35
    assert scorer.final({"add-wechat"}, {"too-slow": 9, "no-such-rule": 1}).total == 35
    assert scorer.final({"add-wechat"}, {"polite": 1}).total == 67
    assert scorer.final((), {"add-wechat": 1}).red_line


NAMES = ("dont-know", "too-slow", "add-wechat", "rude", "polite")


SOME, TIMES = st.sets(st.sampled_from(NAMES)), st.dictionaries(st.sampled_from(NAMES), st.integers(1, 5))


@given(SOME, SOME, TIMES)
def test_lines_always_add_up(small: Standard, found: set[str], overturned: set[str], missed: dict[str, int]) -> None:
    card = Scorer(small, [Claimed(name, 1, 0.0) for name in sorted(found)], []).final(overturned, missed)
    assert round(sum(line.points for line in card.lines), 2) == card.total
    assert card.red_line == ("add-wechat" in (found - overturned) | set(missed))


@pytest.mark.parametrize("lost", [4.0, 6.0, 10.0])
def test_what_a_repeated_offence_took_is_told_by_its_points(tmp_path: Path, lost: float) -> None:
    path = tmp_path / "repeats.yaml"
    path.write_text(REPEATED, "utf-8")
    taken = -round(lost / 20 * 100, 2)
    scorer = Scorer(standard_for(path, None), [Claimed("again", 1, taken)], [])
    assert scorer.final().points() == {"again": taken}
    assert scorer.final((), {"other": 1}).total == round(100 + taken - 50, 2)


def test_rules_that_can_be_missed(small: Standard) -> None:
    every = [rule.id for rule in rules_of(small, "2026-11-20")]
    assert every == ["dont-know", "too-slow", "add-wechat", "rude", "polite"]
    assert "rude" not in [rule.id for rule in rules_of(small, "2026-11-20", {"rude"})]


def test_order_of_verdicts_does_not_matter(small: Standard) -> None:
    totals: set[Any] = set()
    for order in itertools.permutations(["dont-know", "too-slow", "rude"]):
        scorer = Scorer(small, [Claimed(name, 1, 0.0) for name in order], [])
        totals.add(scorer.final({"rude"}).total)
    assert len(totals) == 1
