"""What a model can be asked: tasks, levels, and their labels in a fixed order, the worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from qa.errors import QaError
from qa.types import ChatOpinion, Opinion, TurnOpinion

__all__ = ["HEADS", "LABELS", "ChatOpinion", "Level", "ModelError", "Opinion", "Task", "TurnOpinion", "make_opinion"]


class ModelError(QaError):
    """A model's files are unfit to be used, or what it is to learn from is unfit to be learnt."""


class Task(StrEnum):
    """What is judged."""

    SENTIMENT = "sentiment"
    SATISFACTION = "satisfaction"
    RESOLUTION = "resolution"


class Level(StrEnum):
    """Whether a turn of the customer's is judged, or the whole chat."""

    TURN = "turn"
    CHAT = "chat"


LABELS: Mapping[Task, tuple[str, str, str]] = MappingProxyType(
    {
        Task.SENTIMENT: ("negative", "neutral", "positive"),
        Task.SATISFACTION: ("dissatisfied", "neutral", "satisfied"),
        Task.RESOLUTION: ("unresolved", "partly", "resolved"),
    }
)
"""The labels of each task, the worst first: probabilities stand in this order everywhere."""

HEADS: tuple[tuple[Level, Task], ...] = (
    (Level.TURN, Task.SENTIMENT),
    (Level.TURN, Task.SATISFACTION),
    (Level.CHAT, Task.SENTIMENT),
    (Level.CHAT, Task.SATISFACTION),
    (Level.CHAT, Task.RESOLUTION),
)
"""All that a complete model answers, in the order it is computed: turns first, chats from them."""


def make_opinion(task: Task, probabilities: Sequence[float], threshold: float) -> Opinion:
    """Return the opinion that three probabilities make; it abstains where the best is below ``threshold``.

    >>> make_opinion(Task.RESOLUTION, (0.2, 0.1, 0.7), 0.8)
    Opinion(label='resolved', probability=0.7, probabilities=(0.2, 0.1, 0.7), abstains=True)
    """
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    sure = probabilities[best]
    return Opinion(LABELS[task][best], sure, tuple(probabilities), abstains=sure < threshold)
