"""Word lists and the decision “made only of these phrases”."""

from __future__ import annotations

import pickle
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.phrases import COURTESY_PARTICLES, HOLDING_WRAPPERS, PhraseSet, courtesy_set, holding_set, load_wordlist

LISTS = files("qa") / "rules" / "wordlists"
COURTESY = load_wordlist((LISTS / "courtesy.txt").read_text(encoding="utf-8"))
HOLDING = load_wordlist((LISTS / "holding.txt").read_text(encoding="utf-8"))
courtesy = courtesy_set(COURTESY)
holding = holding_set(HOLDING)


@pytest.mark.parametrize(
    "text",
    [
        "谢谢",
        "好的",
        "嗯嗯",
        "再见",
        "好的，谢谢",
        "嗯嗯好的谢谢您了再见",
        "谢谢亲～",
        "OK",
        "ＯＫ！",
        "Thank You",
        "好 的 谢 谢",
        "👌🏻",
        "👍👍",
        "[微笑]",
        "[玫瑰][玫瑰]",
        "/:^_^",
        "#E-s13",
        "#E-s13#E-b02 好的",
        "没有了，谢谢",
        "好的老师",
        "那好吧",
        "哈哈哈哈哈",
        "謝謝",
        "❤️",
        "好的。。。",
        "嗯。",
        "好嘞，辛苦啦",
        "亲，谢谢",
        "没有，谢谢",
    ],
)
def test_a_courtesy(text: str) -> None:
    assert courtesy.matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "在吗",
        "你好",
        "您好",
        "老师好",
        "你们好",
        "是的",
        "对",
        "没有",
        "可以",
        "88",
        "好的？",
        "好了吗",
        "好吗",
        "行不行",
        "亲",
        "。。。",
        "？",
        "谢谢，什么时候发货",
        "好的帮我改地址",
        "[图片]",
        "[疑问]",
        "[地址x]",
        "😡",
        "谢谢\ud800",
        "\ud800",
        "我想问一下这个什么时候发货",
        "好了",
        "收到了",
        "#E-",
        "#1",
    ],
)
def test_not_a_courtesy(text: str) -> None:
    assert not courtesy.matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "稍等",
        "请稍等",
        "亲，您好，请您稍等哦~",
        "好的，我这边帮您查一下订单信息哦，请您稍等",
        "正在为您查询",
        "还请您稍等，正在为您查询~ #E-s12",
        "稍等一下可以吗？",
        "请稍等1-2分钟",
        "抱歉，让您久等了",
        "我看下",
        "麻烦您稍等一下下呢",
        "Just a moment, please",
        "請稍等",
    ],
)
def test_holding(text: str) -> None:
    assert holding.matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "您好",
        "亲",
        "好的",
        "您好，请问有什么可以帮您",
        "稍等，今天就发货",
        "您看下",
        "正在处理中",
        "帮您查了一下",
        "已为您查询到",
        "订单",
        "👌",
        "退款正在处理",
        "24小时内发货",
    ],
)
def test_not_holding(text: str) -> None:
    assert not holding.matches(text)


def test_every_listed_phrase_is_found() -> None:
    assert [phrase for phrase in COURTESY if not courtesy.matches(phrase)] == []
    assert [phrase for phrase in HOLDING if not holding.matches(phrase)] == []


def test_no_filler_is_enough_by_itself() -> None:
    held = [word for word in HOLDING_WRAPPERS if holding.matches(word)]
    thanked = [word for word in COURTESY_PARTICLES if courtesy.matches(word) and word not in COURTESY]
    assert held == []
    assert thanked == []


def test_lists_have_no_duplicates_and_no_questions() -> None:
    for name, loaded in (("courtesy.txt", COURTESY), ("holding.txt", HOLDING)):
        lines = (LISTS / name).read_text(encoding="utf-8").splitlines()
        assert len([line for line in lines if line.strip() and not line.startswith("#")]) == len(loaded)
        assert not [phrase for phrase in loaded if "?" in phrase or "？" in phrase]


def test_wordlist_notation() -> None:
    assert load_wordlist("\ufeff# c\r\n 谢谢 \r\n\r\n  # c\r\n好的\r\n谢谢") == ("谢谢", "好的")
    assert load_wordlist("") == ()


def test_an_empty_list_matches_nothing_but_stickers() -> None:
    assert not PhraseSet([]).matches("好的")
    assert not PhraseSet(["", " "], ["好的"]).matches("好的")
    assert courtesy_set([]).matches("👌")


def test_a_trailer_may_not_lead() -> None:
    phrases = PhraseSet(["好"], trailers=["老师"])
    assert phrases.matches("好老师")
    assert not phrases.matches("老师好")


def test_pickles() -> None:
    again = pickle.loads(pickle.dumps(courtesy))
    assert again.matches("好的谢谢")
    assert not again.matches("老师好")


def test_overlapping_phrases_need_no_luck_in_segmentation() -> None:
    assert PhraseSet(["ab", "abc", "cd"]).matches("abcd")
    assert PhraseSet(["a", "aa", "aaa"]).matches("a" * 100_000)
    assert not PhraseSet(["a", "aa", "aaa"], ["b"]).matches("a" * 100_000 + "c")


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "ab", "ba", "abb", "c"]), min_size=1), st.text("abc ,!", max_size=12))
def test_agrees_with_a_search_over_all_segmentations(phrases: list[str], text: str) -> None:
    bare = "".join(char for char in text if char not in " ,!")
    marked = text.replace(" ", "")
    reachable = {0}
    for start in range(len(marked)):
        if start in reachable:
            reachable |= {start + len(phrase) for phrase in phrases if marked.startswith(phrase, start)}
            reachable |= {start + 1} if marked[start] in ",!" else set()
    assert PhraseSet(phrases).matches(text) is (len(marked) in reachable and bare != "")


@settings(deadline=None)
@given(st.text())
def test_never_raises(text: str) -> None:
    assert courtesy.matches(text) in {True, False}
    assert holding.matches(text) in {True, False}
