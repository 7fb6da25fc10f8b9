"""Dropping the texts of old chats by policy, and erasing what one customer said; scores, counts and cases stay.

Both work in batches, each a transaction with its row of the audit log, so they can be killed and run again.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Engine

from qa.errors import NotFoundError
from qa.progress import Progress, Quiet
from qa.store import audit, dropping
from qa.store.audit import Act
from qa.store.chats import merchants
from qa.store.dropping import Dropped
from qa.store.session import read_tx, write_tx

BATCH = 200
"""Chats a transaction."""


class Term(NamedTuple):
    """Until when a merchant's texts are kept: chats of days before ``before`` lose theirs."""

    merchant: str
    days: int
    before: str


class Done(NamedTuple):
    """What became of a merchant: chats that were due, and what was dropped (None: it was only looked)."""

    term: Term
    due: int
    dropped: Dropped | None


def terms(
    engine: Engine, today: date, house: int | None, own: dict[str, int], merchant: str | None = None
) -> list[Term]:
    """Return the terms of all stored merchants (or one) that have one: their own, else the house's.

    Raises:
        NotFoundError: there is no such merchant.
    """
    with read_tx(engine) as connection:
        known = merchants(connection)
    if merchant is not None and merchant not in known:
        raise NotFoundError(f"no chats of merchant {merchant!r} are stored (known: {', '.join(known) or 'none'})")
    chosen = known if merchant is None else [merchant]
    days = {name: own.get(name, house) for name in chosen}
    return [Term(n, d, (today - timedelta(days=d)).isoformat()) for n, d in days.items() if d is not None]


def keep_to(
    engine: Engine, act: Act, asked: list[Term], *, dry_run: bool = False, progress: Progress | None = None
) -> list[Done]:
    """Drop the texts of chats that are older than their merchant's term; ``dry_run`` only counts them."""
    progress = progress or Quiet()
    done = [_keep_one(engine, act, term, dry_run, progress) for term in asked]
    if any(one.dropped is not None and one.dropped.chats for one in done):
        dropping.forget(engine)
    return done


def _keep_one(engine: Engine, act: Act, term: Term, dry_run: bool, progress: Progress) -> Done:
    with read_tx(engine) as connection:
        due = dropping.count_old(connection, term.merchant, term.before)
    if dry_run:
        return Done(term, due, None)
    progress.stage(f"texts of {term.merchant}", due)
    sum_, after = Dropped(), ("", 0)
    while True:
        with write_tx(engine) as connection:
            found = dropping.old_chats(connection, term.merchant, term.before, after, BATCH)
            if not found:
                return Done(term, due, sum_)
            ids = [chat_id for _, chat_id, _ in found]
            dropped = dropping.drop(connection, term.merchant, ids, act.at, act.by, dropping.RETENTION)
            facts = dropped._asdict() | {"days": term.days, "before": term.before}
            audit.append(connection, act, "chat.drop", f"merchant:{term.merchant}", facts)
        day, _, pk = found[-1]
        sum_, after = sum_.plus(dropped), (day, pk)
        progress.advance(len(found))


def erase_customer(
    engine: Engine, act: Act, merchant: str, customer: str, request: str | None = None, progress: Progress | None = None
) -> Dropped:
    """Erase what a customer said, who it was, what people wrote about it, and the cases made of it.

    The log keeps how much, and ``request``, never who.

    Raises:
        NotFoundError: the merchant has no chat of this customer (any more).
    """
    progress = progress or Quiet()
    with read_tx(engine) as connection:
        ids = dropping.chats_of(connection, merchant, customer)
    if not ids:
        raise NotFoundError(f"merchant {merchant!r} has no chat of this customer")
    progress.stage("chats of the customer", len(ids))
    sum_, waiting = Dropped(), iter(ids)
    while some := list(islice(waiting, BATCH)):
        with write_tx(engine) as connection:
            dropped = dropping.drop(connection, merchant, some, act.at, act.by, dropping.ERASURE)
            facts = dropped._asdict() | ({"request": request} if request else {})
            audit.append(connection, act, "customer.erase", f"merchant:{merchant}", facts)
        sum_ = sum_.plus(dropped)
        progress.advance(len(some))
    dropping.forget(engine)
    return sum_
