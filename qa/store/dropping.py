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
from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, insert, or_, select, text, true, update

from qa.errors import QaError
from qa.store.case_tables import case_nominations, case_words, cases
from qa.store.chats import decode_body
from qa.store.operation_tables import TEXT_THERE, dropped_texts
from qa.store.queue_tables import queue_items, queue_marks
from qa.store.session import write_tx
from qa.store.tables import chats, findings, inspections, reviews, verdicts
from qa.store.words import spoken, words_table, written
from qa.types import Chat, Customer, Instant

RETENTION, ERASURE = "retention", "erasure"
"""Why a text was dropped."""
_SHORTEST = 2
"""Characters of a quote from which it is looked for inside a message to the agent."""

_c = chats.c


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
    query = select(func.count()).select_from(chats.join(dropped_texts, dropped_texts.c.chat_pk == _c.id))
    gone = connection.execute(query.where(_c.merchant == merchant, _c.day == day, _c.current == true())).scalar_one()
    if gone:
        raise QaError(f"{day} of {merchant!r}: the texts of {gone:,} chats were dropped; they cannot be judged again")


def without_text(connection: Connection, pks: Sequence[int]) -> set[int]:
    """Return those of these chats whose texts are gone."""
    d = dropped_texts.c
    return set(connection.execute(select(d.chat_pk).where(d.chat_pk.in_(pks))).scalars()) if pks else set()


def old_chats(
    connection: Connection, merchant: str, before: str, after: tuple[str, int], limit: int
) -> list[tuple[str, str, int]]:
    """Return (day, chat_id, key) of chats that began before a day and still have texts, behind ``after`` (day, key)."""
    day, pk = after
    query = (
        select(_c.day, _c.chat_id, _c.id)
        .where(_c.merchant == merchant, _c.current == true(), _c.day < before, TEXT_THERE)
        .where(or_(_c.day > day, and_(_c.day == day, _c.id > pk)))
    )
    return [(r.day, r.chat_id, r.id) for r in connection.execute(query.order_by(_c.day, _c.id).limit(limit))]


def count_old(connection: Connection, merchant: str, before: str) -> int:
    """Return how many chats ``old_chats`` would give."""
    query = select(func.count()).select_from(chats)
    where = (_c.merchant == merchant, _c.current == true(), _c.day < before, TEXT_THERE)
    return int(connection.execute(query.where(*where)).scalar_one())


def chats_of(connection: Connection, merchant: str, customer: str) -> list[str]:
    """Return the chats of which any revision names a customer."""
    query = select(_c.chat_id).where(_c.merchant == merchant, _c.customer_id == customer).distinct()
    return sorted(connection.execute(query).scalars())


def drop(connection: Connection, merchant: str, chat_ids: Sequence[str], now: Instant, by: str, reason: str) -> Dropped:
    """Cover what was said in every revision of chats; for an erasure also who the customer was, and cases of them."""
    query = select(_c.id, _c.body, _c.chat_id).where(_c.merchant == merchant, _c.chat_id.in_(chat_ids))
    found = connection.execute(query if reason == ERASURE else query.where(TEXT_THERE)).all()
    pks = [row.id for row in found]
    if not pks:
        return Dropped()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")  # what is removed is overwritten in the file
    _drop_words(connection, {row.id: bytes(row.body) for row in found})
    changed = [{"pk": row.id, "new": _covered(bytes(row.body), row.chat_id, merchant, reason)} for row in found]
    connection.execute(text("UPDATE chats SET body = :new WHERE id = :pk"), changed)
    judged = list(connection.execute(select(inspections.c.id).where(inspections.c.chat_pk.in_(pks))).scalars())
    told = _cover_findings(connection, judged)
    _cover(connection, inspections, inspections.c.id.in_(judged), {"opinions": _cover_opinions})
    said = _cover_reviews(connection, pks, reason)
    queued = _clear_queue(connection, pks)
    made = 0
    if reason == ERASURE:
        connection.execute(update(chats).where(_c.id.in_(pks)).values(customer_id=None))
        connection.execute(
            update(case_nominations).where(case_nominations.c.inspection_id.in_(judged)).values(note=None)
        )
        made = _empty_cases(connection, merchant, chat_ids, now, by)
    known = without_text(connection, pks)
    new = [{"chat_pk": pk, "dropped_at": now, "reason": reason} for pk in pks if pk not in known]
    if new:
        connection.execute(insert(dropped_texts), new)
    return Dropped(len(pks), told, said, queued, made)


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
    return _VISIBLE.sub(lambda found: "＊" if unicodedata.east_asian_width(found[0]) in "WF" else "*", said)


_VISIBLE = re.compile(r"\S")


def _covered(body: bytes, chat_id: str, merchant: str, reason: str) -> bytes:
    chat = _decoded(body) or Chat(chat_id, (), merchant=merchant)
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
        changed.append({"pk": row.id, "message": message, "evidence": orjson.dumps(_cover_places(places))})
    if changed:
        connection.execute(text("UPDATE findings SET message = :message, evidence = :evidence WHERE id = :pk"), changed)
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
        for row in connection.execute(select(table.c.id, column).where(where, column.is_not(None))).all():
            new = orjson.dumps(covering(orjson.loads(row[1])))
            if new != row[1]:
                connection.execute(update(table).where(table.c.id == row.id).values({name: new}))


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
