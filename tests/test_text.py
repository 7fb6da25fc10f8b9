"""Folding: one form to match on, and the way back to the exact characters."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qa.text import (
    BREAK,
    Joined,
    Level,
    Originals,
    _split,
    _stand_ins,
    fold,
    fold_character,
    join,
    split_characters,
    squash_character,
)

SPLIT = "亻言力口氵去彳山几攵言正石马能\u3164丨🐧🛰х"
TRICKY = (
    SPLIT + "Ａ１信薇➕㎏…½ﬁ①ｶﾞ謝號é\u0301\u200b\u200d\ufe0f\u00ad\u202e😀👍🏻❤"
    "\n\r\t\0\u001e\u2028\x85 \u3000.-VvXx18加微İßſ\ud800\udfff\ufdfa"
)
texts = st.text(st.one_of(st.sampled_from(TRICKY), st.characters()), max_size=30)
levels = st.sampled_from(list(Level))


@pytest.mark.parametrize(
    ("text", "folded", "squashed"),
    [
        ("ＶＸ", "vx", "vx"),
        ("薇信", "薇信", "微信"),
        ("微❤️信", "微❤信", "微信"),
        ("v.x：１２ 3", "v.x:12 3", "vx123"),
        ("➕我", "➕我", "加我"),
        ("+我", "+我", "加我"),
        ("謝謝您", "谢谢您", "谢谢您"),
        ("5㎏", "5kg", "5kg"),
        ("½", "1⁄2", "12"),
        ("ﬁn", "fin", "fin"),
        ("等…", "等…", "等"),
        ("等。。。", "等。。。", "等"),
        ("加\u200b我", "加我", "加我"),
        ("e\u0301", "e", "e"),
        ("a\nb", "a b", "ab"),
        ("a\0b\u001ec", "abc", "abc"),
        ("a\u3000b", "a b", "ab"),
        ("①②", "12", "12"),
        ("\ud800微信", "\ufffd微信", "微信"),
        ("", "", ""),
        ("🐧号", "🐧号", "企鹅号"),
        ("🇻🇽", "🇻🇽", "vx"),
        ("ᴠх", "ᴠх", "vx"),
        ("1️⃣❸⓽", "1❸⓽", "139"),
        ("微丨信ㅤ号", "微丨信\u1160号", "微信号"),
        ("力口我亻言", "力口我亻言", "加我信"),
        ("彳 山.几❤攵", "彳 山.几❤攵", "微"),
        ("能力口碑", "能力口碑", "能力口碑"),
        ("女子评委", "女子评委", "女子评委"),
    ],
)
def test_fold(text: str, folded: str, squashed: str) -> None:
    assert fold(text) == folded
    assert fold(text, Level.SQUASH) == squashed


@given(texts, levels)
def test_folding_twice_is_folding_once(text: str, level: Level) -> None:
    once = fold(text, level)
    assert fold(once, level) == once


@pytest.mark.parametrize("level", list(Level))
def test_every_character_folds_to_what_stays(level: Level) -> None:
    everything = [chr(code) for code in range(0x20, sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    once = join(everything, level).text
    assert join(once.split(BREAK), level).text == once


@pytest.mark.parametrize("level", list(Level))
def test_the_table_says_what_the_function_says(level: Level) -> None:
    character = fold_character if level is Level.FOLD else squash_character
    basic = [chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000 and code != ord(BREAK)]
    assert join(basic, level).lines() == [character(char) for char in basic]


@given(st.lists(texts, max_size=6), levels)
@example(["a\nb"], Level.FOLD)
@example(["a\nb", "", "c"], Level.SQUASH)
@example([""], Level.FOLD)
def test_many_are_joined_as_each_alone(many: list[str], level: Level) -> None:
    joined = join(many, level)
    if many:
        assert joined.lines() == [fold(text, level) for text in many]


@given(st.lists(texts, min_size=1, max_size=5), levels)
def test_every_folded_character_maps_back_to_what_it_came_from(many: list[str], level: Level) -> None:
    joined = join(many, level)
    character = fold_character if level is Level.FOLD else squash_character
    for position, char in enumerate(joined.text):
        if char == BREAK:
            continue
        which, start, end = joined.place(position, position + 1)
        original = many[which][start:end]
        if end > start + 1:  # a split character: its quote begins and ends with a part
            assert level is Level.SQUASH
            assert char in fold(original, level)
            assert squash_character(original[0])
            assert squash_character(original[-1])
        elif unicodedata.category(original) not in ("Cs", "Cn"):
            assert char in character(original)


@given(st.lists(texts, min_size=1, max_size=4), levels, st.data())
def test_a_span_maps_back_to_text_that_folds_to_it(many: list[str], level: Level, data: st.DataObject) -> None:
    joined = join(many, level)
    offset = 0
    for which, line in enumerate(joined.lines()):
        if line:
            start = data.draw(st.integers(0, len(line) - 1))
            end = data.draw(st.integers(start + 1, len(line)))
            found, low, high = joined.place(offset + start, offset + end)
            assert found == which
            assert line[start:end] in fold(many[which][low:high], level)
        offset += len(line) + 1


@given(st.lists(st.lists(texts, max_size=3), min_size=1, max_size=4), levels)
def test_chats_folded_together_fold_as_each_alone(chats: list[list[str]], level: Level) -> None:
    together = Originals(chats).fold(level)
    for i, many in enumerate(chats):
        joined = together.one(i)
        assert together.text_of(i) == joined.text
        alone = join(many, level)
        assert (joined.text, joined.starts) == (alone.text, alone.starts)
        spans = [(0, start, start + 1) for start, char in enumerate(alone.text) if char != "\n"]
        assert joined.places(spans) == alone.places(spans) == [alone.place(start, end) for _, start, end in spans]
        assert joined.texts(spans) == alone.texts(spans) == [which for which, _, _ in alone.places(spans)]


def test_traditional_characters_become_simplified_ones() -> None:
    assert fold("請問這個還有貨嗎") == "请问这个还有货吗"


def test_no_text_joins_to_nothing() -> None:
    assert join([], Level.FOLD) == Joined("", None, (0,))


def test_quotes_of_expanding_characters_are_whole() -> None:
    joined = join(["重5㎏左右"], Level.FOLD)
    start = joined.text.index("g")
    assert joined.place(start, start + 1) == (0, 2, 3)


def test_unassigned_and_private_characters_stay() -> None:
    assert unicodedata.category("\ue000") == "Co"
    assert fold("\ue000") == "\ue000"


@pytest.mark.parametrize(
    ("text", "word", "quote"),
    [
        ("亲，力 口我微亻❤言聊", "加我微信", "力 口我微亻❤言"),
        ("氵去律", "法律", "氵去律"),
        ("好彳山几攵亻言", "微信", "彳山几攵亻言"),
        ("🛰号", "卫星号", "🛰号"),
        ("收🧧吧", "红包", "🧧"),
    ],
)
def test_a_quote_covers_all_parts_of_a_split_character(text: str, word: str, quote: str) -> None:
    joined = join(["在吗", text, "好"], Level.SQUASH)
    at = joined.text.index(word)
    assert joined.lines()[0::2] == ["在吗", "好"]
    which, start, end = joined.place(at, at + len(word))
    assert (which, text[start:end]) == (1, quote)


def test_split_characters_do_not_run_over_two_turns() -> None:
    assert join(["力", "口"], Level.SQUASH).text == "力\n口"


def test_what_a_stand_in_reads_as_is_no_stand_in() -> None:
    for form, reading in _stand_ins().items():
        assert reading == form or fold(reading, Level.SQUASH) == reading, form


def _chains() -> Iterator[str]:
    """Every form beside what would make another form of its reading."""
    forms = _split()[1]
    for form, reading in forms.items():
        for other in forms:
            for cut in range(1, len(other)):
                if reading.endswith(other[:cut]):
                    yield form + other[cut:]
                if reading.startswith(other[-cut:]):
                    yield other[:-cut] + form
            if reading in other:
                yield other.replace(reading, form)


def test_split_characters_put_together_make_no_further_one() -> None:
    """Folding stays idempotent."""
    texts = [*_chains()]
    once = join(texts, Level.SQUASH).lines()
    twice = join(once, Level.SQUASH).lines()
    assert [(text, one) for text, one, two in zip(texts, once, twice, strict=True) if one != two] == []


def test_the_table_leaves_ordinary_words_alone() -> None:
    words = (
        "能力口碑 女子评委 安徽信息 威信 卫星定位 维信 法律 去皮 言语 人言可畏 车厂 贝类 "
        "信心 芯片 第一 三八节 放肆 队伍 大陆"
    )
    assert fold(words, Level.SQUASH) == words.replace(" ", "")
    assert list(split_characters(words.replace(" ", ""))) == [(0, 3, "能力口"), (4, 8, "女子评委")]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("wēi xìn", "微信"),
        ("We 信", "微信"),
        ("支 fu 宝", "支付宝"),
        ("yan讠正ma", "验证码"),
        ("傻🖊", "傻笔"),
        ("café", "cafe"),
    ],
)
def test_pinyin_is_read_as_the_key_word_it_spells(text: str, read: str) -> None:
    assert fold(text, Level.SQUASH) == read
