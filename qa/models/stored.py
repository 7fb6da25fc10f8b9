"""Opinions as the store keeps them: in few bytes, every one naming the version that gave it."""

from __future__ import annotations

from typing import Any

import orjson

from qa.models.opinions import LABELS, Task
from qa.types import ChatOpinion, Opinion

_DIGITS = 3
"""Decimals of a stored probability: more would only be bytes."""


def encoded(version: str, thought: ChatOpinion, because: list[dict[str, Any]]) -> bytes:
    """Return an opinion as it is stored, in few bytes: ``expanded`` reads it back.

    ``because``: the words that speak for it (turn, start, end, quote, of, weight), where they were asked for.
    """
    of_chat = {task.value: _few(one) for task in Task if (one := getattr(thought, task.value)) is not None}
    turns = [[one.turn, *_few(one.sentiment), *_few(one.satisfaction)] for one in thought.turns]
    return orjson.dumps({"model": version, "chat": of_chat, "turns": turns, "because": because})


def expanded(stored: bytes) -> list[dict[str, Any]]:
    """Return stored opinions one by one, those on the chat first (their ``turn`` is None).

    >>> one = Opinion("resolved", 0.9, (0.04, 0.06, 0.9))
    >>> expanded(encoded("v", ChatOpinion(resolution=one), []))[0]["label"]
    'resolved'
    """
    found = orjson.loads(stored)
    if not found:
        return []
    many = [_one(found["model"], task, None, *opinion) for task, opinion in found["chat"].items()]
    for turn, *both in found["turns"]:
        many.append(_one(found["model"], Task.SENTIMENT.value, turn, *both[:2]))
        many.append(_one(found["model"], Task.SATISFACTION.value, turn, *both[2:]))
    for one in many:
        one["because"] = [why for why in found["because"] if (why["of"], one["turn"]) == (one["of"], None)]
    return many


def restored(stored: bytes) -> ChatOpinion:
    """Return what a stored opinion says of the chat as a whole; an empty one where none was given.

    >>> one = Opinion("resolved", 0.9, (0.04, 0.06, 0.9))
    >>> restored(encoded("v", ChatOpinion(resolution=one), [])).resolution == one
    True
    """
    found = orjson.loads(stored)
    if not found:
        return ChatOpinion()
    made = {}
    for of, (probabilities, abstains) in found["chat"].items():
        best = max(range(len(probabilities)), key=probabilities.__getitem__)
        made[of] = Opinion(LABELS[Task(of)][best], probabilities[best], tuple(probabilities), bool(abstains))
    sentiment, satisfaction, resolution = (made.get(task.value) for task in Task)
    return ChatOpinion(sentiment, satisfaction, resolution)


def _few(opinion: Opinion) -> list[Any]:
    return [[round(one, _DIGITS) for one in opinion.probabilities], int(opinion.abstains)]


def _one(model: str, of: str, turn: int | None, probabilities: list[float], abstains: int) -> dict[str, Any]:
    best = max(range(len(probabilities)), key=probabilities.__getitem__)
    return {
        "model": model,
        "of": of,
        "turn": turn,
        "label": LABELS[Task(of)][best],
        "probability": probabilities[best],
        "probabilities": probabilities,
        "abstains": bool(abstains),
    }
