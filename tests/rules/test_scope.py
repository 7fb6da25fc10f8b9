"""Whose turns, how many, after what."""

from __future__ import annotations

import pytest

from qa.rules.context import house_context
from qa.rules.engine import compile_pack
from qa.sources.plain import parse_plain

CHAT = """\
客户: 甲零
客服: 甲一
机器人: 甲二
系统: 甲三
客户: 甲四 乙
客服: 甲五
客服: 甲六
客服[撤回]: 甲七
客服[私密]: 甲八
客服[image]: 甲九"""
LET = {"b": {"keywords": {"any": ["乙"], "role": "customer"}}}


def turns(judge, **scope) -> list[int]:
    let = LET if "after" in scope else {}
    return [turn for turn, _ in judge({"keywords": {"any": ["甲"], **scope}}, CHAT, let=let).quotes]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({}, [1, 5, 6]),
        ({"role": "agent"}, [1, 5, 6]),
        ({"role": "customer"}, [0, 4]),
        ({"role": "bot"}, [2]),
        ({"role": "system"}, [3]),
        ({"role": "any"}, [0, 1, 2, 3, 4, 5, 6]),
        ({"first": 1}, [1]),
        ({"first": 2}, [1, 5]),
        ({"first": 9}, [1, 5, 6]),
        ({"last": 1}, [6]),
        ({"last": 2}, [5, 6]),
        ({"first": 2, "last": 1}, [5]),
        ({"after": "b"}, [5, 6]),
        ({"after": "b", "first": 1}, [5]),
        ({"after": "b", "last": 1}, [6]),
        ({"after": "b", "role": "any"}, [5, 6]),
    ],
)
def test_scope(judge, scope: dict, expected: list[int]) -> None:
    assert turns(judge, **scope) == expected


@pytest.mark.parametrize(
    ("scope", "chat", "reason"),
    [
        ({}, "客户: 在吗", "no agent turn"),
        ({"role": "customer"}, "客服: 在", "no customer turn"),
        ({"role": "any"}, "客服[撤回]: 在", "no turn"),
        ({"after": "b"}, "客户: 在吗\n客服: 在", "no b"),
        ({"after": "b"}, "客服: 在\n客户: 乙", "no agent turn after b"),
    ],
)
def test_nothing_in_scope_is_not_applicable_with_its_reason(judge, scope: dict, chat: str, reason: str) -> None:
    for question in ("any", "all", "none"):
        answer = judge({"keywords": {question: ["甲"], **scope}}, chat, let=LET)
        assert (answer.state, answer.reason) == ("n/a", reason)


def test_after_a_condition_that_is_at_no_turn(judge) -> None:
    let = {"low": {"field": {"field": "csat", "at_most": 2}}}
    answer = judge({"keywords": {"any": ["甲"], "after": "low"}}, "# c-1 csat=1\n客户: 甲\n客服: 甲", let=let)
    assert (answer.state, answer.reason) == ("n/a", "low is at no turn")


def test_two_rules_may_give_one_name_to_different_conditions(pack_of) -> None:
    rules = [
        {"id": word, "let": {"x": {"keywords": {"any": [word], "role": "customer"}}}, "when": when}
        for word, when in (
            ("aa", {"keywords": {"any": ["甲"], "after": "x"}}),
            ("bb", {"keywords": {"any": ["甲"], "after": "x"}}),
        )
    ]
    pack = pack_of(*rules)
    [chat] = parse_plain("客户: aa\n客服: 甲\n客户: bb\n客服: 甲")
    findings = compile_pack(pack).judge(chat, house_context(pack), "2026-11-20").findings
    assert {f.rule: [e.turn for e in f.evidence] for f in findings} == {"aa": [1, 3], "bb": [3]}


def test_an_unknown_name_is_a_mistake(mistake) -> None:
    text = """\
pack: p
version: "1"
name: {zh: 包, en: Pack}
rules:
  - id: one
    name: {zh: 一, en: One}
    dimension: process
    severity: minor
    message: {zh: 一, en: One}
    when: {keywords: {any: [甲], after: nowhere}}
"""
    assert (
        mistake(text)
        == "10:12: rules.0.when.keywords: no condition is named 'nowhere' in this rule's 'let' (there: none)"
    )
