from __future__ import annotations

import pytest

from qa.errors import PackError


@pytest.mark.parametrize(
    ("short", "chat", "expected"),
    [
        ({"max_chars": 1}, "客户: 在\n客服: 嗯", [1]),
        ({"max_chars": 1}, "客户: 在\n客服: 嗯。😀", [1]),
        ({"max_chars": 1}, "客户: 在\n客服: 😀", None),
        ({"max_chars": 1}, "客户: 在\n客服: 好的", None),
        ({"max_chars": 2, "at_least": 2}, "客户: 在\n客服: 好的\n客服: 嗯", [1, 2]),
        ({"max_chars": 2, "at_least": 2}, "客户: 在\n客服: 好的", None),
        ({"max_chars": 2, "role": "customer"}, "客户: 在\n客服: 您好啊", [0]),
    ],
)
def test_short_replies(judge, short: dict, chat: str, expected: list[int] | None) -> None:
    answer = judge({"short_replies": short}, chat)
    assert ([turn for turn, _ in answer.quotes] if answer.state == "hit" else None) == expected
    if expected:
        assert answer.finding.value == len(expected)


def test_no_reply_is_not_short(judge) -> None:
    assert judge({"short_replies": {"max_chars": 1}}, "客户: 在").reason == "no agent turn"


@pytest.mark.parametrize(
    ("turns", "state"),
    [
        ({"at_least": 2}, "hit"),
        ({"at_least": 3}, "miss"),
        ({"at_most": 2}, "hit"),
        ({"at_most": 1}, "miss"),
        ({"at_least": 2, "at_most": 2}, "hit"),
        ({"at_most": 0, "role": "bot"}, "hit"),
        ({"at_least": 3, "role": "any"}, "hit"),
    ],
)
def test_turn_count(judge, turns: dict, state: str) -> None:
    answer = judge({"turns": turns}, "客户: 在\n客服: 您好\n客服: 在的")
    assert answer.state == state


@pytest.mark.parametrize(("turns", "reason"), [({}, "or both"), ({"at_least": 3, "at_most": 2}, "less than at_least")])
def test_turn_count_mistakes(judge, turns: dict, reason: str) -> None:
    with pytest.raises(PackError, match=reason):
        judge({"turns": turns}, "客户: 在")


def test_transfers(judge) -> None:
    chat = "客户: 在\n系统[transfer]: 转给小李\n系统: 你好\n系统[transfer][撤回]: 转给小王\n系统[transfer]: 转给小张"
    answer = judge({"transfers": {"at_least": 2}}, chat)
    assert (answer.quotes, answer.finding.value) == ([(1, "转给小李"), (4, "转给小张")], 2)
    assert judge({"transfers": {"at_least": 3}}, chat).state == "miss"


@pytest.mark.parametrize(
    ("chat", "who", "state"),
    [
        ("客户: 在\n客服: 在的", "agent", "hit"),
        ("客户: 在\n客服: 在的", "customer", "miss"),
        ("客服: 在\n客户: 好", "customer", "hit"),
        ("客户: 在\n机器人: 您好", "bot", "hit"),
        ("客户: 在\n系统: 会话结束", "customer", "hit"),
        ("客户: 在\n客服[撤回]: 在", "customer", "hit"),
        ("系统: 会话结束", "customer", "n/a"),
    ],
)
def test_last_speaker(judge, chat: str, who: str, state: str) -> None:
    answer = judge({"last_speaker": {"is": who}}, chat)
    assert answer.state == state
    if state == "n/a":
        assert answer.reason == "no turn"
