"""The counts of nights (``qa.store.night_counts``) in the store: which are lacking, writing them, reading a window.

What is read is always as of now: reviews that came after a night was counted are added, and a night that is not
counted, or was worked on since, is counted while one waits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, case, delete, func, insert, select

from qa.store.board_tables import board_nights, chat_facts, counted_nights
from qa.store.count_rows import packed, unpacked_agents, unpacked_rules
from qa.store.night_counts import (
    AgentCounts,
    Counts,
    News,
    Place,
    add_scores,
    add_words,
    count,
    newest_run,
    news_of,
)
from qa.store.nights import State
from qa.store.tables import nights, reviews, runs
from qa.types import Instant

_n, _k, _b = nights.c, counted_nights.c, board_nights.c


class Days(NamedTuple):
    """Which nights: local days, both ends included, and merchants (None: all)."""

    first: str
    last: str
    merchants: tuple[str, ...] | None = None


class Uncounted(NamedTuple):
    """A night that is to be counted; ``review``: up to which its counts are to know them."""

    id: int
    merchant: str
    day: str
    finished_at: Instant | None
    review: int


class Night(NamedTuple):
    """A night of a window. ``row``: its counts as they are stored; None: they do not hold, it is in ``counts``.

    ``news``: what people said since they were stored, None for nothing.
    """

    id: int
    merchant: str
    day: str
    row: Any
    counts: Counts | None
    news: News | None

    @property
    def rules(self) -> dict[str, list[int]]:
        """How often each rule fired and what was said of it."""
        if self.counts is not None:
            return self.counts.rules
        found = unpacked_rules(bytes(self.row.rules))
        if self.news is not None:
            add_words(found, self.news)
        return found

    @property
    def agents(self) -> dict[Place, AgentCounts]:
        """What is counted of each agent."""
        if self.counts is not None:
            return self.counts.agents
        found = unpacked_agents(bytes(self.row.agents))
        if self.news is not None:
            add_scores(found, self.news)
        return found


def uncounted(connection: Connection) -> list[Uncounted]:
    """Return the nights with sums of the boards whose counts are lacking, or that were judged again since, by key."""
    newest = select(func.max(runs.c.id)).where(runs.c.night_id == _n.id).correlate(nights).scalar_subquery()
    same = (_k.night_id == _n.id) & (func.coalesce(_k.finished_at, 0) == func.coalesce(_n.finished_at, 0))
    query = (
        select(_n.id, _n.merchant, _n.day, _n.finished_at, _b.review)
        .join(board_nights, _b.night_id == _n.id)
        .outerjoin(counted_nights, same & (_k.run == newest))
        .where(_n.state == State.DONE.value, _k.night_id.is_(None))
        .order_by(_n.id)
    )
    return [Uncounted._make(row) for row in connection.execute(query)]


def counted_of(connection: Connection, night: Uncounted) -> dict[str, Any]:
    """Count a night; returns its row."""
    run, own = newest_run(connection, night.id)
    told = {"night_id": night.id, "day": night.day, "merchant": night.merchant, "finished_at": night.finished_at}
    return told | {"run": run} | packed(count(connection, night.id, own, night.review))


def put(connection: Connection, row: dict[str, Any]) -> None:
    """Write the counts of a night in the place of those that were there."""
    connection.execute(delete(counted_nights).where(_k.night_id == row["night_id"]))
    connection.execute(insert(counted_nights).values(row))


# --- reading ---------------------------------------------------------------------------------------------------------


def read(connection: Connection, days: Days, *columns: Any) -> Iterator[Night]:
    """Yield the nights of a window as of now, by day and merchant; ``columns``: what is wanted of their rows."""
    query = select(_k.night_id, _k.finished_at, _k.run, *columns).where(*_within(counted_nights, days))
    rows = {row.night_id: row for row in connection.execute(query)}
    news = news_of(connection, _behind(connection, days))
    for one in connection.execute(_nights_of(days)).all():
        row = rows.get(one.id)
        if row is not None and _holds(row, one):
            yield Night(one.id, one.merchant, one.day, row, None, news.get(one.id))
        else:
            own = newest_run(connection, one.id)[1]
            yield Night(one.id, one.merchant, one.day, None, count(connection, one.id, own), None)


def standing_of(connection: Connection, days: Days) -> Hashable | None:
    """Return what changes whenever something that ``read`` tells of a window does; None: it may change at any moment.

    That is while somebody works on one of its nights, or it is not added up.
    """
    nights_of = connection.execute(_nights_of(days)).all()
    if not all(_idle(night) for night in nights_of):
        return None
    least = connection.execute(select(func.min(_b.review))).scalar_one() or 0
    behind = select(func.max(reviews.c.id), func.count()).where(reviews.c.id > least)  # one may be committed late
    return tuple(map(tuple, nights_of)), tuple(connection.execute(behind).one())


def _idle(night: Any) -> bool:
    """Whether nobody works on a night, and its sums are made."""
    return night.state == State.DONE.value and not night.working and night.review is not None


def _holds(row: Any, night: Any) -> bool:
    """Whether stored counts are those of the night as it is, newer reviews aside."""
    return _idle(night) and (row.run, row.finished_at) == (night.run, night.finished_at)


def _nights_of(days: Days) -> Any:
    r = runs.c
    working = func.max(case((r.state != State.DONE.value, 1), else_=0)).label("working")
    return (
        select(_n.id, _n.merchant, _n.day, _n.state, _n.finished_at, _b.review, func.max(r.id).label("run"), working)
        .outerjoin(runs, r.night_id == _n.id)
        .outerjoin(board_nights, _b.night_id == _n.id)
        .where(*_within(nights, days))
        .group_by(_n.id, _n.merchant, _n.day, _n.state, _n.finished_at, _b.review)
        .order_by(_n.day, _n.merchant)
    )


def _behind(connection: Connection, days: Days) -> dict[int, tuple[list[int], int]]:
    """Return night → chats that were reviewed after it was added up, and up to which review it is."""
    r, f = reviews.c, chat_facts.c
    least = connection.execute(select(func.min(_b.review))).scalar_one()  # by itself: it says how few reviews follow
    if least is None:
        return {}
    query = (
        select(f.night_id, r.chat_pk, _b.review)
        .select_from(reviews.join(chat_facts, f.chat_pk == r.chat_pk).join(board_nights, _b.night_id == f.night_id))
        .where(r.id > least, r.id > _b.review, *_within(chat_facts, days))
        .distinct()
    )
    chats: defaultdict[int, list[int]] = defaultdict(list)
    known: dict[int, int] = {}
    for night, chat, review in connection.execute(query):
        chats[night].append(chat)
        known[night] = review
    return {night: (pks, known[night]) for night, pks in chats.items()}


def _within(table: Any, days: Days) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [table.c.day.between(days.first, days.last)]
    if days.merchants is not None:
        found.append(table.c.merchant.in_(days.merchants))
    return found
