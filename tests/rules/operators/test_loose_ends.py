from __future__ import annotations

import pytest

from qa.errors import PackError
from qa.rules.engine import compile_pack

ASKED = "客户: 我的包裹到哪了\n客服: 您好\n"
HELD = "客服: 请您稍等，我查一下\n"


@pytest.mark.parametrize(
    ("chat", "state", "quotes", "value"),
    [
        (ASKED + HELD, "hit", [(2, "请您稍等，我查一下")], 0),
        (ASKED + HELD + "客户: 好的\n客户: 还没查到吗", "hit", [(2, "请您稍等，我查一下")], 2),
        (ASKED + HELD + "客户: 好的\n客服: 正在查询中", "hit", [(2, "请您稍等，我查一下"), (4, "正在查询中")], 0),
        (ASKED + HELD + "客服[sticker]: [微笑]", "hit", [(2, "请您稍等，我查一下")], 0),
        (ASKED + HELD + "客服[撤回]: 今天到\n客服[私密]: 今天到", "hit", [(2, "请您稍等，我查一下")], 0),
        (ASKED + HELD + "系统: 客户离开", "hit", [(2, "请您稍等，我查一下")], 0),
        (ASKED + HELD + "客服: 今天到", "miss", [], None),
        (ASKED + HELD + "客服[image]: [图片]", "miss", [], None),
        (ASKED + HELD + "机器人: 包裹今天到", "miss", [], None),
        (ASKED + HELD + "系统[transfer]: 转接至售后", "miss", [], None),
        (ASKED + "系统[transfer]: 转接至售后\n" + HELD, "hit", [(3, "请您稍等，我查一下")], 0),
        (ASKED, "miss", [], None),
        ("客户: 在吗\n机器人: 稍等", "n/a", [], None),
        ("客户: 在吗", "n/a", [], None),
    ],
)
def test_left_holding(judge, chat: str, state: str, quotes: list, value: float | None) -> None:
    answer = judge({"left_holding": {}}, chat)
    assert answer.state == state
    if state == "hit":
        assert (answer.quotes, answer.finding.value) == (quotes, value)


BEFORE = "2026-01-01 10:00:00 客户: 有货吗\n10:00:20 客服: 有的\n"


@pytest.mark.parametrize(
    ("chat", "body", "state", "value"),
    [
        (BEFORE + "13:00:00 客户: 发了吗\n13:00:10 客服: 稍等\n13:03:01 客服: 发了", {"over": 180}, "hit", 181),
        (BEFORE + "13:00:00 客户: 发了吗\n13:00:10 客服: 稍等\n13:03:00 客服: 发了", {"over": 180}, "miss", None),
        (
            BEFORE + "13:00:00 客户: 发了吗\n13:00:10 客服: 稍等\n13:09:00 客服: 发了",
            {"over": 10, "until": "response"},
            "miss",
            None,
        ),
        (
            BEFORE + "13:00:00 客户: 发了吗\n13:00:11 客服: 稍等",
            {"over": 10, "until": "response"},
            "hit",
            11,
        ),
        (BEFORE + "13:00:00 客户: 发了吗\n13:00:10 客服: 稍等", {"over": 10}, "n/a", None),
        (BEFORE + "10:30:00 客户: 发了吗\n10:40:00 客服: 发了", {"over": 10}, "n/a", None),
        ("客户: 有货吗\n客服: 有的", {"over": 10}, "n/a", None),
    ],
)
def test_reopened_wait(judge, chat: str, body: dict, state: str, value: float | None) -> None:
    answer = judge({"reopened_wait": body}, chat)
    assert answer.state == state
    if state == "hit":
        assert (answer.finding.value, answer.quotes) == (value, [(2, "发了吗")])


@pytest.mark.parametrize(("body", "reason"), [({}, "over"), ({"over": -1}, "greater than or equal to 0")])
def test_reopened_wait_refuses(pack_of, body: dict, reason: str) -> None:
    with pytest.raises(PackError, match=reason):
        compile_pack(pack_of({"when": {"reopened_wait": body}}))
