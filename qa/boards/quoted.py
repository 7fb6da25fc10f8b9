"""What a rule found in each of some chats, in one line, masked as its reader may see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import orjson
from sqlalchemy import Connection, select

from qa.privacy import Excerpt, MaskPolicy, excerpt, masked_text
from qa.store.board_tables import chat_facts
from qa.store.chats import decode_body, read_bodies
from qa.store.inspections import details
from qa.store.quotes import Claim
from qa.types import Chat


class Quoted(NamedTuple):
    """What a rule says, and the first place that it quotes; None for an absence, or where the text is gone.

    ``repeated``: the message holds the quote already. Where it does not, it says what the place alone cannot: a figure,
    say, is only anchored in a turn.
    """

    message: str
    excerpt: Excerpt | None
    repeated: bool


def quoted(connection: Connection, ids: Sequence[int], rule: str, policy: MaskPolicy) -> dict[int, Quoted]:
    """Return inspection → what this rule found there."""
    claims = {
        pk: claim
        for pk, one in details(connection, ids).items()
        for claim in one.findings
        if claim.rule == rule and claim.outcome == "failed"
    }
    columns = chat_facts.c.inspection_id, chat_facts.c.chat_pk
    chat_of = {row[0]: row[1] for row in connection.execute(select(*columns).where(columns[0].in_(claims)))}
    bodies = read_bodies(connection, list(chat_of.values()))
    return {pk: _told(claim, bodies.get(chat_of.get(pk, 0)), policy) for pk, claim in claims.items()}


def _told(claim: Claim, body: bytes | None, policy: MaskPolicy) -> Quoted:
    message = masked_text(claim.message, policy)
    places: list[dict[str, Any]] = orjson.loads(claim.evidence)
    place = next((one for one in places if not one.get("absent")), None)
    chat = _chat(body)
    if place is None or chat is None or place["turn"] >= len(chat.messages):
        return Quoted(message, None, repeated=False)
    shown = excerpt(chat.messages[place["turn"]].text, place["start"], place["end"], policy)
    return Quoted(message, shown, repeated=place["quote"] in claim.message)


def _chat(body: bytes | None) -> Chat | None:
    try:
        return None if body is None else decode_body(body)
    except msgspec.DecodeError:
        return None
