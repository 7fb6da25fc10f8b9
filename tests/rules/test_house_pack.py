"""The house pack: every example of every rule is a test by itself."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from qa.policy import Policy
from qa.rules.advice import dimension_weights, warnings
from qa.rules.context import house_context
from qa.rules.engine import compile_pack, red_lines
from qa.rules.examples import branches, check_examples, count_examples, outcome, read_example
from qa.rules.inspector import Inspector, Standard, load_scorecard
from qa.rules.pack import Pack, Rule, load_house
from qa.sources.plain import parse_plain
from qa.types import Dimension

LOCATED = [load_house()]  # the presets beside it: test_presets.py
EXPECTED = {"bad": "fires", "good": "passes", "na": "not applicable"}


@pytest.mark.parametrize("rule", load_house().pack.rules, ids=lambda rule: rule.id)
def test_examples(rule: Rule) -> None:
    located = load_house()
    compiled, context = compile_pack(located, only=[rule.id]), house_context(located.pack)
    for kind, expected in EXPECTED.items():
        for text in getattr(rule.examples, kind):
            chats, around = read_example(text, context)
            assert [(outcome(compiled, chat, around, rule), text) for chat in chats] == [(expected, text)]


def test_all_but_a_few_conditions_are_tried_by_the_examples() -> None:
    tried = branches(load_house())
    assert len(tried.untried) <= 0.01 * tried.total  # qa rules test --untried lists them


@pytest.mark.parametrize("located", LOCATED, ids=lambda located: located.pack.id)
def test_examples_agree_with_the_command(located) -> None:
    assert list(check_examples(located)) == []
    assert count_examples(located) >= 2 * len(located.pack.rules)


def house() -> Pack:
    return load_house().pack


def test_the_house_pack_is_whole() -> None:
    rules = house().rules
    assert len(rules) >= 20
    assert {rule.dimension for rule in rules if rule.deduct} == set(Dimension)
    assert len(red_lines(house())) >= 4
    assert sum(bool(rule.bonus) for rule in rules) >= 2
    assert all(rule.examples.bad and rule.examples.good for rule in rules)
    assert all(points > 0 for points in dimension_weights(house()).values())


@pytest.mark.parametrize("rule", [rule for rule in house().rules if rule.red_line], ids=lambda rule: rule.id)
def test_a_red_line_is_critical_and_has_no_points(rule) -> None:
    assert (rule.severity, rule.deduct, rule.bonus) == ("critical", 0, 0)


def test_the_house_pack_has_no_warning_but_missing_na_examples() -> None:
    assert [line for line in warnings(house(), house()) if not line.startswith("no na example")] == []


def test_a_pack_survives_storage() -> None:
    again = Pack.model_validate(house().as_json())
    assert (again, again.hash) == (house(), house().hash)


def test_a_standard_survives_storage() -> None:
    standard = Standard(pack=house(), scorecard=load_scorecard(None))
    again = Standard.model_validate(standard.as_json())
    assert again.hash == standard.hash
    Inspector(again, Policy(), ZoneInfo("Asia/Shanghai"))


@pytest.mark.parametrize(
    "text",
    [
        "客户: 多少钱\n客服: 这款支持 avx512 指令集，加我购物车即可",
        "客户: 在吗\n客服: which one do you want",
        "客户: 型号\n客服: 这台有 USB 接口",
        "客户: 怎么联系\n客服: 请在平台内联系我们",
    ],
)
def test_ordinary_words_cross_no_red_line(house_rules, text: str) -> None:
    [chat] = parse_plain(text)
    opinion = house_rules.judge(chat, house_context(house()), "2026-11-20")
    assert {finding.rule for finding in opinion.findings} & set(red_lines(house())) == set()
