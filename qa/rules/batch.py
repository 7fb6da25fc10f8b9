"""Several chats folded and searched together: every turn a row, every match a row's, in columns.

What is found of a chat is what its ``View`` finds alone; here it is found for all of them by a few operations on
columns. A chat in which folding makes several characters of one, or one of several, is left to itself (``alone``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from qa.rules.base import Place
from qa.rules.bench import ANY_EDGE, FEWEST_DIGITS, WHOLE_WORD
from qa.rules.searcher import Searcher, firsts
from qa.rules.view import View
from qa.text import BREAK, Joined, Level, Originals, Together
from qa.types import Role

T = TypeVar("T")
Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MANY = 1 << 32
"""More than the turns of any chat."""
_LONG = 1 << 20
"""More than the length of any match that matters for the order of two."""


class Places(NamedTuple):
    """Matches of a slot: the row, and the place in the original texts of all rows, a line each; in no order."""

    row: Numbers
    start: Numbers
    end: Numbers

    def sorted(self) -> Places:
        """The same in order of place."""
        order = (self.start * _LONG + (self.end - self.start)).argsort()
        return Places(*(column.take(order) for column in self))

    def only(self, kept: Flags) -> Places:
        """Return those for which ``kept`` is set."""
        (which,) = kept.nonzero()
        return Places(*(column.take(which) for column in self))


_NUMBERS = {role: number for number, role in enumerate(Role)}


def role_number(role: Role) -> int:
    """Return what stands for a role in ``Batch.role``."""
    return _NUMBERS[role]


NOWHERE = Places(*(np.zeros(0, np.int64) for _ in range(3)))


class Batch:
    """Views of some chats with everything that is searched for found in all of them; raises what crashes on the way."""

    def __init__(self, views: Sequence[View], searchers: Mapping[Level, Searcher], slots: int) -> None:
        self.views = views
        self.whose = next(iter(searchers.values())).index.whose if searchers else None
        """Whose turns the rows are (None: everybody's)."""
        turns = [view.turns_of(self.whose) or (-1,) for view in views]  # a chat without turns is an empty line
        sizes = [len(of) for of in turns]
        self.first = firsts(sizes)
        """Chat → its first row; one more at the end."""
        self.chat = np.repeat(np.arange(len(views)), sizes)
        """Row → chat."""
        self.turn = np.arange(self.chat.size) - self.first.take(self.chat)
        """Row → turn of its chat, -1 where there is none."""
        for begin, of in zip(self.first.tolist(), turns, strict=False):
            if of[-1] != len(of) - 1:  # not every message is a row
                self.turn[begin : begin + len(of)] = of
        self.keys = self.chat * MANY + self.turn
        """Row → its chat's number times ``MANY`` and its turn: in order."""
        originals = Originals([view.texts_of(self.whose) for view in views])
        self._originals, self.codes = originals, originals.codes
        """Code points of all rows, a line each."""
        breaks = (self.codes == ord(BREAK)).nonzero()[0]
        self.begin = np.concatenate(([0], breaks + 1))
        """Row → where it begins in ``codes``; one more would be the end."""
        self._row_of = np.repeat(np.arange(self.turn.size), np.diff(np.append(self.begin, self.codes.size + 1)))
        self.levels = {level: _Level(self, level, originals.fold(level), one) for level, one in searchers.items()}
        self.alone = np.array([not view.turns_of(self.whose) for view in views])
        """Chats of which the columns do not tell the truth."""
        for level in self.levels.values():
            self.alone[list(level.folded.alone)] = True
        self.readable = self.whose is None
        """Whether the rows are those of everybody, as glances need."""
        self.kept: dict[Any, Any] = {}
        """What was once computed for somebody."""
        self.no_row, self.no_chat = np.zeros(self.turn.size, bool), np.zeros(len(views), bool)
        """Not to be changed."""
        self.wanted = ~self.no_chat
        """The chats that are asked about just now."""
        self._share(slots)

    @cached_property
    def role(self) -> npt.NDArray[np.int8]:
        """Row → who wrote it (``role_number``), -1 where there is no turn."""
        turns = [(view.chat.messages, view.turns_of(self.whose)) for view in self.views]
        role = np.full(self.turn.size, -1, np.int8)
        role[self.turn >= 0] = np.frombuffer(
            bytes([_NUMBERS[of[turn].role] for of, its in turns for turn in its]), np.int8
        )
        return role

    def rows_of(self, role: Role | None) -> Flags:
        """The turns of a role (None: of anybody)."""
        return self.keep(("role", role), lambda: self.turn >= 0 if role is None else self.role == _NUMBERS[role])

    def have(self, role: Role | None, number: int) -> Flags:
        """Chat → whether there are so many text turns of a role."""
        if not self.readable:
            return np.array([view.has(role, number) for view in self.views])
        told: Flags = np.add.reduceat(self.rows_of(role), self.first[:-1], dtype=np.int64) >= number
        return told

    def searched_of(self, role: Role | None) -> Flags:
        """Those of them in which patterns are looked for: not in chats that are ``alone``."""
        return self.keep(("searched", role), lambda: self.rows_of(role) & ~self.alone.take(self.chat))

    def _share(self, slots: int) -> None:
        """Tell the views what was found, so that nobody searches again; and how they were folded."""
        occurring = np.zeros((len(self.views), slots), bool)
        for level in self.levels.values():
            level.search(occurring.reshape(-1), slots)
        self.occurring = occurring
        """Chat and slot: whether it occurs there."""
        for which, (view, alone) in enumerate(zip(self.views, self.alone.tolist(), strict=True)):
            if not alone:
                view.share(Share(self, which))

    def close(self) -> None:
        """Let go of everything at once: views and batch know each other, so nobody else would for a long time."""
        self.views = ()
        self.levels.clear()
        self.kept.clear()

    def keep(self, key: Any, make: Callable[[], T]) -> T:
        """Return what was kept under a key, made now if nobody has asked before."""
        known: T | None = self.kept.get(key)
        if known is None:
            known = self.kept[key] = make()
        return known

    def folded(self, level: Level) -> Together:
        """Return the rows folded on a level, whether or not it is searched."""
        searched = self.levels.get(level)
        return searched.folded if searched else self.keep(("folded", level), lambda: self._originals.fold(level))

    def letters(self, level: Level) -> Numbers:
        """Row → number of its characters, folded."""
        return self.keep(("letters", level), lambda: _letters(self.folded(level).codes))

    def rows_at(self, place: Numbers) -> Numbers:
        """The rows of turns, given by their keys."""
        row: Numbers = self.keys.searchsorted(place)
        return row

    def row_of(self, place: Numbers) -> Numbers:
        """The rows in which places of ``codes`` are."""
        return self._row_of.take(place)

    def found(self, level: Level, slot: int) -> Places:
        """Where a slot's phrases or pattern occur in all chats; not for the exceptions that are looked for late."""
        return self.keep((level, slot), lambda: self.levels[level].places(slot))

    def found_in(self, rows: Flags, level: Level, slot: int) -> Places:
        """The same in these rows."""
        searched = self.levels[level]
        if searched.is_late(slot):
            return searched.places(slot, rows)
        found = self.found(level, slot)
        return found.only(rows.take(found.row))

    def found_beside(self, places: Places, level: Level, slot: int) -> Places:
        """Where an exception occurs in the rows of these places."""
        rows = self.no_row.copy()
        rows[places.row] = True
        return self.levels[level].exceptions(slot, rows)

    def places(self, which: int, level: Level, slot: int) -> list[Place]:
        """The same of one chat, as its ``View.found`` returns it."""
        columns, bounds = self.keep((level, slot, "of"), lambda: self._listed(self.found(level, slot)))
        low, high = bounds[which], bounds[which + 1]
        return [*zip(*(column[low:high] for column in columns), strict=True)]

    def _listed(self, places: Places) -> tuple[list[list[int]], list[int]]:
        """Turn, start and end in it, sorted, as lists; and where each chat's begin."""
        places = places.sorted()
        begin = self.begin.take(places.row)
        columns = [self.turn.take(places.row), places.start - begin, places.end - begin]
        return [column.tolist() for column in columns], places.row.searchsorted(self.first).tolist()


def _letters(codes: npt.NDArray[np.uint32]) -> Numbers:
    (breaks,) = (codes == ord(BREAK)).nonzero()
    return np.diff(np.concatenate(([-1], breaks, [codes.size]))) - 1


class Share(NamedTuple):
    """What a batch knows of one of its chats, as its view asks for it."""

    batch: Batch
    which: int

    def occurring(self) -> int:
        """Return which slots occur: the n-th bit stands for slot n."""
        bits = np.packbits(self.batch.occurring[self.which], bitorder="little")
        return int.from_bytes(bits.tobytes(), "little")

    def knows(self, level: Level, slot: int) -> bool:
        """Whether the batch has where a slot occurs: a pattern is not looked for in all chats for one."""
        searched = self.batch.levels[level]
        return slot not in searched.index.unsought and not searched.is_late(slot)

    def places(self, level: Level, slot: int) -> list[Place]:
        """Where a slot occurs."""
        return self.batch.places(self.which, level, slot)

    def joined(self, level: Level, whose: Role | None) -> Joined | None:
        """The turns of a role folded, if they are."""
        return self.batch.folded(level).one(self.which) if whose is self.batch.whose else None


class _Level:
    """All rows folded on a level, and what is found there."""

    def __init__(self, batch: Batch, level: Level, folded: Together, searcher: Searcher) -> None:
        self.batch, self.level, self.folded, self.searcher = batch, level, folded, searcher
        self.index = searcher.index

    def search(self, occurring: Flags, slots: int) -> None:
        """Find phrases and patterns; set which of so many slots occur in which chat, the chats one after the other."""
        self._characters = self.searcher.trie.numbered(self.folded.codes)
        self._find_phrases()
        groups = len(self.index.slots)
        self._present = np.zeros((len(self.batch.views), groups), bool)
        """Chat and group: whether it occurs there."""
        present = self._present.reshape(-1)
        present[self.batch.chat.take(self._row) * groups + self._group] = True
        self._find_patterns()
        self._there = np.logical_or.reduce(self._present).tolist()
        (there,) = present.nonzero()
        chat = there // groups
        group = there - chat * groups
        first = self.searcher.slots_first.take(group)
        sizes = self.searcher.slots_first.take(group + 1) - first
        begin = first - sizes.cumsum() + sizes  # of the group's slots, less those of the groups before
        slot = self.searcher.slots.take(np.arange(sizes.sum()) + np.repeat(begin, sizes))
        occurring[np.repeat(chat * slots, sizes) + slot] = True

    def _find_phrases(self) -> None:
        found = self.searcher.trie.find(self._characters)
        group = self.searcher.groups.take(found.phrase)
        order = group.argsort(kind="stable")
        self._group = group.take(order).astype(np.int64)
        """Of each match; in order, so that those of one group stand together …"""
        self._bounds = np.bincount(group + 1, minlength=len(self.index.slots) + 1).cumsum()
        """… from here up to the next."""
        source = self.folded.source
        self._start = source.take(found.start.take(order))
        self._end = source.take(found.end.take(order) - 1) + 1
        self._row = self.batch.row_of(self._start)

    def _find_patterns(self) -> None:
        """Find the patterns, each in the rows in which it may match; note in which chats they occur."""
        self._located: dict[int, Places] = {}
        self._open: dict[int, Flags] = {}
        """Of a pattern that is looked for when somebody asks: the rows in which it may occur."""
        for group, there in self._waiting():
            if group in self.index.late:
                self._open[group] = there
                (row,) = there.nonzero()
            else:
                self._located[group] = self._locate(group, there)
                row = self._located[group].row
            self._present[self.batch.chat.take(row), group] = True

    def is_late(self, slot: int) -> bool:
        """Whether a slot is a pattern's that nobody has looked for in all rows."""
        return any(group in self._open for group in self.index.groups.get(slot, ()))

    def _waiting(self) -> Iterator[tuple[int, Flags]]:
        """Groups of patterns that may match, and the rows in which they may."""
        rows: dict[int, Flags] = {}
        occurring = (np.diff(self._bounds) > 0).tolist()
        for which, groups in self.searcher.words:
            found = [group for group in groups if occurring[group]]
            if found:
                rows[which] = self._rows(found)
        for which, there in self.searcher.gates.rows(self._characters, self._begins):
            rows[which] = rows[which] | there if which in rows else there
        for which, there in rows.items():
            group = self.index.group_of[len(self.index.phrases) + which]
            asked = there & self.batch.searched_of(self.index.roles.get(group))
            digits = not self.index.digits.isdisjoint(self.index.slots[group])
            yield group, asked & (self._digits >= FEWEST_DIGITS) if digits else asked

    def _rows(self, groups: Sequence[int]) -> Flags:
        """The rows in which matches of these groups of phrases stand."""
        there = np.zeros(self.batch.turn.size, bool)
        for group in groups:
            there[self._row[self._bounds[group] : self._bounds[group + 1]]] = True
        return there

    def _locate(self, group: int, there: Flags) -> Places:
        """Where a pattern matches in these rows."""
        (row,) = there.nonzero()
        text, begins = self.folded.text, self._begins
        ends = np.append(begins, len(text) + 1).take(row + 1) - 1
        searched = [text[begin:end] for begin, end in zip(begins.take(row).tolist(), ends.tolist(), strict=True)]
        spans = self.index.locate(group, BREAK.join(searched))
        if not spans:
            return NOWHERE
        begins = firsts([len(line) + 1 for line in searched])
        _, start, end = np.array(spans).T
        which = begins.searchsorted(start, side="right") - 1
        row = row.take(which)
        moved = self._begins.take(row) - begins.take(which)  # from where the rows were searched to where they stand
        source = self.folded.source
        return self._uncut(Places(row, source.take(start + moved), source.take(end + moved - 1) + 1), group)

    def places(self, slot: int, rows: Flags | None = None) -> Places:
        """Where a slot's phrases or pattern occur; a pattern that ``is_late`` in these rows only, if any are given."""
        groups = self.index.groups[slot]
        found = [self._places(group, rows) for group in groups if self._there[group]]
        if len(found) < 2:  # noqa: PLR2004 - nothing has to be put together
            return found[0] if found else NOWHERE
        return Places(*map(np.concatenate, zip(*found, strict=True)))

    def exceptions(self, slot: int, rows: Flags) -> Places:
        """Where a slot's pattern matches, in these rows at least, whether or not it was looked for before."""
        group = self.index.unsought.get(slot)
        return self.places(slot, rows) if group is None else self._locate(group, rows)

    def _places(self, group: int, rows: Flags | None) -> Places:
        if group in self._located:
            return self._located[group]
        if group in self._open:
            return self._looked_for(group, rows)
        low, high = self._bounds[group], self._bounds[group + 1]
        return self._uncut(Places(self._row[low:high], self._start[low:high], self._end[low:high]), group)

    def _looked_for(self, group: int, rows: Flags | None) -> Places:
        if rows is not None:
            return self._locate(group, self._open[group] & rows)
        found = self._located[group] = self._locate(group, self._open.pop(group))
        return found

    @cached_property
    def _digits(self) -> Numbers:
        """Row → number of its digits."""
        codes = self.folded.codes
        digits = np.append((codes >= ord("0")) & (codes <= ord("9")), False)
        return np.add.reduceat(digits, self._begins, dtype=np.int64)

    @cached_property
    def _begins(self) -> Numbers:
        """Row → where it begins in the folded text."""
        (breaks,) = (self.folded.codes == ord(BREAK)).nonzero()
        return np.concatenate(([0], breaks + 1))

    def _uncut(self, found: Places, group: int) -> Places:
        """The matches that are not cut out of a longer word."""
        edges = self.index.edges[group]
        if edges == ANY_EDGE or not found.row.size:
            return found
        batch = self.batch
        uncut = self._parted(found.start)
        if edges == WHOLE_WORD:
            uncut &= self._parted(found.end)
        begin = batch.begin.take(found.row)
        for i in (~uncut).nonzero()[0].tolist():
            row, at = found.row.item(i), begin.item(i)
            place = (batch.turn.item(row), found.start.item(i) - at, found.end.item(i) - at)
            uncut[i] = not batch.views[batch.chat.item(row)].cuts(place, edges)
        return found.only(uncut)

    def _parted(self, at: Numbers) -> Flags:
        """Whether no Latin word or number can run across these places: a Chinese character or a turn's end is there."""
        codes = self.batch.codes
        left, right = (_parts(codes.take(places, mode="clip")) for places in (at - 1, at))
        told: Flags = left | right | (at == 0) | (at == codes.size)
        return told


def _parts(codes: npt.NDArray[np.uint32]) -> Flags:
    parts: Flags = ((codes >= ord("⺀")) & (codes <= ord("鿿"))) | (codes == ord(BREAK))
    return parts
