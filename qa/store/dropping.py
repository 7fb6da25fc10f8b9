"""Taking away what was said in chats, and leaving what was found in them: scores, counts, places, times.

Every character of a text is covered by a star of its width, so that places in a chat stay places. The hash of the
content stays too: the same chat imported again is known, and its text does not come back with it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
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
from qa.store.chats import decode_body
from qa.store.operation_tables import dropped_texts
from qa.store.queue_tables import queue_items, queue_marks
from qa.store.session import write_tx
from qa.store.tables import chats, findings, inspections, reviews, verdicts
from qa.store.texts import BODY, TEXT_THERE, THERE_OF_MONTH, delete_texts, first_day, month_of
from qa.store.words import spoken, words_table, written
from qa.types import Chat, Customer, Instant

RETENTION, ERASURE = "retention", "erasure"
"""Why a text was dropped."""
_SHORTEST = 2
"""Characters of a quote from which it is looked for inside a message to the agent."""

_c = chats.c
_BEING_DROPPED = exists().where(dropped_texts.c.chat_pk == _c.id)


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
    going = chats.join(dropped_texts, dropped_texts.c.chat_pk == _c.id)
    partly = select(func.count()).select_from(going).where(*of_day, THERE_OF_MONTH)
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
    """Return (day, chat_id, key) of chats that began before a day and still have texts, behind ``after`` (day, key)."""
    day, pk = max(after, (first_day(connection, merchant), 0))
    query = (
        select(_c.day, _c.chat_id, _c.id)
        .where(_c.merchant == merchant, _c.current == true(), _c.day < before, TEXT_THERE)
        .where(or_(_c.day > day, and_(_c.day == day, _c.id > pk)))
    )
    return [(r.day, r.chat_id, r.id) for r in connection.execute(query.order_by(_c.day, _c.id).limit(limit))]


def count_old(connection: Connection, merchant: str, before: str) -> int:
    """Return how many chats ``old_chats`` would give."""
    query = select(func.count()).select_from(chats).where(_c.day >= first_day(connection, merchant))
    where = (_c.merchant == merchant, _c.current == true(), _c.day < before, TEXT_THERE)
    return int(connection.execute(query.where(*where)).scalar_one())


def chats_of(connection: Connection, merchant: str, customer: str) -> list[str]:
    """Return the chats of which any revision names a customer."""
    named = select(_c.chat_id).where(_c.merchant == merchant, _c.customer_id == customer)
    query = union(named.where(_c.current == true()), named.where(_c.current == false()))  # an index for each
    return sorted(connection.execute(query).scalars())


def drop(connection: Connection, merchant: str, chat_ids: Sequence[str], now: Instant, by: str, reason: str) -> Dropped:
    """Cover what was said in every revision of chats; for an erasure also who the customer was, and cases of them."""
    query = _TEXTS.where(_c.merchant == merchant, _c.chat_id.in_(chat_ids))
    found = connection.execute(query if reason == ERASURE else query.where(TEXT_THERE)).all()
    pks = [row.id for row in found]
    if not pks:
        return Dropped()
    done = cover_of(connection, found, now, reason)
    delete_texts(connection, [(row.id, row.day) for row in found])
    made = 0
    if reason == ERASURE:
        connection.execute(update(chats).where(_c.id.in_(pks)).values(customer_id=None))
        judged = select(inspections.c.id).where(inspections.c.chat_pk.in_(pks))
        connection.execute(
            update(case_nominations).where(case_nominations.c.inspection_id.in_(judged)).values(note=None)
        )
        made = _empty_cases(connection, merchant, chat_ids, now, by)
    return done._replace(chats=len(pks), cases=made)


_TEXTS = select(_c.id, _c.day, _c.merchant, _c.chat_id, BODY.label("body"))


def texts_of(connection: Connection, pks: Sequence[int]) -> Sequence[Any]:
    """Return rows of revisions with their texts, as ``cover_of`` takes them."""
    return connection.execute(_TEXTS.where(_c.id.in_(pks))).all()


def cover_of(connection: Connection, found: Sequence[Any], now: Instant, reason: str) -> Dropped:
    """Cover what was found in revisions, take them out of search and queue, and note it; the texts themselves stay.

    A covered copy is kept of those that an inspection or a review points at.
    """
    pks = [row.id for row in found]
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")  # what is removed is overwritten in the file
    _drop_words(connection, {row.id: bytes(row.body) for row in found})
    i, r = inspections.c, reviews.c
    judged = {row.id: row.chat_pk for row in connection.execute(select(i.id, i.chat_pk).where(i.chat_pk.in_(pks)))}
    told = _cover_findings(connection, list(judged))
    _cover(connection, inspections, i.id.in_(list(judged)), {"opinions": _cover_opinions})
    said = _cover_reviews(connection, pks, reason)
    queued = _clear_queue(connection, pks)
    of_these = set(judged.values()) | set(connection.execute(select(r.chat_pk).where(r.chat_pk.in_(pks))).scalars())
    copies = {row.id: _covered(bytes(row.body), row, reason) if row.id in of_these else None for row in found}
    _note(connection, copies, now, reason)
    return Dropped(0, told, said, queued)


def _note(connection: Connection, copies: dict[int, bytes | None], now: Instant, reason: str) -> None:
    d = dropped_texts.c
    known = set(connection.execute(select(d.chat_pk).where(d.chat_pk.in_(list(copies)))).scalars())
    change_all(connection, dropped_texts, "chat_pk", [{"chat_pk": pk, "body": copies[pk]} for pk in sorted(known)])
    new = [
        {"chat_pk": pk, "dropped_at": now, "reason": reason, "body": copy}
        for pk, copy in copies.items()
        if pk not in known
    ]
    insert_all(connection, dropped_texts, new)


def forget(engine: Engine) -> None:
    """Clear what the database still keeps of dropped texts in places that nothing reads any more.

    On SQLite the search is merged and the ``-wal`` file emptied (removed content is overwritten anyway); on PostgreSQL
    the tables are vacuumed.
    """
    if engine.dialect.name != "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM {', '.join(_HELD)}")
        return
    with write_tx(engine) as connection:
        connection.exec_driver_sql("INSERT INTO queue_words (queue_words) VALUES ('optimize')")
        connection.exec_driver_sql("INSERT INTO case_search (case_search) VALUES ('optimize')")
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        raw.close()


_HELD = (
    "chats",
    "chat_bodies",
    "dropped_texts",
    "findings",
    "inspections",
    "verdicts",
    "reviews",
    "queue_items",
    "queue_words",
    "cases",
    "case_search",
)


def cover(said: str) -> str:
    """Return as many stars as a text has characters; blanks stay.

    >>> cover("退款 100")
    '＊＊ ***'
    """
    return _RUNS.sub(_stars, said)


_RUNS = re.compile("[一-鿿]+|[!-~]+|[！-｠]+|\\S")  # long runs at once, what is rare one by one


def _stars(found: re.Match[str]) -> str:
    """Return stars for characters of one width."""
    run = found[0]
    return ("＊" if unicodedata.east_asian_width(run[0]) in "WF" else "*") * len(run)


def _covered(body: bytes, row: Any, reason: str) -> bytes:
    chat = _decoded(body) or Chat(row.chat_id, (), merchant=row.merchant)
    messages = tuple(msgspec.structs.replace(one, text=cover(one.text), extra=None) for one in chat.messages)
    customer = Customer(tier=chat.customer.tier) if reason == ERASURE else chat.customer
    return msgspec.json.encode(msgspec.structs.replace(chat, messages=messages, customer=customer, extra=None))


def _decoded(body: bytes) -> Chat | None:
    try:
        return decode_body(body)
    except msgspec.MsgspecError:
        return None


def _drop_words(connection: Connection, bodies: dict[int, bytes]) -> None:
    """Take chats out of the search. FTS5 without content wants to be told the words that it is to forget."""
    w = words_table.c
    if connection.dialect.name != "sqlite":
        connection.execute(delete(words_table).where(w.chat_pk.in_(list(bodies))))
        return
    known = set(connection.execute(select(w.rowid).where(w.rowid.in_(list(bodies)))).scalars())
    for pk in known:
        chat = _decoded(bodies[pk])
        words = written(connection, spoken(chat) if chat else [])
        statement = "INSERT INTO queue_words (queue_words, rowid, words) VALUES ('delete', :pk, :words)"
        connection.execute(text(statement), {"pk": pk, "words": words})


def _cover_findings(connection: Connection, judged: Sequence[int]) -> int:
    query = select(findings.c.id, findings.c.message, findings.c.evidence)
    rows = connection.execute(query.where(findings.c.inspection_id.in_(judged))).all()
    changed = []
    for row in rows:
        places = orjson.loads(row.evidence)
        message = _hidden(row.message, (one["quote"] for one in places))
        changed.append({"id": row.id, "message": message, "evidence": orjson.dumps(_cover_places(places))})
    change_all(connection, findings, "id", changed)
    return len(changed)


def _cover_reviews(connection: Connection, pks: Sequence[int], reason: str) -> int:
    """Cover quotes in verdicts; for an erasure what people wrote goes as well, it may tell of the customer."""
    said = list(connection.execute(select(reviews.c.id).where(reviews.c.chat_pk.in_(pks))).scalars())
    of_these = verdicts.c.review_id.in_(said)
    _cover(connection, verdicts, of_these, {"evidence": _cover_places})
    if reason == ERASURE:
        connection.execute(update(verdicts).where(of_these).values(reason=None))
        connection.execute(update(reviews).where(reviews.c.id.in_(said)).values(comment=None))
    return len(said)


def _cover(
    connection: Connection, table: Any, where: ColumnElement[bool], columns: dict[str, Callable[[Any], Any]]
) -> None:
    for name, covering in columns.items():
        column = table.c[name]
        rows = connection.execute(select(table.c.id, column).where(where, column.is_not(None))).all()
        covered = [(row[0], bytes(row[1]), orjson.dumps(covering(orjson.loads(row[1])))) for row in rows]
        change_all(connection, table, "id", [{"id": pk, name: new} for pk, old, new in covered if new != old])


def _cover_places(places: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one | {"quote": cover(one["quote"])} for one in places]


def _cover_opinions(stored: Any) -> Any:
    return stored | {"because": _cover_places(stored["because"])} if stored else stored


def _hidden(message: str, quotes: Iterable[str]) -> str:
    for quote in quotes:
        if len(quote) >= _SHORTEST:
            message = message.replace(quote, cover(quote))
    return message


def _clear_queue(connection: Connection, pks: Sequence[int]) -> int:
    """Remove what is open of these chats, for nobody can judge it; of what is done the line of evidence goes."""
    q = queue_items.c
    ids = list(connection.execute(select(q.inspection_id).where(q.chat_pk.in_(pks), q.done_at.is_(None))).scalars())
    if ids:
        connection.execute(delete(queue_marks).where(queue_marks.c.inspection_id.in_(ids)))
        connection.execute(delete(queue_items).where(q.inspection_id.in_(ids)))
    connection.execute(update(queue_items).where(q.chat_pk.in_(pks)).values(evidence=None))
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
