"""Daily hours (business hours, peak hours) and how much of a span of time lies inside them.

Hours are wall-clock times of a zone: an instant is inside when the clock on the merchant's wall shows a time inside.
All arithmetic is on whole microseconds. A zone is cut into pieces of constant offset, a week at a time and cached, so
that a summer-time change inside a span is exact and a zone without one (China) costs a dictionary look-up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

import msgspec

from qa.errors import ConfigError
from qa.types import MICROSECONDS, Instant

DAY = 86_400 * MICROSECONDS
WEEK = 7 * DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)", re.ASCII)


class Hours(msgspec.Struct, frozen=True):
    """The same hours every day: ``ranges`` in microseconds after local midnight, sorted, disjoint, half-open."""

    ranges: tuple[tuple[int, int], ...]

    def daily_us(self) -> int:
        """Microseconds inside the hours on a day of 24 hours."""
        return sum(end - start for start, end in self.ranges)


def parse_hours(pairs: Iterable[Sequence[str]]) -> Hours:
    """Hours from ``("09:00", "23:00")`` pairs; a pair whose end is earlier than its start crosses midnight.

    ``24:00`` is the end of the day. Overlapping ranges are merged. Raises ConfigError on anything else.

    >>> [(start // 3_600_000_000, end // 3_600_000_000) for start, end in parse_hours([("22:00", "06:00")]).ranges]
    [(0, 6), (22, 24)]
    """
    pieces: list[tuple[int, int]] = []
    for pair in pairs:
        pieces.extend(_pieces(pair))
    if not pieces:
        raise ConfigError("hours: no range is given; leave the setting out when all hours count")
    return Hours(tuple(_merged(sorted(pieces))))


def _pieces(pair: Sequence[str]) -> list[tuple[int, int]]:
    """One range as one piece, or as two when it crosses midnight."""
    if isinstance(pair, str) or len(pair) != 2:  # noqa: PLR2004 - a pair is two
        raise ConfigError(f'hours: {pair!r} is not a range; write it as ["09:00", "23:00"]')
    start, end = _clock(pair[0]), _clock(pair[1])
    if start in (end, DAY):
        raise ConfigError(f'hours: {pair[0]}–{pair[1]} is empty; the whole day is ["00:00", "24:00"]')
    if start < end:
        return [(start, end)]
    return [(start, DAY), (0, end)] if end else [(start, DAY)]


def _clock(text: str) -> int:
    """Microseconds after midnight of ``HH:MM``."""
    found = _CLOCK.fullmatch(text) if isinstance(text, str) else None
    if found is None or (found[1] == "24" and found[2] != "00"):
        raise ConfigError(f"hours: {text!r} is not a time of day; write HH:MM from 00:00 to 24:00")
    return (int(found[1]) * 60 + int(found[2])) * 60 * MICROSECONDS


def _merged(pieces: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Sorted pieces with touching and overlapping ones joined."""
    low, high = pieces[0]
    for start, end in pieces[1:]:
        if start > high:
            yield low, high
            low, high = start, end
        high = max(high, end)
    yield low, high


def contains(instant: Instant, hours: Hours, zone: tzinfo) -> bool:
    """Whether the zone's clock shows a time inside the hours; a range's end is outside.

    >>> from datetime import timezone
    >>> peak = parse_hours([("09:00", "12:00")])
    >>> contains(0, peak, timezone(timedelta(hours=8)))  # the epoch is 08:00 in China
    False
    >>> contains(3_600_000_000, peak, timezone(timedelta(hours=8)))
    True
    """
    clock = (instant + offset_us(instant, zone)) % DAY
    for start, end in hours.ranges:  # noqa: SIM110 - a generator costs more than the comparison
        if start <= clock < end:
            return True
    return False


def seconds_inside(start: Instant, end: Instant, hours: Hours, zone: tzinfo) -> float:
    """Seconds of ``[start, end)`` inside the hours; 0 when ``end`` is not after ``start``.

    >>> from datetime import timezone
    >>> seconds_inside(0, 2 * DAY, parse_hours([("22:00", "06:00")]), timezone.utc) / 3600
    16.0
    """
    return microseconds_inside(start, end, hours, zone) / MICROSECONDS


def microseconds_inside(start: Instant, end: Instant, hours: Hours, zone: tzinfo) -> int:
    """Exactly as `seconds_inside`, in whole microseconds.

    >>> microseconds_inside(0, 1, parse_hours([("00:00", "24:00")]), UTC)
    1
    """
    pieces = offset_pieces(zone, start // WEEK)
    if len(pieces) == 1 and end <= pieces[0][0]:  # no change of offset in this week: almost always
        clock = (start + pieces[0][1]) % DAY
        for low, high in hours.ranges:
            if low <= clock and clock + end - start <= high:
                return max(end - start, 0)
    total = 0
    while start < end:
        week = start // WEEK
        for piece_end, offset in offset_pieces(zone, week):
            if start >= piece_end:
                continue
            stop = min(end, piece_end)
            total += _before(stop + offset, hours) - _before(start + offset, hours)
            start = stop
            if start >= end:
                break
    return total


def offset_us(instant: Instant, zone: tzinfo) -> int:
    """Microseconds that the zone's clock is ahead of UTC at this instant.

    >>> from datetime import timezone
    >>> offset_us(0, timezone(timedelta(hours=8))) // 3_600_000_000
    8
    """
    for piece_end, offset in offset_pieces(zone, instant // WEEK):
        if instant < piece_end:
            return offset
    raise AssertionError("the pieces of a week cover the week")  # pragma: no cover - the loop always returns


def _before(local: int, hours: Hours) -> int:
    """Microseconds inside the hours from local day 0 to this local time: differences of it are spans."""
    day, clock = divmod(local, DAY)
    inside = day * hours.daily_us()
    for start, end in hours.ranges:
        if clock > start:
            inside += min(clock, end) - start
    return inside


@lru_cache(maxsize=4096)
def offset_pieces(zone: tzinfo, week: int) -> tuple[tuple[Instant, int], ...]:
    """The week since the epoch as pieces of constant offset: ``(end, offset)`` in order, covering the week.

    A day is looked at from both ends: no zone in the database changes its offset and back within one day.
    """
    pieces: list[tuple[Instant, int]] = []
    for start in range(week * WEEK, (week + 1) * WEEK, DAY):
        low, high = _look(start, zone), _look(start + DAY - MICROSECONDS, zone)
        if pieces and pieces[-1][1] == low:
            pieces.pop()
        if low == high:
            pieces.append((start + DAY, low))
        else:
            pieces += [(_change(start, start + DAY - MICROSECONDS, zone), low), (start + DAY, high)]
    return tuple(pieces)


def _change(low: Instant, high: Instant, zone: tzinfo) -> Instant:
    """The first whole second after ``low`` whose offset is not that of ``low``, by bisection."""
    before = _look(low, zone)
    while high - low > MICROSECONDS:
        middle = low + (high - low) // (2 * MICROSECONDS) * MICROSECONDS
        if _look(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def _look(instant: Instant, zone: tzinfo) -> int:
    """The zone's own answer: offset in microseconds at an instant."""
    offset = (_EPOCH + timedelta(microseconds=instant)).astimezone(zone).utcoffset() or timedelta()
    return offset // timedelta(microseconds=1)


def iso_local(instant: Instant, zone: tzinfo) -> str:
    """The instant as ISO 8601 in the zone, with its offset; exact to the microsecond.

    >>> from datetime import timezone
    >>> iso_local(5_000_000, timezone(timedelta(hours=8)))
    '1970-01-01T08:00:05+08:00'
    """
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone).isoformat()
