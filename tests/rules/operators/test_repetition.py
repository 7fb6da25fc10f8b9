from __future__ import annotations

import pytest

from qa.types import Chat, Message, Role


def agent(*texts: str) -> Chat:
    return Chat("c", (Message(Role.CUSTOMER, "在吗"), *(Message(Role.AGENT, text) for text in texts)))


def turns(judge, *texts: str, **repeated) -> list[int]:
    answer = judge({"repeated": {"times": 2, **repeated}}, agent(*texts))
    return [turn for turn, _ in answer.quotes] if answer.state == "hit" else []


LONG = "您的包裹正在配送中"


@pytest.mark.parametrize(
    ("repeated", "texts", "expected"),
    [
        ({}, [LONG, "好", LONG], [1, 3]),
        ({}, [LONG + "！", "  " + LONG + "😀"], [1, 2]),
        ({}, [LONG, LONG + "哦"], []),
        ({"times": 3}, [LONG, LONG], []),
        ({"times": 3}, [LONG, LONG, LONG], [1, 2, 3]),
        ({}, ["好的", "好的"], []),
        ({"min_length": 2}, ["好的", "好的"], [1, 2]),
        ({"similarity": 85}, [LONG, LONG + "哦"], [1, 2]),
        ({"similarity": 85}, [LONG, "完全不同的另一句话"], []),
        ({"within": 1}, [LONG, "好", LONG], []),
        ({"within": 2}, [LONG, "好", LONG], [1, 3]),
        ({"within": 1, "times": 2}, [LONG, "好", LONG, LONG], [3, 4]),
        ({"containing_list": "question"}, [LONG, LONG], []),
        ({"containing_list": "question"}, ["什么时候发货呢", "什么时候发货呢"], [1, 2]),
        ({"similarity": 85, "within": 1}, [LONG, "好", LONG + "哦", LONG], [3, 4]),
    ],
)
def test_repetition(judge, repeated: dict, texts: list[str], expected: list[int]) -> None:
    assert turns(judge, *texts, **repeated) == expected


def test_the_largest_group_is_the_finding(judge) -> None:
    a, b = "第一句话就是这样的", "第二句话完全两样哦"
    answer = judge({"repeated": {"times": 2}}, agent(a, b, b, a, b))
    assert (answer.finding.value, [turn for turn, _ in answer.quotes]) == (3, [2, 3, 5])


def test_too_few_turns_and_none(judge) -> None:
    assert judge({"repeated": {"times": 2}}, agent(LONG)).state == "miss"
    assert judge({"repeated": {"times": 2}}, agent()).reason == "no agent turn"


def test_long_chats_and_long_texts(judge) -> None:
    many = agent(*(f"第{n}个问题的答案在这里" for n in range(10_000)))
    assert judge({"repeated": {"times": 2}}, many).state == "miss"
    long = agent("长" * 200_000 + "甲", "长" * 200_000 + "乙")
    assert judge({"repeated": {"times": 2, "similarity": 90}}, long).state == "hit"


def test_a_text_sent_again_in_one_breath_was_not_asked_again(judge) -> None:
    messages = (
        Message(Role.CUSTOMER, LONG),
        Message(Role.CUSTOMER, LONG),
        Message(Role.AGENT, "您好"),
        Message(Role.CUSTOMER, LONG),
    )
    asked = {"repeated": {"role": "customer", "times": 2, "answered_between": True}}
    assert judge(asked, Chat("c", messages[:2])).state == "miss"
    assert [turn for turn, _ in judge(asked, Chat("c", messages)).quotes] == [0, 3]
    hidden = (*messages[:2], Message(Role.AGENT, "您好", withdrawn=True), messages[1])
    assert judge(asked, Chat("c", hidden)).state == "miss"
