"""The words that speak most for what the model thinks ill of a chat, with their places: kept beside the opinion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qa.models.explain import Explanation, Which, explain
from qa.models.model import Model
from qa.models.opinions import LABELS, Level, Task
from qa.tokens import tokenize
from qa.types import Chat, ChatOpinion

MOST = 12
"""Words kept of one opinion."""
_ASKED = (Task.SATISFACTION, Task.RESOLUTION)


def because(model: Model, chat: Chat, thought: ChatOpinion) -> list[dict[str, Any]]:
    """Return the loudest words for each bad opinion on the chat: of, turn, start, end, quote, weight.

    Words are those of the chat's own decision, and of the decision on the turn with which the customer seems least
    content, for a chat's opinion rests on those on its turns.
    """
    bad = [
        task for task in _ASKED if (one := getattr(thought, task.value)) is not None and one.label == LABELS[task][0]
    ]
    if not bad:
        return []
    worst = max(thought.turns, key=lambda one: one.satisfaction.probabilities[0], default=None)
    of_turn: list[Which] = [] if worst is None else [(Level.TURN, Task.SATISFACTION, worst.turn)]
    wanted: list[Which] = [*((Level.CHAT, task, None) for task in bad), *of_turn]
    taken_apart = {(one.level, one.task, one.turn): one for one in explain(model, chat, wanted)}
    told: list[dict[str, Any]] = []
    for task in bad:
        mine = [taken_apart[one] for one in [(Level.CHAT, task, None), *of_turn]]
        told += sorted(_words(mine, task, chat), key=lambda one: (-one["weight"], one["turn"], one["start"]))[:MOST]
    return told


def _words(taken_apart: list[Explanation], of: Task, chat: Chat) -> Iterator[dict[str, Any]]:
    """Every word with what it says for the bad label: the sum of what its characters say in these decisions."""
    heat: dict[int, list[float]] = {}
    for one in taken_apart:
        for turn, mine in one.by_character(LABELS[one.task][0], chat).items():
            heat[turn] = [a + b for a, b in zip(heat.get(turn, [0.0] * len(mine)), mine, strict=True)]
    for turn, warmth in heat.items():
        end = 0
        for word in tokenize(chat.messages[turn].text):
            start, end = end, end + len(word)
            weight = round(sum(warmth[start:end]), 4)
            if weight > 0 and word.strip():
                yield {"of": of.value, "turn": turn, "start": start, "end": end, "quote": word, "weight": weight}
