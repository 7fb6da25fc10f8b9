"""What a database holds, in an order and with names that do not depend on how it came there.

Keys that the database gives (``chats.id`` …) are replaced by what they stand for, wall-clock times and leases are left
out, everything else is in: a new table or column is dumped without anyone having to think of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine, select

from qa.store import account_tables, board_tables, queue_tables  # noqa: F401 - their tables are dumped too
from qa.store.inspections import FINDING_BITS, RANK_BITS
from qa.store.session import read_tx
from qa.store.tables import Base

WALL_CLOCK = {"imported_at", "published_at", "finished_at", "inspected_at", "lease_owner", "lease_until", "seconds"}
MEASURED = {"stage_times"}
"""Tables of nothing but measurements: a killed process takes its own with it."""
STARTED = {"nights", "runs"}
"""Tables whose ``started_at`` is when the program ran; a chat's is its own."""
BY_KEY = {"nights", "runs", "chats", "inspections", "users"}
"""Tables that others point at."""

Row = tuple[Any, ...]


def dump(engine: Engine, *, ranks: bool = True) -> dict[str, list[Row]]:
    """Table → its rows, sorted. Without ``ranks`` the order in which chats came in makes no difference."""
    with read_tx(engine) as connection:
        tables = {
            table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for table in Base.metadata.sorted_tables
        }
    for measured in MEASURED:
        tables.pop(measured)
    names = _names(tables)
    dumped = {}
    for table in (one for one in Base.metadata.sorted_tables if one.name in tables):
        foreign = {key.parent.name: key.column.table.name for key in table.foreign_keys}
        foreign |= {column.name: "chats" for column in table.columns if column.name == "chat_pk"}  # also without a key
        foreign |= {"inspection_id": "inspections"} if table.name == "quotes" else {}
        rows = [tuple(_cells(table.name, row, foreign, names, ranks)) for row in tables[table.name]]
        dumped[table.name] = sorted(rows, key=repr)
    return dumped


def _names(tables: dict[str, list[dict[str, Any]]]) -> dict[str, dict[Any, Any]]:
    """Table → key → what the row is, without keys of the database's making."""
    chats = {row["id"]: (row["merchant"], row["chat_id"], row["revision"]) for row in tables["chats"]}
    nights = {row["id"]: (row["merchant"], row["day"]) for row in tables["nights"]}
    seen: Counter[Any] = Counter()
    runs = {}
    for row in sorted(tables["runs"], key=lambda row: row["id"]):
        night = nights[row["night_id"]]
        seen[night] += 1
        runs[row["id"]] = (*night, seen[night])
    inspections = {row["id"]: (runs[row["run_id"]], chats[row["chat_pk"]]) for row in tables["inspections"]}
    users = {row["id"]: row["name"] for row in tables["users"]}
    rulesets = {row["hash"]: row["hash"] for row in tables["rulesets"]}
    return {
        "chats": chats,
        "nights": nights,
        "runs": runs,
        "inspections": inspections,
        "queue_items": {row["inspection_id"]: inspections[row["inspection_id"]] for row in tables["queue_items"]},
        "rulesets": rulesets,
        "users": users,
    }


def _cells(
    table: str, row: dict[str, Any], foreign: dict[str, str], names: dict[str, dict[Any, Any]], ranks: bool
) -> Iterator[Any]:
    for column, value in row.items():
        if column in WALL_CLOCK or (column == "started_at" and table in STARTED):
            continue
        if column in foreign:
            yield None if value is None else names[foreign[column]][value]
        elif column == "id" and table == "findings":
            assert value >> FINDING_BITS == row["inspection_id"]
            yield value & (1 << FINDING_BITS) - 1
        elif column == "id" and table == "inspections":
            assert value >> RANK_BITS == row["run_id"]
            yield value & (1 << RANK_BITS) - 1 if ranks else None
        elif column == "id" and table in BY_KEY:
            yield names[table][value]
        else:
            yield bytes(value) if isinstance(value, memoryview) else value
