"""What the queue's page shows: a page of items as this person may see them, how many there are, and the day so far."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Engine

from qa.people import User
from qa.privacy import MaskPolicy, excerpt, masked_text
from qa.queueing.claims import Worker
from qa.store import queue, queue_work
from qa.store.queue import Choices, Item, Key, Looking
from qa.store.queue_filters import Filters
from qa.store.queue_work import Day, SavedFilter
from qa.store.session import read_tx
from qa.types import FlagReason, Instant

PAGE = 30
"""Items of one page."""


class Line(NamedTuple):
    """The evidence in one line: what stands before the quote, the quote, what follows; or a message without quote."""

    before: str
    quote: str
    after: str
    note: str
    """What the rule says of it, or what the model thinks; empty where there is nothing to tell."""


class Row(NamedTuple):
    """An item with its evidence as this person may see it; ``blind``: what the machine found stays unsaid."""

    item: Item
    line: Line | None
    blind: bool


class Listed(NamedTuple):
    """A page of the queue. ``number`` one beyond ``queue.COUNTED`` means: more than that."""

    rows: list[Row]
    after: Key | None
    number: int
    choices: Choices
    saved: list[SavedFilter]
    today: Day


class Today(NamedTuple):
    """The local day: its date, and when it began."""

    day: str
    since: Instant


def look(
    engine: Engine, worker: Worker, filters: Filters, after: Key | None, now: Instant, today: Today, policy: MaskPolicy
) -> Listed:
    """Return a page of the queue behind ``after``, masked by ``policy``."""
    looking = Looking(worker.scope, worker.user.id, now)
    with read_tx(engine) as connection:
        page = queue.list_items(connection, looking, filters, after, PAGE)
        count = queue.count_items(connection, looking, filters)
        choices = queue.choices(connection, worker.scope)
        saved = queue_work.filters_for(connection, worker.user.id)
        day = queue_work.day_of(connection, worker.user.id, worker.user.name, *today, now)
    rows = [shown(item, policy) for item in page.items]
    visible = [one for one in saved if one.owner == worker.user.id or _reaches(worker, one)]
    return Listed(rows, page.after, count, choices, visible, day)


def days_progress(engine: Engine, user: User, now: Instant, today: Today) -> Day:
    """Return how far a reviewer's day has come."""
    with read_tx(engine) as connection:
        return queue_work.day_of(connection, user.id, user.name, *today, now)


def shown(item: Item, policy: MaskPolicy) -> Row:
    """Return an item as a person of this policy may see it. Who reviews blind is told no score and no evidence."""
    if FlagReason.AUDIT in item.reasons and item.done_at is None:
        blind = item._replace(score=None, severity=None, sentiment=None, resolution=None, evidence=None)
        return Row(blind, None, blind=True)
    return Row(item, _line(item, policy), blind=False)


def _line(item: Item, policy: MaskPolicy) -> Line | None:
    found = item.evidence
    if not found:
        return None
    note = masked_text(found["message"], policy)
    if found.get("text") is None:
        return Line("", "", "", note)
    return Line(*excerpt(found["text"], found.get("start", 0), found.get("end", 0), policy), note)


def _reaches(worker: Worker, saved: SavedFilter) -> bool:
    """Whether a shared filter names no merchant, or one that this worker may know of."""
    merchants = worker.scope.merchants
    return merchants is None or not saved.merchant or saved.merchant in merchants
