"""Two things said close together."""

from __future__ import annotations

from bisect import bisect_left
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from qa.rules import quiet
from qa.rules.asking import Asked
from qa.rules.base import Judgement, Place, Scoped, Weigh, hit, miss
from qa.rules.batch import Batch, Flags, Numbers, Places
from qa.rules.bench import Bench
from qa.rules.columns import beside
from qa.rules.finder import Finder, Words, listed
from qa.rules.quiet import Known, Look
from qa.rules.view import View
from qa.text import Level

_FAR = 1 << 62


class Near(Scoped):
    """A word of ``a`` (or of the word lists ``a_list``) within so many characters or turns of one of ``b``.

    ``chars``: both in one turn with at most that many characters of the original between them, quoted from one to the
    other. ``within``: at most so many turns in scope apart, 0 being the same turn; both are quoted. ``ordered``: ``b``
    comes after ``a``; two words that overlap are not near each other. Each ``a`` counts once, with the ``b`` nearest
    to it, and ``at_least`` so many must be found. ``match``, ``negated``, ``quoted`` and ``asked`` are those of
    ``keywords``.

    Example: ``{near: {a: [退款, 退货], b: [不行, 不能], chars: 8, negated: true}}``
    """

    name: ClassVar[str] = "near"

    a: Words = ()
    a_list: tuple[str, ...] = ()
    b: Words = ()
    b_list: tuple[str, ...] = ()
    chars: int | None = Field(default=None, ge=0)
    within: int | None = Field(default=None, ge=0)
    ordered: bool = False
    at_least: int = Field(default=1, ge=1)
    match: Literal["fold", "squash"] = "fold"
    negated: bool = False
    quoted: bool = False
    asked: Asked = "count"

    @model_validator(mode="after")
    def _both(self) -> Self:
        for side in ("a", "b"):
            if not (getattr(self, side) or getattr(self, f"{side}_list")):
                raise ValueError(f"give words for {side}: {side} or {side}_list")
        if (self.chars is None) == (self.within is None):
            raise ValueError("give exactly one of chars, within")
        return self

    def weigh(self, bench: Bench) -> Weigh:
        """Return how given turns are judged."""
        left = self._finder(bench, [*self.a, *listed(bench, self.a_list)])
        right = self._finder(bench, [*self.b, *listed(bench, self.b_list)])
        bench.waits_for(left.slot)
        bench.waits_for(right.slot)

        def judge(view: View, turns: tuple[int, ...]) -> Judgement:
            ones = left(view, turns) if right.said(view, turns) else []
            others = right(view, turns) if ones else []
            if not others:
                return miss(turns)
            pairs = self._in_turn(ones, others) if self.chars is not None else self._in_turns(turns, ones, others)
            if len(pairs) < self.at_least:
                return miss(turns)
            places = sorted({place for pair in pairs for place in pair})
            return hit(tuple(places), value=float(len(pairs)))

        return judge

    def look(self, bench: Bench) -> Look:
        """Tell by where both stand at all, and how close."""
        left = self._finder(bench, [*self.a, *listed(bench, self.a_list)])
        right = self._finder(bench, [*self.b, *listed(bench, self.b_list)])

        all_count = self.negated and self.quoted and self.asked == "count"

        def look(batch: Batch, rows: Flags) -> Known:
            ones, others = left.all_in(batch, rows), right.all_in(batch, rows)
            if self.within == 0 and all_count and self.at_least == 1:
                there, sure = _in_rows(ones, others, rows.size, ordered=self.ordered)
                (row,) = there.nonzero()
                return quiet.found(batch, row, sure.take(row))
            if self.chars is not None:
                ones = ones.only(beside(ones, others, self.chars))
            else:
                there = np.zeros(len(batch.views), bool)
                there[batch.chat.take(others.row)] = True
                ones = ones.only(there.take(batch.chat.take(ones.row)))
            return quiet.found(batch, ones.row, ones.row < 0, self.at_least)

        return look

    def _finder(self, bench: Bench, words: list[str]) -> Finder:
        level = Level(self.match)
        slot = bench.phrases(level, words)
        return Finder(level, slot, None, self.negated, self.quoted, self.asked)

    def _in_turn(self, ones: list[Place], others: list[Place]) -> list[tuple[Place, ...]]:
        pairs: list[tuple[Place, ...]] = []
        for one in ones:
            near = [other for other in _beside(one, others, self.ordered) if other[0] == one[0]]
            other = min(near, key=lambda other: _gap(one, other), default=None)
            if other is not None and _gap(one, other) <= (self.chars or 0):
                pairs.append(((one[0], min(one[1], other[1]), max(one[2], other[2])),))
        return pairs

    def _in_turns(self, turns: tuple[int, ...], ones: list[Place], others: list[Place]) -> list[tuple[Place, ...]]:
        ordinal = {turn: i for i, turn in enumerate(turns)}

        def apart(one: Place, other: Place) -> int:
            return abs(ordinal[one[0]] - ordinal[other[0]])

        pairs: list[tuple[Place, ...]] = []
        for one in ones:
            near = _beside(one, others, self.ordered)
            other = min(near, key=lambda other: apart(one, other), default=None)
            if other is not None and apart(one, other) <= (self.within or 0):
                pairs.append((one, other))
        return pairs


def _in_rows(ones: Places, others: Places, rows: int, *, ordered: bool) -> tuple[Flags, Flags]:
    """Rows in which both stand; and those in which all of one stand on one side of all of the others.

    There none overlaps one of the others, whichever are the longest.
    """
    there = _rows_of(ones, rows) & _rows_of(others, rows)
    ones, others = (places.only(there.take(places.row)) for places in (ones, others))
    (first_one, last_one), (first_other, last_other) = (_span(places, rows) for places in (ones, others))
    behind = last_one <= first_other
    return there, there & (behind if ordered else behind | (last_other <= first_one))


def _rows_of(places: Places, rows: int) -> Flags:
    there = np.zeros(rows, bool)
    there[places.row] = True
    return there


def _span(places: Places, rows: int) -> tuple[Numbers, Numbers]:
    """Row → where its first place begins and its last one ends; where there is none nothing is said."""
    begin, end = np.full(rows, _FAR), np.full(rows, -1)
    np.minimum.at(begin, places.row, places.start)
    np.maximum.at(end, places.row, places.end)
    return begin, end


def _beside(one: Place, others: list[Place], ordered: bool) -> list[Place]:
    """Of sorted, disjoint places the nearest on each side of ``one``, or only behind it; what overlaps it is passed.

    >>> _beside((0, 4, 6), [(0, 0, 2), (0, 5, 7), (0, 8, 9), (1, 0, 1)], ordered=False)
    [(0, 0, 2), (0, 8, 9)]
    """
    turn, start, end = one
    after = bisect_left(others, (turn, end, 0))
    found = others[after : after + 1]
    if ordered:
        return found
    before = bisect_left(others, (turn, start, 0)) - 1
    while before >= 0 and others[before][0] == turn and others[before][2] > start:
        before -= 1  # disjoint: at most once
    return [*others[before : before + 1], *found] if before >= 0 else found


def _gap(one: Place, other: Place) -> int:
    """Code points between two disjoint places of one turn."""
    return max(one[1], other[1]) - min(one[2], other[2])
