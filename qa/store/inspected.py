"""One inspection, found by its key: what it judged, what came after it, and what people have said since."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, exists, func, select, true

from qa.store.reviews import AUDIT
from qa.store.tables import chats, flags, frame, inspections, nights, reviews, runs
from qa.types import FlagReason


class Where(NamedTuple):
    """Which chat an inspection is of, and whose."""

    merchant: str
    chat_id: str
    team: str | None
    agent_id: str | None
    revision: int
    chat_pk: int


class State(NamedTuple):
    """What may change while a page is open: the newest inspection and revision of the chat, its newest review."""

    inspection: int
    revision: int
    review: int


class Sampled(NamedTuple):
    """Why a chat was inspected. ``reasons``: of a targeted one, as JSON; ``probability`` None: not drawn."""

    night_id: int
    day: str
    wave: int
    reasons: bytes | None
    probability: float | None


class Sent(NamedTuple):
    """A submission that is stored already."""

    id: int
    chat_pk: int
    reviewer: str


def where(connection: Connection, inspection: int) -> Where | None:
    """Which chat the inspection is of; None: there is no such inspection."""
    if not 0 < inspection < 1 << 63:
        return None  # PostgreSQL has no greater keys
    c = chats.c
    query = select(c.merchant, c.chat_id, c.team, c.agent_id, c.revision, c.id)
    row = connection.execute(
        query.join(inspections, inspections.c.chat_pk == c.id).where(inspections.c.id == inspection)
    ).first()
    return None if row is None else Where._make(row)


def hold(connection: Connection, chat_pk: int) -> None:
    """Let nobody else review this chat until the transaction ends (SQLite's write transactions are alone anyway)."""
    connection.execute(select(chats.c.id).where(chats.c.id == chat_pk).with_for_update())


def state(connection: Connection, merchant: str, chat_id: str, reviewer: str | None = None) -> State:
    """What is newest of a chat; ``reviewer``: of that person's reviews only. 0 where there is none.

    Of inspections those of the newest run count: its key is in theirs.
    """
    revisions = connection.execute(
        select(chats.c.id, chats.c.revision).where(chats.c.merchant == merchant, chats.c.chat_id == chat_id)
    ).all()
    pks = [row.id for row in revisions]
    newest = select(func.max(inspections.c.id)).where(inspections.c.chat_pk.in_(pks))
    said = select(func.max(reviews.c.id)).where(reviews.c.chat_pk.in_(pks))
    said = said if reviewer is None else said.where(reviews.c.reviewer == reviewer)
    return State(
        connection.execute(newest).scalar() or 0,
        max((row.revision for row in revisions), default=0),
        connection.execute(said).scalar() or 0,
    )


def sampled(connection: Connection, inspection: int) -> Sampled | None:
    """Why the chat of this inspection is in the night's sample."""
    i, f = inspections.c, frame.c
    query = (
        select(f.night_id, nights.c.day, f.wave, f.reasons, f.probability)
        .join(nights, nights.c.id == f.night_id)
        .join(inspections, (i.night_id == f.night_id) & (i.chat_pk == f.chat_pk))
        .where(i.id == inspection)
    )
    row = connection.execute(query).first()
    return None if row is None else Sampled._make(row)


def model_of(connection: Connection, run_id: int) -> str | None:
    """The version of the model that gave opinions in a run; None: none did."""
    return connection.execute(select(runs.c.model).where(runs.c.id == run_id)).scalar()


def drawn_for_audit(connection: Connection, merchant: str, chat_id: str) -> bool:
    """Whether an inspection of any revision of this chat was drawn for blind review."""
    query = (
        select(true())
        .select_from(chats.join(inspections, inspections.c.chat_pk == chats.c.id))
        .join(flags, flags.c.inspection_id == inspections.c.id)
        .where(chats.c.merchant == merchant, chats.c.chat_id == chat_id, flags.c.reason == FlagReason.AUDIT.value)
    )
    return connection.execute(query.limit(1)).scalar() is not None


def answered_blind(connection: Connection, merchant: str, chat_id: str, reviewer: str | None = None) -> bool:
    """Whether this person (None: anybody) has said blind what he thinks of a chat, in any revision."""
    said = exists().where(reviews.c.chat_pk == chats.c.id, reviews.c.kind == AUDIT)
    if reviewer is not None:
        said = said.where(reviews.c.reviewer == reviewer)
    query = select(true()).where(chats.c.merchant == merchant, chats.c.chat_id == chat_id, said)
    return connection.execute(query.limit(1)).scalar() is not None


def sent(connection: Connection, token: str) -> Sent | None:
    """The review that this submission became, if it was stored already."""
    c = reviews.c
    row = connection.execute(select(c.id, c.chat_pk, c.reviewer).where(c.token == token)).first()
    return None if row is None else Sent._make(row)
