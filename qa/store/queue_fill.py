"""Filling the queue with the flagged chats of finished runs; doing it again changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, delete, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite

from qa.store.bulk import insert_all, insert_new_keys
from qa.store.inspections import RANK_BITS, within_run
from qa.store.operation_tables import dropped_texts
from qa.store.queue_tables import queue_items, queue_marks, queue_places, queue_runs
from qa.store.tables import flags, inspections, reviews, runs
from qa.store.words import add_kept
from qa.types import Instant

_FINISHING = ("queue", "audit")  # kinds of reviews that make an item done, as in the trigger of v0005
_NOT_DONE: dict[str, Any] = {"done_at": None, "done_by": None}
_c = queue_items.c


class Prepared(NamedTuple):
    """Items of one run, ready to be written: rows, their marks, and the words of each chat."""

    run_id: int
    chats: list[int]
    """All that the run inspected in this part, flagged or not."""
    items: list[dict[str, Any]]
    marks: list[dict[str, Any]]
    words: dict[int, str]
    """Of chats that the search does not know yet, as ``qa.store.words`` keeps them."""
    covered: int = 0
    """Chats whose texts were gone when this was prepared."""


def runs_to_queue(connection: Connection) -> list[int]:
    """Return the finished runs whose flagged chats are not all in the queue, the oldest first."""
    query = select(runs.c.id).where(runs.c.state == "done", ~exists().where(queue_runs.c.run_id == runs.c.id))
    return list(connection.execute(query.order_by(runs.c.id)).scalars())


def inspected_after(connection: Connection, run_id: int, after: int, keys: int) -> list[tuple[int, int, bool]]:
    """Return (inspection, chat, is flagged) of a run, in order, of so many keys behind one; most keys are taken."""
    i = inspections.c
    is_flagged = exists().where(flags.c.inspection_id == i.id).label("is_flagged")
    query = select(i.id, i.chat_pk, is_flagged).where(*within_run(run_id, after, keys))
    return [(row.id, row.chat_pk, bool(row.is_flagged)) for row in connection.execute(query.order_by(i.id))]


def covered(connection: Connection, chats: Sequence[int]) -> int:
    """Return of how many of these chats the texts are gone."""
    query = select(func.count()).select_from(dropped_texts).where(dropped_texts.c.chat_pk.in_(chats))
    return int(connection.execute(query).scalar_one()) if chats else 0


def put_in(connection: Connection, part: Prepared, now: Instant) -> int:
    """Add items; returns how many are new. What an older run left open of the same chats is replaced.

    An item that is done or being worked on stays, and the new inspection of its chat is left out: nobody reads a
    chat twice, and nobody's work is taken from under him.
    """
    assigned = _clear(connection, part, now)
    if not part.items:
        return 0
    done = _reviewed(connection, [row["chat_pk"] for row in part.items])
    rows = [
        row | {"assignee": assigned.get(row["chat_pk"])} | done.get(row["chat_pk"], _NOT_DONE) for row in part.items
    ]
    places = sorted({(row["merchant"], row["team"] or "") for row in rows})
    _add_places(connection, places)
    new = insert_new_keys(connection, queue_items, rows, "inspection_id")
    if new:
        insert_all(connection, queue_marks, [mark for mark in part.marks if mark["inspection_id"] in new])
        found = {row["chat_pk"] for row in rows if row["inspection_id"] in new}
        add_kept(connection, {pk: words for pk, words in part.words.items() if pk in found})
    return len(new)


def _add_places(connection: Connection, places: Sequence[tuple[str, str]]) -> None:
    connection.execute(
        _insert(connection, queue_places).on_conflict_do_nothing(),
        [{"merchant": merchant, "team": team} for merchant, team in places],
    )


def set_queued(connection: Connection, run_id: int) -> None:
    """Note that all of a run is in the queue."""
    connection.execute(_insert(connection, queue_runs).values(run_id=run_id).on_conflict_do_nothing())


def _clear(connection: Connection, part: Prepared, now: Instant) -> dict[int, int]:
    """Remove what older runs left open and nobody works on; returns to whom those chats were assigned."""
    query = select(_c.inspection_id, _c.chat_pk, _c.assignee).where(
        _c.chat_pk.in_(part.chats),
        _c.inspection_id < part.run_id << RANK_BITS,
        _c.done_at.is_(None),
        _c.holder.is_(None) | (_c.lease_until <= now),
    )
    old = connection.execute(query.with_for_update()).all()
    if old:
        ids = [row.inspection_id for row in old]
        connection.execute(delete(queue_marks).where(queue_marks.c.inspection_id.in_(ids)))
        connection.execute(delete(queue_items).where(_c.inspection_id.in_(ids)))
    return {row.chat_pk: row.assignee for row in old}


def _reviewed(connection: Connection, chat_pks: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return chat → when and by whom it was first reviewed."""
    r = reviews.c
    query = select(r.chat_pk, r.reviewed_at, r.reviewer).where(r.chat_pk.in_(chat_pks), r.kind.in_(_FINISHING))
    found: dict[int, dict[str, Any]] = {}
    for row in connection.execute(query.order_by(r.id)):
        found.setdefault(row.chat_pk, {"done_at": row.reviewed_at, "done_by": row.reviewer})
    return found


def _insert(connection: Connection, table: Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
