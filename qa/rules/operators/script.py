"""Scripts: how close to a template, which of its points were made, how much was said in the agent's own words."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from rapidfuzz import fuzz, process
from rapidfuzz.distance import LCSseq

from qa.errors import PackError
from qa.rules.base import Judgement, Place, Scoped, Weigh, hit, miss, not_applicable
from qa.rules.bench import Bench
from qa.rules.finder import Finder, Words, listed
from qa.rules.view import View
from qa.text import Level, fold

_COMPARED = 1_000
"""Letters of a turn and of a template that are compared, so that no message takes the night's time."""
_BLOCK = 2
"""Letters in a row that must agree to be the template's: single ones agree by chance in any two Chinese texts."""


def _templates(bench: Bench, inline: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the templates as they are compared; PackError where one has neither letter nor digit."""
    folded = []
    for template in [*inline, *listed(bench, names)]:
        text = fold(template, Level.SQUASH)
        if not text:
            raise PackError(f"template {template!r} has neither letter nor digit")
        folded.append(text[:_COMPARED])
    return folded


class Similar(Scoped):
    """A turn in scope resembles one of the ``templates`` (or of the word lists under ``list``) enough.

    Texts are compared by their first 1,000 letters and digits. ``similarity`` is from 0 to 100 (equal). ``by: whole``
    compares turn and template (rapidfuzz's ratio); ``by: part`` finds the shorter inside the longer (partial ratio),
    for a template said among other things. Turns of fewer than ``min_length`` letters are left out. ``at_least`` so
    many turns must be alike; the finding's value is the best similarity among them.

    Example: ``{similar: {templates: ['感谢您的耐心等待，祝您生活愉快'], similarity: 80, by: part, last: 3}}``
    """

    name: ClassVar[str] = "similar"

    templates: Words = ()
    list_: tuple[str, ...] = Field(default=(), alias="list")
    similarity: float = Field(default=80, ge=30, le=100)
    by: Literal["whole", "part"] = "whole"
    min_length: int = Field(default=4, ge=1)
    at_least: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _some_template(self) -> Self:
        _need_template(self.templates, self.list_)
        return self

    def weigh(self, bench: Bench) -> Weigh:
        """Return how given turns are judged."""
        bench.folds(Level.SQUASH)
        templates = _templates(bench, self.templates, self.list_)
        scorer = fuzz.ratio if self.by == "whole" else fuzz.partial_ratio

        def judge(view: View, turns: tuple[int, ...]) -> Judgement:
            folded = view.folded(Level.SQUASH)
            best: dict[int, float] = {}
            for turn in turns:
                if len(folded[turn]) >= self.min_length:
                    text = folded[turn][:_COMPARED]
                    found = process.extractOne(text, templates, scorer=scorer, score_cutoff=self.similarity)
                    if found is not None:
                        best[turn] = found[1]
            if len(best) < self.at_least:
                return miss(turns)
            return hit(_whole(view, best), value=max(best.values()))

        return judge


class Points(Scoped):
    """The points a script requires were made in the turns in scope, all but ``may_miss`` of them.

    Each of ``points`` is a list of wordings, one of which will do, or the name of a word list. ``ordered``: only points
    made one after the other count, so that as many as possible do. The finding's value is the number of points made;
    ``not`` of it is the violation, and cites the turns searched. ``match`` and ``negated`` are those of ``keywords``.

    Example: ``{points: {points: [greeting, [请问, 请讲], [订单号, 单号]], ordered: true, may_miss: 1, first: 5}}``
    """

    name: ClassVar[str] = "points"

    points: Annotated[tuple[Annotated[Words, Field(min_length=1)] | str, ...], Field(min_length=1)]
    ordered: bool = False
    may_miss: int = Field(default=0, ge=0)
    match: Literal["fold", "squash"] = "fold"
    negated: bool = False

    @model_validator(mode="after")
    def _something_required(self) -> Self:
        if self.may_miss >= len(self.points):
            raise ValueError(f"may_miss must be less than the number of points ({len(self.points)})")
        return self

    def weigh(self, bench: Bench) -> Weigh:
        """Return how given turns are judged."""
        level = Level(self.match)
        wordings = [bench.wordlist(point) if isinstance(point, str) else point for point in self.points]
        finders = [Finder(level, bench.phrases(level, words), None, self.negated) for words in wordings]
        needed = len(finders) - self.may_miss
        for finder in finders if not self.may_miss else ():
            bench.waits_for(finder.slot)

        def judge(view: View, turns: tuple[int, ...]) -> Judgement:
            found = [finder(view, turns) for finder in finders]
            made = _in_order(found) if self.ordered else [places[0] for places in found if places]
            value = float(len(made))
            return hit(tuple(sorted(set(made))), value=value) if len(made) >= needed else miss(turns, value)

        return judge


def _in_order(found: Sequence[Sequence[Place]]) -> list[Place]:
    """The longest run of places that follow one another, at most one of each point and the points in order.

    ``ends[n]`` is the earliest place at which ``n + 1`` points can have been made (Fredman's longest increasing
    subsequence, each point's places taken from the last to the first so that no point is used twice).

    >>> _in_order([[(0, 5, 6)], [(0, 0, 1), (1, 0, 1)], [(0, 2, 3)], [(2, 0, 1)]])
    [(0, 0, 1), (0, 2, 3), (2, 0, 1)]
    """
    ends: list[Place] = []
    chains: list[tuple[Place, tuple[object, ...] | None]] = []
    for places in found:
        for place in reversed(places):
            at = bisect_left(ends, place)
            chain = (place, chains[at - 1] if at else None)
            ends[at : at + 1], chains[at : at + 1] = [place], [chain]
    made: list[Place] = []
    link: object = chains[-1] if chains else None
    while isinstance(link, tuple):
        place, link = link
        made.append(place)
    return made[::-1]


class Personal(Scoped):
    """The share of personal wording in the turns in scope is ``over`` or ``under`` a limit (0 to 1).

    Each turn of at least ``min_length`` letters and digits is laid beside the template (``templates``, or the word
    lists under ``list``) that covers most of it; covered are runs of two or more letters in the template's order. The
    share is the letters not covered, of all letters of these turns (their first 1,000 each). ``under: 0.1`` is pasted,
    ``over: 0.9`` ignores the script. ``like`` leaves out turns whose own share is greater: they are no use of the
    script. Not applicable without a turn to compare.

    Example: ``{personal: {list: [closing], under: 0.1, min_length: 10, last: 3}}``
    """

    name: ClassVar[str] = "personal"

    templates: Words = ()
    list_: tuple[str, ...] = Field(default=(), alias="list")
    over: float | None = Field(default=None, ge=0, lt=1)
    under: float | None = Field(default=None, gt=0, le=1)
    like: float = Field(default=1, gt=0, le=1)
    min_length: int = Field(default=6, ge=1)

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.over is None) == (self.under is None):
            raise ValueError("give exactly one of over, under")
        if self.over is not None and self.over >= self.like:
            raise ValueError("over must be less than like, or nothing can exceed it")
        _need_template(self.templates, self.list_)
        return self

    def weigh(self, bench: Bench) -> Weigh:
        """Return how given turns are judged."""
        bench.folds(Level.SQUASH)
        templates = _templates(bench, self.templates, self.list_)

        def judge(view: View, turns: tuple[int, ...]) -> Judgement:
            folded = view.folded(Level.SQUASH)
            texts = {turn: folded[turn][:_COMPARED] for turn in turns if len(folded[turn]) >= self.min_length}
            own = {turn: len(text) - max(_covered(t, text) for t in templates) for turn, text in texts.items()}
            own = {turn: letters for turn, letters in own.items() if letters <= self.like * len(texts[turn])}
            if not own:
                return not_applicable("no turn to compare with the script")
            share = sum(own.values()) / sum(len(texts[turn]) for turn in own)
            beyond = share > self.over if self.over is not None else share < (self.under or 0)
            return hit(_whole(view, own), value=share) if beyond else miss(tuple(own), share)

        return judge


def _covered(template: str, text: str) -> int:
    """Letters of ``text`` that stand in the template too, in its order, two or more in a row.

    >>> _covered("感谢您的来电祝您愉快", "感谢您来电了祝愉快")
    7
    """
    blocks = [op for op in LCSseq.opcodes(template, text) if op.tag == "equal"]
    return sum(size for op in blocks if (size := op.dest_end - op.dest_start) >= _BLOCK)


def _need_template(templates: Words, names: tuple[str, ...]) -> None:
    if not (templates or names):
        raise ValueError("give templates, list or both")


def _whole(view: View, turns: dict[int, float] | dict[int, int]) -> tuple[Place, ...]:
    return tuple((turn, 0, len(view.text(turn))) for turn in turns)
