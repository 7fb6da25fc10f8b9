"""Checks of single canonical fields: each returns the value, or None after writing a problem into the report.

Nothing is coerced in silence. The documented exceptions: an integer where an id is wanted becomes its
digits, an empty optional label means unknown, and an integer is a valid number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import tzinfo
from math import isfinite
from typing import Any, NamedTuple

from qa.sources.times import from_any, why_not
from qa.types import Instant

LABEL_CHARS = 255
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Problem(NamedTuple):
    """A field that is wrong, or odd, and why."""

    field: str
    reason: str


@dataclass(slots=True)
class Report:
    """What one conversion found: ``problems`` reject the chat, ``notes`` accompany it."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def reject(self, path: str, reason: str) -> None:
        """Record why the chat cannot be taken."""
        self.problems.append(Problem(path, reason))

    def note(self, path: str, reason: str) -> None:
        """Record something odd that does not stop the chat."""
        self.notes.append(Problem(path, reason))


def kind_of(value: Any) -> str:
    """What JSON calls the type of a value.

    >>> kind_of(None), kind_of(True), kind_of(1.5), kind_of("x"), kind_of([]), kind_of({})
    ('null', 'a boolean', 'a number', 'text', 'an array', 'an object')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    names: dict[type, str] = {str: "text", list: "an array", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def is_plain_label(value: Any) -> bool:
    """True for the usual case: printable text of sensible length. False only means: look closer."""
    return type(value) is str and 0 < len(value) <= LABEL_CHARS and value.isprintable() and not value.isspace()


def label(value: Any, path: str, report: Report) -> str | None:
    """An optional name or id: text without control characters, or an integer, which becomes its digits."""
    if value is None or is_plain_label(value):
        return value  # type: ignore[no-any-return]  # None or str by the line above
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        report.reject(path, f"{value!r} is not a whole 64-bit number; write the id as text, in quotes")
    elif not isinstance(value, str):
        report.reject(path, f"must be text, is {kind_of(value)}")
    elif found := _CONTROL.search(value):
        report.reject(path, f"contains the control character U+{ord(found[0]):04X} at position {found.start()}")
    elif len(value) > LABEL_CHARS:
        report.reject(path, f"has {len(value)} characters, more than {LABEL_CHARS}")
    else:
        return value if value.strip() else None
    return None


def required_label(data: dict[str, Any], key: str, report: Report) -> str:
    """A label that must be there and not empty; ``""`` stands in where the report says otherwise."""
    before = len(report.problems)
    value = label(data.get(key), key, report)
    if value is None and len(report.problems) == before:
        report.reject(key, "is missing" if key not in data else "is empty")
    return value or ""


def flag(value: Any, path: str, report: Report) -> bool | None:
    """True, False, or None for unknown; 0, 1 and ``"true"`` are refused."""
    if value is None or value is True or value is False:
        return value
    report.reject(path, f"must be true, false or null, is {kind_of(value)}")
    return None


def number(value: Any, path: str, report: Report, low: float, high: float) -> float | None:
    """A finite number within the bounds, or None for unknown; a number in quotes is refused."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = " (a number in quotes)" if isinstance(value, str) and value.strip().isdigit() else ""
        report.reject(path, f"must be a number, is {kind_of(value)}{hint}")
    elif not low <= value <= high or not isfinite(value):
        report.reject(path, f"{value!r} is not between {low:g} and {high:g}")
    else:
        return float(value)
    return None


def instant(value: Any, path: str, zone: tzinfo, report: Report) -> Instant | None:
    """A point in time, or None for unknown."""
    if value is None:
        return None
    result = from_any(value, zone)
    if result is None:
        report.reject(path, why_not(value))
    return result


def section(data: dict[str, Any], key: str, report: Report) -> dict[str, Any]:
    """A nested object such as ``agent``; absent or null is an empty one."""
    value = data.get(key)
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    report.reject(key, f"must be an object, is {kind_of(value)}")
    return {}


def items(data: dict[str, Any], key: str, report: Report) -> list[Any]:
    """A list such as ``tags``; absent or null is an empty one. Text is not a list of characters."""
    value = data.get(key)
    if value is None:
        return []
    if isinstance(value, list):
        return value
    report.reject(key, f"must be an array, is {kind_of(value)}")
    return []
