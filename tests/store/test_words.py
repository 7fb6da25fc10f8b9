from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from qa.store.words import MOST_WORDS, terms, words_of_kept, written
from qa.text import fold
from qa.tokens import tokenize

GAP = "\ue000"
LETTERS = "我要退款多久到账ＡＢabc019._-%& \t\r\n\u2028\u3000\ue000①½ﬁ퀀后後！，_'’👍e\u0301"
TEXTS = st.lists(st.text(LETTERS, max_size=24), max_size=5)


class Lite:
    dialect = sqlite.dialect()


def one_by_one(text: str) -> list[str]:
    """The words of a text, cut by itself."""
    return [word[:100] for token in tokenize(fold(text)) for word in re.findall(r"[^\W_]+", token)]


@settings(max_examples=60, deadline=None)
@given(TEXTS)
@example([])
@example([""])
@example(["退款\r", "\n多久"])
@example(["我" * 1001, "a_b" * 400])
def test_texts_cut_together_are_cut_as_one_by_one(texts: list[str]) -> None:
    expected = [word for text in texts for word in (*one_by_one(text), GAP)]
    assert words_of_kept(Lite, written(Lite, texts)) == expected[:MOST_WORDS]
    assert [word for text in texts for word in terms(text)] == [word for word in expected if word != GAP]
