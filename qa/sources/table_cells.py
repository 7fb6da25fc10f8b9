"""The cells of one row, by a column map, to the fields of a message and of its chat."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from qa.sources.column_map import CHAT_COLUMNS, KIND_WORDS, ROLE_WORDS, ColumnMap
from qa.sources.times import EPOCH, HIGH, LOW, from_iso, from_number, why_not
from qa.types import Instant

CHAT_PATHS = {
    "chat_id": ("id",),
    "merchant": ("merchant",),
    "channel": ("channel",),
    "agent_id": ("agent", "id"),
    "agent_name": ("agent", "name"),
    "agent_team": ("agent", "team"),
    "customer_id": ("customer", "id"),
    "customer_tier": ("customer", "tier"),
    "started_at": ("started_at",),
    "ended_at": ("ended_at",),
    "status": ("status",),
    "csat": ("csat",),
    "escalated": ("escalated",),
    "category": ("category",),
    "tags": ("tags",),
    "resolved": ("outcome", "resolved"),
    "converted": ("outcome", "converted"),
    "order_amount": ("outcome", "order_amount"),
    "followup_at": ("followup", "at"),
    "followup_kind": ("followup", "kind"),
}
_FLAGS = frozenset(["escalated", "resolved", "converted", "withdrawn", "private"])
_NUMBERS = frozenset(["csat", "order_amount"])
_TIMES = frozenset(["started_at", "ended_at", "followup_at"])
_MESSAGE_KEYS = frozenset(["id", "role", "at", "text", "kind", "withdrawn", "private"])
_EPOCH_DIGITS = re.compile(r"-?\d{1,20}(?:\.\d{1,9})?\Z", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)", re.ASCII)
_LOOSE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[ T]?(\d{1,2})[:时点](\d{1,2})(?:[:分](\d{1,2})(?:\.(\d{1,6}))?)?"
    r"[分秒]?",
    re.ASCII,
)
_MIDNIGHT = re.compile(r"[T ]00:00(?::00)?\Z")


class CellError(Exception):
    """A cell that cannot be read; ``field`` is its canonical column."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class RowReader:
    """Reads the rows of one table."""

    def __init__(self, column_map: ColumnMap, places: dict[str, int], header: list[str], zone: ZoneInfo) -> None:
        self.map = column_map
        self.places = places
        self.width = len(header)
        self.zone: tzinfo = ZoneInfo(column_map.times.zone) if column_map.times.zone else zone
        words = {word.casefold(): role for role, known in ROLE_WORDS.items() for word in known}
        self.roles = words | {word.strip().casefold(): role for word, role in column_map.roles.items()}
        self.kinds = KIND_WORDS | column_map.kinds
        self.chat_columns = [name for name in CHAT_COLUMNS if name in places or name in column_map.constants]
        used = set(places.values())
        self.names = [_extra_name(cell, index) for index, cell in enumerate(header)]
        self.others = [index for index in range(self.width) if index not in used]

    def raw(self, cells: list[str], column: str) -> str:
        """The text of a column in this row, or its constant, or nothing."""
        place = self.places.get(column)
        if place is None:
            return self.map.constants.get(column, "")
        return cells[place] if place < len(cells) else ""

    def message(self, cells: list[str]) -> dict[str, Any]:
        """The canonical message of a row; raises ``CellError``."""
        word = self.raw(cells, "role")
        role = self.roles.get(word.strip().casefold())
        if role is None:
            known = ", ".join(sorted(self.roles))
            raise CellError("role", f"{word[:60]!r} is no known role; known are {known}; others go under [roles]")
        message: dict[str, Any] = {"role": role, "text": self.raw(cells, "text")}
        optional = {
            "at": self.moment(cells),
            "id": self.raw(cells, "message_id") or None,
            "kind": self.kind(cells),
            "withdrawn": self.value(cells, "withdrawn"),
            "private": self.value(cells, "private"),
        }
        message.update({name: value for name, value in optional.items() if value is not None})
        message.update({self.names[index]: cells[index] for index in self.others if cells[index]})
        return message

    def kind(self, cells: list[str]) -> str | None:
        """The kind of message, in our words where we have one."""
        word = self.raw(cells, "kind")
        return self.kinds.get(word.strip(), word) or None

    def moment(self, cells: list[str]) -> Instant | None:
        """When the message was sent: from ``at``, or from ``date`` and ``time``."""
        if whole := self.raw(cells, "at").strip():
            return self.instant("at", whole)
        day, clock = self.raw(cells, "date").strip(), self.raw(cells, "time").strip()
        if not clock:
            return None
        if not day:
            raise CellError("date", "is empty, but there is a time")
        return self.instant("time", f"{_MIDNIGHT.sub('', day)} {clock}")

    def value(self, cells: list[str], column: str) -> Any:
        """A chat-level or yes/no column as JSON would give it; None if the cell is empty."""
        text = self.raw(cells, column).strip()
        if not text:
            return None
        if column in _FLAGS:
            return self.flag(column, text)
        if column in _NUMBERS:
            return _number(column, text)
        if column in _TIMES:
            return self.instant(column, text)
        if column == "tags":
            return [tag.strip() for tag in text.split(self.map.file.tag_separator) if tag.strip()]
        return self.raw(cells, column)

    def flag(self, column: str, text: str) -> bool:
        """Yes or no, by the words of the map."""
        word = text.lower()
        if word in self.map.flags.true:
            return True
        if word in self.map.flags.false:
            return False
        raise CellError(column, f"{text[:60]!r} is neither yes ({', '.join(self.map.flags.true)}) nor no")

    def instant(self, column: str, text: str) -> Instant:
        """A timestamp in any of the ways a table may write it."""
        for pattern in self.map.times.formats:
            try:
                moment = datetime.strptime(text, pattern)  # noqa: DTZ007 -- the zone follows
            except ValueError:
                continue
            return self.in_range(column, text, moment)
        if _EPOCH_DIGITS.match(text) and (found := from_number(float(text) if "." in text else int(text))) is not None:
            return found
        if (found := from_iso(text, self.zone)) is not None:
            return found
        parts = _LOOSE.fullmatch(text) or _COMPACT.fullmatch(text)
        if parts is None:
            digits = _EPOCH_DIGITS.match(text)
            raise CellError(column, why_not(float(text) if digits else text))
        year, month, day, hour, minute, *rest = parts.groups()
        second, fraction = (*rest, None, None)[:2]
        try:
            moment = datetime(  # noqa: DTZ001 -- the zone follows
                int(year), int(month), int(day), int(hour), int(minute), int(second or 0), int(f"{fraction or 0:0<6}")
            )
        except ValueError as error:
            raise CellError(column, f"{text[:60]!r} is not a time: {error}") from None
        return self.in_range(column, text, moment)

    def in_range(self, column: str, text: str, moment: datetime) -> Instant:
        """The instant of a moment, in the table's zone unless it has its own."""
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=self.zone)
        gap = aware - EPOCH
        instant = (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds
        if not LOW <= instant < HIGH:
            raise CellError(column, f"{text[:60]!r} lies outside the years 1990 to 2100")
        return instant


def _number(column: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CellError(column, f"{text[:60]!r} is not a number") from None


def _extra_name(header: str, index: int) -> str:
    """Under which name a column that is not mapped is kept in the message."""
    name = header.strip()
    if not name:
        return f"column {index + 1}"
    return f"column {name}" if name in _MESSAGE_KEYS else name
