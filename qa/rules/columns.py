"""Matches of many chats at once: which of them count for sure, which lie inside an exception.

What these say of a match in a column, ``Finder`` says of it alone (``mention.py``, ``asking.py``); they look only for
the characters without which nothing is denied, quoted or asked, and leave the rest to it.
"""

from __future__ import annotations

import numpy as np

from qa.rules.asking import MAY_ASK, REACH, Asked
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
        doubt |= _stands(batch, MAY_ASK, np.maximum(start - REACH, begin), end + REACH)
    return ~doubt


def _stands(batch: Batch, characters: str, low: Numbers, high: Numbers) -> Flags:
    """Whether one of these characters stands between these places of the original texts."""
    so_far = batch.keep(("so far", characters), lambda: _so_far(batch, characters))
    return so_far.take(high, mode="clip") > so_far.take(low)


def stands_in(batch: Batch, characters: str) -> Flags:
    """Whether one of these characters stands in a row."""
    there = batch.no_row.copy()
    there[batch.row_of(_positions(batch, characters))] = True
    return there


def _so_far(batch: Batch, characters: str) -> Numbers:
    """How many of these characters stand before each place; one more for the end."""
    positions = _positions(batch, characters)
    spans = np.diff(positions, prepend=-1, append=batch.codes.size)  # a running sum takes five times as long
    return np.repeat(np.arange(positions.size + 1), spans)


def _positions(batch: Batch, characters: str) -> Numbers:
    """Where these characters stand."""
    table = np.zeros(max(map(ord, characters)) + 2, bool)
    table[[ord(character) for character in characters]] = True
    (positions,) = table.take(batch.codes, mode="clip").nonzero()
    return positions


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
