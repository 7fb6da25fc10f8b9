"""The words of cases: for full-text search (cut as ``qa.store.words`` does), and for likening cases to each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    column,
    delete,
    func,
    literal_column,
    select,
    table,
    text,
    union_all,
)

from qa.store.bulk import insert_all
from qa.store.case_tables import case_words
from qa.store.words import asked, written

LOOKED_AT = 400
"""Cases of one word that are looked at when likeness is asked for, the newest ones; a commoner word tells little."""

_search = table("case_search", column("rowid"), column("case_id"), column("words"), column("case_search"))
_w = case_words.c


def set_words(connection: Connection, case_id: int, said: Iterable[str], telling: Iterable[str]) -> None:
    """Keep what a case says for the search, and its telling words for likeness; what was kept before is replaced."""
    sqlite = connection.dialect.name == "sqlite"
    key = "rowid" if sqlite else "case_id"
    connection.execute(text(f"DELETE FROM case_search WHERE {key} = :id"), {"id": case_id})  # noqa: S608 - one of two names
    cast = ":words" if sqlite else "CAST(:words AS tsvector)"
    connection.execute(
        text(f"INSERT INTO case_search ({key}, words) VALUES (:id, {cast})"),  # noqa: S608 - the same
        {"id": case_id, "words": written(connection, said)},
    )
    connection.execute(delete(case_words).where(_w.case_id == case_id))
    rows = [{"word": word, "case_id": case_id} for word in dict.fromkeys(telling)]
    insert_all(connection, case_words, rows)


def known_after(connection: Connection, after: int, limit: int) -> list[int]:
    """Return cases that the search knows, by key, behind one."""
    key = _search.c.rowid if connection.dialect.name == "sqlite" else _search.c.case_id
    return list(connection.execute(select(key).where(key > after).order_by(key).limit(limit)).scalars())


def found(connection: Connection, wanted: Sequence[Sequence[str]]) -> Select[Any]:
    """Return a query of the cases (column ``case_id``) that hold every phrase."""
    c = _search.c
    if connection.dialect.name == "sqlite":
        return select(c.rowid.label("case_id")).where(c.case_search.op("MATCH")(asked(connection, wanted)))
    return select(c.case_id).where(c.words.op("@@")(asked(connection, wanted)))


def frequencies(connection: Connection, words: Sequence[str]) -> dict[str, int]:
    """Return in how many cases each word is, counted up to ``LOOKED_AT``."""
    if not words:
        return {}
    counts: list[Any] = [
        select(literal_column(str(place)).label("place"), func.count().label("cases")).select_from(
            select(_w.case_id).where(_w.word == word).limit(LOOKED_AT).subquery()
        )
        for place, word in enumerate(words)
    ]
    return {words[row.place]: int(row.cases) for row in connection.execute(union_all(*counts))}


def sharing(words: Sequence[str]) -> Select[Any]:
    """Return a query of cases (``case_id``) with how many of these words they share (``shared``)."""
    each = [
        select(
            select(_w.case_id).where(_w.word == word).order_by(_w.case_id.desc()).limit(LOOKED_AT).subquery().c.case_id
        )
        for word in words
    ]
    every = union_all(*each).subquery()
    return select(every.c.case_id, func.count().label("shared")).group_by(every.c.case_id)


def words_of(connection: Connection, case_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the telling words of cases."""
    held: dict[int, list[str]] = {case_id: [] for case_id in case_ids}
    query = select(_w.case_id, _w.word).where(_w.case_id.in_(case_ids)).order_by(_w.case_id, _w.word)
    for case_id, word in connection.execute(query):
        held[case_id].append(word)
    return held
