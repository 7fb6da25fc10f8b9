from __future__ import annotations

import random
from collections.abc import Sequence

import model_kit
import numpy as np
import pytest
from msgspec.structs import replace
from sklearn.metrics import f1_score, roc_auc_score

from qa.models import compare as c
from qa.models.labelled import LabelledChat, TurnLabels
from qa.models.opinions import LABELS, Task, make_opinion
from qa.types import Chat, ChatOpinion, Message, Role, TurnOpinion

SATISFACTION, SENTIMENT = LABELS[Task.SATISFACTION], LABELS[Task.SENTIMENT]


class Guess:
    """Right in a share of the chats and turns, decided by the chat's id; as sure as it is right."""

    def __init__(self, share: float, seed: int = 0, sure: float | None = None) -> None:
        self.share, self.seed, self.sure = share, seed, share if sure is None else sure

    def judge(self, chats: Sequence[Chat]) -> list[ChatOpinion]:
        return [self._one(chat) for chat in chats]

    def _one(self, chat: Chat) -> ChatOpinion:
        rng = random.Random(f"{self.seed}:{chat.id}")
        truth = int(chat.id.rpartition("-")[2]) % 3
        turns = tuple(
            TurnOpinion(turn, self._opinion(Task.SENTIMENT, truth, rng), self._opinion(Task.SATISFACTION, truth, rng))
            for turn, message in enumerate(chat.messages)
            if message.role is Role.CUSTOMER
        )
        return ChatOpinion(satisfaction=self._opinion(Task.SATISFACTION, truth, rng), turns=turns)

    def _opinion(self, task: Task, truth: int, rng: random.Random):
        label = truth if rng.random() < self.share else (truth + rng.choice((1, 2))) % 3
        rest = (1 - self.sure) / 2
        return make_opinion(task, tuple(self.sure if i == label else rest for i in range(3)), 0.0)


def chats(count: int, merchant: str = "m", turns: int = 0) -> list[LabelledChat]:
    found = []
    for i in range(count):
        messages = tuple(Message(Role.CUSTOMER, "好") for _ in range(max(1, turns)))
        labels = TurnLabels(sentiment=SENTIMENT[i % 3]) if turns else TurnLabels()
        chat = Chat(f"{merchant}-{i}", messages, merchant=merchant)
        found.append(
            LabelledChat(chat, (labels,) * len(messages), satisfaction=SATISFACTION[i % 3], sentiment="neutral")
        )
    return found


def by(differences: list[c.Difference], metric: str, head: str = "chat satisfaction", merchant: str | None = None):
    (found,) = [d for d in differences if (d.metric, d.head, d.merchant) == (metric, head, merchant)]
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_figures_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 60)
    p = rng.dirichlet((1, 1, 1), 60).round(1 if seed % 2 else 6)
    units = np.arange(60)
    weights = rng.multinomial(60, np.full(60, 1 / 60), size=7).astype(float)
    for row in weights:
        one = row[None]
        f1 = f1_score(truth, p.argmax(axis=1), average="macro", sample_weight=row, labels=[0, 1, 2])
        assert c.macro_f1(p, truth, units, one)[0] == pytest.approx(f1)
        assert c.auc(p, truth, units, one)[0] == pytest.approx(roc_auc_score(truth == 0, p[:, 0], sample_weight=row))
        claimed, right = p.max(axis=1), p.argmax(axis=1) == truth
        bins = np.minimum((claimed * 10).astype(int), 9)
        gaps = [abs((row * (claimed - right))[bins == i].sum()) for i in range(10)]
        assert c.ece(p, truth, units, one)[0] == pytest.approx(sum(gaps) / row.sum())


def test_a_draw_without_one_side_has_no_auc() -> None:
    assert np.isnan(
        c.auc(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]), np.arange(2), np.array([[1.0, 0.0]]))[0]
    )


def test_a_worse_candidate_is_refused_with_reasons_and_a_better_one_is_not() -> None:
    good, bad = Guess(0.9), Guess(0.7, seed=1)
    sets = {"frozen": chats(400), "audit": chats(300, "a")}
    worse = c.outcome(c.compare(good, bad, sets))
    assert worse.is_worse
    assert worse.reasons[0].startswith("worse: frozen, chat satisfaction: macro_f1 0.9")
    assert not c.outcome(c.compare(bad, good, sets)).is_worse
    assert not c.outcome(c.compare(good, good, sets)).is_worse


def test_intervals_hold_the_difference_and_narrow_with_more_chats() -> None:
    small, large = (by(c.compare(Guess(0.8), Guess(0.8, 1), {"s": chats(n)}), "macro_f1") for n in (100, 1600))
    for one in (small, large):
        assert one.joint_low <= one.low <= one.difference <= one.high <= one.joint_high
    assert large.high - large.low < (small.high - small.low) / 2


def test_pairing_makes_the_interval_of_similar_models_narrow() -> None:
    class Almost(Guess):
        def judge(self, chats: Sequence[Chat]) -> list[ChatOpinion]:
            found = super().judge(chats)
            found[0] = Guess(0.0).judge(chats[:1])[0]
            return found

    found = by(c.compare(Guess(0.7), Almost(0.7), {"s": chats(300)}), "macro_f1")
    apart = by(c.compare(Guess(0.7), Guess(0.7, 5), {"s": chats(300)}), "macro_f1")
    assert found.high - found.low < 0.02 < apart.high - apart.low


def test_a_candidate_worse_for_one_merchant_is_refused() -> None:
    class Forgets(Guess):
        def judge(self, chats: Sequence[Chat]) -> list[ChatOpinion]:
            poor = Guess(0.4, 9, self.sure).judge(chats)
            return [
                p if chat.merchant == "b" else g for chat, p, g in zip(chats, poor, super().judge(chats), strict=True)
            ]

    sets = {"frozen": [*chats(900, "a"), *chats(120, "b")]}
    differences = c.compare(Guess(0.8), Forgets(0.8), sets)
    assert not by(differences, "macro_f1", merchant="a").is_worse
    assert by(differences, "macro_f1", merchant="b").is_worse
    assert any("merchant b" in reason for reason in c.outcome(differences).reasons)


def test_dishonest_probabilities_are_refused_but_only_where_it_matters() -> None:
    sets = {"frozen": chats(600)}
    assert by(c.compare(Guess(0.8), Guess(0.8, sure=0.99), sets), "ece").is_worse
    assert not by(c.compare(Guess(0.8), Guess(0.8, sure=0.81), sets), "ece").is_worse


def test_grouping_scores_for_the_interval_hardly_moves_it() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 4000)
    p = rng.dirichlet((1, 1, 1), 4000)
    p[:, 0] += 0.2 * (truth == 0)
    weights = rng.multinomial(400, np.full(400, 1 / 400), size=20).astype(float)
    unit = np.arange(4000) // 10
    exact = [c.auc(p, truth, unit, row[None])[0] for row in weights]
    assert c.auc(p, truth, unit, weights) == pytest.approx(np.array(exact), abs=5e-4)


def test_turns_are_drawn_with_their_chat() -> None:
    class Together(Guess):
        """Right or wrong in all turns of a chat."""

        def _one(self, chat: Chat) -> ChatOpinion:
            truth = int(chat.id.rpartition("-")[2]) % 3
            opinion = self._opinion(Task.SENTIMENT, truth, random.Random(f"{self.seed}:{chat.id}"))
            return ChatOpinion(turns=tuple(TurnOpinion(turn, opinion, opinion) for turn in range(len(chat.messages))))

    many = chats(60, turns=20)
    whole = by(c.compare(Together(0.8), Together(0.8, 1), {"s": many}), "macro_f1", "turn sentiment")
    apart = [turn for one in many for turn in chats_of_one_turn(one)]
    alone = by(c.compare(Together(0.8), Together(0.8, 1), {"s": apart}), "macro_f1", "turn sentiment")
    assert whole.n == alone.n == 1200
    assert whole.high - whole.low > 3 * (alone.high - alone.low)


def chats_of_one_turn(one: LabelledChat) -> list[LabelledChat]:
    return [
        LabelledChat(Chat(f"{i}-{one.chat.id}", (one.chat.messages[0],)), one.turns[:1])
        for i in range(len(one.turns))
    ]  # fmt: skip


def test_too_few_labels_tell_nothing_and_that_is_said() -> None:
    few = c.compare(Guess(0.9), Guess(0.1), {"audit": chats(49)})
    assert all(one.difference is None for one in few)
    told = c.outcome(few)
    assert told.reasons == ("no set has enough labels to compare on",)
    assert told.untold == ("audit",)
    assert "cannot be told from 49 labels" in str(few[0])
    enough = c.outcome(c.compare(Guess(0.9), Guess(0.9), {"audit": chats(20), "frozen": chats(100)}))
    assert (enough.reasons, enough.untold) == ((), ("audit",))
    assert c.outcome(c.compare(Guess(0.9), Guess(0.9), {"audit": [], "frozen": []})).is_worse


def test_a_rare_worst_class_leaves_only_the_auc_out() -> None:
    labelled = [one for one in chats(300) if one.satisfaction != "dissatisfied"] + chats(12)
    found = c.compare(Guess(0.8), Guess(0.8, 1), {"s": labelled})
    assert by(found, "auc").difference is None
    assert by(found, "macro_f1").difference is not None


def test_doubtful_reviewers_are_a_reason_by_themselves() -> None:
    found = c.compare(Guess(0.5), Guess(0.9), {"s": chats(200)})
    assert c.outcome(found).reasons == ()
    assert c.outcome(found, ["wang"]).reasons == ("it learnt from labels of wang, which look wrong",)


def test_the_hook_loads_both_versions_and_falls_back_to_the_cards() -> None:
    models = {"old": Guess(0.9), "new": Guess(0.6, 1)}
    cards = [replace(model_kit.card(), name=name) for name in ("old", "new")]
    loaded: list[str] = []

    def load(name: str) -> Guess:
        loaded.append(name)
        return models[name]

    assert c.worse_than(load, {"s": chats(300)})(*cards)
    assert loaded == ["old", "new"]
    assert c.worse_than(load, {"s": chats(300)})(*cards[::-1]) == ()
    assert c.worse_than(load, {"s": chats(3)})(*cards) == ("no set has enough labels to compare on",)
    by_cards = c.worse_than(load, {"s": chats(3)}, lambda _card: ["li"], lambda *_: ("cards say no",))(*cards)
    assert by_cards == ("it learnt from labels of li, which look wrong", "cards say no")


@pytest.mark.slow
def test_equal_models_are_seldom_refused() -> None:
    """Two models that are right equally often, in different places: fewer than 5 % of a set's families say worse."""
    sets = {"frozen": chats(300)}
    refused = sum(
        c.outcome(c.compare(Guess(0.8, i), Guess(0.8, i + 100), sets, draws=2000)).is_worse for i in range(40)
    )
    assert refused <= 3
