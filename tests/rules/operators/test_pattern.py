from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_bench import make_pack

from qa.errors import PackError
from qa.rules.context import house_context
from qa.rules.engine import compile_pack
from qa.types import Chat, Message, Role


def say(judge, text: str, **regex):
    return judge({"regex": regex}, f"客户: 在吗\n客服: {text}")


@pytest.mark.parametrize(
    ("regex", "text", "quotes"),
    [
        ({"pattern": "加.{0,2}微信"}, "加我微信，加微信", ["加我微信", "加微信"]),
        ({"pattern": "vx[0-9]{3}"}, "ＶＸ１２３", ["ＶＸ１２３"]),
        ({"pattern": "^您好$"}, "您好", ["您好"]),
        ({"pattern": "甲|乙"}, "乙甲", ["乙", "甲"]),
        ({"pattern": "1[0-9]{10}", "match": "squash"}, "打138-0013 8000", ["138-0013 8000"]),
        ({"pattern": "[0-9]{5}"}, "1234567", ["12345"]),
        ({"pattern": "微信", "except": "微信支付"}, "微信支付，微信", ["微信"]),
        ({"pattern": "甲", "at_least": 2}, "甲甲", ["甲", "甲"]),
        ({"pattern": "微信", "negated": True}, "不能加微信", ["微信"]),
        ({"pattern": "最好", "quoted": True}, "“最好”", ["最好"]),
        ({"pattern": "5kg"}, "5㎏", ["5㎏"]),
        ({"pattern": "a*甲?"}, "甲", ["甲"]),
    ],
)
def test_hits_with_exact_quotes(judge, regex: dict, text: str, quotes: list[str]) -> None:
    assert [quote for _, quote in say(judge, text, **regex).quotes] == quotes


@pytest.mark.parametrize(
    ("regex", "text"),
    [
        ({"pattern": "vx"}, "avx"),
        ({"pattern": "微信", "except": "信支付"}, "微信支付"),
        ({"pattern": "甲", "at_least": 2}, "甲"),
        ({"pattern": "微信"}, "不能加微信"),
        ({"pattern": "最好"}, "“最好”"),
        ({"pattern": "a*"}, "甲"),
    ],
)
def test_misses(judge, regex: dict, text: str) -> None:
    assert say(judge, text, **regex).state == "miss"


@pytest.mark.parametrize("pattern", ["甲[^丁]*乙", r"甲\s乙", "(?s)甲.乙", r"甲\n乙", "甲\\W+乙"])
def test_no_match_runs_from_turn_to_turn(judge, pattern: str) -> None:
    assert judge({"regex": {"pattern": pattern, "role": "any"}}, "客户: 甲\n客服: 乙").state == "miss"


def test_a_match_of_its_own_turn_is_kept_beside_one_that_ran_over(judge) -> None:
    answer = judge({"regex": {"pattern": "甲[^丁]*乙", "role": "any"}}, "客户: 甲\n客服: 乙 甲-乙\n客服: 丁甲乙")
    assert answer.quotes == [(1, "甲-乙"), (2, "甲乙")]


def test_a_line_break_inside_a_turn_is_a_blank(judge) -> None:
    assert judge({"regex": {"pattern": "甲 乙"}}, "客户: 在\n客服: 甲\\n乙").quotes == [(1, "甲\n乙")]


def test_no_turn_is_not_applicable(judge) -> None:
    assert judge({"regex": {"pattern": "甲"}}, "客户: 甲").reason == "no agent turn"


def test_pathological_patterns_end() -> None:
    pack = make_pack({"when": {"regex": {"pattern": "(您好|您好呀?|您)*退款$", "role": "any"}}})
    chat = Chat("c", tuple(Message(Role.CUSTOMER, "您好" * 20_000 + end) for end in ("退", "退款", "款")))
    [finding] = compile_pack(pack).judge(chat, house_context(pack), "2026-11-20").findings
    assert [place.turn for place in finding.evidence] == [1]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "missing )"),
        ("a{2,1}", "repetition"),
        (r"(a)\1", "escape"),
        ("(?=a)", "(?="),
        ("", "at least 1 character"),
    ],
)
def test_what_re2_does_not_accept_is_a_mistake(judge, pattern: str, reason: str) -> None:
    for regex in ({"pattern": pattern}, {"pattern": "a", "except": pattern}):
        with pytest.raises(PackError) as caught:
            say(judge, "甲", **regex)
        assert reason in str(caught.value)


def test_a_pattern_that_asks_for_nothing_is_sought_everywhere() -> None:
    compiled = compile_pack(make_pack({"id": "long", "when": {"regex": {"pattern": "^.{5}$", "role": "any"}}}))
    chats = [Chat(str(n), (Message(Role.CUSTOMER, "字" * n),)) for n in range(1, 9)]
    context = house_context(make_pack())
    assert compiled.fired(chats[4], context, "2026-11-20") == ("long",)
    fired = compiled.fired_many([(chat, context) for chat in chats], "2026-11-20")
    assert fired == [("long",) if len(chat.messages[0].text) == 5 else () for chat in chats]


texts = st.lists(st.text(st.sampled_from("甲乙丁ab１½㎏\u200b😀\n\0 x"), max_size=10), min_size=1, max_size=5)


@pytest.mark.slow
@given(
    texts,
    st.sampled_from(["甲.*乙", "[^丁]+", "(?s).+", "a|b", "kg|12", "^.", ".$"]),
    st.sampled_from(["fold", "squash"]),
)
def test_quotes_are_exact(many: list[str], pattern: str, match: str) -> None:
    pack = make_pack({"when": {"regex": {"pattern": pattern, "match": match, "role": "any"}}})
    chat = Chat("c", tuple(Message(Role.CUSTOMER, text) for text in many))
    opinion = compile_pack(pack).judge(chat, house_context(pack), "2026-11-20")
    assert opinion.broken == ()
    for finding in opinion.findings:
        for place in finding.evidence:
            assert place.quote
            assert chat.messages[place.turn].text[place.start : place.end] == place.quote
