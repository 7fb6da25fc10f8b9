from __future__ import annotations

import pytest
from rule_bench import make_pack

from qa.rules.context import house_context
from qa.rules.examples import branches, read_example
from qa.rules.nearly import ON_THE_SPOT
from qa.rules.pack import Located, load_house
from qa.rules.why import Why, decided, told
from qa.rules.yamlfile import parse_yaml
from qa.sources.plain import parse_plain


def ask(rule: dict, text: str) -> tuple[str, list[str]]:
    pack = make_pack(rule)
    context = house_context(pack)
    [chat] = parse_plain(text, context.zone)
    answers = Why(pack, pack.rules[0]).of(chat, context)
    return decided(answers, chat), [told(one, chat) for one in answers]


CHAT = "客户: 能退吗\n客服: 您好\n客服: 不行"
NOT_FOUND = "keywords {any: [抱歉]}: not hit, nothing in turns 1, 2"
FOUND, ABSENT = {"keywords": {"any": ["不行"]}}, {"keywords": {"any": ["抱歉"]}}


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        (ABSENT, "keywords {any: [抱歉]}: not hit, nothing in turns 1, 2"),
        ({"keywords": {"none": ["您好"]}}, "keywords {none: [您好]}: not hit, “您好” in turn 1"),
        ({"keywords": {"none_list": ["greeting"]}}, "keywords {none_list: [greeting]}: not hit, “您好” in turn 1"),
        ({"not": FOUND}, "keywords {any: [不行]}: hit, “不行” in turn 2"),
        ({"all": [FOUND, ABSENT, ABSENT]}, "keywords {any: [抱歉]}: not hit, nothing in turns 1, 2"),
        (
            {"any": [ABSENT, ABSENT, ABSENT]},
            f"{NOT_FOUND}; {NOT_FOUND}; and 1 more conditions",
        ),
        ({"at_least": {"n": 2, "of": [FOUND, ABSENT]}}, "keywords {any: [抱歉]}: not hit, nothing in turns 1, 2"),
        ({"transfers": {"at_least": 1}}, "transfers {at_least: 1}: not hit, figure 0"),
        ({"field": {"field": "csat", "at_most": 2}}, "field {field: csat, at_most: 2}: not applicable (csat unknown)"),
    ],
)
def test_what_decided(when: dict, reason: str) -> None:
    assert ask({"when": when}, CHAT)[0] == reason


def test_every_condition_is_told_in_the_order_of_the_pack() -> None:
    rule = {"let": {"refused": FOUND}, "applies": {"turns": {"at_least": 2}}, "when": {"not": {"named": "refused"}}}
    assert ask(rule, CHAT)[1] == [
        "keywords {any: [不行]}: hit, “不行” in turn 2",
        "turns {at_least: 2}: hit, “您好” in turn 1 and 1 more, figure 2",
        "not: not hit",
        "named refused: hit, “不行” in turn 2",
    ]


def test_a_rule_that_passes_always_has_a_reason() -> None:
    pack = load_house().pack
    context = house_context(pack)
    for rule in pack.rules:
        asked = Why(pack, rule)
        for text in rule.examples.good:
            chats, around = read_example(text, context)
            assert all(decided(asked.of(chat, around), chat) for chat in chats)


def test_branches_that_examples_leave_untried() -> None:
    examples = {"bad": ["客户: 能退吗\n客服: 不行"], "good": ["客户: 能退吗\n客服: 可以"]}
    pack = make_pack({"when": {"any": [FOUND, ABSENT]}, "examples": examples})
    document = parse_yaml("rules:\n  - id: rule\n    when: {any: [{keywords: {}}, {keywords: {}}]}\n", "own.yaml")
    tried = branches(Located(pack, {"rule": (document, ("rules", 0))}))
    assert (tried.tried, tried.total) == (3, 4)
    [one] = tried.untried
    assert (one.rule, one.never, one.what) == ("rule", "hit", "keywords {any: [抱歉]}")
    assert one.where.startswith("own.yaml:3:")


PASSED_OVER = (
    "客户: 能加你微信吗\n客服: 不能加微信哦\n客服: 您说的“最好”\n客服: 能退款吗\n客服: 微❤信\n客服: 再见，再见"
)


@pytest.mark.parametrize(
    ("when", "passed_over"),
    [
        ({"keywords": {"any": ["抱歉"]}}, ""),
        (
            {"keywords": {"any": ["加微信"]}},
            "passed over “加微信” in turn 1: denied or warned of (negated: true counts it)",
        ),
        ({"keywords": {"any": ["退款"], "asked": "skip"}}, "passed over “退款” in turn 3: left out by asked"),
        ({"keywords": {"any": ["再见"], "first": 2}}, "passed over “再见” in turn 5: outside the turns in scope"),
        ({"keywords": {"none": ["再见"], "first": 2}}, "passed over “再见” in turn 5: outside the turns in scope"),
        ({"keywords": {"any": ["加你微信"]}}, "passed over “加你微信” in turn 0: by somebody else (role)"),
        ({"keywords": {"any": ["再见"], "at_least": 3}}, "passed over “再见” in turn 5: too few (at_least, different)"),
        ({"keywords": {"any": ["再见"], "turns": "every"}}, ""),
        (
            {"keywords": {"any": ["微信"], "except": ["微信哦"], "negated": True}},
            "passed over “微信” in turn 1: within a longer phrase of except",
        ),
        (
            {"regex": {"pattern": "^微信$"}},
            "passed over “微❤信” in turn 4: in disguise (match: squash finds it)",
        ),
        ({"keywords": {"all": ["再见", "您好"]}}, "missing: 您好"),
        ({"points": {"points": [["您好", "你好"], "apology", ["再见"]]}}, "missing: 您好 / 你好, apology"),
        (
            {"near": {"a": ["再见"], "b": ["退款"], "within": 9, "ordered": True}},
            "passed over “退款” in turn 3, figure 2: in another order (ordered)",
        ),
        (
            {"near": {"a": ["退"], "b": ["吗"], "chars": 0}},
            "passed over “退款吗” in turn 3, figure 1: beyond the limit",
        ),
        ({"keywords": {"any": ["${"], "first": 1}}, ""),
    ],
)
def test_what_was_passed_over(when: dict, passed_over: str) -> None:
    pack = make_pack({"when": when})
    context = house_context(pack)
    [chat] = parse_plain(PASSED_OVER, context.zone)
    why = Why(pack, pack.rules[0])
    [answer] = why.of(chat, context)
    said = told(answer, chat, why.nearly(answer, chat, context))
    assert said.removeprefix(told(answer, chat)).removeprefix("; ") == passed_over


def test_a_scope_keeps_its_named_condition_when_a_closer_look_is_taken() -> None:
    rule = {
        "let": {"asked": {"keywords": {"any": ["退款"]}}},
        "when": {"keywords": {"any": ["再见"], "before": "asked"}},
    }
    pack = make_pack(rule)
    context = house_context(pack)
    [chat] = parse_plain(PASSED_OVER, context.zone)
    why = Why(pack, pack.rules[0])
    answers = why.of(chat, context)
    line = decided(answers, chat, lambda answer: why.nearly(answer, chat, context))
    assert line.endswith("passed over “再见” in turn 5: outside the turns in scope")
    assert "passed over" not in decided(answers, chat, lambda answer: why.nearly(answer, chat, context, ON_THE_SPOT))
