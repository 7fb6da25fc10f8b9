"""Words that an expression cannot match without: the gate must never hide a match."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from qa.rules.literals import required_words
from qa.rules.pack import load_house


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("难道|凭什么", ("凭什么", "难道")),
        ("(别|不要)再催了?", ("不要再催", "别再催")),
        ("(也|都)*没用[,。]?", ("没用",)),
        ("[说问]了也白", ("说了也白", "问了也白")),
        ("说.{0,4}没用", ("没用",)),
        ("(?:马上)+退款", ("马上",)),
        # one branch asks for nothing that can be looked for
        ("难道|[0-9]+元", ()),
        ("难道|你?", ()),
        ("催", ()),
        ("加我vx", ("加我",)),
        (r"\+(薇|vx?):[a-z]{4}", ("+v:", "+vx:", "+薇:")),
        ("(ok|hi)[!?]", ()),
        ("(?i)难道", ()),
        (r"\d+难道\b", ("难道",)),
        (r"难\x{9053}", ()),
        ("[^难]道理", ("道理",)),
    ],
)
def test_the_words_of_an_expression(pattern: str, words: tuple[str, ...]) -> None:
    assert required_words(pattern) == words


def _patterns(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("regex"), dict):
            yield node["regex"]["pattern"]
        for value in node.values():
            yield from _patterns(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _patterns(value)


HOUSE = sorted({found for rule in load_house().pack.rules for found in _patterns([rule.let, rule.applies, rule.when])})
_LETTERS = sorted({c for pattern in HOUSE for c in pattern if "一" <= c <= "鿿"})


def test_most_expressions_of_the_house_have_such_words() -> None:
    assert sum(bool(required_words(pattern)) for pattern in HOUSE) > len(HOUSE) / 2


@given(st.sampled_from(HOUSE), st.text(st.sampled_from([*_LETTERS[:400], "了", "的", "您", "不", ","]), max_size=30))
def test_no_match_without_one_of_the_words(pattern: str, text: str) -> None:
    words = required_words(pattern)
    if words and re2.search(pattern, text):
        assert any(word in text for word in words)


@pytest.mark.parametrize("pattern", HOUSE)
def test_no_example_of_the_house_is_hidden(pattern: str) -> None:
    words = required_words(pattern)
    compiled = re2.compile(pattern)
    lines = [line for rule in load_house().pack.rules for chat in rule.examples.bad for line in chat.splitlines()]
    hidden = [line for line in lines if words and compiled.search(line) and not any(word in line for word in words)]
    assert hidden == []
