from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("chat", "body", "turns"),
    [
        ("客户: 能退吗\n客服: 您觉得呢？", {}, [1]),
        ("客户: 能退吗\n客服: 可以的", {}, []),
        ("客户: 能退吗\n客服: 为什么要退呢\n客服: 可以退", {}, []),
        ("客户: 能退吗\n客服: 请稍等\n客服: 为什么要退呢", {}, [2]),
        ("客户: 能退吗\n客户: 急\n客服: 为什么要退呢", {}, [2]),
        ("客户: 能退吗\n客服: 为什么\n客户: 坏了\n客服: 怎么坏的", {}, [1]),
        ("客户: 能退吗\n客服: 为什么\n客户: 能不能换\n客服: 怎么坏的", {"at_least": 2}, [1, 3]),
        ("客户: 能退吗\n客服: 订单号是多少", {"except": ["订单号"]}, []),
        ("客户: 能退吗\n客服: 订单号是多少", {"except_list": ["asks"]}, []),
        ("客户: 能退吗\n客服: 款式是什么", {"except_list": ["asks"]}, [1]),
    ],
)
def test_counter_questions(judge, chat: str, body: dict, turns: list[int]) -> None:
    answer = judge({"counter_question": body}, chat, wordlists={"asks": ("订单号",)})
    assert answer.state == ("hit" if turns else "miss")
    if turns:
        assert [turn for turn, _ in answer.quotes] == turns
        assert answer.finding.value == len(turns)


@pytest.mark.parametrize(
    "chat", ["客户: 能退吗", "客户: 退了\n客服: 为什么", "客户: 能退吗\n客服: 请稍等", "客服: 在吗"]
)
def test_no_answered_question(judge, chat: str) -> None:
    answer = judge({"counter_question": {}}, chat)
    assert (answer.state, answer.reason) == ("n/a", "no answered question")
