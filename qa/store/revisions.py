"""What becomes of an incoming chat: new, changed, unchanged, or refused. Pure; ``qa.store.chats`` does the writing.

The identity of a chat is (merchant, chat id). Its content is compared by hash; where it comes from and on which day
it was imported are not content.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from qa.types import Chat, Instant, Message, Role

MAX_NAME = 255
"""Longest id or name in code points: two of them fit into one PostgreSQL index entry at four bytes each."""

Key = tuple[str, str]
"""Merchant and chat id."""

_BARE = Chat(id="", messages=())
_CHAT_DEFAULTS = tuple((name, getattr(_BARE, name)) for name in ("merchant", "agent", "customer", "outcome"))
_TEXT = Message(role=Role.SYSTEM, text="").kind
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode
_encode_canonical = msgspec.json.Encoder(order="deterministic").encode


class Verdict(StrEnum):
    """What an import does with one chat."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"


class Incoming(NamedTuple):
    """A chat ready to be stored. ``first_instant`` is None if the chat carries no time; then ``day`` is assumed."""

    chat: Chat
    day: str
    day_assumed: bool
    source: str | None
    first_instant: Instant | None
    content_hash: bytes
    body: bytes

    @property
    def key(self) -> Key:
        """Its identity."""
        return self.chat.merchant, self.chat.id


class Unstorable(NamedTuple):
    """A chat that no database can hold, with the field and the reason."""

    field: str
    reason: str


class Known(NamedTuple):
    """The current revision of a chat; ``pk`` is None while it is not written yet."""

    pk: int | None
    revision: int
    source: str | None
    day: str
    content_hash: bytes


class Revision(NamedTuple):
    """A revision to be written."""

    incoming: Incoming
    number: int
    current: bool
    source: str | None
    day: str


class Plan(NamedTuple):
    """What a batch does: one verdict a chat, the revisions to write, the rows that are current no longer."""

    verdicts: tuple[Verdict, ...]
    revisions: tuple[Revision, ...]
    retired: tuple[int, ...]
    known: Mapping[Key, Known]
    """The state of every key of the batch afterwards."""


def prepare(chat: Chat, zone: tzinfo, assumed_day: str, source: str | None) -> Incoming | Unstorable:
    """Encode and date a chat, or say why it cannot be stored.

    The day is the local day of the chat's first instant: its start, else its earliest message;
    a chat without any time gets ``assumed_day``.
    """
    problem = _header_problem(chat)
    if problem is not None:
        return problem
    first = first_instant(chat)
    try:
        day = assumed_day if first is None else local_day(first, zone)
    except (OverflowError, ValueError):
        return Unstorable("started_at", "the time lies outside the years 1 to 9999")
    chat = canonical(chat)
    try:
        body = _encode(chat)
        digest = blake2b(_encode_canonical(chat), digest_size=16).digest()
    except UnicodeEncodeError:
        return Unstorable("messages", "text holds a lone surrogate, which is not a character")
    except RecursionError:
        return Unstorable("extra", "nested too deeply")
    return Incoming(chat, day, first is None, source, first, digest, body)


def canonical(chat: Chat) -> Chat:
    """The equal chat whose encoding depends on its values alone.

    msgspec leaves a field out when it *is* its default, not when it equals it: a merchant read from a file as
    "default" would be written, the same one by omission would not, and equal chats would differ by hash. Whole
    numbers in fields of type float are the other such case.
    """
    changes: dict[str, Any] = {
        name: default
        for name, default in _CHAT_DEFAULTS
        if (value := getattr(chat, name)) is not default and value == default
    }
    if any(message.kind is not _TEXT and message.kind == _TEXT for message in chat.messages):
        changes["messages"] = tuple(
            replace(message, kind=_TEXT) if message.kind == _TEXT else message for message in chat.messages
        )
    if chat.csat is not None:
        changes["csat"] = float(chat.csat)
    if chat.outcome.order_amount is not None:
        changes["outcome"] = replace(chat.outcome, order_amount=float(chat.outcome.order_amount))
    return replace(chat, **changes) if changes else chat


def first_instant(chat: Chat) -> Instant | None:
    """The start of the chat, else its earliest message time, else None."""
    if chat.started_at is not None:
        return chat.started_at
    return min((message.at for message in chat.messages if message.at is not None), default=None)


def local_day(instant: Instant, zone: tzinfo) -> str:
    """The calendar day of an instant in a time zone.

    >>> from zoneinfo import ZoneInfo
    >>> local_day(1_795_104_000_000_000, ZoneInfo("Asia/Shanghai"))
    '2026-11-20'
    >>> local_day(1_795_104_000_000_000, ZoneInfo("UTC"))
    '2026-11-19'
    """
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(zone).date().isoformat()


def _header_problem(chat: Chat) -> Unstorable | None:
    names = (
        ("id", chat.id),
        ("merchant", chat.merchant),
        ("agent.id", chat.agent.id),
        ("agent.team", chat.agent.team),
        ("channel", chat.channel),
        ("customer.id", chat.customer.id),
    )
    for field, value in names:
        if value is None:
            continue
        if "\0" in value:
            return Unstorable(field, "holds a NUL character")
        if len(value) > MAX_NAME:
            return Unstorable(field, f"is longer than {MAX_NAME} characters")
    return None


def decide(batch: Sequence[Incoming], stored: Mapping[Key, Known]) -> Plan:
    """Judge a batch in its order against what is stored; a chat may occur several times in it.

    A chat whose source differs from the stored one's (both named) is a conflict: two systems' ids never merge.
    A changed chat without times keeps the day it was given first.
    """
    known = dict(stored)
    verdicts: list[Verdict] = []
    written: list[Revision] = []
    for incoming in batch:
        before = known.get(incoming.key)
        verdict = _judge(incoming, before)
        verdicts.append(verdict)
        if verdict in {Verdict.NEW, Verdict.CHANGED}:
            revision = _next(incoming, before)
            written.append(revision)
            known[incoming.key] = Known(None, revision.number, revision.source, revision.day, incoming.content_hash)
    changed = {revision.incoming.key for revision in written}
    replaced = (stored[key].pk for key in changed if key in stored)
    retired = tuple(sorted(pk for pk in replaced if pk is not None))
    return Plan(tuple(verdicts), tuple(_only_last_current(written, known)), retired, known)


def _judge(incoming: Incoming, before: Known | None) -> Verdict:
    if before is None:
        return Verdict.NEW
    if incoming.source is not None and before.source is not None and incoming.source != before.source:
        return Verdict.CONFLICT
    return Verdict.UNCHANGED if incoming.content_hash == before.content_hash else Verdict.CHANGED


def _next(incoming: Incoming, before: Known | None) -> Revision:
    if before is None:
        return Revision(incoming, 1, current=True, source=incoming.source, day=incoming.day)
    day = before.day if incoming.day_assumed else incoming.day
    return Revision(incoming, before.revision + 1, current=True, source=incoming.source or before.source, day=day)


def _only_last_current(written: Iterable[Revision], known: Mapping[Key, Known]) -> Iterable[Revision]:
    for revision in written:
        yield revision._replace(current=known[revision.incoming.key].revision == revision.number)
