"""Places of words in given turns, less the longer words around them, the denials, the quotations and the questions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from qa.rules.asking import Asked, meant
from qa.rules.base import Place
from qa.rules.batch import Batch, Flags, Places
from qa.rules.bench import Bench
from qa.rules.columns import surely_said
from qa.rules.columns import uncovered as uncovered_places
from qa.rules.mention import negated, quoted
from qa.rules.view import View
from qa.text import Level

_FEW = 8
"""Places that are looked at one by one."""

Words = tuple[Annotated[str, Field(min_length=1)], ...]


def listed(bench: Bench, names: Sequence[str]) -> list[str]:
    """Return the phrases of these word lists; PackError when there is none of that name."""
    return [word for name in names for word in bench.wordlist(name)]


class Mention(NamedTuple):
    """Which mere mentions count: what is denied, what is quoted, what stands in a question."""

    negated: bool = False
    quoted: bool = False
    asked: Asked = "count"

    def counts(self, view: View, place: Place) -> bool:
        """Whether a match is said and not merely mentioned."""
        turn, start, end = place
        text = view.text(turn)
        if not self.negated and negated(text, start, end):
            return False
        if not self.quoted and quoted(text, start, end):
            return False
        return self.asked == "count" or meant(self.asked, text, start, end)

    def look(self, batch: Batch, found: Places, *, every: bool) -> tuple[Places, Flags]:
        """Return the places less those that turn out to be mere mentions, one by one; and which are sure to count.

        Where one of a chat's places is surely more than a mention, its others are looked at only with ``every``.
        """
        sure = surely_said(batch, found, negated=self.negated, quoted=self.quoted, asked=self.asked)
        if sure.all():
            return found, sure
        chat = batch.chat.take(found.row)
        doubtful = ~sure & batch.wanted.take(chat)
        if not every:
            doubtful &= (np.bincount(chat[sure], minlength=len(batch.views)) == 0).take(chat)
        kept = np.ones(sure.size, bool)
        begin = batch.begin.take(found.row)
        for i in doubtful.nonzero()[0].tolist():
            at = begin.item(i)
            place = (batch.turn.item(found.row.item(i)), found.start.item(i) - at, found.end.item(i) - at)
            sure[i] = kept[i] = self.counts(batch.views[chat.item(i)], place)
        return found.only(kept), sure[kept]


class Finder:
    """Places of one set of words in given turns, less the exceptions and mere mentions."""

    __slots__ = ("except_slot", "level", "mention", "slot")

    def __init__(
        self,
        level: Level,
        slot: int,
        except_slot: int | None = None,
        negated: bool = False,
        quoted: bool = False,
        asked: Asked = "count",
    ) -> None:
        self.level, self.slot, self.except_slot = level, slot, except_slot
        self.mention = Mention(negated, quoted, asked)

    def __call__(self, view: View, turns: tuple[int, ...]) -> list[Place]:
        """Return the places in these turns, overlapping ones reduced to the longest."""
        found = self.said(view, turns)
        return longest([place for place in found if self.mention.counts(view, place)]) if found else found

    def all_in(self, batch: Batch, rows: Flags) -> Places:
        """Return the places in these rows of many chats, exceptions and mere mentions among them."""
        found = batch.found(self.level, self.slot)
        return found.only(rows.take(found.row))

    def look(self, batch: Batch, rows: Flags, *, every: bool) -> tuple[Places, Flags]:
        """Return the places in these rows of many chats, mere mentions among them; and which are surely none.

        Where none of a chat's places is surely more than a mention, they are looked at one by one; with ``every`` all
        doubtful ones are.
        """
        found = self.all_in(batch, rows)
        if self.except_slot is not None and found.row.size:
            found = uncovered_places(found, batch.found(self.level, self.except_slot))
        return self.mention.look(batch, found, every=every)

    def said_in(self, view: View) -> set[int]:
        """Return the turns in which a word stands, mere mentions among them."""
        return view.turns_with(self.level, self.slot)

    def occurs(self, view: View, turns: tuple[int, ...]) -> bool:
        """Whether there is any place in these turns; stops at the first."""
        covering = view.found(self.level, self.except_slot) if self.except_slot is not None else ()
        for place in view.anywhere(self.level, self.slot):
            if (
                place[0] in turns
                and self.mention.counts(view, place)
                and not (covering and not uncovered([place], covering))
            ):
                return True
        return False

    def said(self, view: View, turns: tuple[int, ...]) -> list[Place]:
        """Return the places in these turns, mere mentions among them."""
        if not view.occurring >> self.slot & 1:
            return []
        found = within(view.found(self.level, self.slot), turns)
        if found and self.except_slot is not None:
            found = uncovered(found, view.found(self.level, self.except_slot))
        return found


def within(places: list[Place], turns: tuple[int, ...]) -> list[Place]:
    """Return those of sorted places that are in these turns (sorted too): a few turns of many cost little.

    >>> within([(0, 0, 2), (2, 0, 2), (3, 0, 2), (5, 0, 1)], (2, 5))
    [(2, 0, 2), (5, 0, 1)]
    """
    if not turns:
        return []
    if len(places) > _FEW:
        places = places[bisect_left(places, (turns[0],)) : bisect_left(places, (turns[-1] + 1,))]
    scope = set(turns)
    return [place for place in places if place[0] in scope]


def uncovered(places: list[Place], excluded: list[Place]) -> list[Place]:
    """Of sorted places, those that no exclusion (sorted too) covers from end to end.

    >>> uncovered([(0, 0, 2), (0, 4, 6), (1, 0, 2)], [(0, 0, 3), (0, 5, 8), (1, 0, 2)])
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


def longest(places: list[Place]) -> list[Place]:
    """Of matches that overlap, the longest (the first of equals).

    >>> longest([(0, 0, 2), (0, 0, 4), (0, 3, 5), (1, 0, 2)])
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
