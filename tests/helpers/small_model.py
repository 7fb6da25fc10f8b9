"""A small, quick and real classifier of chats, and reviewers who label chats by what is true, or by the opposite."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from qa.models.labelled import LabelledChat, read_labelled
from qa.models.opinions import LABELS, Task, make_opinion
from qa.models.suggest import hashed
from qa.tokens import tokenize
from qa.types import Chat, ChatOpinion

ROOT = Path(__file__).resolve().parents[2]
TASK = Task.SATISFACTION
ORDER = LABELS[TASK]
_seen: dict[str, list[str]] = {}


def authored(count: int, seed: int = 1) -> list[LabelledChat]:
    """So many of the authored chats, shuffled."""
    chats = read_labelled([ROOT / "training_data" / "chats"])
    random.Random(seed).shuffle(chats)
    return chats[:count]


def words(chat: Chat) -> list[str]:
    """Words and pairs of words of a chat with who said them, those of the end once more."""
    if chat.id not in _seen:
        found = []
        for turn, message in enumerate(chat.messages):
            mine = tokenize(message.text)
            some = mine + [f"{a} {b}" for a, b in pairwise(mine)]
            found += [f"{message.role.value}:{word}" for word in some]
            found += [f"end:{word}" for word in some] if turn >= len(chat.messages) - 3 else []
        _seen[chat.id] = found
    return _seen[chat.id]


class Small:
    """Judges the satisfaction of chats by their words."""

    def __init__(self, chats: Sequence[LabelledChat]) -> None:
        rows, labels = self._rows([one.chat for one in chats]), [ORDER.index(one.satisfaction) for one in chats]
        with threadpool_limits(1), warnings.catch_warnings():  # tests run side by side
            warnings.simplefilter("ignore")
            self._fit = LogisticRegression(C=3.0, max_iter=100, tol=1e-3).fit(
                rows, labels, sample_weight=[one.weight for one in chats]
            )

    def judge(self, chats: Sequence[Chat]) -> list[ChatOpinion]:
        """An opinion on satisfaction, nothing else."""
        found = np.zeros((len(chats), len(ORDER)))
        found[:, self._fit.classes_] = self._fit.predict_proba(self._rows(chats))
        return [ChatOpinion(satisfaction=make_opinion(TASK, tuple(row), 0.0)) for row in found.tolist()]

    @staticmethod
    def _rows(chats: Sequence[Chat]):
        rows = hashed([words(chat) for chat in chats], 1 << 15)
        rows.data = np.log1p(rows.data)
        return rows


def opposite(label: str, rng: random.Random) -> str:
    """The other end of the scale; of the middle one end or the other."""
    return {ORDER[0]: ORDER[2], ORDER[2]: ORDER[0]}.get(label) or rng.choice((ORDER[0], ORDER[2]))


def careful(share: float) -> Callable[[str, random.Random], str]:
    """A reviewer who gives the right label but in this share of cases, and then one beside it."""
    return lambda label, rng: rng.choice([one for one in ORDER if one != label]) if rng.random() < share else label


def relabelled(one: LabelledChat, label: str) -> LabelledChat:
    """The chat with nothing but this label, as a review gives it."""
    return replace(one, sentiment=None, resolution=None, satisfaction=label, turns=tuple(type(t)() for t in one.turns))
