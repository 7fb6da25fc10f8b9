from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfTransformer

from qa.models.suggest import Why, entropy, hashed, suggest, tf_idf, uncertainty
from qa.types import ChatOpinion, Opinion


def opinion(*p: float) -> Opinion:
    return Opinion("x", max(p), p)


def test_uncertainty_is_the_mean_normalised_entropy() -> None:
    third = 1 / 3
    assert entropy(opinion(third, third, third)) == pytest.approx(1)
    assert entropy(opinion(1.0, 0.0, 0.0)) == 0
    assert entropy(opinion(0.5, 0.5, 0.0)) == pytest.approx(math.log(2) / math.log(3))
    both = ChatOpinion(sentiment=opinion(1.0, 0.0, 0.0), resolution=opinion(third, third, third))
    assert uncertainty(both) == pytest.approx(0.5)
    assert uncertainty(ChatOpinion()) == 0


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda p: sum(p) > 0))
def test_entropy_is_a_share(p: list[float]) -> None:
    assert 0 <= entropy(opinion(*(x / sum(p) for x in p))) <= 1 + 1e-9


def test_tf_idf_is_that_of_scikit_learn() -> None:
    counts = hashed([["退款", "退款", "快"], ["快", "慢"], ["慢"], []], 64)
    theirs = TfidfTransformer(sublinear_tf=True, norm="l2").fit_transform(counts)
    assert np.allclose(tf_idf(counts).toarray(), theirs.toarray())


def test_a_twin_of_a_chosen_chat_comes_late() -> None:
    rows = tf_idf(hashed([["a", "b"], ["a", "b"], ["c"], ["d"]]))
    found = suggest("wxyz", [0.9, 0.89, 0.5, 0.4], rows, 4, salt="s", random_share=0)
    assert [one.candidate for one in found] == [0, 2, 3, 1]
    assert [one.distance for one in found] == pytest.approx([1, 1, 1, 0])
    assert {one.why for one in found} == {Why.UNCERTAIN}


def test_a_share_is_random_and_depends_on_the_salt_alone() -> None:
    keys = [f"c-{i}" for i in range(300)]
    rows = tf_idf(hashed([[f"w{i}", f"v{i % 7}"] for i in range(300)]))
    sure = [0.9 if i < 100 else 0.0 for i in range(300)]

    def drawn(salt: str, uncertain: list[float]) -> set[int]:
        found = suggest(keys, uncertain, rows, 50, salt=salt)
        assert len({one.candidate for one in found}) == 50
        return {one.candidate for one in found if one.why is Why.RANDOM}

    assert len(drawn("s", sure)) == 10
    assert drawn("s", sure) == drawn("s", sure[::-1])
    assert drawn("s", sure) != drawn("t", sure)
    chosen = [one for one in suggest(keys, sure, rows, 50, salt="s") if one.why is Why.UNCERTAIN]
    assert all(one.candidate < 100 for one in chosen)


@given(st.permutations(range(12)), st.integers(0, 15), st.sampled_from([0.0, 0.2, 0.5, 1.0]))
def test_the_order_of_the_chats_does_not_matter(order: list[int], n: int, share: float) -> None:
    texts = [[f"w{i % 5}", f"v{i}"] for i in range(12)]
    uncertain = [(i * 7 % 12) / 12 for i in range(12)]

    def names(places: list[int]) -> list[str]:
        rows = tf_idf(hashed([texts[i] for i in places]))
        keys = [f"c-{i}" for i in places]
        found = suggest(keys, [uncertain[i] for i in places], rows, n, salt="s", random_share=share)
        return [keys[one.candidate] for one in found]

    assert names(order) == names(list(range(12)))
    assert len(names(order)) == min(n, 12)


def test_nothing_to_choose_from() -> None:
    assert suggest([], [], tf_idf(hashed([])), 5, salt="s") == []
