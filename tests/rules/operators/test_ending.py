from __future__ import annotations

import pytest

from qa.errors import PackError
from qa.rules.engine import compile_pack

HEAD = "# c-1 ended=10:05\n"
ASKED = "10:00:00 客户: 有货吗\n10:00:10 客服: 有的\n10:01:00 客户: 什么颜色"
ANSWERED = ASKED + "\n10:01:20 客服: 黑色"


@pytest.mark.parametrize(
    ("chat", "body", "state", "value"),
    [
        (HEAD + ASKED, {}, "hit", 240),
        (HEAD + ASKED, {"unanswered": False, "within": 240}, "hit", 240),
        (HEAD + ASKED, {"unanswered": False, "within": 239}, "miss", None),
        (HEAD + ANSWERED, {}, "miss", None),
        (HEAD + ANSWERED, {"within": 240}, "hit", 240),
        (HEAD + ANSWERED + "\n10:04:50 客户: 谢谢", {"within": 240}, "miss", None),
        (HEAD + ANSWERED + "\n10:04:50 客户[sticker]: 表情", {"within": 240}, "miss", None),
        (HEAD + ANSWERED + "\n10:01:50 系统[closed]: 结束", {"within": 60}, "hit", 50),
        (ANSWERED + "\n10:01:50 系统[closed]: 结束", {"within": 60}, "hit", 50),
        (HEAD + ANSWERED + "\n10:06:00 客户: 还有一个问题", {}, "miss", None),
        (HEAD + "10:00:00 客户: 人工\n10:00:01 机器人: 好\n10:00:02 系统[transfer]: 转接", {}, "hit", 300),
        (ANSWERED, {}, "no end", None),
        ("客户: 在", {}, "no times", None),
        (HEAD + "10:00:00 客服: 在", {}, "no customer turn before the end", None),
        (HEAD + "10:06:00 客户: 在", {}, "no customer turn before the end", None),
    ],
)
def test_premature_close(judge, chat: str, body: dict, state: str, value: float | None) -> None:
    answer = judge({"premature_close": body}, chat)
    assert (answer.reason if answer.state == "n/a" else answer.state) == state
    if state == "hit":
        assert answer.finding.value == value


def test_premature_close_quotes_the_question_left(judge) -> None:
    assert judge({"premature_close": {}}, HEAD + ASKED + "\n10:02:00 客户: 在吗").quotes == [(2, "什么颜色")]
    assert judge({"premature_close": {"within": 300}}, HEAD + ANSWERED).quotes == [(2, "什么颜色")]


@pytest.mark.parametrize(
    ("chat", "body", "state", "value"),
    [
        (HEAD + ANSWERED, {"over": 219}, "hit", 220),
        (HEAD + ANSWERED, {"over": 220}, "miss", None),
        (HEAD + ANSWERED, {"over": 0, "role": "agent"}, "hit", 220),
        (HEAD + ANSWERED, {"over": 0, "role": "customer"}, "the agent spoke last", None),
        (HEAD + ANSWERED + "\n10:01:30 系统[transfer]: 转", {"over": 219}, "hit", 220),
        (ANSWERED, {"over": 0}, "no end", None),
        ("客户: 在", {"over": 0}, "no times", None),
        (HEAD + "10:06:00 客户: 在", {"over": 0}, "no turn before the end", None),
        ("# c-1 ended=10:05\n系统: 在", {"over": 0}, "no times", None),
    ],
)
def test_silence_before_end(judge, chat: str, body: dict, state: str, value: float | None) -> None:
    answer = judge({"silence_before_end": body}, chat)
    assert (answer.reason if answer.state == "n/a" else answer.state) == state
    if state == "hit":
        assert (answer.finding.value, answer.quotes) == (value, [(3, "黑色")])


MIDDLE = "10:01:10 系统[transfer]: 转接给乙"
TAKEN = "\n10:02:10 客服: 我是乙"


@pytest.mark.parametrize(
    ("chat", "body", "state", "turns"),
    [
        (ASKED + "\n" + MIDDLE + TAKEN, {"unanswered": True}, "hit", [2, 3]),
        (ASKED + "\n10:01:05 客户: 谢谢\n" + MIDDLE, {"unanswered": True}, "hit", [3, 4]),
        (ASKED + "\n10:01:05 客服: 黑色\n" + MIDDLE, {"unanswered": True}, "miss", []),
        (ASKED + "\n10:01:05 客服: 黑色\n10:01:06 客户: 谢谢\n" + MIDDLE, {"unanswered": True}, "miss", []),
        (ASKED + "\n" + MIDDLE + TAKEN, {"over": 59}, "hit", [2, 3]),
        (ASKED + "\n" + MIDDLE + TAKEN, {"over": 60}, "miss", []),
        (ASKED + "\n" + MIDDLE, {"over": 60}, "hit", [2, 3]),
        (ASKED, {"over": 60}, "no hand-over", []),
        (ASKED + "\n" + MIDDLE, {"over": 60, "by": "bot"}, "no hand-over", []),
        (
            "10:00:00 客户: 人工\n10:00:01 机器人: 好\n10:00:02 系统[transfer]: 转",
            {"over": 6, "by": "bot"},
            "hit",
            [0, 2],
        ),
        ("10:00:00 客户: 人工\n10:00:01 机器人: 好\n10:00:02 系统[transfer]: 转", {"over": 6}, "no hand-over", []),
        ("10:00:02 系统[transfer]: 转\n10:00:03 客服: 在", {"over": 0, "by": "any"}, "hit", [0]),
        ("10:00:02 系统[transfer]: 转\n10:00:03 客服: 在", {"unanswered": True, "by": "any"}, "miss", []),
        ("客户: 在", {"over": 60}, "no times", []),
    ],
)
def test_handover(judge, chat: str, body: dict, state: str, turns: list[int]) -> None:
    answer = judge({"handover": body}, chat)
    assert (answer.reason if answer.state == "n/a" else answer.state) == state
    assert [turn for turn, _ in answer.quotes] == turns if turns else state != "hit"


def test_the_time_to_the_next_agent_turn_is_the_value(judge) -> None:
    taken = judge({"handover": {"over": 0}}, ASKED + "\n" + MIDDLE + TAKEN)
    assert taken.finding.value == 60
    assert judge({"handover": {"over": 0}}, ASKED + "\n" + MIDDLE).finding.value is None


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ({"premature_close": {"unanswered": False}}, "give within, or leave unanswered true"),
        ({"premature_close": {"within": 0}}, "greater than 0"),
        ({"handover": {}}, "exactly one of unanswered, over"),
        ({"handover": {"unanswered": True, "over": 1}}, "exactly one of unanswered, over"),
        ({"handover": {"unanswered": False}}, "True"),
    ],
)
def test_mistakes(pack_of, condition: dict, reason: str) -> None:
    with pytest.raises(PackError, match=reason):
        compile_pack(pack_of({"when": condition}))
