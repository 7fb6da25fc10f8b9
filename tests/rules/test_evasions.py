"""Red lines written around a filter are caught, and sentences built of the same words are not: two sets that grow."""

from __future__ import annotations

import sys
from collections import Counter
from functools import lru_cache

import pytest
from evasions import SUSPECTED, WAYS, Evasion, RedLines, Sentence, evasions, innocent, sentences

from qa.rules.engine import red_lines
from qa.rules.pack import load_house
from qa.text import Level, fold

SPELLINGS = 25
CAUGHT = 0.95
CROSSED = 0.01
SEEN, HELD_OUT = 0.95, 0.54
"""Of the sentences in disguise that menders may look at, and of those they may not: a little under what is measured."""
WITH_SUSPECTED, WRONGLY_SUSPECTED = 0.72, 0.02
"""Of those they may not, with the rule that learns besides; and of the innocent ones."""


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


def told(judge: RedLines, *, seen: bool) -> dict[Sentence, bool]:
    """Whether each evasive sentence of a half crosses its red line."""
    return {s: s.rule in judge.quotes(s.text) for s in sentences() if s.seen is seen and s.rule}


@pytest.mark.parametrize(("seen", "share"), [(True, SEEN), (False, HELD_OUT)])
def test_the_share_of_evasive_sentences_that_is_caught(judge: RedLines, *, seen: bool, share: float) -> None:
    caught = told(judge, seen=seen)
    for sentence in caught if seen else ():  # those held out are for counting only
        if not caught[sentence]:
            sys.stdout.write(f"missed: {sentence.text}\n")
    assert len(caught) >= 100
    assert {sentence.rule for sentence in caught} == set(RULES)
    assert sum(caught.values()) / len(caught) >= share


def test_the_rule_that_learns_finds_more_of_what_it_has_not_seen() -> None:
    judge = RedLines(SUSPECTED)
    held = {s: judge.quotes(s.text) for s in sentences() if not s.seen}
    evasive = [quotes for s, quotes in held.items() if s.rule]
    innocent_ones = [quotes for s, quotes in held.items() if not s.rule]
    assert sum(map(bool, evasive)) / len(evasive) >= WITH_SUSPECTED
    assert sum(SUSPECTED in quotes for quotes in innocent_ones) / len(innocent_ones) <= WRONGLY_SUSPECTED


def test_nothing_that_is_held_out_is_learned_from() -> None:
    lists = load_house().pack.wordlists
    learned_from = {fold(one, Level.SQUASH) for name in ("red_sentences", "red_innocent") for one in lists[name]}
    held = {fold(s.text.split(">>")[-1], Level.SQUASH) for s in sentences() if not s.seen}
    assert not held & learned_from


def test_innocent_sentences_of_either_half_cross_no_red_line(judge: RedLines) -> None:
    for seen in (True, False):
        plain = [s.text for s in sentences() if s.seen is seen and s.rule is None]
        assert sum(bool(judge.quotes(text)) for text in plain) / len(plain) <= CROSSED


def test_no_sentence_is_there_twice() -> None:
    texts = [s.text for s in sentences()]
    assert [text for text, number in Counter(texts).items() if number > 1] == []


def test_a_word_cut_over_two_messages_is_quoted_from_both(judge: RedLines) -> None:
    assert "red-off-platform" in judge.quotes("加我||微||信")
    assert judge.quotes("您加我购物车||微||信") == {}
