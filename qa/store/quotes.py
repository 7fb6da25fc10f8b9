"""What inspections quote of chats, kept beside them by month: a month of quotes goes with the month's texts.

The rows of findings and opinions hold stars in the place of every quote, from the beginning. What was quoted stands in
``quotes``, one row for each inspection that quotes anything, and is put back when it is read. Where that row is gone,
what is read is what the chat shows as well: stars, in their places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, Connection, Integer, bindparam, select

from qa.store.bulk import insert_new
from qa.store.covering import cover_places, hide
from qa.store.tables import quotes, text_months

_ORDINAL = (1 << 8) - 1
"""Bits of a finding's key that count it within its inspection (``qa.store.inspections.FINDING_BITS``)."""

_q = quotes.c
_KEPT = select(_q.inspection_id, _q.body).where(
    _q.month.in_(bindparam("qa_months", expanding=True, type_=Integer)),
    _q.inspection_id.in_(bindparam("qa_ids", expanding=True, type_=BigInteger)),
)


class Claim(NamedTuple):
    """One finding as it is stored, with what it quotes (stars where the text is gone)."""

    id: int
    inspection_id: int
    rule: str
    outcome: str
    severity: str
    points: float
    hits: int
    value: float | None
    message: str
    evidence: bytes


class Quoted(NamedTuple):
    """What one inspection quotes: of findings by ordinal the message and the quotes, and the words behind opinions."""

    findings: Mapping[int, tuple[str, Sequence[str]]]
    because: Sequence[str]


NOTHING = Quoted({}, ())


def take_out(judged: Iterable[dict[str, Any]], findings: Iterable[dict[str, Any]], month: int) -> list[dict[str, Any]]:
    """Cover what rows of inspections and of their findings quote; returns the rows that hold it."""
    told: dict[int, list[Any]] = {}
    for row in findings:
        places = orjson.loads(row["evidence"])
        if places:
            said = [one["quote"] for one in places]
            told.setdefault(row["inspection_id"], []).append([row["id"] & _ORDINAL, row["message"], said])
            row["message"], row["evidence"] = hide(row["message"], said), orjson.dumps(cover_places(places))
    made = []
    for row in judged:
        of_findings, because = told.get(row["id"], []), _taken_from(row)
        if of_findings or because:
            made.append({"month": month, "inspection_id": row["id"], "body": orjson.dumps([of_findings, because])})
    return made


def _taken_from(row: dict[str, Any]) -> list[str]:
    if b'"quote"' not in row["opinions"]:
        return []
    stored = orjson.loads(row["opinions"])
    because = stored["because"]
    row["opinions"] = orjson.dumps(stored | {"because": cover_places(because)})
    return [one["quote"] for one in because]


def write(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep quotes; those of months whose texts are gone are not kept."""
    months = {row["month"] for row in rows}
    query = select(text_months.c.month).where(text_months.c.month.in_(months)).distinct()
    there = set(connection.execute(query).scalars()) if months else set()
    insert_new(connection, quotes, rows if there == months else [row for row in rows if row["month"] in there])


def read(connection: Connection, ids: Sequence[int], months: Iterable[int]) -> dict[int, Quoted]:
    """Return inspection → what it quotes, of those of which it is known; their chats are of these months."""
    asked = {"qa_ids": list(ids), "qa_months": sorted(set(months))}
    return {pk: quoted(bytes(body)) for pk, body in connection.execute(_KEPT, asked)}


def quoted(body: bytes) -> Quoted:
    """Return what a row holds."""
    findings, because = orjson.loads(body)
    return Quoted({ordinal: (message, said) for ordinal, message, said in findings}, because)


def put_back(claim: Claim, said: Quoted) -> Claim:
    """Return a finding with its message and evidence as they were written."""
    found = said.findings.get(claim.id & _ORDINAL)
    if found is None:
        return claim
    message, each = found
    return claim._replace(message=message, evidence=_filled(orjson.loads(claim.evidence), each))


def put_back_opinions(opinions: bytes, said: Quoted) -> bytes:
    """Return opinions with the words behind them as they were written."""
    if not said.because:
        return opinions
    stored = orjson.loads(opinions)
    return orjson.dumps(stored | {"because": list(_with(stored["because"], said.because))})


def _filled(places: Sequence[dict[str, Any]], each: Sequence[str]) -> bytes:
    return orjson.dumps(list(_with(places, each)))


def _with(places: Sequence[dict[str, Any]], each: Sequence[str]) -> Iterator[dict[str, Any]]:
    return (place | {"quote": quote} for place, quote in zip(places, each, strict=True))
