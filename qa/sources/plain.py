r"""The plain notation: a chat as a person would write it down, one message a line.

    # c-1 agent=a-7 merchant=acme csat=2
    2026-11-20 09:00:05 客户: 在吗
    09:00:41 客服: 您好，请问有什么可以帮您？
    09:01:10 客服[撤回]: 打错了

docs/import.md has the whole of it. ``parse_plain`` reads a string (rule examples), ``Plain`` reads files; both are one
parser.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from pathlib import Path
from typing import Any, ClassVar

from qa.errors import QaError
from qa.sources.base import Note, Raw, ReadOptions, Rejected, Source, abridge
from qa.sources.canonical import convert
from qa.sources.files import LongLine, StreamError, open_utf8, split_lines
from qa.sources.times import EPOCH
from qa.types import Chat

DEFAULT_DATE = date(2026, 1, 1)
"""The date of a chat whose lines have times but no date."""
DEFAULT_ID = "example"
ROLES = {
    "客户": "customer",
    "顾客": "customer",
    "买家": "customer",
    "customer": "customer",
    "客服": "agent",
    "坐席": "agent",
    "agent": "agent",
    "机器人": "bot",
    "bot": "bot",
    "系统": "system",
    "system": "system",
}
WITHDRAWN = frozenset(["撤回", "withdrawn"])
PRIVATE = frozenset(["私密", "private"])
_TEXT_FIELDS = {
    "merchant": ("merchant",),
    "channel": ("channel",),
    "category": ("category",),
    "status": ("status",),
    "agent": ("agent", "id"),
    "agent_name": ("agent", "name"),
    "team": ("agent", "team"),
    "customer": ("customer", "id"),
    "tier": ("customer", "tier"),
}
_NUMBER_FIELDS = {"csat": ("csat",), "order_amount": ("outcome", "order_amount")}
_FLAG_FIELDS = {
    "escalated": ("escalated",),
    "resolved": ("outcome", "resolved"),
    "converted": ("outcome", "converted"),
}
_TIME_FIELDS = {"started": "started_at", "ended": "ended_at"}
_FLAGS = {"true": True, "yes": True, "是": True, "false": False, "no": False, "否": False}
_ATTRIBUTES = sorted([*_TEXT_FIELDS, *_NUMBER_FIELDS, *_FLAG_FIELDS, *_TIME_FIELDS, "tags", "followup", "date"])
_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:\.\d{1,6})?)?"
_LINE = re.compile(
    rf"(?:(?P<date>\d{{4}}-\d\d-\d\d)[ T])?(?:(?P<clock>{_CLOCK}) )?"
    rf"(?P<role>{'|'.join(ROLES)})(?P<marks>(?:\[[^\[\]]*\])*)[:：] ?(?P<text>.*)",
    re.DOTALL | re.ASCII,
)
_CLOCK_ONLY = re.compile(rf"{_CLOCK}\Z", re.ASCII)
_ESCAPE = re.compile(r"\\([nrt\\])")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


class _LineError(Exception):
    """What is wrong with one line."""


@dataclass(slots=True)
class _Draft:
    """A chat in the making."""

    line: int
    data: dict[str, Any]
    zone: tzinfo
    day: date | None = None
    """Date of the line before; None while no line had one."""
    first_day: date | None = None
    attributes: dict[str, list[str]] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)
    originals: list[str] = field(default_factory=list)
    size: int = 0
    """Characters of all its lines."""
    fault: tuple[int, str] | None = None

    def fail(self, line: int, reason: str) -> None:
        """Keep the first fault: the chat is rejected with it."""
        self.fault = self.fault or (line, reason)


class Plain(Source):
    """Chats in the plain notation."""

    name: ClassVar[str] = "plain"
    suffixes: ClassVar[tuple[str, ...]] = (".txt", ".chat")

    @classmethod
    def sniff(cls, head: bytes) -> bool:
        """Begins with a chat header or a message line."""
        lines = head.decode("utf-8", "replace").split("\n", 50)[:50]
        first = next((line for line in lines if line.strip()), "")
        return first.startswith("# ") or _LINE.fullmatch(first.rstrip("\r")) is not None

    def read(self, path: Path, options: ReadOptions) -> Iterator[Raw | Rejected]:
        """Every chat of the file."""
        stream = open_utf8(path, options)
        file = str(path)
        notes = (Note(file, 1, "", stream.guess),) if stream.guess else ()
        position = [0]
        try:
            for draft in _drafts(_text_lines(stream.chunks, options, position), options):
                item = _finished(file, draft, notes)
                notes = () if isinstance(item, Raw) else notes
                yield item
        except StreamError as error:
            yield Rejected(file, position[0] + 1, "", f"{error}; the chats before this line were read", "")


def parse_plain(text: str, zone: tzinfo = UTC) -> list[Chat]:
    r"""The chats of a text in plain notation; raises ``QaError`` naming the line of the first fault.

    >>> [chat] = parse_plain("客户: 在吗\n客服[私密]: 稍等")
    >>> chat.id, [(message.role.value, message.text, message.private) for message in chat.messages]
    ('example', [('customer', '在吗', False), ('agent', '稍等', True)])
    """
    chats = []
    lines = ((number, line, "") for number, line in enumerate(text.split("\n"), 1))
    for draft in _drafts(lines, ReadOptions(zone=zone, now=0)):  # type: ignore[arg-type]  # any tzinfo serves here
        item = _finished("", draft, ())
        if isinstance(item, Rejected):
            raise QaError(f"line {item.line}: {item.reason}")
        chat, problems, _ = convert(item.data, zone=zone)
        if chat is None:
            path, reason = problems[0]
            raise QaError(f"line {item.line}: {path}: {reason}")
        chats.append(chat)
    return chats


def _text_lines(chunks: Iterator[bytes], options: ReadOptions, position: list[int]) -> Iterator[tuple[int, str, str]]:
    """Number, text and fault of every line; ``position`` follows the number."""
    for number, line in split_lines(chunks, options.max_line_bytes):
        position[0] = number
        if isinstance(line, LongLine):
            yield number, line.original, f"the line has {line.size} bytes, more than {options.max_line_bytes}"
            continue
        try:
            yield number, line.decode("utf-8"), ""
        except UnicodeDecodeError as error:
            reason = f"not valid in the file's encoding (byte {error.start + 1} of the line)"
            yield number, line.decode("utf-8", "replace"), reason


def _drafts(lines: Iterable[tuple[int, str, str]], options: ReadOptions) -> Iterator[_Draft]:
    draft: _Draft | None = None
    for number, whole, fault in lines:
        line = whole.removesuffix("\r")
        if not line.strip():
            continue
        if line.startswith("# "):
            if draft is not None:
                yield draft
            draft = _header(number, line, options.zone)
        elif draft is None:
            draft = _Draft(number, {"id": DEFAULT_ID, "messages": []}, options.zone)
        _keep(draft, number, line, options)
        if fault:
            draft.fail(number, fault)
        elif not line.startswith("# ") and draft.fault is None:
            try:
                _message(draft, number, line)
            except _LineError as error:
                draft.fail(number, str(error))
    if draft is not None:
        yield draft


def _keep(draft: _Draft, number: int, line: str, options: ReadOptions) -> None:
    draft.size += len(line)
    if draft.size > options.max_line_bytes:
        draft.fail(number, f"the chat has more than {options.max_line_bytes} characters")
    elif len(draft.originals) > options.max_chat_messages:
        draft.fail(number, f"the chat has more than {options.max_chat_messages} messages")
    else:
        draft.originals.append(line)


def _header(number: int, line: str, zone: tzinfo) -> _Draft:
    draft = _Draft(number, {"messages": []}, zone)
    try:
        words = shlex.split(line[2:], posix=True) if '"' in line or "'" in line else line[2:].split()
        ident, *attributes = words
    except ValueError as error:
        draft.fail(number, f"the header cannot be read: {error}" if line[2:].strip() else "the header has no chat id")
        return draft
    draft.data["id"] = ident
    for word in attributes:
        key, equals, value = word.partition("=")
        if not equals or key not in _ATTRIBUTES:
            draft.fail(number, f"unknown attribute {word[:60]!r}; known are {', '.join(_ATTRIBUTES)}")
        elif key in draft.attributes and key != "followup":
            draft.fail(number, f"the attribute {key} occurs twice")
        else:
            draft.attributes.setdefault(key, []).append(value)
    if draft.fault is None:
        _attributes(draft, number)
    return draft


def _attributes(draft: _Draft, number: int) -> None:
    try:
        for key, (value, *_) in draft.attributes.items():
            if key in _TEXT_FIELDS:
                _put(draft.data, _TEXT_FIELDS[key], value)
            elif key in _NUMBER_FIELDS:
                _put(draft.data, _NUMBER_FIELDS[key], _number(key, value))
            elif key in _FLAG_FIELDS:
                _put(draft.data, _FLAG_FIELDS[key], _flag(key, value))
            elif key == "tags":
                draft.data["tags"] = [tag for tag in re.split("[,，]", value) if tag]
            elif key == "date":
                draft.day = draft.first_day = _date(value)
    except _LineError as error:
        draft.fail(number, str(error))


def _put(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        data = data.setdefault(key, {})
    data[path[-1]] = value


def _number(key: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise _LineError(f"{key} must be a number, is {value[:60]!r}") from None


def _flag(key: str, value: str) -> bool:
    try:
        return _FLAGS[value.lower()]
    except KeyError:
        raise _LineError(f"{key} must be true or false, is {value[:60]!r}") from None


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _LineError(f"{text[:60]!r} is not a date such as 2026-11-20") from None


def _message(draft: _Draft, number: int, line: str) -> None:
    match = _LINE.fullmatch(line)
    if match is None:
        examples = "'09:00:05 客户: 在吗' or '系统[closed]:', nor a header '# id'"
        raise _LineError(f"not a message such as {examples}: {line[:60]!r}")
    message: dict[str, Any] = {"role": ROLES[match["role"]], "text": _unescape(match["text"])}
    day, clock = match["date"], match["clock"]
    if day:
        if not clock:
            raise _LineError("a date needs a time")
        draft.day = _date(day)
        draft.first_day = draft.first_day or draft.day
    if clock:
        message["at"] = _moment(draft.day or DEFAULT_DATE, clock, draft.zone)
    if match["marks"]:
        _marks(message, match["marks"])
    draft.data["messages"].append(message)
    draft.lines.append(number)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED[match[1]], text) if "\\" in text else text


def _moment(day: date, clock: str, zone: tzinfo) -> int:
    """Microseconds since 1970 of a time of day, which may have one digit of hours."""
    try:
        at = time.fromisoformat(clock.zfill(len(clock) + 1) if clock[1] == ":" else clock)
    except ValueError:
        raise _LineError(f"{clock!r} is not a time of day") from None
    gap = datetime.combine(day, at, zone) - EPOCH
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds


def _marks(message: dict[str, Any], marks: str) -> None:
    for mark in re.split(r"\]\[|[,，]", marks[1:-1]):
        word = mark.strip()
        if word in WITHDRAWN:
            message["withdrawn"] = True
        elif word in PRIVATE:
            message["private"] = True
        elif word.startswith("#") and "id" not in message:
            message["id"] = word[1:]
        elif word and "kind" not in message:
            message["kind"] = word
        else:
            raise _LineError(f"{marks} is not a list of marks: one kind, one #id, 撤回 or 私密")


def _finished(file: str, draft: _Draft, notes: tuple[Note, ...]) -> Raw | Rejected:
    if draft.fault is None:
        try:
            _late_times(draft)
        except _LineError as error:
            draft.fail(draft.line, str(error))
    original = "\n".join(draft.originals)
    if draft.fault is not None:
        line, reason = draft.fault
        return Rejected(file, line, "", reason, abridge(original))
    return Raw(draft.line, draft.data, original, notes, tuple(draft.lines))


def _late_times(draft: _Draft) -> None:
    """Times of the header: a time of day alone is on the chat's first date."""
    day = draft.first_day or DEFAULT_DATE
    for key, path in _TIME_FIELDS.items():
        if key in draft.attributes:
            draft.data[path] = _header_time(draft.attributes[key][0], day, draft.zone)
    if "followup" in draft.attributes:
        draft.data["followups"] = [
            _followup(value, day, draft.zone) for value in draft.attributes["followup"] if value != "none"
        ]


def _header_time(value: str, day: date, zone: tzinfo) -> int | str:
    return _moment(day, value, zone) if _CLOCK_ONLY.match(value) else value


def _followup(value: str, day: date, zone: tzinfo) -> dict[str, Any]:
    at, _, kind = value.partition("/")
    return {"at": _header_time(at, day, zone) if at else None, "kind": kind or None}
