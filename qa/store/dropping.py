"""Taking away what was said in chats, and leaving what was found in them: scores, counts, places, times.

Every character of a text is covered by a star of its width, so that places in a chat stay places. The hash of the
content stays too: the same chat imported again is known, and its text does not come back with it. What inspections
quote goes with the rows of ``quotes``; what stays of them holds stars already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    text,
    true,
    union,
    update,
)

from qa.errors import QaError
from qa.store.bulk import change_all, insert_all
from qa.store.case_tables import case_nominations, case_words, cases
from qa.store.covering import cover_places, covered
from qa.store.keys import among
from qa.store.operation_tables import dropped_texts
from qa.store.queue_tables import queue_items, queue_marks
from qa.store.session import read_tx, write_tx
from qa.store.tables import chats, findings, inspections, nights, quotes, reviews, verdicts
from qa.store.texts import (
    AHEAD,
    BODY,
    TEXT_THERE,
    THERE_OF_MONTH,
    days_of,
    delete_texts,
    month_of,
    months_before,
)
from qa.store.words import words_key, words_table
from qa.types import Instant

RETENTION, ERASURE = "retention", "erasure"
"""Why a text was dropped."""

_OVERWRITE = "PRAGMA secure_delete = ON"
_MOST_OWED = 1_000_000
_c = chats.c
_BEING_DROPPED = exists().where(dropped_texts.c.chat_pk == _c.id, dropped_texts.c.reason != AHEAD)


class Dropped(NamedTuple):
    """What was covered or removed: revisions of chats, findings, reviews, open items of the queue, cases."""

    chats: int = 0
    findings: int = 0
    reviews: int = 0
    queued: int = 0
    cases: int = 0

    def plus(self, other: Dropped) -> Dropped:
        """Return both together."""
        return Dropped(*(a + b for a, b in zip(self, other, strict=True)))


def refuse_dropped(connection: Connection, merchant: str, day: str) -> None:
    """Raise ``QaError`` where texts of this day were dropped: its chats cannot be judged any more."""
    of_day = (_c.merchant == merchant, _c.day == day, _c.current == true())
    missing = select(func.count()).select_from(chats).where(*of_day, ~THERE_OF_MONTH)
    partly = select(func.count()).select_from(chats).where(*of_day, THERE_OF_MONTH, _BEING_DROPPED)
    gone = sum(int(connection.execute(one, {"qa_month": month_of(day)}).scalar_one()) for one in (missing, partly))
    if gone:
        raise QaError(f"{day} of {merchant!r}: the texts of {gone:,} chats were dropped; they cannot be judged again")


def without_text(connection: Connection, pks: Sequence[int]) -> set[int]:
    """Return those of these chats whose texts are gone."""
    query = select(_c.id).where(_c.id.in_(pks), or_(~TEXT_THERE, _BEING_DROPPED))
    return set(connection.execute(query).scalars()) if pks else set()


def old_chats(
    connection: Connection, merchant: str, before: str, after: tuple[str, int], limit: int
) -> list[tuple[str, str, int]]:
    """Return (day, chat_id, key) of chats that began before a day and still have texts, behind ``after`` (day, key).

    They are of one month, the first that has any: the database is quicker where it knows in which to look. All days of
    it are looked at, for a chat may have come late; an index tells what is needed of those that are gone.
    """
    day, pk = after
    behind = (_c.day >= day, or_(_c.day > day, _c.id > pk))
    for month in months_before(connection, merchant, before, day):
        old = select(_c.id).where(*behind, *_old(merchant, month, before)).order_by(_c.day, _c.id).limit(limit)
        named = select(_c.day, _c.chat_id, _c.id).where(_c.id.in_(old)).order_by(_c.day, _c.id)
        if found := connection.execute(named, {"qa_month": month}).all():
            return [(row.day, row.chat_id, row.id) for row in found]
    return []


def count_old(connection: Connection, merchant: str, before: str) -> int:
    """Return how many chats ``old_chats`` would give, all in all."""
    query = select(func.count()).select_from(chats)
    return sum(
        int(connection.execute(query.where(*_old(merchant, month, before)), {"qa_month": month}).scalar_one())
        for month in months_before(connection, merchant, before)
    )


def _old(merchant: str, month: int, before: str) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that a chat of a month began before a day and has its text."""
    first, last = days_of(month)
    within = (_c.day >= first, _c.day <= last, _c.day < before)
    return _c.merchant == merchant, _c.current == true(), *within, THERE_OF_MONTH


def chats_of(connection: Connection, merchant: str, customer: str) -> list[str]:
    """Return the chats of which any revision names a customer."""
    named = select(_c.chat_id).where(_c.merchant == merchant, _c.customer_id == customer)
    query = union(named.where(_c.current == true()), named.where(_c.current == false()))  # an index for each
    return sorted(connection.execute(query).scalars())


def drop(connection: Connection, merchant: str, chat_ids: Sequence[str], now: Instant, by: str, reason: str) -> Dropped:
    """Cover what was said in every revision of chats; for an erasure also who the customer was, and cases of them."""
    query = select(_c.id, _c.day).where(_c.merchant == merchant, among(connection, _c.chat_id, chat_ids))
    found = connection.execute(query if reason == ERASURE else query.where(TEXT_THERE)).all()
    pks = [row.id for row in found]
    if not pks:
        return Dropped()
    done = _drop_found(connection, pks, now, reason)
    delete_texts(connection, [(row.id, row.day) for row in found])
    made = 0
    if reason == ERASURE:
        connection.execute(update(chats).where(among(connection, _c.id, pks)).values(customer_id=None))
        judged = select(inspections.c.id).where(among(connection, inspections.c.chat_pk, pks))
        connection.execute(
            update(case_nominations).where(case_nominations.c.inspection_id.in_(judged)).values(note=None)
        )
        made = _empty_cases(connection, merchant, chat_ids, now, by)
        _merge_searches(connection)
    return done._replace(chats=len(pks), cases=made)


def _drop_found(connection: Connection, pks: Sequence[int], now: Instant, reason: str) -> Dropped:
    """Take away what was found in revisions, and keep a covered copy where an inspection or a review points at one."""
    overwrite(connection)
    drop_words(connection, pks)
    i, r = inspections.c, reviews.c
    query = select(i.id, i.chat_pk, nights.c.day).join(nights, nights.c.id == i.night_id)
    judged = connection.execute(query.where(among(connection, i.chat_pk, pks))).all()
    ids = [row.id for row in judged]
    counted = select(func.count()).select_from(findings).where(among(connection, findings.c.inspection_id, ids))
    told = int(connection.execute(counted).scalar_one())
    for month in {month_of(row.day) for row in judged}:
        quoted = (quotes.c.month == month, among(connection, quotes.c.inspection_id, ids))
        connection.execute(delete(quotes).where(*quoted))
    said = connection.execute(select(r.id, r.chat_pk).where(among(connection, r.chat_pk, pks))).all()
    _cover_reviews(connection, [row.id for row in said], reason)
    queued = _clear_queue(connection, pks)
    _note(connection, pks, {row.chat_pk for row in (*judged, *said)}, now, reason)
    return Dropped(0, told, len(said), queued)


def overwrite(connection: Connection) -> None:
    """Have what is removed from now on overwritten in the file, and ``forget`` be owed (SQLite)."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_OVERWRITE)
        connection.exec_driver_sql(f"PRAGMA user_version = {_left(connection) % _MOST_OWED + 1}")


def _note(connection: Connection, pks: Sequence[int], judged: Collection[int], now: Instant, reason: str) -> None:
    """Note that chats were dropped, with a covered copy of those that were judged; one made ahead is kept."""
    d = dropped_texts.c
    nobody = reason == ERASURE
    query = select(d.chat_pk, d.body.is_not(None)).where(among(connection, d.chat_pk, pks))
    known = {pk: bool(there) for pk, there in connection.execute(query)}
    ready = set() if nobody else {pk for pk, there in known.items() if there}
    copies: dict[int, bytes | None] = {pk: None for pk in pks if pk not in ready}
    bare = [pk for pk in copies if pk in judged]
    if bare:
        rows = connection.execute(_TEXTS.where(among(connection, _c.id, bare)))
        copies |= {row.id: copy_of(row, nobody=nobody) for row in rows}
    change_all(
        connection, dropped_texts, "chat_pk", [{"chat_pk": pk, "body": copies[pk]} for pk in known.keys() & copies]
    )
    stamp = {"dropped_at": now, "reason": reason}
    ahead = (among(connection, d.chat_pk, list(known)), d.reason == AHEAD)
    connection.execute(update(dropped_texts).where(*ahead).values(stamp))
    new = [{"chat_pk": pk, "body": copy} | stamp for pk, copy in copies.items() if pk not in known]
    insert_all(connection, dropped_texts, new)


_TEXTS = select(_c.id, _c.merchant, _c.chat_id, BODY.label("body"))


def copy_of(row: Any, *, nobody: bool = False) -> bytes:
    """Return the covered copy of a chat; ``row``: its body, merchant and name."""
    return covered(bytes(row.body), row.merchant, row.chat_id, nobody=nobody)


def forget(engine: Engine, tables: Iterable[str]) -> None:
    """Clear what the database still keeps of dropped texts in places that nothing reads any more.

    On SQLite the search is merged and the ``-wal`` file emptied (removed content is overwritten anyway); on PostgreSQL
    the tables are vacuumed. What is killed on the way is made up for by ``forget_rest``.
    """
    if engine.dialect.name != "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM {', '.join(tables)}")
        return
    with write_tx(engine) as connection:
        known = _left(connection)
        connection.exec_driver_sql(_OVERWRITE)
        _merge_searches(connection)
    raw = engine.raw_connection()
    try:
        [(busy, *_)] = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        raw.close()
    if not busy:
        with write_tx(engine) as connection:
            if _left(connection) == known:  # nobody has taken anything out meanwhile
                connection.exec_driver_sql("PRAGMA user_version = 0")


def forget_rest(engine: Engine) -> None:
    """Do what ``forget`` had left to do on SQLite when it was killed, or somebody read all the time."""
    if engine.dialect.name == "sqlite":
        with read_tx(engine) as connection:
            left = _left(connection)
        if left:
            forget(engine, ())


def _left(connection: Connection) -> int:
    """Return how often something was taken out since ``forget`` was done: a number in the head of SQLite's file."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def _merge_searches(connection: Connection) -> None:
    """Write the searches of SQLite anew, without the words that were taken out; cheap where none were."""
    if connection.dialect.name == "sqlite":
        for name in SEARCHES:
            connection.exec_driver_sql(f"INSERT INTO {name} ({name}) VALUES ('optimize')")  # noqa: S608 - of ours


OF_MONTHS = ("verdicts", "queue_items", "queue_marks", "queue_words")
"""Tables in which something goes with a month."""
OF_CHATS = (*OF_MONTHS, "chat_bodies", "quotes", "dropped_texts")
"""Those in which something goes with single chats."""
OF_CUSTOMERS = (*OF_CHATS, "chats", "reviews", "cases", "case_search", "case_nominations")
"""Those in which something goes with a customer."""
SEARCHES = ("queue_words", "case_search")
"""Those that hold words."""


def drop_words(connection: Connection, pks: Sequence[int]) -> None:
    """Take chats out of the search: the words that were kept of them, whatever the program would cut today."""
    connection.execute(delete(words_table).where(among(connection, words_key(connection), pks)))


def _cover_reviews(connection: Connection, said: Sequence[int], reason: str) -> None:
    """Cover quotes in verdicts; for an erasure what people wrote goes as well, it may tell of the customer."""
    of_these = among(connection, verdicts.c.review_id, said)
    cover_verdicts(connection, of_these)
    if reason == ERASURE:
        connection.execute(update(verdicts).where(of_these).values(reason=None))
        connection.execute(update(reviews).where(among(connection, reviews.c.id, said)).values(comment=None))


def cover_verdicts(connection: Connection, where: ColumnElement[bool]) -> None:
    """Cover what verdicts quote."""
    v = verdicts.c
    rows = connection.execute(select(v.id, v.evidence).where(where, v.evidence.is_not(None))).all()
    changed = [(row.id, bytes(row.evidence), orjson.dumps(cover_places(orjson.loads(row.evidence)))) for row in rows]
    change_all(connection, verdicts, "id", [{"id": pk, "evidence": new} for pk, old, new in changed if new != old])


def _clear_queue(connection: Connection, pks: Sequence[int]) -> int:
    """Remove what is open of these chats, for nobody can judge it; of what is done the line of evidence goes."""
    q = queue_items.c
    query = select(q.inspection_id, q.done_at.is_(None).label("is_open")).where(among(connection, q.chat_pk, pks))
    items = connection.execute(query).all()
    ids = [row.inspection_id for row in items if row.is_open]
    if ids:
        connection.execute(delete(queue_marks).where(among(connection, queue_marks.c.inspection_id, ids)))
        connection.execute(delete(queue_items).where(among(connection, q.inspection_id, ids)))
    done = [row.inspection_id for row in items if not row.is_open]
    if done:
        connection.execute(update(queue_items).where(among(connection, q.inspection_id, done)).values(evidence=None))
    return len(ids)


def _empty_cases(connection: Connection, merchant: str, chat_ids: Sequence[str], now: Instant, by: str) -> int:
    """Withdraw the cases made of chats and take out everything that was said or written; the row stays."""
    c = cases.c
    of_these = (c.merchant == merchant, c.chat_id.in_(chat_ids))
    ids = list(connection.execute(select(c.id).where(*of_these)).scalars())
    if ids:
        nothing = {"title": "–", "scenario": None, "star": b"{}", "notes": b"[]", "transcript": b"[]"}
        stamp = {"state": "withdrawn", "changed_at": now, "changed_by": by, "version": c.version + 1}
        connection.execute(update(cases).where(c.id.in_(ids)).values(nothing | stamp))
        connection.execute(delete(case_words).where(case_words.c.case_id.in_(ids)))
        key = "rowid" if connection.dialect.name == "sqlite" else "case_id"
        statement = text(f"DELETE FROM case_search WHERE {key} = :id")  # noqa: S608 - one of two names
        connection.execute(statement, [{"id": one} for one in ids])
    return len(ids)
