"""The sampling frame of a night: every closed chat of the day, why it was targeted or with what chance it was drawn."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    exists,
    false,
    func,
    select,
    true,
    update,
)

from qa.store.bulk import insert_all
from qa.store.chats import FrameChat
from qa.store.tables import chats, frame, inspections, strata
from qa.store.texts import BODY, BODY_OF_MONTH, month_of
from qa.types import Status

Stratum = tuple[str, str]
"""Agent and channel; "" where unknown or not stratified by."""

_STREAM = {"yield_per": 2000}
_WRITE_BATCH = 5000


class Screened(NamedTuple):
    """A chat of the frame, before the draw. ``reasons`` empty: it is part of the rest."""

    chat_pk: int
    stratum: Stratum
    draw_key: bytes
    reasons: tuple[str, ...]


class StratumRow(NamedTuple):
    """One stratum of one wave, drawn."""

    wave: int
    stratum: Stratum
    size: int
    drawn: int


class FrameEntry(NamedTuple):
    """A chat of the frame, for people: ``reasons`` None means part of the rest; ``probability`` None: not drawn."""

    chat_id: str
    wave: int
    stratum: Stratum
    draw_key: bytes
    reasons: tuple[str, ...] | None
    probability: float | None


def last_screened(connection: Connection, night_id: int, wave: int) -> int:
    """Key of the last chat screened in a wave (they are screened in order), 0 before the first."""
    query = select(func.max(frame.c.chat_pk)).where(frame.c.night_id == night_id, frame.c.wave == wave)
    return connection.execute(query).scalar() or 0


def read_late_chunk(
    connection: Connection,
    night_id: int,
    merchant: str,
    day: str,
    after_id: int,
    limit: int,
    last_id: int | None = None,
) -> list[FrameChat]:
    """As ``read_frame_chunk``, but only chats of which no revision is in the night's frame yet."""
    c = chats.c
    query = select(c.id, c.chat_id, c.agent_id, c.team, c.channel, c.customer_id, c.started_at, BODY_OF_MONTH).where(
        _closed(merchant, day), ~_in_frame(night_id), c.id > after_id
    )
    if last_id is not None:
        query = query.where(c.id <= last_id)
    rows = connection.execute(query.order_by(c.id).limit(limit), {"qa_month": month_of(day)})
    return [FrameChat._make(row) for row in rows]


def count_late(connection: Connection, night_id: int, merchant: str, day: str) -> int:
    """How many closed chats of the day are not in the night's frame, in any revision."""
    query = select(func.count()).select_from(chats).where(_closed(merchant, day), ~_in_frame(night_id))
    return int(connection.execute(query).scalar_one())


def count_frame(connection: Connection, merchant: str, day: str) -> int:
    """How many closed current chats a day has."""
    query = select(func.count()).select_from(chats).where(_closed(merchant, day))
    return int(connection.execute(query).scalar_one())


def _closed(merchant: str, day: str) -> ColumnElement[bool]:
    c = chats.c
    return and_(c.merchant == merchant, c.day == day, c.current == true(), c.status == Status.CLOSED.value)


def _in_frame(night_id: int) -> ColumnElement[bool]:
    """Whether any revision of the chat is in the night's frame: a changed chat does not arrive a second time."""
    earlier = chats.alias("earlier")
    return exists().where(
        earlier.c.merchant == chats.c.merchant,
        earlier.c.chat_id == chats.c.chat_id,
        frame.c.night_id == night_id,
        frame.c.chat_pk == earlier.c.id,
    )


def add_frame(connection: Connection, night_id: int, wave: int, rows: Sequence[Screened]) -> None:
    """Add screened chats to the frame."""
    insert_all(
        connection,
        frame,
        [
            {
                "night_id": night_id, "chat_pk": row.chat_pk, "wave": wave, "agent": row.stratum[0],
                "channel": row.stratum[1], "draw_key": row.draw_key, "drawn": False, "probability": None,
                "reasons": orjson.dumps(row.reasons) if row.reasons else None,
            }
            for row in rows
        ],
    )  # fmt: skip


def rest_sizes(connection: Connection, night_id: int, wave: int) -> dict[Stratum, int]:
    """Chats of the rest by stratum."""
    c = frame.c
    query = select(c.agent, c.channel, func.count()).where(c.night_id == night_id, c.wave == wave, c.reasons.is_(None))
    return {(r[0], r[1]): int(r[2]) for r in connection.execute(query.group_by(c.agent, c.channel))}


def iter_rest(connection: Connection, night_id: int, wave: int) -> Iterator[tuple[Stratum, bytes, tuple[Stratum, int]]]:
    """The rest of a wave as ``take`` wants it: grouped by stratum, ascending by draw key."""
    c = frame.c
    query = select(c.agent, c.channel, c.draw_key, c.chat_pk)
    query = query.where(c.night_id == night_id, c.wave == wave, c.reasons.is_(None))
    query = query.order_by(c.agent, c.channel, c.draw_key, c.chat_pk).execution_options(**_STREAM)
    for agent, channel, key, pk in connection.execute(query):
        yield (agent, channel), bytes(key), ((agent, channel), pk)


def save_draw(
    connection: Connection,
    night_id: int,
    wave: int,
    drawn: Iterable[tuple[Stratum, int]],
    design: Mapping[Stratum, tuple[int, int]],
) -> None:
    """Record which chats were drawn; ``design`` is (size, drawn) by stratum. Targeted chats get probability 1."""
    if design:
        insert_all(
            connection,
            strata,
            [
                {"night_id": night_id, "wave": wave, "agent": agent, "channel": channel, "size": size, "drawn": n}
                for (agent, channel), (size, n) in design.items()
            ],
        )
    c = frame.c
    mine = and_(c.night_id == night_id, c.wave == wave)
    connection.execute(update(frame).where(mine, c.reasons.is_not(None)).values(drawn=True, probability=1.0))
    chosen: dict[Stratum, array[int]] = {}
    for stratum, pk in drawn:
        chosen.setdefault(stratum, array("q")).append(pk)
    for stratum, pks in chosen.items():
        size, n = design[stratum]
        for start in range(0, len(pks), _WRITE_BATCH):
            _set_drawn(connection, night_id, pks[start : start + _WRITE_BATCH], n / size)


def _set_drawn(connection: Connection, night_id: int, pks: Sequence[int], chance: float) -> None:
    c = frame.c
    drawn = update(frame).where(c.night_id == night_id).values(drawn=True, probability=chance)
    if connection.dialect.name == "postgresql":
        connection.execute(drawn.where(c.chat_pk == func.any(bindparam("pks", list(pks), ARRAY(BigInteger)))))
    else:
        connection.execute(drawn.where(c.chat_pk == bindparam("pk")), [{"pk": pk} for pk in pks])


def to_inspect(connection: Connection, night_id: int, wave: int | None, run_id: int) -> Iterator[int]:
    """Keys of the sampled chats (of a wave, or of all) that the run has not inspected, ascending."""
    c = frame.c
    done = exists().where(inspections.c.run_id == run_id, inspections.c.chat_pk == c.chat_pk)
    query = select(c.chat_pk).where(c.night_id == night_id, c.drawn == true(), ~done)
    if wave is not None:
        query = query.where(c.wave == wave)
    yield from connection.execute(query.order_by(c.chat_pk).execution_options(**_STREAM)).scalars()


def sampled(connection: Connection, night_id: int, wave: int | None) -> int:
    """How many chats are sampled (in a wave, or in all)."""
    query = select(func.count()).select_from(frame).where(frame.c.night_id == night_id, frame.c.drawn == true())
    if wave is not None:
        query = query.where(frame.c.wave == wave)
    return int(connection.execute(query).scalar_one())


def strata_of(connection: Connection, night_id: int) -> list[StratumRow]:
    """The strata of all waves, in order."""
    c = strata.c
    query = select(c.wave, c.agent, c.channel, c.size, c.drawn).where(c.night_id == night_id)
    return [
        StratumRow(r[0], (r[1], r[2]), r[3], r[4])
        for r in connection.execute(query.order_by(c.wave, c.agent, c.channel))
    ]


def iter_frame(connection: Connection, night_id: int, **only: Any) -> Iterator[FrameEntry]:
    """The frame with chat ids, by wave, stratum and draw key. ``targeted=True/False`` and ``drawn=True`` narrow it."""
    c = frame.c
    query = select(chats.c.chat_id, c.wave, c.agent, c.channel, c.draw_key, c.reasons, c.probability)
    query = query.join(chats, chats.c.id == c.chat_pk).where(c.night_id == night_id)
    if "targeted" in only:
        query = query.where(c.reasons.is_not(None) if only["targeted"] else c.reasons.is_(None))
    if "drawn" in only:
        query = query.where(c.drawn == (true() if only["drawn"] else false()))
    query = query.order_by(c.wave, c.agent, c.channel, c.draw_key, c.chat_pk).execution_options(**_STREAM)
    for row in connection.execute(query):
        reasons = None if row.reasons is None else tuple(orjson.loads(row.reasons))
        yield FrameEntry(row.chat_id, row.wave, (row.agent, row.channel), bytes(row.draw_key), reasons, row.probability)


class SampledChat(NamedTuple):
    """A chat of the sample, as it was when the night drew it; ``body`` decodes with ``decode_body``."""

    pk: int
    chat_id: str
    wave: int
    stratum: Stratum
    targeted: bool
    probability: float
    body: bytes


def read_sample_chunk(connection: Connection, night_id: int, after_pk: int, limit: int) -> list[SampledChat]:
    """Up to ``limit`` sampled chats of a night with a key above ``after_pk``, by key; [] at the end."""
    c = frame.c
    query = (
        select(
            c.chat_pk, chats.c.chat_id, c.wave, c.agent, c.channel, c.reasons.is_not(None),
            c.probability, BODY,
        )
        .join(chats, chats.c.id == c.chat_pk)
        .where(c.night_id == night_id, c.drawn == true(), c.chat_pk > after_pk)
    )  # fmt: skip
    return [
        SampledChat(r[0], r[1], r[2], (r[3], r[4]), bool(r[5]), r[6], bytes(r[7]))
        for r in connection.execute(query.order_by(c.chat_pk).limit(limit))
    ]


def frame_size(connection: Connection, night_id: int) -> tuple[int, int]:
    """Chats in the frame, and how many of them are targeted."""
    c = frame.c
    row = connection.execute(select(func.count(), func.count(c.reasons)).where(c.night_id == night_id)).one()
    return int(row[0]), int(row[1])
