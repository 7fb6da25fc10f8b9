"""The same thing said again: copy-paste by the agent, a question the customer has to repeat."""

from __future__ import annotations

from bisect import bisect
from functools import cached_property
from typing import ClassVar

from pydantic import Field
from rapidfuzz import fuzz

from qa.rules import quiet
from qa.rules.base import Judgement, Scoped, Weigh, hit, miss
from qa.rules.batch import Batch, Flags
from qa.rules.bench import Bench
from qa.rules.likeness import alike_chats, equal_chats
from qa.rules.quiet import Known, Look
from qa.rules.view import View
from qa.text import Level
from qa.types import Role

_FOLD, _SQUASH = Level.FOLD, Level.SQUASH
_CUSTOMER, _AGENT = Role.CUSTOMER, Role.AGENT

_EQUAL = 100.0
_MARGIN = 1e-6
_COMPARED = 1_000
"""Letters of a text that are compared where they need not be equal, so that no message takes the night's time."""


class Repeated(Scoped):
    """Someone sends (nearly) the same text ``times`` times.

    Texts are compared by their letters and digits; those shorter than ``min_length`` of them are left out.
    ``similarity`` is rapidfuzz's ratio from 0 to 100 (100: equal), of their first 1,000 letters. ``within``: only
    repetitions at most that many turns (in scope) apart. ``containing_list``: only texts with a word of that list, for
    example of questions. ``answered_between``: a text sent again before the other side (agent, or customer) has said
    anything is no repetition. The finding's value is how often the most repeated text was sent.

    Example: ``{repeated: {role: agent, times: 3, min_length: 15}}``
    """

    name: ClassVar[str] = "repeated"
    by_turn: ClassVar[bool] = False

    times: int = Field(ge=2)
    min_length: int = Field(default=6, ge=1)
    similarity: float = Field(default=100, ge=50, le=100)
    within: int | None = Field(default=None, ge=1)
    containing_list: str | None = None
    answered_between: bool = False

    def weigh(self, bench: Bench) -> Weigh:
        """Return how given turns are judged."""
        bench.folds(_SQUASH)
        words = bench.phrases(_FOLD, bench.wordlist(self.containing_list)) if self.containing_list else None
        if words is not None:
            bench.waits_for(words)

        def judge(view: View, scope: tuple[int, ...]) -> Judgement:
            if len(scope) < self.times:
                return miss(scope)
            folded = view.folded(_SQUASH)
            texts = [(i, turn, folded[turn]) for i, turn in enumerate(scope) if len(folded[turn]) >= self.min_length]
            if len(texts) >= self.times and words is not None:
                asked = view.turns_with(_FOLD, words)
                texts = [text for text in texts if text[1] in asked]
            fewest = self.times if self.similarity < _EQUAL else self.times - 1 + len({text for _, _, text in texts})
            if len(texts) < fewest:
                return miss(scope)
            group = self._group(texts, self._answers(view))
            if not group:
                return miss(scope)
            return hit(tuple((turn, 0, len(view.text(turn))) for turn in group), value=float(len(group)))

        return judge

    def look(self, bench: Bench) -> Look:
        """Tell by the letters whether any two turns can be alike."""
        bench.folds(_SQUASH)
        words = bench.phrases(_FOLD, bench.wordlist(self.containing_list)) if self.containing_list else None

        def look(batch: Batch, rows: Flags) -> Known:
            rows = rows & (batch.letters(_SQUASH) >= self.min_length)
            if words is not None:
                said = batch.no_row.copy()
                said[batch.found(_FOLD, words).row] = True
                rows &= said
            (row,) = rows.nonzero()
            if self.similarity < _EQUAL:
                likely = alike_chats(batch, row, self.similarity / _EQUAL)
            else:
                likely = equal_chats(batch, row, self.times)
            return quiet.told(batch, batch.no_chat, ~likely)

        return look

    def _answers(self, view: View) -> tuple[int, ...] | None:
        """Return the turns of the other side, if one has to stand between two repetitions."""
        other = _AGENT if self.role == "customer" else _CUSTOMER
        return view.turns_of(other) if self.answered_between else None

    def _group(self, texts: list[tuple[int, int, str]], answers: tuple[int, ...] | None) -> list[int]:
        """Return the turns of the largest set of alike texts, if it has ``times`` members."""
        groups: list[list[tuple[int, int]]] = []
        latest: dict[str, int] = {}  # beginning text → its latest group
        for ordinal, turn, text in texts:
            group = self._near(groups, latest, ordinal, text)
            if group is None:
                latest[text] = len(groups)
                groups.append([(ordinal, turn)])
            elif answers is None or bisect(answers, groups[group][-1][1]) < bisect(answers, turn):
                groups[group].append((ordinal, turn))
        largest = max(groups, key=len, default=[])
        return [turn for _, turn in largest] if len(largest) >= self.times else []

    def _near(self, groups: list[list[tuple[int, int]]], latest: dict[str, int], ordinal: int, text: str) -> int | None:
        """Return the group that ``text`` belongs to: the one of the equal text, else the first of an alike one."""
        heads = [text] if text in latest else []
        if self.similarity < _EQUAL:
            heads += latest
        length = min(len(text), _COMPARED)
        least, most = length * self._least, length / self._least
        for head in heads:
            if not least <= min(len(head), _COMPARED) <= most:
                continue
            group = latest[head]
            close = self.within is None or ordinal - groups[group][-1][0] <= self.within
            if close and (head == text or self._alike(head[:_COMPARED], text[:_COMPARED])):
                return group
        return None

    @cached_property
    def _least(self) -> float:
        """How long the shorter of two alike texts is at least, of the longer's length, with a margin for rounding.

        The ratio is twice the letters in common, of all letters: at most ``2 s / (s + l)``.
        """
        return self.similarity / (2 * _EQUAL - self.similarity) - _MARGIN

    def _alike(self, left: str, right: str) -> bool:
        return fuzz.ratio(left, right, score_cutoff=self.similarity) > 0
