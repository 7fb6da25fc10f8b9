from __future__ import annotations

import math
import random

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.models import drift as d
from qa.types import ChatOpinion, Opinion

counts = st.lists(st.integers(0, 500), min_size=4, max_size=4)


def opinions(scores: list[float]) -> list[ChatOpinion]:
    return [ChatOpinion(satisfaction=Opinion("neutral", 1 - s, (s, 1 - s, 0.0))) for s in scores]


def texts(rng: random.Random, number: int, special: float = 0.0) -> list[list[str]]:
    common = [f"w{i}" for i in range(400)]
    weights = [1 / (i + 1) for i in range(400)]
    found = [rng.choices(common, weights, k=30) for _ in range(number)]
    return [[*words, "直播间"] if rng.random() < special else words for words in found]


@given(counts, counts)
def test_psi_is_symmetric_and_never_negative(p: list[int], q: list[int]) -> None:
    assert d.psi(p, q) >= 0
    assert d.psi(p, q) == pytest.approx(d.psi(q, p))
    assert d.psi(p, p) == 0


def test_psi_is_the_sum_of_the_definition() -> None:
    p, q = [0.5, 0.3, 0.2], [0.4, 0.4, 0.2]
    wanted = sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True))
    assert d.psi([500_000, 300_000, 200_000], [400_000, 400_000, 200_000]) == pytest.approx(wanted, abs=1e-5)


def test_chance_passes_its_point_about_once_in_a_thousand() -> None:
    rng = np.random.default_rng(1)
    point = d.chance_point(10, 2000, 300)
    values = [d.psi(rng.multinomial(2000, [0.1] * 10), rng.multinomial(300, [0.1] * 10)) for _ in range(4000)]
    assert 0 <= np.mean(np.array(values) > point) < 0.004
    assert np.mean(values) == pytest.approx(9 * (1 / 2000 + 1 / 300), rel=0.1)


def test_levels_need_threshold_and_more_than_chance() -> None:
    assert d.level_of(0.09, 0.01) is d.Level.NONE
    assert d.level_of(0.1, 0.01) is d.Level.MODERATE
    assert d.level_of(0.25, 0.01) is d.Level.LARGE
    assert d.level_of(0.4, 0.5) is d.Level.NONE
    assert d.chance_point(10, 100, 0) == math.inf


def test_an_ordinary_night_is_quiet_and_a_changed_one_says_what_moved() -> None:
    rng = random.Random(5)
    reference = d.build_reference(opinions([rng.random() for _ in range(1000)]), texts(rng, 1000))
    quiet = d.count_night(reference, opinions([rng.random() for _ in range(400)]), texts(rng, 400))
    assert {one.what: one.level for one in d.drift(reference, quiet)} == {
        "satisfaction": d.Level.NONE, "words": d.Level.NONE,
    }  # fmt: skip
    changed = d.count_night(
        reference, opinions([rng.random() ** 0.3 for _ in range(400)]), [["直播间", "链接", "w7"]] * 400
    )  # fmt: skip
    scores, words = d.drift(reference, changed)
    assert scores.level is d.Level.LARGE
    assert words.level is d.Level.LARGE
    moved = {one.word: one for one in words.words}
    assert moved["直播间"].contribution > 0
    assert moved["直播间"].before == 0
    assert moved["直播间"].now == pytest.approx(1 / 3)
    assert moved["w0"].contribution < 0
    sizes = [abs(one.contribution) for one in words.words]
    assert sizes == sorted(sizes, reverse=True)
    assert "+ 直播间" in d.told(words)
    assert "- w0" in d.told(words)


def test_a_new_word_is_named_even_where_the_whole_is_calm() -> None:
    rng = random.Random(6)
    reference = d.build_reference([], texts(rng, 1500))
    night = d.count_night(reference, [], texts(rng, 500, special=0.3))
    (words,) = d.drift(reference, night)
    assert words.level is d.Level.NONE
    assert [one.word for one in words.words] == ["直播间"]


def test_chunks_add_up_to_the_night() -> None:
    rng = random.Random(7)
    scores, said = [rng.random() for _ in range(60)], texts(rng, 60)
    reference = d.build_reference(opinions(scores), said)
    whole = d.count_night(reference, opinions(scores), said)
    parts = [d.count_night(reference, opinions(scores[a : a + 20]), said[a : a + 20]) for a in (0, 20, 40)]
    together = d.added(d.added(parts[0], parts[1]), parts[2])
    assert d.drift(reference, together) == d.drift(reference, whole)
    assert {head: list(n) for head, n in together.heads.items()} == {head: list(n) for head, n in whole.heads.items()}


def test_the_reference_is_json_and_keeps_the_frequent_words() -> None:
    rng = random.Random(8)
    reference = d.build_reference(opinions([0.1, 0.1, 0.5, 0.9]), texts(rng, 50))
    assert msgspec.json.decode(msgspec.json.encode(reference), type=d.Reference) == reference
    assert list(reference.words.words.values()) == sorted(reference.words.words.values(), reverse=True)
    assert len(d.count_words([[str(i)] for i in range(20)], kept=5).words) == 5


def test_deciles_of_equal_scores_are_one_edge() -> None:
    one = d.deciles([0.5] * 30 + [0.9])
    assert one.counts == (30, 1)
    assert d.deciles([]) == d.Histogram((), (0,))


def test_a_night_without_chats_says_nothing() -> None:
    reference = d.build_reference(opinions([0.1, 0.5, 0.9]), [["a"]])
    assert all(one.level is d.Level.NONE for one in d.drift(reference, d.count_night(reference, [], [])))


def test_no_word_that_may_be_somebodys_own_is_told() -> None:
    reference = d.build_reference([], [["退款", "快递"]] * 200)
    said = [["李二狗"]] * (d.HEARD_IN - 1) + [["13800138000"], ["直播"]] * d.HEARD_IN
    (words,) = d.drift(reference, d.count_night(reference, [], said))
    assert {one.word for one in words.words} == {"直播"}
