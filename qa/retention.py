"""Dropping the texts of old chats by policy, and erasing what one customer said; scores, counts and cases stay.

Both work in batches, each a transaction with its row of the audit log, so they can be killed and run again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from qa.errors import NotFoundError
from qa.progress import Progress, Quiet
from qa.store import audit, dropping, dropping_months, texts
from qa.store.audit import Act
from qa.store.chats import merchants
from qa.store.dropping import Dropped
from qa.store.session import read_tx, write_tx

BATCH = 1_000
"""Chats a transaction, where they go one by one."""
JUDGED = 2_000
"""Inspected chats a transaction, where they go with their month."""


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
    engine: Engine,
    act: Act,
    asked: list[Term],
    *,
    dry_run: bool = False,
    whole_months: bool = False,
    progress: Progress | None = None,
) -> list[Done]:
    """Drop the texts of chats that are older than their merchant's term; ``dry_run`` only counts them.

    Months that are over for everybody in them go as a whole, the rest chat by chat; ``whole_months``: the rest stays.
    """
    progress = progress or Quiet()
    with read_tx(engine) as connection:
        due = {term: dropping.count_old(connection, term.merchant, term.before) for term in asked}
    if dry_run:
        return [Done(term, due[term], None) for term in asked]
    sums = _let_months_go(engine, act, asked, progress)
    if not whole_months:
        sums = {term: _keep_one(engine, act, term, due[term], sums[term], progress) for term in asked}
    done = [Done(term, due[term], sums[term]) for term in asked]
    if any(one.dropped is not None and one.dropped.chats for one in done):
        dropping.forget(engine)
    return done


def _let_months_go(engine: Engine, act: Act, asked: list[Term], progress: Progress) -> dict[Term, Dropped]:
    """Drop months that are over for all who have texts in them."""
    terms_of = {term.merchant: term for term in asked}
    sums = {term: Dropped() for term in asked}
    with read_tx(engine) as connection:
        due = dropping_months.due_months(connection, {term.merchant: term.before for term in asked})
    if due:
        progress.stage("whole months of texts", len(due))

    def note(connection: Connection, merchant: str, dropped: Dropped, month: int) -> None:
        term = terms_of[merchant]
        facts = dropped._asdict() | {"days": term.days, "before": term.before, "month": month}
        audit.append(connection, act, "chat.drop", f"merchant:{merchant}", facts)
        sums[term] = sums[term].plus(dropped)

    for month, merchants_ in due.items():
        _cover_month(engine, act, month, note)
        with read_tx(engine) as connection:
            counted = texts.count_texts(connection, month, merchants_)
        with write_tx(engine) as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
            texts.let_go(connection, month)
            for merchant, chats in counted.items():
                note(connection, merchant, Dropped(chats), month)
        progress.advance()
    return sums


def _cover_month(engine: Engine, act: Act, month: int, note: Callable[[Connection, str, Dropped, int], None]) -> None:
    for table in dropping_months.POINTING:
        after = 0
        while True:
            with write_tx(engine) as connection:
                pks = dropping_months.pointed_at(connection, month, table, after, JUDGED)
                if not pks:
                    break
                for merchant, dropped in dropping_months.cover_judged(connection, pks, act.at):
                    note(connection, merchant, dropped, month)
            after = pks[-1]


def _keep_one(engine: Engine, act: Act, term: Term, due: int, sum_: Dropped, progress: Progress) -> Dropped:
    """Drop what is left one by one: the days of a month that is not over, and months that others still want."""
    progress.stage(f"texts of {term.merchant}", max(due - sum_.chats, 0))
    after = ("", 0)
    while True:
        with write_tx(engine) as connection:
            found = dropping.old_chats(connection, term.merchant, term.before, after, BATCH)
            if not found:
                return sum_
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
