"""Phrases found by the trie: every place of every one, as a plain search finds them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.rules.trie import Trie

LETTERS = "退款货的😀a"
TEXTS = st.text(LETTERS, max_size=40)
PHRASES = st.lists(st.text(LETTERS, min_size=1, max_size=6), unique=True, max_size=40)


def _codes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), "<u4")


@settings(max_examples=120, deadline=None)
@given(phrases=PHRASES, text=TEXTS)
def test_every_place_of_every_phrase_is_found(phrases: list[str], text: str) -> None:
    text += "完"  # in no phrase
    expected = [
        (number, start, start + len(phrase))
        for number, phrase in enumerate(phrases)
        for start in range(len(text))
        if text.startswith(phrase, start)
    ]
    trie = Trie(phrases, "不在其中")
    found = trie.find(trie.numbered(_codes(text)))
    assert sorted(zip(*(column.tolist() for column in found), strict=True)) == expected


def test_many_children_of_one_node() -> None:
    phrases = [chr(code) + chr(code + 1) for code in range(0x4E00, 0x4E00 + 700)]
    trie = Trie(phrases)
    found = trie.find(trie.numbered(_codes("".join(phrases))))
    assert {phrases[number] for number in found.phrase.tolist()} == set(phrases)
