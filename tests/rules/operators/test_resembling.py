from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.errors import PackError
from qa.rules.engine import compile_pack
from qa.rules.resemblance import FEWEST, Resemblance, learned

HOW = ("麻烦", "直接", "您", "先")
ASKED = tuple(f"{how}把钱{sent}" for how, sent in product(HOW, ("打我卡上", "转给我", "汇我户头")))
WHO = ("我们会", "平台", "已经", "系统")
GIVEN = tuple(f"{who}{sent}" for who, sent in product(WHO, ("退钱给您", "原路退回", "打款给您")))
BODY = {"like": ASKED, "unlike": GIVEN}


def chat(*texts: str) -> str:
    return "客户: 在\n" + "\n".join(f"客服: {text}" for text in texts)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("余款您把钱汇给我就行", "hit"),
        ("把．钱．转．我", "hit"),
        ("钱已经原路退给您了", "miss"),
        ("您好", "miss"),
        ("😀", "miss"),
    ],
)
def test_what_is_worded_anew_is_found_by_its_pieces(judge, text: str, state: str) -> None:
    assert judge({"resembles": {**BODY, "at_least": 0.7}}, chat(text)).state == state


def test_it_says_how_much_and_quotes_what_argues_most(judge) -> None:
    answer = judge({"resembles": {**BODY, "at_least": 0.7}}, chat("您好", "好的呢，您把钱转给我，谢谢"))
    assert 0.7 <= answer.finding.value < 1
    [(turn, quote)] = answer.quotes
    assert turn == 2
    assert "转给我" in quote
    assert "好的呢" not in quote
    assert "谢谢" not in quote


def test_what_does_not_resemble_them_enough_is_searched(judge) -> None:
    answer = judge({"not": {"resembles": BODY}}, chat("您好", "已经退钱给您"))
    assert (answer.state, answer.searched) == ("hit", [1, 2])


def test_sentences_come_from_word_lists_too(judge) -> None:
    lists = {"asked": ASKED, "given": GIVEN}
    body = {"resembles": {"like_list": ["asked"], "unlike_list": ["given"], "at_least": 0.7}}
    assert judge(body, chat("把钱转给我"), wordlists=lists).state == "hit"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"like": ASKED[:3]}, f"like needs at least {FEWEST} different sentences, not 3"),
        ({"unlike": (*GIVEN[:9], *(one + "！" for one in GIVEN[:9]))}, f"unlike needs at least {FEWEST}"),
        ({"unlike": (*GIVEN, ASKED[0] + "。")}, "is in like and in unlike"),
        ({"like_list": ["nobody"]}, "no word list is named 'nobody'"),
    ],
)
def test_too_little_to_learn_from_is_refused(pack_of, change: dict, reason: str) -> None:
    with pytest.raises(PackError, match=reason):
        compile_pack(pack_of({"when": {"resembles": {**BODY, **change}}}))


def test_which_digit_it_is_says_nothing() -> None:
    told = learned(tuple(f"{i}号我加您" for i in range(10)), tuple(f"第{i}单退您" for i in range(10)))
    assert told.of("3456号") == told.of("7890号")


@given(st.text("转我退您0１a，", max_size=40))
def test_a_part_lies_in_its_text_and_likeness_in_its_bounds(text: str) -> None:
    weighed = Resemblance({"转": 1.5, "转我": 2.0, "退": -3.0, "退您": -1.0, "0": 0.1}, -0.5)
    start, end = weighed.part(text)
    assert 0 <= start <= end <= len(text)
    assert 0 < weighed.of(text) < 1
