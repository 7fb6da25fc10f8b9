"""Counting many small nights at once: what is read of them is read together, each is added up by itself.

A statement costs more than the chats of a small night. After an upgrade from a schema without counts there are
thousands of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, select

from qa.store.board_tables import board_nights, counted_nights
from qa.store.bulk import insert_all
from qa.store.count_rows import packed
from qa.store.counted import Uncounted, counted_of
from qa.store.inspections import FINDING_BITS, RANK_BITS
from qa.store.night_counts import (
    SIZES,
    Heard,
    Judged,
    Said,
    Word,
    added_up,
    fired_in,
    heard_of,
    judged_of,
    newest_of,
)
from qa.store.tables import frame, inspections, reviews, runs

MOST = 2_000
"""Inspections of nights that are counted together; one with more is counted alone, a part at a time."""
NIGHTS = 200
"""Nights counted together, at most."""
_IN_LIST = 500
_NOTHING = Heard({}, ())
_i = inspections.c


def lots(connection: Connection, nights: Sequence[Uncounted]) -> Iterator[list[Uncounted]]:
    """Yield nights in lots that are small enough to be counted together."""
    for start in range(0, len(nights), NIGHTS):
        some = nights[start : start + NIGHTS]
        query = select(_i.night_id, func.count()).where(_i.night_id.in_([one.id for one in some]))
        sizes = {row[0]: int(row[1]) for row in connection.execute(query.group_by(_i.night_id))}
        lot: list[Uncounted] = []
        size = 0
        for one in some:
            if lot and size + sizes.get(one.id, 0) > MOST:
                yield lot
                lot, size = [], 0
            lot.append(one)
            size += sizes.get(one.id, 0)
        yield lot


def rows_of(connection: Connection, nights: Sequence[Uncounted]) -> list[dict[str, Any]]:
    """Count nights; returns their rows, as ``qa.store.counted.counted_of`` does of one."""
    if len(nights) == 1:
        return [counted_of(connection, nights[0])]
    ids = [one.id for one in nights]
    runs_of: defaultdict[int, list[Any]] = defaultdict(list)
    c = runs.c
    for row in connection.execute(select(c.id, c.kind, c.state, c.night_id).where(c.night_id.in_(ids))):
        runs_of[row.night_id].append(row)
    judged = list(judged_of(connection, _i.night_id.in_(ids)))
    fired, praised = fired_in(connection, judged)
    by_night: defaultdict[int, list[Judged]] = defaultdict(list)
    for one in judged:
        by_night[one.night].append(one)
    heard = _heard(connection, judged, {row.id: row.night_id for rows in runs_of.values() for row in rows})
    sizes: defaultdict[int, list[Any]] = defaultdict(list)
    query = SIZES.add_columns(frame.c.night_id).where(frame.c.night_id.in_(ids)).group_by(frame.c.night_id)
    for row in connection.execute(query):
        sizes[row.night_id].append(row)
    found = []
    for night in nights:
        run, own = newest_of(runs_of[night.id])
        mine = by_night[night.id]
        part = (mine, {one.id: fired[one.id] for one in mine if one.id in fired}, praised)
        counts = added_up(own, [part] if mine else [], heard.get(night.id, _NOTHING), sizes[night.id], night.review)
        told = {"night_id": night.id, "day": night.day, "merchant": night.merchant, "finished_at": night.finished_at}
        found.append(told | {"run": run} | packed(counts))
    return found


def put_unless_newer(connection: Connection, rows: Sequence[dict[str, Any]], nights: Sequence[Uncounted]) -> None:
    """Write the counts of nights, but of those that were added up with newer reviews meanwhile."""
    b = board_nights.c
    ids = [one.id for one in nights]
    query = select(b.night_id, b.review).where(b.night_id.in_(ids)).order_by(b.night_id).with_for_update()
    known = {row.night_id: row.review for row in connection.execute(query)}
    good = [one.id for one in nights if known.get(one.id) == one.review]
    connection.execute(delete(counted_nights).where(counted_nights.c.night_id.in_(good)))
    insert_all(connection, counted_nights, [row for row in rows if row["night_id"] in good])


def _heard(connection: Connection, judged: Sequence[Judged], night_of: Mapping[int, int]) -> dict[int, Heard]:
    """Return by night what people said of its chats; ``night_of``: the night of each run."""
    said: dict[int, Sequence[Said]] = {}
    words: defaultdict[int, list[Word]] = defaultdict(list)
    pks = sorted({one.chat_pk for one in judged})
    for start in range(0, len(pks), _IN_LIST):
        heard = heard_of(connection, reviews.c.chat_pk.in_(pks[start : start + _IN_LIST]), set(night_of))
        said |= heard.said
        for word in heard.words:
            words[night_of[word.finding >> FINDING_BITS + RANK_BITS]].append(word)
    return {night: Heard(said, words[night]) for night in night_of.values()}
