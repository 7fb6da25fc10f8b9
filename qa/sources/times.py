"""Timestamps of the outside world to instants, and back.

Accepted: ISO 8601 text with offset, ``Z``, or none (then the given zone), and numbers counting seconds, milliseconds or
microseconds since 1970. The unit of a number is the one that puts it between 1990 and 2100; the three ranges
do not overlap, so there is nothing to guess:

========== ======================= =======================
unit       from (inclusive)        to (exclusive)
========== ======================= =======================
s          631,152,000             4,102,444,800
ms         631,152,000,000         4,102,444,800,000
µs         631,152,000,000,000     4,102,444,800,000,000
========== ======================= =======================
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from qa.types import Instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LOW: Instant = 631_152_000_000_000
HIGH: Instant = 4_102_444_800_000_000
_LOW_SECONDS, _HIGH_SECONDS = LOW // 1_000_000, HIGH // 1_000_000
_TICK = timedelta(microseconds=1)
_SEPARATORS = frozenset("Tt ")
_BASIC = re.compile(r"\d{4}(?:\d{4}|W\d{3}|-W\d\d-\d)[Tt ]\d\d", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?\d+(?:\.\d*)?\s*\Z", re.ASCII)
_from_iso = datetime.fromisoformat


def from_iso(text: str, zone: tzinfo) -> Instant | None:
    """The instant of an ISO 8601 text, or None if it is none or lies outside 1990..2100.

    A local time that a clock change repeats is read as its first occurrence; digits beyond the microsecond are cut.

    >>> from_iso("2026-11-20T09:00:05+08:00", UTC)
    1795136405000000
    >>> from_iso("2026-11-20 01:00:05", UTC)
    1795136405000000
    >>> from_iso("2026-11-20", UTC) is None
    True
    """
    try:
        moment = _from_iso(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        instant = (moment - EPOCH) // _TICK
    except (ValueError, OverflowError):
        return None
    if text[10:11] not in _SEPARATORS and not _BASIC.match(text):
        return None
    return instant if LOW <= instant < HIGH else None


def from_number(value: float) -> Instant | None:
    """The instant of epoch seconds, milliseconds or microseconds, or None outside 1990..2100 in all three.

    >>> from_number(1795136405) == from_number(1795136405000) == from_number(1795136405000000)
    True
    >>> from_number(2**63) is None
    True
    """
    if _LOW_SECONDS <= value < _HIGH_SECONDS:
        instant = value * 1_000_000
    elif _LOW_SECONDS * 1_000 <= value < _HIGH_SECONDS * 1_000:
        instant = value * 1_000
    elif LOW <= value < HIGH:
        instant = value
    else:
        return None
    return round(instant)


def from_any(value: Any, zone: tzinfo) -> Instant | None:
    """The instant of a canonical timestamp (text or number, not a boolean), or None if it cannot be one."""
    if isinstance(value, str):
        return from_iso(value, zone)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return from_number(value)


def why_not(value: Any) -> str:
    """Why ``from_any`` refused a value, for the person who must repair the file."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return "a time is ISO 8601 text or a number of epoch seconds, milliseconds or microseconds"
    if not isinstance(value, str):
        return f"{value!r} lies outside the years 1990 to 2100 as epoch seconds, milliseconds and microseconds"
    if _NUMBER.match(value):
        return f"{value[:40]!r} is a number in quotes; an epoch time is written without them"
    try:
        moment = _from_iso(value)
    except ValueError:
        return f"{value[:40]!r} is not an ISO 8601 time such as 2026-11-20T09:00:05+08:00"
    if not 1990 <= moment.year < 2100:  # noqa: PLR2004 -- the years are the rule itself
        return f"{value[:40]!r} lies outside the years 1990 to 2100"
    return f"{value[:40]!r} has no time of day, or not in ISO 8601 form"


def to_iso(instant: Instant, zone: tzinfo) -> str:
    """ISO 8601 with offset; microseconds only when there are some. Exact: ``from_iso`` gives the instant back.

    >>> to_iso(1795136405000000, UTC)
    '2026-11-20T01:00:05+00:00'
    """
    return (EPOCH + timedelta(microseconds=instant)).astimezone(zone).isoformat()
