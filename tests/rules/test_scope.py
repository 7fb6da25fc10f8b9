"""Whose turns, how many, after what."""

from __future__ import annotations

import pytest

from qa.errors import PackError
from qa.rules.bench import Bench
from qa.rules.context import house_context
from qa.rules.engine import compile_pack
from qa.rules.operators.keywords import Keywords
from qa.rules.operators.pattern import Pattern
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
    let = LET if {"after", "before", "around"} & set(scope) else {}
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
        ({"after": "b", "reach": 1}, [5]),
        ({"after": "b", "hit": "last"}, [5, 6]),
        ({"before": "b"}, [1]),
        ({"before": "b", "role": "any"}, [0, 1, 2, 3]),
        ({"before": "b", "role": "any", "reach": 2}, [2, 3]),
        ({"before": "b", "role": "any", "reach": 3, "last": 1}, [3]),
        ({"around": "b", "reach": 1}, [1, 5]),
        ({"around": "b", "reach": 1, "role": "any"}, [3, 4, 5]),
        ({"around": "b", "reach": 9, "role": "customer"}, [0, 4]),
        ({"from": 2}, [5, 6]),
        ({"to": 2}, [1, 5]),
        ({"from": 2, "to": 2}, [5]),
        ({"from": 3, "to": 9, "role": "any"}, [2, 3, 4, 5, 6]),
        ({"from": 2, "after": "b", "last": 1}, [6]),
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
        ({"before": "b"}, "客户: 乙\n客服: 在", "no agent turn before b"),
        ({"around": "b", "reach": 1, "role": "bot", "hit": "every"}, "客户: 乙\n客服: 在", "no bot turn"),
        ({"after": "b", "hit": 2}, "客户: 乙\n客服: 在", "b is hit in 1 turn(s) only"),
        ({"after": "b", "hit": "any"}, "客户: 在吗\n客服: 在", "no b"),
        ({"after": "b", "hit": "every"}, "客服: 在\n客户: 乙", "no agent turn after b"),
        ({"from": 2}, "客户: 乙\n客服: 在", "1 agent turn(s) only"),
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


THREE = "客户: 乙一\n客服: 甲\n客户: 乙二\n客服: 丙\n客户: 乙三\n客服: 甲\n客服: 丙"


@pytest.mark.parametrize(
    ("scope", "state", "turns"),
    [
        ({"hit": 1}, "hit", [1]),
        ({"hit": 2}, "miss", [3]),
        ({"hit": 3}, "hit", [5]),
        ({"hit": "last"}, "hit", [5]),
        ({"hit": "any"}, "hit", [1, 5]),
        ({"hit": "every"}, "miss", [3]),
        ({"hit": "every", "reach": 2}, "hit", [1, 5]),
    ],
)
def test_the_kth_any_or_every_hit(judge, scope: dict, state: str, turns: list[int]) -> None:
    condition = {"keywords": {"any": ["甲"], "after": "b", "reach": 1, **scope}}
    answer = judge(condition, THREE, let=LET)
    assert answer.state == state
    if state == "hit":
        assert [turn for turn, _ in answer.quotes] == turns
    else:
        assert judge({"not": condition}, THREE, let=LET).searched == turns


def test_every_hit_is_unknown_where_one_has_no_turn_and_none_is_missed(judge) -> None:
    chat = "客户: 乙一\n客服: 甲\n客户: 乙二"
    every = {"keywords": {"any": ["甲"], "after": "b", "hit": "every"}}
    answer = judge(every, chat, let=LET)
    assert (answer.state, answer.reason) == ("n/a", "no agent turn after b")
    assert judge({"keywords": {"any": ["丁"], "after": "b", "hit": "every"}}, chat, let=LET).state == "miss"
    assert judge({"keywords": {"any": ["甲"], "after": "b", "hit": "any"}}, chat, let=LET).state == "hit"
    assert judge({"keywords": {"any": ["丁"], "after": "b", "hit": "any"}}, chat, let=LET).state == "n/a"
    count = {"turns": {"at_least": 1, "after": "b", "hit": "every"}}
    assert judge({"not": count}, chat, let=LET).finding.value == 0
    assert judge({"not": {"turns": {"at_least": 2, "after": "b", "hit": "any"}}}, chat, let=LET).state == "hit"


@pytest.mark.parametrize(
    ("question", "each", "state"),
    [
        ({"any": ["甲"]}, "any", "hit"),
        ({"any": ["甲"]}, "every", "miss"),
        ({"any": ["甲", "丙"]}, "every", "hit"),
        ({"all": ["甲", "丙"]}, None, "hit"),
        ({"all": ["甲", "丙"]}, "any", "miss"),
        ({"none": ["甲"]}, "any", "hit"),
        ({"none": ["甲"]}, "every", "miss"),
        ({"none": ["丁"]}, "every", "hit"),
    ],
)
def test_each_turn_by_itself(judge, question: dict, each: str | None, state: str) -> None:
    scope = {"turns": each} if each else {}
    assert judge({"keywords": question | scope}, THREE).state == state


def test_the_turns_that_lack_it_are_cited(judge) -> None:
    assert judge({"not": {"keywords": {"any": ["甲"], "turns": "every"}}}, THREE).searched == [3, 6]


@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        ({"after": "b", "before": "b"}, "at most one of after, before, around"),
        ({"hit": 2}, "hit belongs to after, before or around"),
        ({"reach": 2}, "reach belongs to after, before or around"),
        ({"around": "b"}, "around needs reach"),
        ({"from": 3, "to": 2}, "to is less than from"),
        ({"from": 0}, "greater than or equal to 1"),
        ({"after": "b", "hit": 0}, "greater than or equal to 1"),
        ({"turns": "all"}, "'all' is not one of its values (known: any, every)"),
    ],
)
def test_scopes_that_make_no_sense_are_refused(pack_of, scope: dict, reason: str) -> None:
    with pytest.raises(PackError) as caught:
        compile_pack(pack_of({"when": {"keywords": {"any": ["甲"], **scope}}, "let": LET}))
    assert reason in str(caught.value)


@pytest.mark.parametrize("condition", [{"repeated": {"times": 2}}, {"turns": {"at_least": 1}}])
def test_operators_that_compare_turns_have_no_single_ones(pack_of, condition: dict) -> None:
    [(name, body)] = condition.items()
    with pytest.raises(PackError, match="a single turn cannot be judged"):
        compile_pack(pack_of({"when": {name: body | {"turns": "any"}}}))


def test_equal_scopes_and_equal_searches_are_done_once() -> None:
    bench = Bench(lambda _: ("甲",))
    one = Keywords.model_validate({"any": ["甲"], "first": 2})
    one.compile(bench)
    one.compile(bench)
    Pattern.model_validate({"pattern": "乙", "first": 2}).compile(bench)
    Pattern.model_validate({"pattern": "乙", "first": 3}).compile(bench)
    [index] = bench.freeze().values()
    assert (len(index.phrases), len(index.patterns)) == (1, 1)
    assert index.slots == ((0,), (1,))
    assert len(bench._scopes) == 2
