"""What two reviewers of the demo said of the chats they read: they know what was planted, and say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from qa.demo.write import ChatKey, Truth

REVIEWERS = ("specialist", "lead")
EVERY = 4
"""Of the chats in which rules fired, one in so many was read; the rest waits in the queue."""
_SHANGHAI = timezone(timedelta(hours=8))
_MORNING, _EACH = time(9), timedelta(minutes=4)
_REASON = "看了上下文，不属于这种情况"


def reviews(truth: Iterable[Truth], found: Mapping[ChatKey, AbstractSet[str]], until: date) -> Iterator[dict[str, Any]]:
    """Yield reviews as ``qa reviews import`` reads them, of chats of days up to ``until``, each the morning after.

    What fired and was planted is confirmed, what fired alone overturned, what was planted alone said to be missed.
    """
    read = [one for one in truth if found.get(one.key)]
    for number, one in enumerate(read[::EVERY]):
        day = day_of(one.key)
        if day > until:
            continue
        at = datetime.combine(day, _MORNING, _SHANGHAI) + timedelta(days=1) + _EACH * (number % 100)
        fired = found[one.key]
        faults = [rule for rule in one.rules if not rule.startswith("excellent-")]
        yield {
            "merchant": one.key[0],
            "chat": one.key[1],
            "reviewer": REVIEWERS[number % 5 == 0],
            "at": at.isoformat(),
            "kind": "queue",
            "excellent": True if len(one.rules) > 1 and not faults else None,
            "verdicts": [_verdict(rule, one.rules, fired) for rule in sorted(fired | one.rules)],
        }


def day_of(key: ChatKey) -> date:
    """Return the day of a generated chat, which its id tells.

    >>> day_of(("qingmu", "qm-20261001-0007"))
    datetime.date(2026, 10, 1)
    """
    return date.fromisoformat(key[1].split("-")[1])


def _verdict(rule: str, planted: AbstractSet[str], fired: AbstractSet[str]) -> dict[str, str]:
    if rule not in fired:
        return {"rule": rule, "verdict": "missed"}
    if rule in planted:
        return {"rule": rule, "verdict": "confirm"}
    return {"rule": rule, "verdict": "overturn", "reason": _REASON}
