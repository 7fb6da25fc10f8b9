from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from qa.models import wording as wordings
from qa.models.ngrams import Table, occurrences
from qa.models.vocabulary import _counts, learn, located, vectors
from qa.models.wording import ID, LINK, MASK, NUMBER, STICKER, Wording, read, read_ids, shown
from qa.tokens import cutter

CUT = cutter(engine="jieba")
TEXTS = st.lists(
    st.text(
        st.one_of(st.sampled_from("退款订单好的谢[]数字x#E-s0159 ，。！?\n\t😀ＡＢ㎏"), st.characters()), max_size=25
    ),
    max_size=6,
)


def symbols(text: str) -> str:
    return "".join(map(chr, read([text], CUT).codes[1:-1]))


@pytest.mark.parametrize(
    ("written", "symbol"),
    [
        ("[数字x]", NUMBER), ("12", NUMBER), ("1,299.00", NUMBER), ("7-15", NUMBER), ("[金额x].[数字x]", NUMBER),
        ("#E-s07", STICKER), ("#E-s[数字x]", STICKER),
        ("https://item.example.com/1?a=2", LINK), ("[链接x]", LINK),
        ("[ORDERID_10362713]", ID), ("1380013800138", ID), ("138****5519", ID), ("[电话x]", ID),
        ("[姓名x]", MASK), ("[组织机构x]", MASK),
    ],
)  # fmt: skip
def test_what_platforms_mask_reads_like_what_people_write(written: str, symbol: str) -> None:
    assert symbols(f"好{written}的") == f"好{symbol}的"


def test_stickers_with_words_stay_words() -> None:
    assert symbols("[微笑]") == "[微笑]"


def test_of_a_run_three_are_read() -> None:
    assert symbols("哈哈哈哈哈哈？？？？") == "哈哈哈???"


@given(TEXTS)
def test_every_symbol_has_its_place(texts: list[str]) -> None:
    wording = read(texts, CUT)
    assert wording.texts == len(texts)
    inside = wording.codes != 10
    for code, which, start, end in zip(
        wording.codes[inside], wording.text[inside], wording.starts[inside], wording.ends[inside], strict=True
    ):
        assert 0 <= start < end <= len(texts[which])
        if 0x4E00 <= code <= 0x9FFF and end - start == 1 and ord(texts[which][start]) < 0x10000:
            assert symbols(texts[which][start]) == chr(code)


@given(TEXTS)
def test_spans_with_one_key_are_one_string_and_the_other_way_round(texts: list[str]) -> None:
    wording = read(texts, CUT)
    found = occurrences(wording)
    strings = [
        (index >= found.chars, shown(wording.codes[a : b + 1].tolist()))
        for index, (a, b) in enumerate(zip(found.first, found.last, strict=True))
    ]
    runs = {}
    for key, (is_word, string), index in zip(found.keys.tolist(), strings, range(len(strings)), strict=True):
        if not is_word:
            assert runs.setdefault(key, string) == string
        assert 0 <= found.text[index] < len(texts)
    assert len({s for w, s in strings if not w}) == len(runs)


def test_a_text_alone_has_the_features_it_has_among_others() -> None:
    texts = ["退款呢", "", "在吗？", "好"]
    whole = occurrences(read(texts, CUT))
    for index, text in enumerate(texts):
        alone = occurrences(read([text], CUT))
        assert sorted(whole.keys[whole.text == index].tolist()) == sorted(alone.keys.tolist())


def test_edges_are_features() -> None:
    wording = read(["好的"], list)
    found = occurrences(wording)
    names = [shown(wording.codes[a : b + 1].tolist()) for a, b in zip(found.first, found.last, strict=True)]
    assert names == ["好", "的", "¦好", "好的", "的¦", "¦好的", "好的¦", "¦好的¦", "好", "的", "¦好", "好的", "的¦"]


def test_word_ids_are_symbols() -> None:
    wording = read_ids(["12 7 12", "x"])
    assert shown(wording.codes[1:4].tolist()) == "12 7 12"
    assert wording.starts.tolist()[1:4] == [0, 3, 5]
    assert len(set(wording.codes.tolist())) == 4  # the edge, 12, 7, x


@given(st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=60), st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_the_table_finds_all_and_nothing_else(keys: list[int], others: list[int]) -> None:
    table = Table(np.array(keys, dtype=np.uint64))
    asked = keys + others
    expected = [keys.index(key) if key in keys else -1 for key in asked]
    assert table.find(np.array(asked, dtype=np.uint64)).tolist() == expected


def test_colliding_homes_are_told_apart() -> None:
    keys = np.arange(50, dtype=np.uint64)  # all begin at the same slot
    assert Table(keys).find(keys[::-1].copy()).tolist() == list(range(50))[::-1]


def test_a_vector_is_two_blocks_of_length_one() -> None:
    texts = ["退款退款", "退款呢", "好"]
    wording = read(texts, CUT)
    vocabulary = learn(wording, 2)
    assert set(vocabulary.names) >= {"退款", "退", "¦退款"}
    matrix = vectors(wording, vocabulary).toarray()
    lengths = [
        np.linalg.norm(matrix[:, : vocabulary.chars], axis=1),
        np.linalg.norm(matrix[:, vocabulary.chars :], axis=1),
    ]
    assert np.allclose(lengths, [[1, 1, 0], [1, 1, 0]])
    ratio = matrix[0, vocabulary.names.index("退")] / matrix[0, vocabulary.names.index("¦退")]
    assert ratio == pytest.approx(1 + np.log(2))


@given(st.text(alphabet="#h[]1٣x-se数字_:/.", max_size=30))
def test_classes_are_looked_for_where_one_may_begin(text: str) -> None:
    every = [(hit.span(), hit.lastgroup) for hit in wordings._CLASS.finditer(text)]
    assert [(hit.span(), hit.lastgroup) for hit in wordings._classes_in(text)] == every


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=30))
def test_pairs_are_counted_as_scipy_counts_them(pairs: list[tuple[int, int]]) -> None:
    row, column = np.array([*zip(*pairs, strict=True)] or [(), ()], dtype=np.int64)
    expected = sparse.csr_array((np.ones(len(row)), (row, column)), shape=(5, 5))
    expected.sum_duplicates()
    made = _counts(row, column, (5, 5))
    for ours, theirs in zip(
        (made.data, made.indices, made.indptr), (expected.data, expected.indices, expected.indptr), strict=True
    ):
        assert ours.tolist() == theirs.tolist()


def test_a_table_finds_what_is_in_it_and_nothing_else() -> None:
    every = np.arange(4_000, dtype=np.uint64) * np.uint64(
        1 << 51
    )  # of the upper bits, which tell the place: they crowd
    table = Table(every[::2].copy())
    assert table.find(every).tolist() == [i // 2 if i % 2 == 0 else -1 for i in range(4_000)]


@given(TEXTS)
def test_places_lie_in_the_texts(texts: list[str]) -> None:
    wording = read(texts, CUT)
    vocabulary = learn(wording, 1)
    for text, _, start, end in zip(*located(wording, vocabulary), strict=True):
        assert 0 <= start <= end <= len(texts[text])


def test_nothing_at_all() -> None:
    wording: Wording = read([], CUT)
    assert wording.texts == 0
    assert vectors(wording, learn(wording, 1)).shape == (0, 0)
