"""One inspection, found by its key: what it judged, what came after it, and what people have said since."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Connection, bindparam, exists, func, select, true

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


_c, _i, _f = chats.c, inspections.c, frame.c
_INSPECTION = _i.id == bindparam("qa_inspection", type_=BigInteger)
_CHAT = (_c.merchant == bindparam("qa_merchant"), _c.chat_id == bindparam("qa_chat"))
# every page asks these: they are made once, for to make a statement takes longer than to run it
_WHERE = (
    select(_c.merchant, _c.chat_id, _c.team, _c.agent_id, _c.revision, _c.id)
    .join(inspections, _i.chat_pk == _c.id)
    .where(_INSPECTION)
)
_REVISIONS = select(_c.id).where(*_CHAT)
_STATE = select(
    select(func.max(_i.id)).where(_i.chat_pk.in_(_REVISIONS)).scalar_subquery(),
    select(func.max(_c.revision)).where(*_CHAT).scalar_subquery(),
    select(func.max(reviews.c.id))
    .where(
        reviews.c.chat_pk.in_(_REVISIONS),
        bindparam("qa_reviewer", type_=reviews.c.reviewer.type).is_(None)
        | (reviews.c.reviewer == bindparam("qa_reviewer", type_=reviews.c.reviewer.type)),
    )
    .scalar_subquery(),
)
_SAMPLED = (
    select(_f.night_id, nights.c.day, _f.wave, _f.reasons, _f.probability)
    .join(nights, nights.c.id == _f.night_id)
    .join(inspections, (_i.night_id == _f.night_id) & (_i.chat_pk == _f.chat_pk))
    .where(_INSPECTION)
)
_MODEL = select(runs.c.model).where(runs.c.id == bindparam("qa_run", type_=BigInteger))
_AUDITED = (
    select(true())
    .select_from(chats.join(inspections, _i.chat_pk == _c.id))
    .join(flags, flags.c.inspection_id == _i.id)
    .where(*_CHAT, flags.c.reason == FlagReason.AUDIT.value)
    .limit(1)
)


def where(connection: Connection, inspection: int) -> Where | None:
    """Which chat the inspection is of; None: there is no such inspection."""
    if not 0 < inspection < 1 << 63:
        return None  # PostgreSQL has no greater keys
    row = connection.execute(_WHERE, {"qa_inspection": inspection}).first()
    return None if row is None else Where._make(row)


def hold(connection: Connection, chat_pk: int) -> None:
    """Let nobody else review this chat until the transaction ends (SQLite's write transactions are alone anyway)."""
    connection.execute(select(chats.c.id).where(chats.c.id == chat_pk).with_for_update())


def state(connection: Connection, merchant: str, chat_id: str, reviewer: str | None = None) -> State:
    """What is newest of a chat; ``reviewer``: of that person's reviews only. 0 where there is none.

    Of inspections those of the newest run count: its key is in theirs.
    """
    row = connection.execute(_STATE, {**_named(merchant, chat_id), "qa_reviewer": reviewer}).one()
    return State(row[0] or 0, row[1] or 0, row[2] or 0)


def _named(merchant: str, chat_id: str) -> dict[str, str]:
    return {"qa_merchant": merchant, "qa_chat": chat_id}


def sampled(connection: Connection, inspection: int) -> Sampled | None:
    """Why the chat of this inspection is in the night's sample."""
    row = connection.execute(_SAMPLED, {"qa_inspection": inspection}).first()
    return None if row is None else Sampled._make(row)


def model_of(connection: Connection, run_id: int) -> str | None:
    """The version of the model that gave opinions in a run; None: none did."""
    return connection.execute(_MODEL, {"qa_run": run_id}).scalar()


def drawn_for_audit(connection: Connection, merchant: str, chat_id: str) -> bool:
    """Whether an inspection of any revision of this chat was drawn for blind review."""
    return connection.execute(_AUDITED, _named(merchant, chat_id)).scalar() is not None


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
