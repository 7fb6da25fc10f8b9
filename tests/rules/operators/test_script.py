from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.errors import PackError
from qa.rules.engine import compile_pack
from qa.rules.operators.script import _in_order

CLOSING = "感谢您的耐心等待，祝您生活愉快"


def chat(*texts: str) -> str:
    return "客户: 在\n" + "\n".join(f"客服: {text}" for text in texts)


@pytest.mark.parametrize(
    ("text", "more", "state"),
    [
        (CLOSING, {"similarity": 100}, "hit"),
        ("感谢您的 耐心等待。祝您生活愉快！", {"similarity": 100}, "hit"),
        ("感谢亲的耐心等待祝生活愉快", {}, "hit"),
        ("订单已经发出了，" + CLOSING, {"similarity": 90}, "miss"),
        ("订单已经发出了，" + CLOSING, {"similarity": 90, "by": "part"}, "hit"),
        ("订单已经发出了", {}, "miss"),
        ("感谢", {"by": "part"}, "miss"),
        ("感谢", {"by": "part", "min_length": 2}, "hit"),
        ("😀", {"min_length": 1}, "miss"),
    ],
)
def test_similar(judge, text: str, more: dict, state: str) -> None:
    assert judge({"similar": {"templates": [CLOSING], **more}}, chat(text)).state == state


def test_similar_says_how_much_and_where(judge) -> None:
    body = {"similar": {"list": ["scripts"], "similarity": 80}}
    answer = judge(body, chat("好", "祝您生活愉快呀", "祝您生活愉快"), wordlists={"scripts": ("祝您生活愉快",)})
    assert (answer.finding.value, [turn for turn, _ in answer.quotes]) == (100, [2, 3])
    body["similar"]["at_least"] = 3
    assert judge({"not": body}, chat("好"), wordlists={"scripts": ("祝您生活愉快",)}).searched == [1]


POINTS = [["您好", "你好"], ["请问"], ["订单号", "单号"]]


@pytest.mark.parametrize(
    ("texts", "more", "made"),
    [
        (["您好，请问订单号"], {}, 3),
        (["单号", "请问", "你好"], {}, 3),
        (["您好", "单号"], {}, None),
        (["您好", "单号"], {"may_miss": 1}, 2),
        (["您好", "单号"], {"may_miss": 1, "ordered": True}, 2),
        (["单号", "您好"], {"may_miss": 1, "ordered": True}, None),
        (["单号", "您好", "请问单号"], {"ordered": True}, 3),
        (["请问", "您好", "单号"], {"ordered": True}, None),
        (["嗯"], {"may_miss": 2}, None),
        (["嗯"], {"may_miss": 2, "ordered": True}, None),
        (["您好"], {"may_miss": 2, "ordered": True}, 1),
    ],
)
def test_points(judge, texts: list[str], more: dict, made: int | None) -> None:
    condition = {"points": {"points": POINTS, **more}}
    answer = judge(condition, chat(*texts))
    assert answer.state == ("miss" if made is None else "hit")
    if made is None:
        assert judge({"not": condition}, chat(*texts)).searched == list(range(1, len(texts) + 1))
    else:
        assert (answer.finding.value, len(answer.quotes)) == (made, made)


def test_a_point_may_be_a_word_list(judge) -> None:
    body = {"points": {"points": ["hello", ["请问"]]}}
    assert judge(body, chat("您好请问"), wordlists={"hello": ("您好",)}).state == "hit"
    assert judge(body, chat("请问"), wordlists={"hello": ("您好",)}).state == "miss"


lists = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=4, unique=True).map(
        lambda found: sorted((turn, at, at + 1) for turn, at in found)
    ),
    max_size=5,
)


@given(lists)
def test_as_many_points_in_order_as_possible(found: list) -> None:
    made = _in_order(found)
    assert made == sorted(set(made))
    taken = [index for place in made for index, places in enumerate(found) if place in places]
    assert all(any(place in places for places in found) for place in made)
    assert len(taken) >= len(made)
    longest = 0
    for size in range(1, len(found) + 1):
        for subset in combinations(found, size):
            at = (-1, -1, -1)
            for places in subset:
                at = min((place for place in places if place > at), default=None) or (9, 9, 9)
            longest = size if at < (9, 9, 9) else longest
    assert len(made) == longest


@pytest.mark.parametrize(
    ("texts", "limit", "share"),
    [
        ([CLOSING], {"under": 0.1}, 0),
        (["感谢您的来电", "祝您愉快顺心"], {"over": 0.2}, 0.5),
        (["今天天气不错啊"], {"over": 0.9}, 1),
        (["今天天气不错啊", CLOSING], {"under": 0.1, "like": 0.5}, 0),
        (["好的", CLOSING], {"under": 0.1}, 0),
    ],
)
def test_personal_wording(judge, texts: list[str], limit: dict, share: float) -> None:
    answer = judge({"personal": {"templates": [CLOSING], **limit}}, chat(*texts))
    if share == 0.5:
        assert 0.2 < answer.finding.value < 0.6
    else:
        assert answer.finding.value == pytest.approx(share)


def test_personal_wording_within_the_limits(judge) -> None:
    body = {"templates": [CLOSING]}
    assert judge({"personal": {**body, "over": 0.9}}, chat(CLOSING)).state == "miss"
    assert judge({"personal": {**body, "under": 0.1}}, chat("今天天气不错啊")).state == "miss"
    answer = judge({"personal": {**body, "under": 0.1}}, chat("好的"))
    assert (answer.state, answer.reason) == ("n/a", "no turn to compare with the script")
    assert judge({"personal": {**body, "under": 0.1, "like": 0.3}}, chat("今天天气不错啊")).state == "n/a"


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ({"similar": {}}, "give templates, list or both"),
        ({"similar": {"templates": ["！？"]}}, "neither letter nor digit"),
        ({"similar": {"list": ["nowhere"]}}, "no word list is named 'nowhere'"),
        ({"points": {"points": []}}, "at least 1 item"),
        ({"points": {"points": [[]]}}, "at least 1 item"),
        ({"points": {"points": ["nowhere"]}}, "no word list is named 'nowhere'"),
        ({"points": {"points": [["甲"]], "may_miss": 1}}, "less than the number of points"),
        ({"personal": {"templates": [CLOSING]}}, "exactly one of over, under"),
        ({"personal": {"under": 0.1}}, "give templates, list or both"),
        ({"personal": {"templates": [CLOSING], "over": 0.9, "like": 0.5}}, "over must be less than like"),
    ],
)
def test_mistakes(pack_of, condition: dict, reason: str) -> None:
    with pytest.raises(PackError) as caught:
        compile_pack(pack_of({"when": condition}))
    assert reason in str(caught.value)
