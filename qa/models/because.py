"""The words that speak most for what the model thinks ill of chats, with their places: kept beside the opinions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from qa.models.heat import Warmth
from qa.models.model import Model, batches
from qa.models.opinions import LABELS, Level, Task
from qa.models.rows import Rows
from qa.models.vocabulary import Floats
from qa.tokens import tokenize
from qa.types import Chat, ChatOpinion

MOST = 12
"""Words kept of one opinion."""
_ASKED = (Task.SATISFACTION, Task.RESOLUTION)

Word = dict[str, Any]
"""of, turn, start, end, quote, weight."""


def because(model: Model, chats: Sequence[Chat], thoughts: Sequence[ChatOpinion]) -> list[list[Word]]:
    """Return for each chat the loudest words for each bad opinion on it.

    Words are those of the chat's own decision, and of the decision on the turn with which the customer seems least
    content, for a chat's opinion rests on those on its turns. A word weighs what its characters say (``Warmth``).
    """
    found: list[list[Word]] = [[] for _ in chats]
    asked = [i for i, thought in enumerate(thoughts) if _bad(thought)]
    for batch in batches([chats[i] for i in asked]):
        mine = [asked[i] for i in batch]
        told = _together(model, [chats[i] for i in mine], [thoughts[i] for i in mine])
        for i, words in zip(mine, told, strict=True):
            found[i] = words
    return found


def _bad(thought: ChatOpinion) -> list[Task]:
    """What the model thinks ill of."""
    return [
        task for task in _ASKED if (one := getattr(thought, task.value)) is not None and one.label == LABELS[task][0]
    ]


def _together(model: Model, chats: Sequence[Chat], thoughts: Sequence[ChatOpinion]) -> list[list[Word]]:
    """``because`` for some chats that the model can see at once, all of them thought ill of."""
    seen = model.see(chats)
    warmth, words = Warmth(model, seen), _Words(seen.rows)
    of_turns = warmth.of((Level.TURN, Task.SATISFACTION), _worst_turns(seen.rows, thoughts))
    found: list[list[Word]] = [[] for _ in chats]
    for task in _ASKED:
        mine = [i for i, thought in enumerate(thoughts) if task in _bad(thought)]
        if mine:
            weights = words.weights(of_turns + warmth.of((Level.CHAT, task), mine))
            for i in mine:
                found[i] += words.loudest(i, weights, task)
    return found


class _Words:
    """All words of some chats, with their places."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._words = [tokenize(text) for text in rows.texts]
        lengths = [len(word) for words in self._words for word in words]
        self._ends = np.cumsum(lengths, dtype=np.int64)
        self._starts = self._ends - lengths
        self._row = np.repeat(np.arange(len(rows.texts)), [len(words) for words in self._words])
        self._first = np.concatenate(([0], np.cumsum([len(words) for words in self._words])))
        self._begins = np.concatenate(([0], np.cumsum([len(text) for text in rows.texts])))

    def weights(self, heat: Floats) -> Floats:
        """Return what each word says, being the sum of what its characters say; four digits."""
        sums = np.concatenate(([0.0], np.cumsum(heat)))
        return np.asarray(np.round(sums[self._ends] - sums[self._starts], 4))

    def loudest(self, chat: int, weights: Floats, of: Task) -> list[Word]:
        """Return the words of a chat that speak most for the bad label, the loudest first."""
        rows = self._rows
        here = slice(int(self._first[rows.first[chat]]), int(self._first[rows.first[chat + 1]]))
        order = np.argsort(-weights[here], kind="stable") + here.start  # of equal ones the first said
        told: list[Word] = []
        for i in order.tolist():
            if weights[i] <= 0 or len(told) == MOST:
                break
            row = int(self._row[i])
            word = self._words[row][i - int(self._first[row])]
            start = int(self._starts[i] - self._begins[row])
            if word.strip():
                place = {"turn": int(rows.turn[row]), "start": start, "end": start + len(word)}
                told.append({"of": of.value, **place, "quote": word, "weight": float(weights[i])})
        return told


def _worst_turns(rows: Rows, thoughts: Sequence[ChatOpinion]) -> list[int]:
    """Of each chat the turn with which the customer seems least content, as an index among all customer turns."""
    place = {(chat, turn): unit for unit, (chat, turn) in enumerate(_places(rows))}
    worst = ((i, max(one.turns, key=_discontent).turn) for i, one in enumerate(thoughts) if one.turns)
    return [place[pair] for pair in worst]


def _places(rows: Rows) -> Iterator[tuple[int, int]]:
    """Chat and turn of each customer turn."""
    return zip(rows.chat[rows.customers].tolist(), rows.turn[rows.customers].tolist(), strict=True)


def _discontent(turn: Any) -> float:
    return float(turn.satisfaction.probabilities[0])
