"""Matches of many chats at once: which of them count for sure, which lie inside an exception.

What these say of a match in a column, ``Finder`` says of it alone (``mention.py``, ``asking.py``); they look only for
the characters without which nothing is denied, quoted or asked, and leave the rest to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from qa.rules.asking import ASKING, ENDING, REACH, TWICE, Asked
from qa.rules.batch import Batch, Flags, Numbers, Places
from qa.rules.mention import (
    DENYING,
    NAMED_WITHIN,
    NAMING,
    QUOTING,
    REACH_AFTER,
    REACH_OF_QUOTES,
    REACH_OF_REPORTS,
    REACH_OF_WARNINGS,
    REPORTING,
)

_CODE_BITS = 21
"""Of a code point."""


def surely_said(batch: Batch, places: Places, *, negated: bool, quoted: bool, asked: Asked) -> Flags:
    """Which matches count, whatever else their turns say: nothing near them could deny, quote or ask."""
    row, start, end = places
    doubt = np.full(row.size, asked == "only")
    if not row.size:
        return doubt
    begin = batch.begin.take(row)
    if not negated:
        doubt |= _stands(batch, DENYING, np.maximum(start - REACH_OF_WARNINGS, begin), end + REACH_AFTER)
    if not quoted:
        doubt |= _stands(batch, QUOTING, np.maximum(start - REACH_OF_QUOTES, begin), start)
        doubt |= _stands(batch, REPORTING, np.maximum(start - REACH_OF_REPORTS, begin), start)
        doubt |= _stands(batch, NAMING, end, end + NAMED_WITHIN)
    if asked == "skip":
        doubt |= _may_ask(batch, np.maximum(start - REACH, begin), start, end)
    return ~doubt


def _may_ask(batch: Batch, low: Numbers, start: Numbers, end: Numbers) -> Flags:
    """Whether the sentences in which these places stand may ask."""
    ends = batch.keep("sentence ends", lambda: _positions(batch, ENDING))
    low = np.maximum(low, np.append(ends, -1).take(ends.searchsorted(start) - 1) + 1)
    high = np.minimum(end + REACH, np.append(ends, batch.codes.size).take(ends.searchsorted(end)) + 1)
    return _stands(batch, ASKING, low, high, TWICE)


def _stands(batch: Batch, marks: Sequence[str], low: Numbers, high: Numbers, twice: str = "") -> Flags:
    """Whether one of these marks begins between these places of the original texts, or one of ``twice`` is there."""
    so_far = batch.keep(("so far", marks), lambda: _so_far(batch, marks, twice))
    return so_far.take(high, mode="clip") > so_far.take(low)


def stands_in(batch: Batch, marks: Sequence[str]) -> Flags:
    """Whether one of these marks begins in a row."""
    there = batch.no_row.copy()
    there[batch.row_of(_positions(batch, marks))] = True
    return there


def _so_far(batch: Batch, marks: Sequence[str], twice: str) -> npt.NDArray[np.int32]:
    """How many of these marks begin before each place; one more for the end."""
    positions = _positions(batch, marks)
    if twice:
        between = _positions(batch, twice)
        same = batch.codes.take(between - 1) == batch.codes.take(between + 1, mode="clip")
        positions = np.sort(np.append(positions, between[same]))
    spans = np.diff(positions, prepend=-1, append=batch.codes.size)  # a running sum takes five times as long
    return np.repeat(np.arange(positions.size + 1, dtype=np.int32), spans)


def _positions(batch: Batch, marks: Sequence[str]) -> Numbers:
    """Where marks of one or two characters begin."""
    table = np.zeros(max(ord(mark[0]) for mark in marks) + 2, bool)
    table[[ord(mark[0]) for mark in marks]] = True
    (positions,) = table.take(batch.codes, mode="clip").nonzero()
    pairs = [mark for mark in marks if len(mark) > 1]
    if not pairs:
        return positions
    single = np.zeros(table.size, bool)
    single[[ord(mark) for mark in marks if len(mark) == 1]] = True
    first, second = batch.codes.take(positions).astype(np.int64), batch.codes.take(positions + 1, mode="clip")
    wanted = np.sort([(ord(pair[0]) << _CODE_BITS) + ord(pair[1]) for pair in pairs])
    said = (first << _CODE_BITS) + second
    is_pair = wanted.take(wanted.searchsorted(said), mode="clip") == said
    marked: Numbers = positions[single.take(first) | is_pair]
    return marked


def uncovered(places: Places, excluded: Places) -> Places:
    """Those that no exclusion covers from end to end (``finder.uncovered`` in columns)."""
    if not excluded.row.size or not places.row.size:
        return places
    order = excluded.start.argsort()
    begins = excluded.start.take(order)
    reach = np.maximum.accumulate(excluded.end.take(order))  # no match leaves its row, so rows need no looking at
    before = begins.searchsorted(places.start, side="right")
    covered = np.concatenate(([-1], reach)).take(before) >= places.end
    return places.only(~covered)


def beside(places: Places, others: Places, most: int) -> Flags:
    """Which places may have another one beside them, with at most so many characters between."""
    order = others.start.argsort()
    begins = others.start.take(order)
    reach = np.concatenate(([-1], np.maximum.accumulate(others.end.take(order))))
    return reach.take(begins.searchsorted(places.end + most, side="right")) >= places.start - most
