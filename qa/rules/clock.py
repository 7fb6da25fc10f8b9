"""Hours of the day for many instants at once: what ``qa.hours.contains`` says of each."""

from __future__ import annotations

from datetime import tzinfo

import numpy as np

from qa.hours import DAY, WEEK, Hours, offset_pieces
from qa.rules.batch import Flags, Numbers


def inside(at: Numbers, hours: Hours, zone: tzinfo) -> Flags:
    """Which of these instants lie inside the hours.

    >>> from datetime import UTC
    >>> inside(np.array([0, DAY // 2, DAY]), Hours(((0, DAY // 2),)), UTC).tolist()
    [True, False, True]
    """
    clock = (at + _offsets(at, zone)) % DAY
    found = np.zeros(at.size, bool)
    for start, end in hours.ranges:
        found |= (start <= clock) & (clock < end)
    return found


def _offsets(at: Numbers, zone: tzinfo) -> Numbers:
    """How far the zone's clock is ahead at each instant, in microseconds."""
    weeks = at // WEEK
    begun = weeks[np.diff(weeks, prepend=weeks[:1] - 1) != 0]  # chats of one day have few weeks, all of them runs
    pieces = [piece for week in sorted({*begun.tolist()}) for piece in offset_pieces(zone, week)]
    ends, offsets = np.array(pieces, np.int64).reshape(-1, 2).T
    ahead: Numbers = offsets.take(ends.searchsorted(at, side="right"))
    return ahead
