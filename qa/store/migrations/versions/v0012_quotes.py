"""What inspections quote goes into a table by month, stars into its place, so that a month of quotes goes at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from qa.store.bulk import change_all, insert_all

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_PART = 2_000
_ORDINAL = 255
_MONTH = "CAST(substr(c.day, 1, 4) || substr(c.day, 6, 2) AS INTEGER)"
_IDS: sa.BindParameter[int] = sa.bindparam("ids", expanding=True)

_plain = sa.MetaData()
_quotes = sa.Table(
    "quotes",
    _plain,
    sa.Column("month", sa.Integer),
    sa.Column("inspection_id", sa.BigInteger),
    sa.Column("body", sa.LargeBinary),
)
_findings = sa.Table(
    "findings",
    _plain,
    sa.Column("id", sa.BigInteger),
    sa.Column("inspection_id", sa.BigInteger),
    sa.Column("message", sa.Text),
    sa.Column("evidence", sa.LargeBinary),
)
_inspections = sa.Table(
    "inspections", _plain, sa.Column("id", sa.BigInteger), sa.Column("opinions", sa.LargeBinary)
)  # fmt: skip

_THERE = f"SELECT 1 FROM chat_bodies b WHERE b.month = {_MONTH} AND b.chat_pk = c.id"  # noqa: S608 - constants
_JUDGED = sa.text(
    f"SELECT i.id, i.opinions, {_MONTH} AS month FROM inspections i JOIN chats c ON c.id = i.chat_pk "  # noqa: S608 - constants
    f"WHERE i.id > :after AND EXISTS ({_THERE}) ORDER BY i.id LIMIT :part"
)
_NEXT = sa.text(
    "SELECT month, inspection_id, body FROM quotes WHERE (month, inspection_id) > (:month, :after) "
    "ORDER BY month, inspection_id LIMIT :part"
)


def upgrade() -> None:
    """Move the quotes of chats whose texts are there; all others are covered already."""
    op.create_table(
        "quotes",
        sa.Column("month", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("inspection_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("month", "inspection_id", name="pk_quotes"),
        postgresql_partition_by="LIST (month)",
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for month in connection.execute(sa.text("SELECT DISTINCT month FROM text_months ORDER BY 1")).scalars().all():
            connection.exec_driver_sql(f"CREATE TABLE quotes_{month:d} PARTITION OF quotes FOR VALUES IN ({month:d})")
    after = 0
    while judged := connection.execute(_JUDGED, {"after": after, "part": _PART}).all():
        _move(connection, judged)
        after = judged[-1].id


def downgrade() -> None:
    """Move the quotes back; copies that were made ahead go, for they would count as dropped."""
    connection = op.get_bind()
    month = after = 0
    while kept := connection.execute(_NEXT, {"month": month, "after": after, "part": _PART}).all():
        _move_back(connection, {row.inspection_id: orjson.loads(bytes(row.body)) for row in kept})
        month, after = kept[-1].month, kept[-1].inspection_id
    op.drop_table("quotes")
    ahead = f"reason = 'ahead' AND chat_pk IN (SELECT c.id FROM chats c WHERE EXISTS ({_THERE}))"  # noqa: S608 - constants
    op.execute(sa.text(f"DELETE FROM dropped_texts WHERE {ahead}"))  # noqa: S608 - constants
    op.execute(sa.text("UPDATE dropped_texts SET reason = 'retention' WHERE reason = 'ahead'"))


def _findings_of(connection: sa.Connection, ids: Iterable[int]) -> list[Any]:
    query = sa.select(_findings).where(_findings.c.inspection_id.in_(_IDS)).order_by(_findings.c.id)
    return list(connection.execute(query, {"ids": list(ids)}))


def _move(connection: sa.Connection, judged: Sequence[Any]) -> None:
    told: dict[int, tuple[list[Any], list[str]]] = {row.id: ([], []) for row in judged}
    findings, opinions = [], []
    for row in _findings_of(connection, told):
        places = orjson.loads(bytes(row.evidence))
        if places:
            said = [one["quote"] for one in places]
            told[row.inspection_id][0].append([row.id & _ORDINAL, row.message, said])
            covered = orjson.dumps(_covered(places))
            findings.append({"id": row.id, "message": _hidden(row.message, said), "evidence": covered})
    for row in judged:
        stored = orjson.loads(bytes(row.opinions))
        if stored and stored["because"]:
            told[row.id][1].extend(one["quote"] for one in stored["because"])
            covered = orjson.dumps(stored | {"because": _covered(stored["because"])})
            opinions.append({"id": row.id, "opinions": covered})
    change_all(connection, _findings, "id", findings)
    change_all(connection, _inspections, "id", opinions)
    months = {row.id: row.month for row in judged}
    kept = [
        {"month": months[pk], "inspection_id": pk, "body": orjson.dumps(both)} for pk, both in told.items() if any(both)
    ]
    insert_all(connection, _quotes, kept)


def _move_back(connection: sa.Connection, kept: dict[int, Any]) -> None:
    said = {
        pk << 8 | ordinal: (message, each) for pk, (of_it, _) in kept.items() for ordinal, message, each in of_it
    }  # fmt: skip
    findings = []
    for row in _findings_of(connection, kept):
        if row.id in said:
            message, each = said[row.id]
            evidence = _filled(orjson.loads(bytes(row.evidence)), each)
            findings.append({"id": row.id, "message": message, "evidence": evidence})
    change_all(connection, _findings, "id", findings)
    because = {pk: words for pk, (_, words) in kept.items() if words}
    query = sa.select(_inspections).where(_inspections.c.id.in_(_IDS))
    opinions = []
    for row in connection.execute(query, {"ids": list(because)}) if because else ():
        stored = orjson.loads(bytes(row.opinions))
        filled = orjson.loads(_filled(stored["because"], because[row.id]))
        opinions.append({"id": row.id, "opinions": orjson.dumps(stored | {"because": filled})})
    change_all(connection, _inspections, "id", opinions)


def _filled(places: list[dict[str, Any]], said: list[str]) -> bytes:
    return orjson.dumps([place | {"quote": quote} for place, quote in zip(places, said, strict=True)])


def _covered(places: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one | {"quote": _stars(one["quote"])} for one in places]


def _hidden(message: str, quotes: list[str]) -> str:
    for quote in quotes:
        if len(quote) > 1:
            message = message.replace(quote.replace("\0", "␀"), _stars(quote))
    return message


def _stars(said: str) -> str:
    return "".join(
        one if one.isspace() else "＊" if unicodedata.east_asian_width(one) in "WF" else "*" for one in said
    )  # fmt: skip
