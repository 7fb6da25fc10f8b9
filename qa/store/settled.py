"""Up to which key every review is known: keys are given before they are committed, and two at once may overtake.

On PostgreSQL a review with a lower key can appear after one with a higher key; whoever notes the newest key that he
sees, to begin behind it the next time, would never look at it. So whoever adds reviews holds an advisory lock, shared
with all others who do, from before the first key to the end of the transaction, and whoever notes a key waits until
those are gone that held it when he read the key. Nobody who writes ever waits for that. On SQLite writers take turns.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, func, select, text

from qa.store.board_tables import board_nights
from qa.store.session import read_tx, write_tx
from qa.store.tables import reviews

_LOCK = 0x5A4A_0004  # PostgreSQL advisory lock: shared by all that add reviews
TRIES = 250
"""How often is looked whether the others are gone, every 20 ms."""

_JOIN = text("SELECT pg_advisory_xact_lock_shared(:key)").bindparams(key=_LOCK)
_ADDING = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = CAST(:key AS oid)"
    " AND objsubid = 1 AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
).bindparams(key=_LOCK)
_REST = text("SELECT pg_sleep(0.02)")
_NEWEST = select(func.coalesce(func.max(reviews.c.id), 0))
_NOTED = select(func.coalesce(func.max(board_nights.c.review), 0))


def adds_reviews(connection: Connection) -> None:
    """Say that this transaction adds reviews, before the first one gets its key."""
    if connection.dialect.name == "postgresql":
        connection.execute(_JOIN)


def settled_review(engine: Engine, tries: int = TRIES) -> int:
    """Return the key of a review up to which no other one can appear any more; 0 where there is none.

    It is the newest one there was. Where somebody adds reviews for longer than is waited (an import that hangs), it is
    the one that the sums know already: what is newer is looked at again the next time.
    """
    if engine.dialect.name != "postgresql":
        with read_tx(engine) as connection:
            return newest_review(connection)
    with write_tx(engine) as connection:  # each of its statements sees what is there by then, unlike those of a read_tx
        newest = newest_review(connection)
        waited_for = set(connection.execute(_ADDING).scalars())
        for _try in range(tries):
            if not waited_for:
                return newest
            connection.execute(_REST)
            waited_for &= set(connection.execute(_ADDING).scalars())
        return newest if not waited_for else min(newest, int(connection.execute(_NOTED).scalar_one()))


def newest_review(connection: Connection) -> int:
    """Return the key of the newest review that is committed, 0 where there is none; a lower one may still come."""
    return int(connection.execute(_NEWEST).scalar_one())
