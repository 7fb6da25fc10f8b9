"""Groups of words that say the same: how they are written, and where they are found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.models.explain import explain_one
from qa.models.fitting import fit_model
from qa.models.labelled import LabelledChat, TurnLabels
from qa.models.lexicon import TONES, our_lexicon, parse_lexicon
from qa.models.model import Model
from qa.models.ngrams import occurrences
from qa.models.opinions import LABELS, Level, ModelError, Task
from qa.models.settings import Settings
from qa.models.vocabulary import Vocabulary, gathered, learn, located, vectors
from qa.models.wording import read, read_ids
from qa.tokens import cutter
from qa.types import Chat, Message, Role

CUT = cutter(engine="jieba")
TEXT = "[夸] 好话\n不错 棒 给力\n\n# 坏话\n[怨] 坏话\n差劲 垃圾 给力 ok\n"
PRAISE, BLAME, NO_PRAISE, NO_BLAME = "‹夸›", "‹怨›", "‹不·夸›", "‹不·怨›"


def groups_of(*texts: str, lexicon: str = TEXT) -> list[list[tuple[str, str]]]:
    """For each text the groups in it, each with the words of the text that it stands on."""
    vocabulary = learn(read(texts, CUT), 1, parse_lexicon(lexicon))
    found: list[list[tuple[str, str]]] = [[] for _ in texts]
    for text, feature, start, end in zip(*located(read(texts, CUT), vocabulary), strict=True):
        if feature >= vocabulary.words:
            found[text].append((vocabulary.names[feature], texts[text][start:end]))
    return [sorted(one) for one in found]


def test_words_of_a_group_are_found_where_they_stand() -> None:
    assert groups_of("真不错", "给力啊", "棒", "没什么") == [
        [(PRAISE, "不错")],
        [(PRAISE, "给力"), (BLAME, "给力")],
        [(PRAISE, "棒")],
        [],
    ]


def test_a_single_character_and_foreign_letters_count_as_words_only() -> None:
    assert groups_of("金箍棒好玩", "ＯＫ", "okay") == [[], [(BLAME, "ＯＫ")], []]


def test_a_negation_makes_another_feature_and_does_not_reach_into_the_text_before() -> None:
    assert groups_of("不太给力", "没 棒", "不", "垃圾", "别那么垃圾") == [
        [(NO_PRAISE, "给力"), (NO_BLAME, "给力")],
        [(NO_PRAISE, "棒")],
        [],
        [(BLAME, "垃圾")],
        [(BLAME, "垃圾")],
    ]


def test_groups_are_a_block_of_their_own_of_length_one() -> None:
    lexicon = parse_lexicon(TEXT)
    wording = read(["不错不错，给力", "没话说"], CUT)
    vocabulary = learn(wording, 1, lexicon)
    groups = vectors(wording, vocabulary).toarray()[:, vocabulary.words :]
    assert vocabulary.names[vocabulary.words :] == lexicon.features == (PRAISE, BLAME, NO_PRAISE, NO_BLAME)
    assert (groups[0] ** 2).sum() == pytest.approx(1)
    assert groups[0, 0] > groups[0, 1] > 0
    assert not groups[1].any()


TONED = "[夸 2] 好话\n不错 棒 给力\n[怨 -1.5] 坏话\n差劲 垃圾\n[问] 提问\n几点\n"


def test_what_is_said_well_and_ill_is_weighed_and_found() -> None:
    lexicon = parse_lexicon(TONED)
    texts = ["差劲", "垃圾，差劲，几点", "不太给力", "给力，就是差劲", "几点"]
    wording = read(texts, CUT)
    vocabulary = learn(wording, 1, lexicon)
    assert vocabulary.names[vocabulary.grouped :] == TONES
    ill, well = math.log1p(1.5), math.log1p(2)
    expected = [[ill, 0, 1, 1], [ill, 0, 1, 1], [math.log1p(1), 0, 1, 1], [ill, well, 1, 0], [0, 0, 0, 0]]
    assert vectors(wording, vocabulary).toarray()[:, vocabulary.grouped :] == pytest.approx(np.array(expected))
    said = groups_of(*texts, lexicon=TONED)
    assert ("‹怨言›", "给力") in said[2]
    assert ("‹好话›", "给力") in said[3]
    assert sorted(place for name, place in said[1] if name == "‹怨言›") == ["垃圾", "差劲"]


def test_tones_are_left_out_of_what_is_heard_of_a_whole_chat() -> None:
    wording = read(["差劲", "给力"], CUT)
    vocabulary = learn(wording, 1, parse_lexicon(TONED))
    whole = gathered(vectors(wording, vocabulary), vocabulary, np.array([0, 0]), 1)
    assert whole.shape == (1, vocabulary.grouped)


def test_what_is_not_known_makes_a_whole_vocabulary_quieter() -> None:
    known = read(["不错"], CUT)
    for whole in (False, True):
        vocabulary = learn(known, 1, whole=whole)
        length = (vectors(read(["不错", "不错吗他们"], CUT), vocabulary).toarray()[:, : vocabulary.chars] ** 2).sum(
            axis=1
        )
        assert length[0] == pytest.approx(1)
        assert (length[1] < 0.6) == whole


@given(st.lists(st.text(st.sampled_from("不没棒给力错差劲垃圾\n ok好"), max_size=12), max_size=5))
def test_groups_are_those_that_reading_letter_by_letter_finds(texts: list[str]) -> None:
    """The words of two characters and more, counted the slow way."""
    lexicon = parse_lexicon(TEXT)
    wording = read(texts, CUT)
    vocabulary = Vocabulary.of(occurrences(wording).keys[:0], (), 0, lexicon)
    matrix = vectors(wording, vocabulary).toarray()
    for row, text in zip(matrix, texts, strict=True):
        plain, negated = slowly(text, ("不错", "给力"))
        if "棒" not in text:
            assert ((row[0] > 0), (row[2] > 0)) == (plain, negated)


def slowly(text: str, words: tuple[str, ...]) -> tuple[bool, bool]:
    """Whether one of some words stands there plain, and whether one stands there behind a negation."""
    said = {True: False, False: False}
    for line in text.split("\n"):
        for start in range(len(line)):
            if line.startswith(words, start):
                said[any(c in "不没" for c in line[max(start - 2, 0) : start])] = True
    return said[False], said[True]


def test_word_ids_hold_no_groups() -> None:
    wording = read_ids(["12 7", "12"])
    assert vectors(wording, learn(wording, 1, parse_lexicon(TEXT))).toarray()[:, -4:].sum() == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("好\n", "lexicon.txt:1: 好 stands before any group"),
        ("[夸] x\n好\n[夸]\n", "lexicon.txt:3: the group 夸 is there twice"),
        ("[夸] x\n好 棒\nＯＫ ok\n", "lexicon.txt:3: ok is twice in its group"),
        ("[夸] x\n好得不得了\n", "lexicon.txt:2: 好得不得了 is longer than 4 characters"),
        ("[夸] x\n打12315\n", "lexicon.txt:2: 打12315"),
        ("[夸] x\n九5折\n", "lexicon.txt:2: 九5折 holds figures"),
        ("[] x\n", "lexicon.txt:1: a group is written as"),
    ],
)
def test_mistakes_are_named_with_their_line(text: str, message: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_lexicon(text)
    assert message in str(caught.value)


def test_ours_holds_enough_words_in_enough_groups() -> None:
    lexicon = parse_lexicon(our_lexicon())
    assert len(lexicon.names) >= 30
    assert len(lexicon.table) >= 5000


@pytest.fixture(scope="module")
def model() -> Model:
    """A model that was told of two words of each group."""
    texts = {
        "negative": ("差劲死了", "太糟糕"),
        "neutral": ("几点到呢", "发什么快递"),
        "positive": ("给力哦", "太棒了"),
    }
    chats = []
    for number in range(60):
        label = LABELS[Task.SENTIMENT][number % 3]
        text = texts[label][number // 3 % 2]
        chat = Chat(f"c-{number}", (Message(Role.CUSTOMER, text),))
        chats.append(LabelledChat(chat, (TurnLabels(label, LABELS[Task.SATISFACTION][number % 3]),)))
    return fit_model(chats, settings=Settings(around=0.0))


def test_a_word_never_learnt_is_judged_by_its_group_and_explained_by_its_place(model: Model) -> None:
    chat = Chat("x", (Message(Role.CUSTOMER, "你家垃圾！"),))
    (opinion,) = model.judge([chat])
    assert opinion.turns[0].sentiment.label == "negative"
    one = explain_one(model, chat, (Level.TURN, Task.SENTIMENT), 0)
    shares = {part.name: (part, share) for part, share in one.against("negative")}
    for name in ("‹怒骂›", "‹怨言›"):
        part, share = shares[name]
        assert share > 0
        assert "垃圾" in [chat.messages[0].text[s:e] for s, e in part.places]
    total = sum(c.shares[0] for c in one.contributions) + one.intercept[0]
    assert total == pytest.approx(one.decision[0], abs=1e-9)
    assert Model.from_files(model.files()).judge([chat]) == [opinion]
