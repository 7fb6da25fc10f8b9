"""When chats start: weekdays, hours, evening peaks, nights and one promotion day."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import accumulate

from qa.demo.templates import Merchant

PROMOTION_FACTOR = 3.0
_WEEKDAYS = (1.0, 0.95, 0.95, 1.0, 1.1, 1.25, 1.2)
_HOURS = (
    1.6,
    0.8,
    0.4,
    0.3,
    0.3,
    0.4,
    0.8,
    1.6,
    3.2,
    5.4,
    6.6,
    5.8,
    4.6,
    5.0,
    6.2,
    6.0,
    5.4,
    4.8,
    5.0,
    6.6,
    8.4,
    8.8,
    6.8,
    3.6,
)
_NIGHT_SHARE = 0.25
_QUIET_SECONDS = 40 * 60
_DAY_SECONDS = 86_400


def promotion_day(start: date, days: int) -> date:
    """Return the day of the month's promotion: two thirds through.

    >>> promotion_day(date(2026, 10, 1), 30)
    datetime.date(2026, 10, 21)
    """
    return start + timedelta(days=days * 2 // 3)


def open_seconds(hours: str) -> tuple[int, int]:
    """Return opening and closing as seconds of the local day.

    >>> open_seconds("09:00-23:00"), open_seconds("")
    ((32400, 82800), (0, 86400))
    """
    if not hours:
        return 0, _DAY_SECONDS
    opens, closes = ((int(part[:2]) * 60 + int(part[3:])) * 60 for part in hours.split("-"))
    return opens, closes


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Share ``total`` in proportion to ``weights`` by largest remainder; the shares add up exactly.

    >>> apportion(10, [1, 1, 1])
    [4, 3, 3]
    """
    scale = total / sum(weights)
    exact = [weight * scale for weight in weights]
    shares = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_remainder[: total - sum(shares)]:
        shares[i] += 1
    return shares


def counts(merchants: Sequence[Merchant], start: date, days: int, chats: int) -> dict[tuple[date, str], int]:
    """Return how many chats each merchant has on each day; they add up to ``chats``."""
    promotion = promotion_day(start, days)
    cells: list[tuple[date, str]] = []
    weights: list[float] = []
    for offset in range(days):
        day = start + timedelta(days=offset)
        factor = _WEEKDAYS[day.weekday()] * (PROMOTION_FACTOR if day == promotion else 1.0)
        for merchant in merchants:
            cells.append((day, merchant.id))
            weights.append(factor * merchant.share)
    return dict(zip(cells, apportion(chats, weights), strict=True))


def starts(hours: str, count: int, rng: random.Random) -> list[int]:
    """Return ``count`` sorted start times as seconds of the local day.

    A merchant with business hours gets a few messages left at night; its other chats start early enough to end inside.
    """
    opens, closes = open_seconds(hours)
    cumulative = list(accumulate(_HOURS))
    found: list[int] = []
    while len(found) < count:
        draw = rng.random() * cumulative[-1]
        hour = next(i for i, edge in enumerate(cumulative) if draw < edge)
        second = hour * 3600 + int(rng.random() * 3600)
        inside = opens <= second < closes - _QUIET_SECONDS
        asleep = second < opens - 600 or closes + 600 <= second < _DAY_SECONDS - 300
        if not hours or inside or (asleep and rng.random() < _NIGHT_SHARE):
            found.append(second)
    return sorted(found)
