"""The words of the two full-text searches, carried from one database to another.

FTS5 and ``tsvector`` keep words each in its own way. Those of a chat are cut again from what was said in it, as the
program cuts today, so a backup need not hold them. Those of a case are read, word by word in their places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, bindparam, select, text

from qa.store.chats import decode_body
from qa.store.tables import chats
from qa.store.texts import BODY
from qa.store.words import add_words, kept, spoken, words_of_kept

PART = 500
T = TypeVar("T")

_ADD = {
    "sqlite": "INSERT INTO case_search (rowid, words) VALUES (:id, :words)",
    "postgresql": "INSERT INTO case_search (case_id, words) VALUES (:id, CAST(:words AS tsvector))",
}
_CASES = {
    "sqlite": "SELECT rowid, words FROM case_search ORDER BY rowid",
    "postgresql": "SELECT case_id, CAST(words AS text) FROM case_search ORDER BY case_id",
}
_SEARCHED = {
    "sqlite": "SELECT rowid FROM queue_words ORDER BY rowid",
    "postgresql": "SELECT chat_pk FROM queue_words ORDER BY chat_pk",
}
_BODIES = select(chats.c.id, BODY.label("body")).where(chats.c.id.in_(bindparam("pks", expanding=True)))


def searched(connection: Connection) -> Iterator[list[int]]:
    """Yield the keys of the chats that the queue's search knows, some at a time."""
    found = connection.execute(text(_SEARCHED[connection.dialect.name]), execution_options={"yield_per": PART})
    for part in found.partitions():
        yield [int(row[0]) for row in part]


def case_words(connection: Connection) -> Iterator[list[tuple[int, list[str]]]]:
    """Yield cases with their words in their order, some at a time."""
    found = connection.execute(text(_CASES[connection.dialect.name]), execution_options={"yield_per": PART})
    for part in found.partitions():
        yield [(int(row[0]), words_of_kept(connection, row[1])) for row in part]


def add_searched(connection: Connection, keys: Iterable[int]) -> Iterator[int]:
    """Cut the words of these chats again and keep them; yields how many chats each step did."""
    for part in _parts(keys, PART):
        bodies = connection.execute(_BODIES, {"pks": part})
        add_words(connection, {row.id: _said(row.body) for row in bodies})
        yield len(part)


def add_case_words(connection: Connection, cases: Iterable[tuple[int, Sequence[str]]]) -> None:
    """Keep words of cases as they were read."""
    statement = text(_ADD[connection.dialect.name])
    for part in _parts(cases, PART):
        connection.execute(statement, [{"id": key, "words": kept(connection, words)} for key, words in part])


def _said(body: Any) -> list[str]:
    try:
        return spoken(decode_body(bytes(body)))
    except msgspec.MsgspecError:
        return []  # a broken chat is in the queue without words


def _parts(many: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(many)
    while part := list(islice(source, size)):
        yield part
