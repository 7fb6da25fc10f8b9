"""What an expression cannot match without: the gate must never hide a match."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from qa.rules.literals import Required, required
from qa.rules.pack import load_house


@pytest.mark.parametrize(
    ("pattern", "words", "characters"),
    [
        ("难道|凭什么", ["凭什么", "难道"], []),
        ("(别|不要)再催了?", ["不要再催", "别再催"], []),
        ("(也|都)*没用[,。]?", ["没用"], []),
        ("[说问]了也白", ["说了也白", "问了也白"], []),
        ("说.{0,4}没用", ["没用"], []),
        ("(?:马上)+退款", ["马上"], []),
        ("加我vx", ["加我"], []),
        (r"\+(薇|vx?):[a-z]{4}", ["+v:", "+vx:", "+薇:"], []),
        (r"\d+难道\b", ["难道"], []),
        ("[^难]道理", ["道理"], []),
        # alternatives without such words are told by their characters
        ("催", [], ["催"]),
        ("难道|[七八]+元", ["难道"], ["七八 元"]),
        ("扫.{0,8}[码马]|q{2,}", [], ["q扫 q码马"]),
        ("(ok|hi)[!?]", [], ["ho ik"]),
        ("[a-c]+退?", [], ["abc"]),
        (r"[]\-x]退[]-]", [], ["退"]),
        (r"[a\]]款", [], ["款"]),
        ("[[:alpha:]]款", [], ["款"]),
        (r"难\x{9053}", [], ["难"]),
        # nothing is told
        ("难道|你?", [], [""]),
        ("难道|.{3}", [], [""]),
        ("(?i)难道", [], [""]),
    ],
)
def test_what_an_expression_asks_for(pattern: str, words: list[str], characters: list[str]) -> None:
    told = required(pattern)
    sets = [" ".join(sorted("".join(sorted(one)) for one in alternative)) for alternative in told.characters]
    assert (list(told.words), sets) == (words, characters)


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


def test_all_expressions_of_the_house_ask_for_something() -> None:
    """One that asks for nothing is sought in every chat; then it should be written otherwise."""
    assert [pattern for pattern in HOUSE if () in required(pattern).characters] == []


def _opened(told: Required, text: str) -> bool:
    by_characters = (all(any(c in text for c in one) for one in sets) for sets in told.characters)
    return any(word in text for word in told.words) or any(by_characters)


@given(st.sampled_from(HOUSE), st.text(st.sampled_from([*_LETTERS[:400], "了", "的", "您", "不", ","]), max_size=30))
def test_no_match_without_what_it_asks_for(pattern: str, text: str) -> None:
    assert re2.search(pattern, text) is None or _opened(required(pattern), text)


@pytest.mark.parametrize("pattern", HOUSE)
def test_no_example_of_the_house_is_hidden(pattern: str) -> None:
    told, compiled = required(pattern), re2.compile(pattern)
    lines = [line for rule in load_house().pack.rules for chat in rule.examples.bad for line in chat.splitlines()]
    assert [line for line in lines if compiled.search(line) and not _opened(told, line)] == []


def test_every_process_chooses_the_same_words_and_characters(root: Path) -> None:
    program = """
from qa.rules.engine import compile_pack, red_lines
from qa.rules.pack import load_house
pack = load_house().pack
for index in compile_pack(pack, only=red_lines(pack)).indexes:
    print(index.phrases, [(which, list(map(sorted, sets))) for which, sets in index.by_characters])
"""
    said = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=root, env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]  # fmt: skip
    assert len(set(said)) == 1
