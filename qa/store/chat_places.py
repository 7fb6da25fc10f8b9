"""Chats that are known by merchant and name: where they lie, and their newest inspection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, exists, select

from qa.people import Place
from qa.store.reviews import AUDIT
from qa.store.tables import chats, flags, inspections, reviews
from qa.store.texts import gone
from qa.types import FlagReason

_AT_ONCE = 500


class ChatPlace(NamedTuple):
    """``inspection``: the newest one. ``told`` False: what was found in it is not to be told beside the chat itself.

    It waits for a blind review, or its texts were dropped, so that nothing that quotes them is shown either.
    """

    inspection: int
    place: Place
    told: bool


def chat_places(connection: Connection, named: Iterable[tuple[str, str]]) -> dict[tuple[str, str], ChatPlace]:
    """(merchant, chat) → where it lies; without those that were never inspected."""
    by_merchant: dict[str, set[str]] = {}
    for merchant, chat in named:
        by_merchant.setdefault(merchant, set()).add(chat)
    found: dict[tuple[str, str], ChatPlace] = {}
    for merchant, names in by_merchant.items():
        ordered = sorted(names)
        for start in range(0, len(ordered), _AT_ONCE):
            found |= _some(connection, merchant, ordered[start : start + _AT_ONCE])
    return found


def _some(connection: Connection, merchant: str, names: Sequence[str]) -> dict[tuple[str, str], ChatPlace]:
    c, i = chats.c, inspections.c
    here = (c.merchant == merchant, c.chat_id.in_(names))
    newest = (
        select(c.chat_id, i.id, c.team, c.agent_id).join(inspections, i.chat_pk == c.id).where(*here).order_by(i.id)
    )
    drawn = (
        select(c.chat_id)
        .join(inspections, i.chat_pk == c.id)
        .join(flags, flags.c.inspection_id == i.id)
        .where(*here, flags.c.reason == FlagReason.AUDIT.value)
    )
    answered = select(c.chat_id).where(*here, exists().where(reviews.c.chat_pk == c.id, reviews.c.kind == AUDIT))
    dropped = select(c.chat_id).where(*here, gone(c.id, c.day))
    silent = {*connection.execute(drawn).scalars()} - {*connection.execute(answered).scalars()}
    silent |= {*connection.execute(dropped).scalars()}
    return {
        (merchant, chat): ChatPlace(inspection, Place(merchant, team, agent), chat not in silent)
        for chat, inspection, team, agent in connection.execute(newest)  # in order: the newest stays
    }
