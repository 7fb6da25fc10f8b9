from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
import small_model as small
from hypothesis import given
from hypothesis import strategies as st

from qa.models.compare import compare, outcome
from qa.models.labelled import LabelledChat
from qa.models.noise import (
    Given,
    Suspect,
    by_reviewer,
    newcombe_low,
    out_of_fold,
    probabilities_of,
    suspects,
    wilson,
)
from qa.models.opinions import Task
from qa.types import Chat, ChatOpinion, Message, Role

NAMES = ("r1", "r2", "r3", "r4", "r5")


def test_the_confident_joint_of_the_paper() -> None:
    """Thresholds are the mean self-confidence of each class; the class must reach its own."""
    p = np.array([[0.9, 0.1], [0.7, 0.3], [0.45, 0.55], [0.3, 0.7], [0.25, 0.75]])
    labels = [Given(i, label, "a") for i, label in enumerate((0, 0, 0, 1, 1))]
    # thresholds: class 0 (.9 + .7 + .45) / 3 = .683, class 1 (.7 + .75) / 2 = .725; chat 2 reaches neither
    assert suspects(labels, p) == []
    wrong = [*labels[:3], Given(3, 0, "a"), Given(4, 1, "a")]
    # class 0 (.9 + .7 + .45 + .3) / 4 = .5875, class 1 .75: chat 3 is at .7 and still below
    assert suspects(wrong, p) == []
    p[3] = [0.2, 0.8]
    (found,) = suspects(wrong, p)
    assert (found.given, found.instead) == (3, 1)
    assert found.margin == pytest.approx(0.2 - 0.8)


def test_suspects_come_by_margin_and_a_class_nobody_gave_is_never_suggested() -> None:
    p = np.array([[0.9, 0.05, 0.05], [0.1, 0.85, 0.05], [0.8, 0.1, 0.1], [0.05, 0.9, 0.05], [0.02, 0.08, 0.9]])
    labels = [Given(i, label, "a") for i, label in enumerate((0, 1, 1, 0, 0))]
    found = suspects(labels, p)
    assert [one.margin for one in found] == sorted(one.margin for one in found)
    assert {one.given for one in found} == {2, 3}
    assert all(one.instead != 2 for one in found)
    assert suspects([], p) == []


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(NAMES), st.booleans()), max_size=80))
def test_rates_add_up_and_no_order_matters(rows: list[tuple[int, str, bool]]) -> None:
    labels = [Given(i, label, who) for i, (label, who, _) in enumerate(rows)]
    found = [Suspect(i, 0, 0.0) for i, (_, _, wrong) in enumerate(rows) if wrong]
    rates = by_reviewer(labels, found)
    assert sum(one.labels for one in rates) == len(rows)
    assert sum(one.suspects for one in rates) == len(found)
    assert all(0 <= one.low <= one.rate + 1e-12 and one.rate <= one.high + 1e-12 for one in rates)
    back = [Given(i, label, who) for i, (label, who, _) in enumerate(reversed(rows))]
    mirrored = [Suspect(len(rows) - 1 - one.given, 0, 0.0) for one in found]
    assert by_reviewer(back, mirrored) == rates


def test_nothing_is_said_of_few_labels_or_of_a_reviewer_alone() -> None:
    few = [Given(0, 0, "a")] * 9 + [Given(0, 0, "b")] * 100
    assert not any(one.stands_out for one in by_reviewer(few, [Suspect(i, 1, 0.0) for i in range(9)]))
    (alone,) = by_reviewer([Given(0, 0, "a")] * 50, [Suspect(i, 1, 0.0) for i in range(50)])
    assert (alone.others, alone.excess_low, alone.stands_out) == (None, None, False)


def test_intervals_are_the_published_ones() -> None:
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    # Newcombe (1998b), table II, method 10
    assert newcombe_low((9, 10), (3, 10)) == pytest.approx(0.1705, abs=5e-5)
    assert newcombe_low((10, 10), (0, 20)) == pytest.approx(0.6791, abs=5e-5)


class Remembers:
    """Knows the chats it learnt from, and refuses to have seen what it judges."""

    def __init__(self, chats: Sequence[LabelledChat]) -> None:
        self.seen = {one.chat.messages[0].text.strip() for one in chats}

    def judge(self, chats: Sequence[Chat]) -> list[ChatOpinion]:
        assert not self.seen & {one.messages[0].text.strip() for one in chats}
        return [ChatOpinion()] * len(chats)


def test_nothing_is_judged_by_a_model_that_has_seen_it_or_its_twin() -> None:
    texts = [f"第{i // 2}次" + " " * (i % 2) for i in range(80)]
    chats = [LabelledChat(Chat(str(i), (Message(Role.CUSTOMER, text),)), ()) for i, text in enumerate(texts)]
    opinions = out_of_fold(chats, Remembers)
    assert opinions == [ChatOpinion()] * 80
    assert probabilities_of(opinions, Task.RESOLUTION).tolist() == [[1 / 3] * 3] * 80
    assert out_of_fold([], Remembers) == []


# --- one of five reviewers labels everything wrong -------------------------------------------------------------------


def reviewed(count: int, seed: int, flips: str | None) -> tuple[list[LabelledChat], list[LabelledChat], list[Given]]:
    """Authored chats as they are, as five reviewers label them in turn (8 % slips), and the labels they give."""
    rng = random.Random(seed)
    truth = small.authored(count, seed)
    said = []
    for i, one in enumerate(truth):
        habit = small.opposite if NAMES[i % 5] == flips else small.careful(0.08)
        said.append(small.relabelled(one, habit(str(one.satisfaction), rng)))
    given_labels = [Given(i, small.ORDER.index(str(one.satisfaction)), NAMES[i % 5]) for i, one in enumerate(said)]
    return truth, said, given_labels


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_one_of_five_who_flips_everything_is_found_within_50_labels(seed: int) -> None:
    _, said, labels = reviewed(5 * 50, seed, flips="r5")
    found = suspects(labels, probabilities_of(out_of_fold(said, small.Small), small.TASK))
    rates = by_reviewer(labels, found)
    assert [one.reviewer for one in rates if one.stands_out] == ["r5"]
    assert rates[0].labels == 50
    assert rates[0].rate > 0.6
    assert sum(labels[one.given].reviewer == "r5" for one in found[:20]) >= 8  # a fifth would be chance


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_honest_reviewers_are_left_alone(seed: int) -> None:
    _, said, labels = reviewed(5 * 50, seed, flips=None)
    found = suspects(labels, probabilities_of(out_of_fold(said, small.Small), small.TASK))
    assert [one.reviewer for one in by_reviewer(labels, found) if one.stands_out] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_model_taught_by_them_cannot_be_promoted(seed: int) -> None:
    chats = small.authored(1260, seed)
    _, said, _ = reviewed(500, seed, flips="r5")
    taught = {one.chat.id for one in said}
    test = [small.relabelled(one, str(one.satisfaction)) for one in chats if one.chat.id not in taught]
    honest = [one for i, one in enumerate(said) if NAMES[i % 5] != "r5"]
    current, candidate = small.Small(honest), small.Small(said)
    refused = outcome(compare(current, candidate, {"audit": test}))
    assert refused.is_worse
    assert any("macro_f1" in reason for reason in refused.reasons)
    assert not outcome(compare(small.Small(honest[:150]), current, {"audit": test})).is_worse
    # a current model that is poor enough may gain from them all the same: then the labels are the reason
    weak = small.Small(honest[:30])
    assert outcome(compare(weak, candidate, {"audit": test}), ["r5"]).is_worse
