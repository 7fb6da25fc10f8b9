from __future__ import annotations

import pytest

from qa.errors import PackError
from qa.rules.engine import compile_pack

COMPLAINT = {"complaint": {"keywords": {"any": ["太差"], "role": "customer"}}}


@pytest.mark.parametrize(
    ("chat", "body", "turns"),
    [
        # short answers
        ("客户: 能退吗\n客服: 嗯", {"max_chars": 1}, [1]),
        ("客户: 能退吗\n客服: 可以", {"max_chars": 1}, []),
        ("客户: 能退吗\n客服: 嗯\n客服: 可以的", {"max_chars": 1}, []),
        ("客户: 能退吗\n客服: 嗯\n客服: #E-s13", {"max_chars": 1}, [1, 2]),
        ("客户: 能退吗\n客服: 嗯\n客户: 好的\n客服: 您去申请", {"max_chars": 1}, [1]),
        ("客户: 能退吗\n客服: 嗯\n客服[image]: 退货.png", {"max_chars": 1}, []),
        # nothing but stickers
        ("客户: 能退吗\n客服: #E-s13[微笑]😀", {"max_chars": 0}, [1]),
        ("客户: 能退吗\n客服: #E-s[数字x]", {"max_chars": 0}, [1]),
        ("客户: 能退吗\n客服[sticker]: 微笑", {"max_chars": 0}, [1]),
        ("客户: 能退吗\n客服: [微笑]能", {"max_chars": 0}, []),
        # what is answered
        ("客户: 谢谢\n客服: 嗯", {"max_chars": 1, "to": "other"}, [1]),
        ("客户: 谢谢\n客服: 嗯", {"max_chars": 1, "to": "question"}, []),
        ("客户: 谢谢\n客户: 对了能退吗\n客服: 嗯", {"max_chars": 1, "to": "question"}, [2]),
        ("客户: 质量太差\n客服: 嗯\n客户: 好\n客服: 嗯", {"max_chars": 1, "on": "complaint"}, [1]),
        ("客户: 质量太差\n客户: 好\n客服: 嗯", {"max_chars": 1, "on": "complaint"}, [2]),
        # words
        ("客户: 能退吗\n客服: 不行", {"has": ["不行"]}, [1]),
        ("客户: 能退吗\n客服: 不行\n客服: 可以换", {"has": ["不行"], "lacks": ["可以"]}, []),
        ("客户: 能退吗\n客服: 不可以", {"lacks": ["可以"]}, []),
        ("客户: 能退吗\n客服: 能\n客户: 换呢\n客服: 能", {"has": ["能"], "at_least": 2}, [1, 3]),
        ("客户: 能退吗\n客服: 能", {"has": ["能"], "at_least": 2}, []),
        ("客户: 能退吗\n客服: 不能再退", {"has": ["再退"]}, []),
        ("客户: 能退吗\n客服: 不能再退", {"has": ["再退"], "negated": True}, [1]),
        ("客户: 能退吗\n客服: 您想退吗", {"has": ["想退"], "asked": "skip"}, []),
        ("客户: 能退吗\n客服: 您想退", {"has_list": ["refund"], "lacks_list": ["swap"]}, [1]),
        # a transfer or a private note between them changes nothing
        ("客户: 能退吗\n系统[transfer]: 转接\n客服: 嗯", {"max_chars": 1, "to": "question"}, [2]),
    ],
)
def test_answers(judge, chat: str, body: dict, turns: list[int]) -> None:
    lists = {"refund": ("退",), "swap": ("换",)}
    answer = judge({"answer": body}, chat, let=COMPLAINT, wordlists=lists)
    assert answer.state == ("hit" if turns else "miss")
    if turns:
        assert [turn for turn, _ in answer.quotes] == turns


def test_the_words_are_quoted_and_the_answers_counted(judge) -> None:
    chat = "客户: 能退吗\n客服: 不行，真的不行\n客户: 换呢\n客服: 也不行"
    answer = judge({"answer": {"has": ["不行"]}}, chat)
    assert answer.quotes == [(1, "不行"), (1, "不行"), (3, "不行")]
    assert answer.finding.value == 2


@pytest.mark.parametrize(
    ("chat", "body", "reason"),
    [
        ("客户: 能退吗", {"max_chars": 1}, "no answer"),
        ("客服: 在吗", {"max_chars": 1}, "no answer"),
        ("客户: 能退吗\n客服: 嗯", {"max_chars": 1, "on": "complaint"}, "no answer to complaint"),
        ("客户: 能退吗\n机器人: 请看页面\n客服: 嗯", {"max_chars": 1}, "no answer"),
    ],
)
def test_nothing_to_look_at(judge, chat: str, body: dict, reason: str) -> None:
    answer = judge({"answer": body}, chat, let=COMPLAINT)
    assert (answer.state, answer.reason) == ("n/a", reason)


def test_a_bot_ends_an_answer(judge) -> None:
    chat = "客户: 能退吗\n客服: 嗯\n机器人: 请评价\n客服: 再见了您慢走"
    assert judge({"answer": {"max_chars": 1}}, chat).quotes == [(1, "嗯")]


def test_something_must_be_asked(pack_of) -> None:
    with pytest.raises(PackError, match="give has, lacks, max_chars"):
        compile_pack(pack_of({"when": {"answer": {"to": "question"}}}))
