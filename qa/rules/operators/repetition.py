"""The same thing said again: copy-paste by the agent, a question the customer has to repeat."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from rapidfuzz import fuzz

from qa.rules.base import Judge, Judgement, Scoped, hit, miss, not_applicable
from qa.rules.bench import Bench
from qa.rules.view import View
from qa.text import Level


class Repeated(Scoped):
    """Someone sends (nearly) the same text ``times`` times.

    Texts are compared by their letters and digits; those shorter than ``min_length`` of them are left out.
    ``similarity`` is rapidfuzz's ratio from 0 to 100 (100: equal). ``within``: only repetitions at most that many turns
    (of the same role) apart. ``containing_list``: only texts with a word of that list, for example of questions.
    """

    name: ClassVar[str] = "repeated"

    times: int = Field(ge=2)
    min_length: int = Field(default=6, ge=1)
    similarity: float = Field(default=100, ge=50, le=100)
    within: int | None = Field(default=None, ge=1)
    containing_list: str | None = None

    def compile(self, bench: Bench) -> Judge:
        """Return the judge."""
        turns = self.turns(bench)
        words = bench.phrases(Level.FOLD, bench.wordlist(self.containing_list)) if self.containing_list else None

        def judge(view: View) -> Judgement:
            scope = turns(view)
            if isinstance(scope, str):
                return not_applicable(scope)
            if len(scope) < self.times:
                return miss(scope)
            folded = view.folded(Level.SQUASH)
            asked = scope if words is None else {place[0] for place in view.found(Level.FOLD, words)}
            texts = [(i, t, folded[t]) for i, t in enumerate(scope) if len(folded[t]) >= self.min_length and t in asked]
            group = self._group(texts)
            if not group:
                return miss(scope)
            return hit(tuple((turn, 0, len(view.text(turn))) for turn in group), value=float(len(group)))

        return judge

    def _group(self, texts: list[tuple[int, int, str]]) -> list[int]:
        """Return the turns of the largest set of alike texts, if it has ``times`` members."""
        groups: list[tuple[str, list[tuple[int, int]]]] = []
        for ordinal, turn, text in texts:
            for head, members in groups:
                near = self.within is None or ordinal - members[-1][0] <= self.within
                if near and self._alike(head, text):
                    members.append((ordinal, turn))
                    break
            else:
                groups.append((text, [(ordinal, turn)]))
        largest = max((members for _, members in groups), key=len, default=[])
        return [turn for _, turn in largest] if len(largest) >= self.times else []

    def _alike(self, left: str, right: str) -> bool:
        if left == right:
            return True
        return self.similarity < 100 and fuzz.ratio(left, right, score_cutoff=self.similarity) > 0  # noqa: PLR2004
