"""Dropping the texts of old chats by policy, and erasing what one customer said; scores, counts and cases stay.

Both work in transactions, each with its rows of the audit log, so they can be killed and run again. A month that is
over for everybody in it goes in a single one. What takes time, covered copies of the chats that were judged, is made
ahead: a day's chats a day, from the day that is ``AHEAD`` days from its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Engine

from qa.errors import NotFoundError
from qa.progress import Progress, Quiet
from qa.store import audit, dropping, dropping_months
from qa.store.audit import Act
from qa.store.chats import merchants
from qa.store.dropping import Dropped
from qa.store.session import read_tx, write_tx

BATCH = 1_000
"""Chats a transaction, where they go one by one."""
FOUND = 100_000
"""Of these so many are looked for at a time."""
COPIES = 2_000
"""Covered copies a transaction."""
WORDS = 500
"""Chats a transaction whose words are taken out of the search (SQLite)."""
AHEAD = 31
"""Days before their end from which on chats get their covered copies."""
_BACK = 7
"""Days of these that are looked at again, should the command not have run; what is older is copied with its month."""


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
    if dry_run:
        return [Done(term, due, None) for term, due in _due(engine, asked).items()]
    of_months = _let_months_go(engine, act, asked, progress)
    if whole_months:
        rest = dict.fromkeys(asked, (0, Dropped()))
    else:
        rest = {term: _keep_one(engine, act, term, progress) for term in asked}
    if any(one.chats for _, one in rest.values()):
        dropping.forget(engine, dropping.OF_CHATS)
    elif any(one.chats for one in of_months.values()):
        dropping.forget(engine, dropping.OF_MONTHS)
    dropping.forget_rest(engine)
    _copy_ahead(engine, act, asked, progress)
    return [
        Done(term, due + of_months[term].chats, of_months[term].plus(one)) for term, (due, one) in rest.items()
    ]  # fmt: skip


def _due(engine: Engine, asked: Sequence[Term]) -> dict[Term, int]:
    with read_tx(engine) as connection:
        return {term: dropping.count_old(connection, term.merchant, term.before) for term in asked}


def _let_months_go(engine: Engine, act: Act, asked: Sequence[Term], progress: Progress) -> dict[Term, Dropped]:
    """Drop months that are over for all who have texts in them."""
    terms_of = {term.merchant: term for term in asked}
    sums = {term: Dropped() for term in asked}
    with read_tx(engine) as connection:
        due = dropping_months.due_months(connection, {term.merchant: term.before for term in asked})
    for month, merchants_ in due.items():
        with read_tx(engine) as connection:
            span = dropping_months.span_of(connection, month)
            pks = dropping_months.uncovered(connection, span)
        _copy(engine, act, month, pks, progress)
        _drop_words(engine, span)
        with read_tx(engine) as connection:
            counted = dropping_months.counts(connection, span, merchants_)
        progress.stage(f"texts of {month}", 1)
        with write_tx(engine) as connection:
            dropping.overwrite(connection)
            dropping_months.drop_month(connection, span, act.at)
            for merchant, dropped in counted.items():
                term = terms_of[merchant]
                facts = dropped._asdict() | {"days": term.days, "before": term.before, "month": month}
                audit.append(connection, act, "chat.drop", f"merchant:{merchant}", facts)
                sums[term] = sums[term].plus(dropped)
        progress.advance()
    return sums


def _copy(engine: Engine, act: Act, month: int, pks: Sequence[int], progress: Progress) -> None:
    """Make covered copies of chats of a month."""
    if pks:
        progress.stage(f"covered copies of {month}", len(pks))
    for start in range(0, len(pks), COPIES):
        some = list(pks[start : start + COPIES])
        with write_tx(engine) as connection:
            dropping_months.copy_ahead(connection, month, some, act.at)
        progress.advance(len(some))


def _drop_words(engine: Engine, span: dropping_months.Span) -> None:
    """Take the words of a month out of the search of SQLite, some chats at a time: others want to write as well."""
    if engine.dialect.name != "sqlite":
        return
    while True:
        with write_tx(engine) as connection:
            dropping.overwrite(connection)
            pks = dropping_months.searched(connection, span, WORDS)
            dropping.drop_words(connection, pks)
        if not pks:
            return
        span = span._replace(first=pks[-1] + 1)


def _copy_ahead(engine: Engine, act: Act, asked: Sequence[Term], progress: Progress) -> None:
    """Make the copies of chats that will be due soon, so that nothing is left to do on that day."""
    for term in asked:
        until = date.fromisoformat(term.before) + timedelta(days=AHEAD)
        since = until - timedelta(days=_BACK)
        with read_tx(engine) as connection:
            found = dropping_months.uncovered_of_days(connection, term.merchant, since.isoformat(), until.isoformat())
        for month, pks in found.items():
            _copy(engine, act, month, pks, progress)


def _keep_one(engine: Engine, act: Act, term: Term, progress: Progress) -> tuple[int, Dropped]:
    """Drop what is left one by one: the days of a month that is not over, and months that others still want.

    Returns how many chats were found, and what was dropped.
    """
    due, sum_, after = 0, Dropped(), ("", 0)
    while True:
        with read_tx(engine) as connection:
            found = dropping.old_chats(connection, term.merchant, term.before, after, FOUND)
        if not found:
            return due, sum_
        progress.stage(f"texts of {term.merchant} from {found[0][0]}", len(found))
        for start in range(0, len(found), BATCH):
            ids = [chat_id for _, chat_id, _ in found[start : start + BATCH]]
            sum_ = sum_.plus(_drop_some(engine, act, term, ids))
            progress.advance(len(ids))
        day, _, pk = found[-1]
        due, after = due + len(found), (day, pk)


def _drop_some(engine: Engine, act: Act, term: Term, ids: Sequence[str]) -> Dropped:
    with write_tx(engine) as connection:
        dropped = dropping.drop(connection, term.merchant, ids, act.at, act.by, dropping.RETENTION)
        if dropped.chats:  # none: somebody was quicker
            facts = dropped._asdict() | {"days": term.days, "before": term.before}
            audit.append(connection, act, "chat.drop", f"merchant:{term.merchant}", facts)
    return dropped


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
        dropping.forget_rest(engine)  # perhaps it was erased, and the process killed then
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
    dropping.forget(engine, dropping.OF_CUSTOMERS)
    return sum_
