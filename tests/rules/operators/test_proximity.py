from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.errors import PackError
from qa.rules.engine import compile_pack
from qa.rules.operators.proximity import Near

A, B = ["退款"], ["不行"]


def near(**more) -> dict:
    return {"near": {"a": A, "b": B, "negated": True, **more}}


@pytest.mark.parametrize(
    ("text", "chars", "ordered", "quotes"),
    [
        ("退款这边不行", 2, False, ["退款这边不行"]),
        ("退款这边不行", 1, False, None),
        ("不行，退款", 1, False, ["不行，退款"]),
        ("不行，退款", 1, True, None),
        ("不行，退款不行", 5, False, ["退款不行"]),
        ("不行，退款", 0, False, None),
        ("退款", 9, False, None),
        ("不行", 9, False, None),
        ("退款。退款不行", 9, True, ["退款。退款不行", "退款不行"]),
    ],
)
def test_within_characters(judge, text: str, chars: int, ordered: bool, quotes: list[str] | None) -> None:
    answer = judge(near(chars=chars, ordered=ordered), f"客户: 在\n客服: {text}")
    assert answer.state == ("miss" if quotes is None else "hit")
    if quotes:
        assert [quote for _, quote in answer.quotes] == quotes
        assert answer.finding.value == len(quotes)


def test_never_over_the_limit_of_a_turn(judge) -> None:
    assert judge(near(chars=99), "客服: 退款\n客服: 不行").state == "miss"


TURNS = "客服: 退款\n客户: 好\n客服: 好\n客服: 不行\n客服: 退款"


@pytest.mark.parametrize(
    ("within", "ordered", "role", "quotes"),
    [
        (0, False, "agent", None),
        (1, False, "agent", [(3, "不行"), (4, "退款")]),
        (1, True, "agent", None),
        (2, True, "agent", [(0, "退款"), (3, "不行")]),
        (2, True, "any", None),
        (2, False, "agent", [(0, "退款"), (3, "不行"), (4, "退款")]),
    ],
)
def test_within_turns(judge, within: int, ordered: bool, role: str, quotes: list | None) -> None:
    answer = judge(near(within=within, ordered=ordered, role=role), TURNS)
    assert answer.state == ("miss" if quotes is None else "hit")
    assert quotes is None or answer.quotes == quotes


def test_hits_are_counted_and_words_may_come_from_lists(judge) -> None:
    body = {"near": {"a_list": ["x"], "b_list": ["y"], "chars": 4, "at_least": 2}}
    lists = {"x": ("甲",), "y": ("乙",)}
    assert judge(body, "客服: 甲乙\n客服: 甲", wordlists=lists).state == "miss"
    assert judge(body, "客服: 甲乙\n客服: 甲..乙", wordlists=lists).finding.hits == 2


def test_a_question_may_be_left_out(judge) -> None:
    assert judge(near(chars=4, asked="skip"), "客服: 退款不行吗").state == "miss"
    assert judge(near(chars=4, asked="skip"), "客服: 退款不行").state == "hit"


def test_words_that_overlap_are_not_near(judge) -> None:
    body = {"near": {"a": ["全额退"], "b": ["退款"], "chars": 9}}
    assert judge(body, "客服: 全额退款").state == "miss"
    assert judge({"near": {"a": ["退款"], "b": ["全额退"], "chars": 9}}, "客服: 全额退款").state == "miss"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"a": A, "chars": 3}, "give words for b"),
        ({"b_list": ["greeting"], "chars": 3}, "give words for a"),
        ({"a": A, "b": B}, "exactly one of chars, within"),
        ({"a": A, "b": B, "chars": 1, "within": 1}, "exactly one of chars, within"),
    ],
)
def test_mistakes(pack_of, body: dict, reason: str) -> None:
    with pytest.raises(PackError, match=reason):
        compile_pack(pack_of({"when": {"near": body}}))


places = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), unique=True).map(
    lambda found: sorted((turn, 3 * start, 3 * start + 2) for turn, start in found)
)


@given(places, places, st.integers(0, 12), st.booleans())
def test_the_nearest_is_found_as_by_trying_all(ones: list, others: list, chars: int, ordered: bool) -> None:
    operator = Near.model_validate({"a": A, "b": B, "chars": chars, "ordered": ordered})
    expected = 0
    for turn, start, end in ones:
        gaps = [
            (s - end if s >= end else start - e)
            for t, s, e in others
            if t == turn and (s >= end or (e <= start and not ordered))
        ]
        expected += bool(gaps) and min(gaps) <= chars
    assert len(operator._in_turn(ones, others)) == expected
