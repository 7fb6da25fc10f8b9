"""Chats: writing revisions in batches, and reading them back by id, by day and by page.

Every reader pages by key, so memory stays flat whatever the size of the store.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    exists,
    func,
    select,
    text,
    true,
    update,
)

from qa.errors import NotFoundError, QaError
from qa.store import leaps
from qa.store.bulk import insert_all
from qa.store.revisions import Incoming, Key, Known, Plan, Revision, Verdict, decide
from qa.store.tables import chats
from qa.store.texts import BODY, BODY_OF_MONTH, Said, add_texts, lock_texts, month_of
from qa.types import MICROSECONDS, Agent, Chat, Customer, Instant, Status

PAGE = 500
"""Rows fetched at a time by the readers that page by themselves."""

_IN_LIST = 500
_HOUR = 3600 * MICROSECONDS
# PostgreSQL in a first import has no statistics yet: given an IN list it reads the whole merchant for every batch
# (2,800 chats/s), given one probe an id it cannot (docs/store.md). The newest revision is the current one.
_PROBE = text(
    """
    SELECT found.* FROM unnest(CAST(:ids AS text[])) AS wanted(id) CROSS JOIN LATERAL (
        SELECT chat_id, id, revision, source, day, content_hash FROM chats
        WHERE merchant = :merchant AND chat_id = wanted.id COLLATE "C" ORDER BY revision DESC LIMIT 1
    ) AS found
    """
)
_NUMBERS = text("SELECT nextval(pg_get_serial_sequence('chats', 'id')) FROM generate_series(1, :many)")
_decode = msgspec.json.Decoder(Chat).decode
_current: ColumnElement[bool] = chats.c.current == true()


class BatchCount(NamedTuple):
    """What became of a batch. ``conflicts``: (place in the batch, name of the source that owns the id)."""

    new: int
    changed: int
    unchanged: int
    conflicts: tuple[tuple[int, str], ...]


class StoredChat(msgspec.Struct, frozen=True):
    """A revision as stored. ``source`` None: the importer named none. ``day_assumed``: the chat carries no time."""

    pk: int
    merchant: str
    chat_id: str
    revision: int
    current: bool
    source: str | None
    day: str
    day_assumed: bool
    status: Status
    imported_at: Instant
    chat: Chat


class FrameChat(NamedTuple):
    """A closed current chat as the sampling frame needs it; ``body`` decodes with ``decode_body``."""

    pk: int
    chat_id: str
    agent_id: str | None
    team: str | None
    channel: str | None
    customer_id: str | None
    started_at: Instant | None
    body: bytes


def decode_body(body: bytes) -> Chat:
    """The chat behind a stored body, type-checked."""
    return _decode(body)


# --- writing ---------------------------------------------------------------------------------------------------------


def store_chats(connection: Connection, batch: Sequence[Incoming], imported_at: Instant) -> BatchCount:
    """Store a batch within the caller's write transaction, in its order.

    Two importers at once wait for each other here, so nothing is lost or doubled. Make batches of
    500 to 2,000 chats: each costs one look-up, two inserts and one commit.
    """
    lock_texts(connection)
    stored = known_chats(connection, [incoming.key for incoming in batch])
    plan = decide(batch, stored)
    for pks in _slices(plan.retired, _IN_LIST):
        connection.execute(update(chats).where(chats.c.id.in_(pks)).values(current=False))
    if plan.revisions:
        pks = _next_keys(connection, len(plan.revisions))
        insert_all(connection, chats, [_row(*one, imported_at) for one in zip(pks, plan.revisions, strict=True)])
        said = (
            Said(pk, one.incoming.chat.merchant, one.day, one.incoming.body)
            for pk, one in zip(pks, plan.revisions, strict=True)
        )
        add_texts(connection, list(said))
    return count(plan, batch)


def _next_keys(connection: Connection, many: int) -> Sequence[int]:
    """Return the keys of the next revisions; nobody else adds any meanwhile."""
    if connection.dialect.name == "postgresql":
        return connection.execute(_NUMBERS, {"many": many}).scalars().all()
    last = connection.execute(select(func.coalesce(func.max(chats.c.id), 0))).scalar_one()
    return range(last + 1, last + 1 + many)


def count(plan: Plan, batch: Sequence[Incoming]) -> BatchCount:
    """The figures of a plan."""
    conflicts = tuple(
        (place, plan.known[batch[place].key].source or "")
        for place, verdict in enumerate(plan.verdicts)
        if verdict is Verdict.CONFLICT
    )
    verdicts = plan.verdicts
    return BatchCount(
        verdicts.count(Verdict.NEW), verdicts.count(Verdict.CHANGED), verdicts.count(Verdict.UNCHANGED), conflicts
    )


def known_chats(connection: Connection, keys: Iterable[Key]) -> dict[Key, Known]:
    """The current revisions of those keys that are stored."""
    by_merchant: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for merchant, chat_id in keys:
        by_merchant[merchant][chat_id] = None
    look_up = _look_up_by_probe if connection.dialect.name == "postgresql" else _look_up_by_list
    return {
        (merchant, row[0]): Known._make(row[1:])
        for merchant, ids in by_merchant.items()
        for some in _slices(tuple(ids), _IN_LIST)
        for row in look_up(connection, merchant, some)
    }


def _look_up_by_list(connection: Connection, merchant: str, ids: Sequence[str]) -> Iterable[Any]:
    c = chats.c
    query = select(c.chat_id, c.id, c.revision, c.source, c.day, c.content_hash)
    return connection.execute(query.where(c.merchant == merchant, c.chat_id.in_(ids), _current))


def _look_up_by_probe(connection: Connection, merchant: str, ids: Sequence[str]) -> Iterable[Any]:
    return connection.execute(_PROBE, {"merchant": merchant, "ids": list(ids)})


def _row(pk: int, revision: Revision, imported_at: Instant) -> dict[str, Any]:
    incoming = revision.incoming
    chat = incoming.chat
    return {
        "id": pk,
        "merchant": chat.merchant,
        "chat_id": chat.id,
        "revision": revision.number,
        "current": revision.current,
        "source": revision.source,
        "day": revision.day,
        "day_assumed": incoming.day_assumed,
        "status": chat.status.value,
        "agent_id": chat.agent.id,
        "team": chat.agent.team,
        "channel": chat.channel,
        "customer_id": chat.customer.id,
        "started_at": incoming.first_instant,
        "turns": len(chat.messages),
        "content_hash": incoming.content_hash,
        "imported_at": imported_at,
    }


# --- reading one chat ------------------------------------------------------------------------------------------------


_WHOLE = select(chats, BODY.label("body"))
_NAMED = _WHOLE.where(chats.c.merchant == bindparam("qa_merchant"), chats.c.chat_id == bindparam("qa_chat"))
_CURRENT_ONE, _ONE = _NAMED.where(_current), _NAMED.where(chats.c.revision == bindparam("qa_revision"))


def get_chat(
    connection: Connection, chat_id: str, merchant: str | None = None, revision: int | None = None
) -> StoredChat:
    """One chat, its current revision unless another is named.

    Raises:
        NotFoundError: there is none.
        QaError: several merchants have a chat of this id and none was named.
    """
    owners = [merchant] if merchant is not None else _owners(connection, chat_id)
    if len(owners) > 1:
        raise QaError(f"chat {chat_id!r} exists for several merchants ({', '.join(owners)}): name one with --merchant")
    query, asked = _CURRENT_ONE if revision is None else _ONE, {"qa_chat": chat_id, "qa_revision": revision}
    row = connection.execute(query, asked | {"qa_merchant": owners[0]}).one_or_none() if owners else None
    if row is None:
        which = "" if revision is None else f" in revision {revision}"
        whose = "" if merchant is None else f" of merchant {merchant!r}"
        raise NotFoundError(f"there is no chat {chat_id!r}{whose}{which}")
    return _stored(row)


def _owners(connection: Connection, chat_id: str) -> list[str]:
    c = chats.c
    query = select(c.merchant).where(c.merchant == bindparam("merchant"), c.chat_id == chat_id, _current).limit(1)
    return [
        merchant
        for merchant in merchants(connection)
        if connection.execute(query, {"merchant": merchant}).first() is not None
    ]


def _stored(row: Row[Any]) -> StoredChat:
    return StoredChat(
        pk=row.id,
        merchant=row.merchant,
        chat_id=row.chat_id,
        revision=row.revision,
        current=bool(row.current),
        source=row.source,
        day=row.day,
        day_assumed=bool(row.day_assumed),
        status=Status(row.status),
        imported_at=row.imported_at,
        chat=_decode(row.body) if row.body else _bare(row),
    )


def _bare(row: Row[Any]) -> Chat:
    """Return what is left of a chat whose text is gone and that nothing points at."""
    return Chat(
        row.chat_id,
        (),
        merchant=row.merchant,
        channel=row.channel,
        agent=Agent(row.agent_id, None, row.team),
        customer=Customer(row.customer_id),
        started_at=row.started_at,
        status=Status(row.status),
    )


# --- reading many ----------------------------------------------------------------------------------------------------


def merchants(connection: Connection) -> list[str]:
    """All merchants with current chats, sorted."""
    return leaps.distinct(connection, chats.c.merchant, _current)


def merchants_with_chats(connection: Connection, day: str) -> list[str]:
    """The merchants with current chats on a day, open ones included; sorted."""
    return [
        merchant
        for merchant in merchants(connection)
        if connection.execute(select(chats.c.id).where(_on_day(merchant, day)).limit(1)).first() is not None
    ]


def days_with_chats(connection: Connection, merchant: str) -> list[str]:
    """The local days on which a merchant has current chats, sorted."""
    return leaps.distinct(connection, chats.c.day, chats.c.merchant == merchant, _current)


def iter_chats(
    connection: Connection, merchant: str | None = None, day: str | None = None, page: int = PAGE
) -> Iterator[StoredChat]:
    """Current chats in the order merchant, day, order of import."""
    for owner in merchants(connection) if merchant is None else [merchant]:
        for local_day in days_with_chats(connection, owner) if day is None else [day]:
            yield from _iter_day(connection, owner, local_day, page)


def count_open(connection: Connection, merchant: str, day: str) -> int:
    """How many chats of the day have not ended, and so are left out of the frame."""
    query = select(func.count()).select_from(chats).where(_on_day(merchant, day), chats.c.status == Status.OPEN.value)
    return int(connection.execute(query).scalar_one())


def frame_ranges(
    connection: Connection, merchant: str, day: str, size: int, *, after_id: int = 0
) -> list[tuple[int, int]]:
    """Cut the day into ranges (after, last] of at most ``size`` rows, to be read by ``read_frame_chunk``."""
    ranges: list[tuple[int, int]] = []
    after = after_id
    while True:
        part = select(chats.c.id).where(_on_day(merchant, day), chats.c.id > after).order_by(chats.c.id).limit(size)
        last = connection.execute(select(func.max(part.subquery().c.id))).scalar()
        if last is None:
            return ranges
        ranges.append((after, int(last)))
        after = int(last)


def read_frame_chunk(
    connection: Connection, merchant: str, day: str, after_id: int, limit: int, *, last_id: int | None = None
) -> list[FrameChat]:
    """Up to ``limit`` closed current chats of the day with ``after_id < id <= last_id``, by id; [] at the end."""
    c = chats.c
    query = select(c.id, c.chat_id, c.agent_id, c.team, c.channel, c.customer_id, c.started_at, BODY_OF_MONTH).where(
        _on_day(merchant, day), c.status == Status.CLOSED.value, c.id > after_id
    )
    if last_id is not None:
        query = query.where(c.id <= last_id)
    rows = connection.execute(query.order_by(c.id).limit(limit), {"qa_month": month_of(day)})
    return [FrameChat._make(row) for row in rows]


def read_bodies(connection: Connection, pks: Iterable[int]) -> dict[int, bytes]:
    """The bodies of the given rows, whatever their revision; unknown keys and texts without a trace are left out."""
    found: dict[int, bytes] = {}
    for some in _slices(tuple(pks), _IN_LIST):
        rows = connection.execute(select(chats.c.id, BODY.label("body")).where(chats.c.id.in_(some)))
        found.update({row.id: bytes(row.body) for row in rows if row.body})
    return found


def repeat_contacts(connection: Connection, pks: Iterable[int], hours: float) -> set[int]:
    """Those of the given chats whose customer had another chat that began at most ``hours`` before.

    A chat without customer id or time is never one: nothing is known of it.
    """
    this, before = chats.alias("this"), chats.alias("before")
    earlier = exists().where(
        before.c.merchant == this.c.merchant,
        before.c.customer_id == this.c.customer_id,
        before.c.customer_id.is_not(None),
        before.c.current == true(),
        before.c.started_at < this.c.started_at,
        before.c.started_at >= this.c.started_at - bindparam("window", round(hours * _HOUR), BigInteger),
    )
    found: set[int] = set()
    for some in _slices(tuple(pks), _IN_LIST):
        found.update(connection.execute(select(this.c.id).where(this.c.id.in_(some), earlier)).scalars())
    return found


def _iter_day(connection: Connection, merchant: str, day: str, page: int) -> Iterator[StoredChat]:
    after = 0
    while True:
        query = _WHOLE.where(_on_day(merchant, day), chats.c.id > after).order_by(chats.c.id).limit(page)
        rows = connection.execute(query).all()
        for row in rows:
            yield _stored(row)
        if len(rows) < page:
            return
        after = rows[-1].id


def _on_day(merchant: str, day: str) -> ColumnElement[bool]:
    return and_(chats.c.merchant == merchant, chats.c.day == day, _current)


def _slices(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
