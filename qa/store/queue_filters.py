"""What a list of the queue is limited to: filters as values, read from the query of a URL and written back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urlencode

from qa.types import FlagReason, Severity

REASONS = (
    FlagReason.RED_LINE, FlagReason.RULE_FAILED, FlagReason.LOW_SCORE, FlagReason.MODEL_RISK, FlagReason.MODEL_UNSURE,
    FlagReason.EXCELLENT, FlagReason.AUDIT, FlagReason.BROKEN,
)  # fmt: skip
"""The bit of a reason in ``queue_items.reasons`` is its place here: new reasons are added at the end."""
SEVERITIES = (Severity.INFO, Severity.MINOR, Severity.MAJOR, Severity.CRITICAL)
"""The number of a severity in ``queue_items.severity`` is its place here."""
SENTIMENTS = ("negative", "neutral", "positive")
RESOLUTIONS = ("unresolved", "partly", "resolved")
"""Labels of the model (``qa.models.opinions``), the worst first; their numbers in the table are their places here."""
LONGEST = 120
"""Characters of a value that are looked at."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class State(StrEnum):
    """Which items a list holds, by how far they have come."""

    OPEN = "open"
    """Not done, whoever has it."""
    MINE = "mine"
    """Not done, claimed by me or assigned to me."""
    UNCLAIMED = "unclaimed"
    """Not done, claimed by nobody and assigned to nobody."""
    DONE = "done"
    ALL = "all"


class Filters(NamedTuple):
    """What is wanted; None: whatever. Days are local, both included, and so are the scores."""

    state: State = State.OPEN
    reason: FlagReason | None = None
    rule: str | None = None
    severity: Severity | None = None
    merchant: str | None = None
    team: str | None = None
    agent: str | None = None
    since: str | None = None
    until: str | None = None
    low: float | None = None
    high: float | None = None
    sentiment: str | None = None
    resolution: str | None = None
    text: str | None = None

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that limit something, by name, as they stand in a URL."""
        empty = Filters()
        return {
            name: f"{value:g}" if isinstance(value, float) else str(value)
            for name, value in self._asdict().items()
            if value != getattr(empty, name)
        }

    @property
    def query(self) -> str:
        """As the query of a URL, always spelt the same way; empty where nothing limits.

        >>> Filters(reason=FlagReason.RED_LINE, low=10.0).query
        'reason=red_line&low=10'
        """
        return urlencode(self.chosen)


def parse_filters(given: Mapping[str, str]) -> Filters:
    """Return the filters of a URL; what makes no sense there limits nothing.

    >>> parse_filters({"reason": "red_line", "low": "x", "since": "2026-11-31", "text": " "}).query
    'reason=red_line'
    """
    plain = {name: _CONTROL.sub(" ", given.get(name, ""))[:LONGEST].strip() for name in Filters._fields}
    return Filters(
        state=_one_of(State, plain["state"]) or State.OPEN,
        reason=_one_of(FlagReason, plain["reason"]),
        rule=plain["rule"] or None,
        severity=_one_of(Severity, plain["severity"]),
        merchant=plain["merchant"] or None,
        team=plain["team"] or None,
        agent=plain["agent"] or None,
        since=_day(plain["since"]),
        until=_day(plain["until"]),
        low=_score(plain["low"]),
        high=_score(plain["high"]),
        sentiment=_label(SENTIMENTS, plain["sentiment"]),
        resolution=_label(RESOLUTIONS, plain["resolution"]),
        text=plain["text"] or None,
    )


def bits_of(reasons: Any) -> int:
    """Return reasons as one number, a bit each.

    >>> bits_of([FlagReason.RED_LINE, FlagReason.LOW_SCORE])
    5
    """
    return sum(1 << REASONS.index(FlagReason(one)) for one in set(reasons))


def reasons_in(bits: int) -> tuple[FlagReason, ...]:
    """Return the reasons of such a number.

    >>> [one.value for one in reasons_in(5)]
    ['red_line', 'low_score']
    """
    return tuple(reason for place, reason in enumerate(REASONS) if bits >> place & 1)


def _one_of(kind: Any, value: str) -> Any:
    return kind(value) if value in set(kind) else None


def _label(labels: tuple[str, ...], value: str) -> str | None:
    return value if value in labels else None


def _day(value: str) -> str | None:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        return None


def _score(value: str) -> float | None:
    try:
        found = float(value)
    except ValueError:
        return None
    return found if 0 <= found <= 100 else None  # noqa: PLR2004 - a score is of 100
