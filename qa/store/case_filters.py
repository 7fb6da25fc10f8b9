"""What a list of cases is limited to: filters as values, read from the query of a URL and written back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlencode

LONGEST = 120
"""Characters of a value that are looked at."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


class CaseKind(StrEnum):
    """What a case shows."""

    EXCELLENT = "excellent"
    TYPICAL = "typical"
    """A problem that is typical."""


class CaseState(StrEnum):
    """How far a case is."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class CaseFilters(NamedTuple):
    """What is wanted; None: whatever. Days are those of the chats, local, both included."""

    text: str | None = None
    kind: CaseKind | None = None
    tag: str | None = None
    scenario: str | None = None
    question_type: str | None = None
    merchant: str | None = None
    since: str | None = None
    until: str | None = None
    state: CaseState | None = None
    """None: published ones."""

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that limit something, by name, as they stand in a URL."""
        return {name: str(value) for name, value in self._asdict().items() if value is not None}

    @property
    def query(self) -> str:
        """As the query of a URL, always spelt the same way.

        >>> CaseFilters(kind=CaseKind.TYPICAL, tag="x").query
        'kind=typical&tag=x'
        """
        return urlencode(self.chosen)


def parse_case_filters(given: Mapping[str, str]) -> CaseFilters:
    """Return the filters of a URL; what makes no sense there limits nothing.

    >>> parse_case_filters({"kind": "odd", "since": "2026-13-01", "tag": " a "}).query
    'tag=a'
    """
    plain = {name: _CONTROL.sub(" ", given.get(name, ""))[:LONGEST].strip() for name in CaseFilters._fields}
    return CaseFilters(
        text=plain["text"] or None,
        kind=CaseKind(plain["kind"]) if plain["kind"] in set(CaseKind) else None,
        tag=plain["tag"] or None,
        scenario=plain["scenario"] or None,
        question_type=plain["question_type"] or None,
        merchant=plain["merchant"] or None,
        since=_day(plain["since"]),
        until=_day(plain["until"]),
        state=CaseState(plain["state"]) if plain["state"] in set(CaseState) else None,
    )


def _day(value: str) -> str | None:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        return None
