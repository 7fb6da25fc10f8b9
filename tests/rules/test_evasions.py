"""Red lines written around a filter are caught, and sentences built of the same words are not: two sets that grow."""

from __future__ import annotations

import sys
from collections import Counter
from functools import lru_cache

import pytest
from evasions import WAYS, Evasion, RedLines, evasions, innocent

from qa.rules.engine import red_lines
from qa.rules.pack import load_house
from qa.text import Level, fold

SPELLINGS = 25
CAUGHT = 0.95
CROSSED = 0.01


@pytest.fixture(scope="module")
def judge() -> RedLines:
    return RedLines()


@lru_cache(maxsize=1)
def made() -> tuple[Evasion, ...]:
    return tuple(evasions())


RULES = red_lines(load_house().pack)


def test_every_red_line_has_phrases_and_every_phrase_is_written_in_many_ways() -> None:
    spellings = Counter((e.rule, e.phrase) for e in made() if e.way != "plain")
    assert {rule for rule, _ in spellings} == set(RULES)
    assert [phrase for phrase, number in spellings.items() if number < SPELLINGS] == []


def test_every_way_is_used() -> None:
    assert {name for e in made() for name in e.way.split(" + ")} - {"plain", "by hand"} == set(WAYS)


@pytest.mark.parametrize("rule", RULES)
def test_red_lines_are_caught_however_they_are_written(judge: RedLines, rule: str) -> None:
    mine = [e for e in made() if e.rule == rule]
    missed = [e for e in mine if rule not in judge.quotes(e.text)]
    by_hand = [e for e in mine if e.way == "by hand"]
    for e in missed:
        sys.stdout.write(f"missed: {e.phrase} as {e.text!r} ({e.way})\n")
    assert [e for e in missed if e.way == "plain"] == []
    assert 1 - len(missed) / len(mine) >= CAUGHT
    # what nobody can compute is what a filter is really tried by
    assert 1 - sum(e.way == "by hand" for e in missed) / len(by_hand) >= CAUGHT


@pytest.mark.parametrize("rule", RULES)
def test_a_quote_is_what_was_written(judge: RedLines, rule: str) -> None:
    """A quote begins and ends with a character of the phrase, never with what was put between."""
    for e in made():
        if e.rule == rule and e.way in ("plain", "spaces", "strokes", "split + emoji", "flags", "keycaps"):
            quote = judge.quotes(e.text).get(rule)
            assert quote is None or (quote in e.text and fold(quote[0], Level.SQUASH) and fold(quote[-1], Level.SQUASH))


def test_innocent_sentences_cross_no_red_line(judge: RedLines) -> None:
    sentences = innocent()
    crossed = {text: quotes for text in sentences if (quotes := judge.quotes(text))}
    for text, quotes in crossed.items():
        sys.stdout.write(f"wrong: {quotes} in {text}\n")
    assert len(sentences) == len(set(sentences)) >= 300
    assert len(crossed) / len(sentences) <= CROSSED
