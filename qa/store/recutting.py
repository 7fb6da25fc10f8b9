"""Cutting the words of chats in the queue's search anew, as the program cuts today.

A chat whose text is gone has no words, and gets none; of one whose text goes meanwhile nothing comes back, for only
words that are there are replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, cast, func, select, text
from sqlalchemy.dialects.postgresql import TEXT

from qa.store.chats import decode_body
from qa.store.tables import chats
from qa.store.texts import BODY, TEXT_THERE
from qa.store.words import spoken, words_key, words_of_kept, words_table, written

_BODIES = select(chats.c.id, BODY.label("body")).where(chats.c.id.in_(bindparam("pks", expanding=True)), TEXT_THERE)
_REPLACE = {
    "sqlite": "UPDATE queue_words SET words = :words WHERE rowid = :pk",
    "postgresql": "UPDATE queue_words SET words = CAST(:words AS tsvector) WHERE chat_pk = :pk",
}


def count_words(connection: Connection) -> int:
    """Return how many chats the search knows."""
    return int(connection.execute(select(func.count()).select_from(words_table)).scalar_one())


def known_after(connection: Connection, after: int, limit: int) -> list[int]:
    """Return chats that the search knows, by key, behind one."""
    key = words_key(connection)
    return list(connection.execute(select(key).where(key > after).order_by(key).limit(limit)).scalars())


def cut_otherwise(connection: Connection, pks: Sequence[int]) -> dict[int, str]:
    """Return by chat the words of today, as the database keeps them, where they are not those that are kept."""
    key = words_key(connection)
    there = words_table.c.words if connection.dialect.name == "sqlite" else cast(words_table.c.words, TEXT)
    stored = {int(row[0]): str(row[1]) for row in connection.execute(select(key, there).where(key.in_(pks)))}
    found: dict[int, str] = {}
    for pk, body in connection.execute(_BODIES, {"pks": pks}):
        now = written(connection, _said(bytes(body)))
        if words_of_kept(connection, now) != words_of_kept(connection, stored[pk]):
            found[pk] = now
    return found


def replace_words(connection: Connection, words: Mapping[int, str]) -> None:
    """Keep other words of chats; of a chat whose words went meanwhile none are kept."""
    rows = [{"pk": pk, "words": one} for pk, one in words.items()]
    if rows:
        connection.execute(text(_REPLACE[connection.dialect.name]), rows)


def _said(body: bytes) -> list[str]:
    """Return what was said in a chat, nothing where it cannot be read."""
    try:
        return spoken(decode_body(body))
    except msgspec.MsgspecError:
        return []
