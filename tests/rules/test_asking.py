"""A sentence that asks is told from one that says."""

from __future__ import annotations

import pytest

from qa.rules.asking import asked, asking


@pytest.mark.parametrize(
    "text",
    [
        "能退款吗", "能退款嗎", "可以退么", "是不是坏了", "有沒有货", "什么时候发货", "多少钱", "几天到", "在哪里买",
        "如何退货", "能否退货", "发货了没有", "发货了没有呀", "到了吗亲", "多久到", "你好?", "为啥不退", "哪款好",
    ],
)  # fmt: skip
def test_questions(text: str) -> None:
    assert asking(text)


@pytest.mark.parametrize(
    "text",
    [
        "可以退款", "没什么问题", "不管怎么样都能退", "还没有发货", "这么好", "我在看呢", "正在处理呢", "什么都好",
        "那么就这样", "不怎么样", "", "好的",
    ],
)  # fmt: skip
def test_statements(text: str) -> None:
    assert not asking(text)


def test_the_sentence_of_the_place_decides() -> None:
    text = "能退款吗～可以退款。为什么不能退款？"
    assert [asked(text, at, at + 2) for at in (1, 7, 15)] == [True, False, True]


def test_only_so_many_characters_are_looked_at() -> None:
    assert asked("什么" + "好" * 100 + "退款", 102, 104)
    assert not asked("什么" + "好" * 300 + "退款", 302, 304)
