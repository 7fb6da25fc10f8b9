"""A store that only pretends: for ``--dry-run``, which must count exactly as the real import would.

What would have been written is remembered in a private temporary SQLite file (hash and revision, not the chats), so
that memory stays flat and the real database is only read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager

from sqlalchemy import Engine

from qa.store.chats import BatchCount, count, known_chats
from qa.store.revisions import Incoming, Key, Known, decide
from qa.store.session import read_tx


class Rehearsal:
    """Takes batches like ``store_chats``, on top of what ``engine`` holds (None: a store that does not exist yet)."""

    def __init__(self, engine: Engine | None, memory: sqlite3.Connection) -> None:
        self._engine, self._memory = engine, memory
        memory.execute(
            "CREATE TABLE seen (merchant, chat_id, revision, source, day, content_hash, "
            "PRIMARY KEY (merchant, chat_id)) WITHOUT ROWID"
        )

    def store(self, batch: Sequence[Incoming]) -> BatchCount:
        """Count what storing this batch after the earlier ones would do."""
        keys = {incoming.key for incoming in batch}
        known = self._stored(keys) | dict(self._seen(keys))
        plan = decide(batch, known)
        written = {revision.incoming.key for revision in plan.revisions}
        self._memory.executemany(
            "REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?)", [(*key, *plan.known[key][1:]) for key in written]
        )
        return count(plan, batch)

    def _stored(self, keys: Iterable[Key]) -> dict[Key, Known]:
        if self._engine is None:
            return {}
        with read_tx(self._engine) as connection:
            return known_chats(connection, keys)

    def _seen(self, keys: Iterable[Key]) -> Iterator[tuple[Key, Known]]:
        query = "SELECT revision, source, day, content_hash FROM seen WHERE merchant = ? AND chat_id = ?"
        for key in keys:
            for row in self._memory.execute(query, key):
                yield key, Known(None, *row)


@contextmanager
def rehearsal(engine: Engine | None) -> Iterator[Rehearsal]:
    """A rehearsal whose memory is a temporary file that is gone afterwards."""
    with closing(sqlite3.connect("", isolation_level=None)) as memory:  # "": private, on disk, deleted on closing
        memory.execute("BEGIN")
        yield Rehearsal(engine, memory)
