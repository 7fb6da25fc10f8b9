"""Words and phrases."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from qa.rules.base import Judge, Judgement, Place, Scoped, hit, miss, not_applicable
from qa.rules.bench import Bench
from qa.rules.mention import negated, quoted
from qa.rules.view import View
from qa.text import Level

Words = tuple[Annotated[str, Field(min_length=1)], ...]


class Keywords(Scoped):
    """Words said, or not said, in the turns in scope.

    ``any``: at least one of the words (or of the word lists under ``list``) occurs; with ``at_least``, that many
    occurrences. ``all``: each of them occurs. ``none``: none of them occurs, which cites the turns searched.
    ``except`` / ``except_list`` are longer ordinary words that contain a wanted one: a hit inside one is none.
    ``match: squash`` also finds words written around a filter (微❤信, v.x, full-width). Matches that are negated
    (不能加微信哦) or quoted (您说的“最好”) count only when ``negated`` / ``quoted`` say so.

    Example: ``{keywords: {list: [apology], role: agent, after: complaint}}``
    """

    name: ClassVar[str] = "keywords"

    any_: Words = Field(default=(), alias="any")
    list_: tuple[str, ...] = Field(default=(), alias="list")
    all_: Words = Field(default=(), alias="all")
    none: Words = ()
    none_list: tuple[str, ...] = ()
    at_least: int = Field(default=1, ge=1)
    except_: Words = Field(default=(), alias="except")
    except_list: tuple[str, ...] = ()
    match: Literal["fold", "squash"] = "fold"
    negated: bool = False
    quoted: bool = False

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        asked = [bool(self.any_ or self.list_), bool(self.all_), bool(self.none or self.none_list)]
        if sum(asked) != 1:
            raise ValueError("give exactly one of any/list, all, none/none_list")
        if "at_least" in self.model_fields_set and not asked[0]:
            raise ValueError("at_least counts the words of any/list; all and none have no number")
        return self

    def compile(self, bench: Bench) -> Judge:
        """Return the judge for the question asked."""
        turns = self.turns(bench)
        if self.all_:
            finders = [self._finder(bench, [word]) for word in self.all_]
            return lambda view: _every(turns(view), view, finders)
        if self.any_ or self.list_:
            found = self._finder(bench, [*self.any_, *_listed(bench, self.list_)])
            return lambda view: _enough(turns(view), view, found, self.at_least)
        unwanted = self._finder(bench, [*self.none, *_listed(bench, self.none_list)])
        return lambda view: _absent(turns(view), view, unwanted)

    def _finder(self, bench: Bench, words: Sequence[str]) -> Finder:
        level = Level(self.match)
        excluded = [*self.except_, *_listed(bench, self.except_list)]
        except_slot = bench.phrases(level, excluded) if excluded else None
        return Finder(level, bench.phrases(level, words), except_slot, self.negated, self.quoted)


def _listed(bench: Bench, names: Sequence[str]) -> list[str]:
    return [word for name in names for word in bench.wordlist(name)]


class Finder:
    """Places of one set of words in given turns, less the exceptions and mere mentions."""

    __slots__ = ("except_slot", "level", "negated", "quoted", "slot")

    def __init__(self, level: Level, slot: int, except_slot: int | None, negated: bool, quoted: bool) -> None:
        self.level, self.slot, self.except_slot = level, slot, except_slot
        self.negated, self.quoted = negated, quoted

    def __call__(self, view: View, turns: tuple[int, ...]) -> list[Place]:
        """Return the places in these turns, overlapping ones reduced to the longest."""
        found = view.found(self.level, self.slot)
        if not found:
            return []
        scope = set(turns)
        found = [place for place in found if place[0] in scope]
        if found and self.except_slot is not None:
            found = _uncovered(found, view.found(self.level, self.except_slot))
        if not self.negated:
            found = [p for p in found if not negated(view.text(p[0]), p[1], p[2])]
        if not self.quoted:
            found = [p for p in found if not quoted(view.text(p[0]), p[1], p[2])]
        return _longest(found)


def _uncovered(places: list[Place], excluded: list[Place]) -> list[Place]:
    """Of sorted places, those that no exclusion (sorted too) covers from end to end.

    >>> _uncovered([(0, 0, 2), (0, 4, 6), (1, 0, 2)], [(0, 0, 3), (0, 5, 8), (1, 0, 2)])
    [(0, 4, 6)]
    """
    kept = []
    turn, reach, i = -1, 0, 0
    for place in places:
        while i < len(excluded) and excluded[i][:2] <= place[:2]:
            other, _, end = excluded[i]
            turn, reach, i = other, max(reach, end) if other == turn else end, i + 1
        if turn != place[0] or reach < place[2]:
            kept.append(place)
    return kept


def _longest(places: list[Place]) -> list[Place]:
    """Of matches that overlap, the longest (the first of equals).

    >>> _longest([(0, 0, 2), (0, 0, 4), (0, 3, 5), (1, 0, 2)])
    [(0, 0, 4), (1, 0, 2)]
    """
    if len(places) < 2:  # noqa: PLR2004 - one place overlaps nothing
        return places
    kept: list[Place] = []
    for place in sorted(places, key=lambda p: (p[1] - p[2], p)):
        at = bisect_left(kept, place)  # what is kept is sorted and disjoint: only the neighbours can overlap
        before, after = kept[at - 1 : at], kept[at : at + 1]
        if not (before and _overlap(before[0], place)) and not (after and _overlap(place, after[0])):
            kept.insert(at, place)
    return kept


def _overlap(left: Place, right: Place) -> bool:
    return left[0] == right[0] and right[1] < left[2]


def _enough(turns: tuple[int, ...] | str, view: View, places: Finder, at_least: int) -> Judgement:
    if isinstance(turns, str):
        return not_applicable(turns)
    found = places(view, turns)
    return hit(tuple(found)) if len(found) >= at_least else miss(turns)


def _every(turns: tuple[int, ...] | str, view: View, finders: list[Finder]) -> Judgement:
    if isinstance(turns, str):
        return not_applicable(turns)
    found: list[Place] = []
    for places in finders:
        one = places(view, turns)
        if not one:
            return miss(turns)
        found += one
    return hit(tuple(sorted(set(found))))


def _absent(turns: tuple[int, ...] | str, view: View, places: Finder) -> Judgement:
    if isinstance(turns, str):
        return not_applicable(turns)
    return miss() if places(view, turns) else hit(searched=turns)
