"""Likeness of cases: telling words, what is shared, nearly the same."""

from __future__ import annotations

from qa.casebook.likeness import ASKED, MOST_WORDS, NEARLY, liken, rarest, sameness, telling


def test_courtesies_numbers_and_single_characters_tell_nothing() -> None:
    assert telling(["您好", "退", "2026", "运费", "运费", "退款单"]) == ("运费", "退款单")
    assert len(telling(f"词语{chr(0x4E00 + one)}" for one in range(99))) == MOST_WORDS


def test_rare_words_are_asked_for_first() -> None:
    words = [f"w{one}" for one in range(40)]
    assert rarest(words, {word: place for place, word in enumerate(words)}) == words[1 : ASKED + 1]


def test_the_most_alike_stand_first_and_say_why() -> None:
    counts = {"退款": 3, "运费": 1, "到账": 50}
    found = liken(["退款", "运费", "到账"], {1: ["到账"], 2: ["退款", "运费"], 3: ["别的"]}, counts)
    assert [(one.case_id, one.words) for one in found] == [(2, ("运费", "退款")), (1, ("到账",))]
    assert liken([], {1: ["x"]}, {}) == []


def test_nearly_the_same() -> None:
    said = "您好，请问有什么可以帮您\n什么时候发货\n今天下午发出"
    assert sameness(said, said.replace("下午", "晚上")) >= NEARLY > sameness(said, "我要退款\n好的，已经登记")
