"""What the database does for a statement: every one that an engine executes is explained where it is executed.

On PostgreSQL an explained statement is executed (``analyze``), in a savepoint that is taken back where it writes;
without it only planned. On SQLite the plan is read, and what reads is executed once more for its time. A *whole*
reading is one of a large table from end to end: a sequential scan, or a walk along an index that no condition begins
and no limit ends.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, event, text

LARGE = 10_000
"""Rows from which a table is large."""
_EXPLAINED = re.compile(r"\s*(SELECT|WITH|UPDATE|DELETE)\b", re.IGNORECASE)
_ALIAS = re.compile(r"\b(?:FROM|JOIN|,)\s+(\w+)(?:\s+AS)?\s+(\w+)", re.IGNORECASE)
_SCAN = re.compile(r"(?:SCAN (\w+)|SEARCH (\w+)(?!.* USING ))(.*)")
"""A search that uses nothing is one for the least or greatest value of a column: it reads everything."""
_KEY = re.compile(r"\b(?:max|min)\((?:\w+\.)?id\)")
_PASSING = {"Limit", "Nested Loop", "Merge Join", "Subquery Scan", "Result", "LockRows", "Append", "Merge Append",
            "ProjectSet", "ModifyTable", "Unique", "Incremental Sort", "Gather", "Gather Merge", "Memoize"}  # fmt: skip
"""Steps that take rows only as long as who asks wants more."""


class Known(NamedTuple):
    """What is known of a database: rows by table, and the column that each index begins with.

    Of an index of some rows only it is empty: to read such an index through is not to read the table.
    """

    sizes: Mapping[str, float]
    leading: Mapping[str, str]


class Asked(NamedTuple):
    """One statement and what was done for it."""

    statement: str
    ms: float
    rows: float
    """Rows that were read, those that a filter then dropped included; PostgreSQL only (0: not executed)."""
    whole: tuple[str, ...]
    """Large tables that were read from end to end, with how."""


@contextmanager
def watched(engine: Engine, known: Known, *, analyze: bool) -> Iterator[list[Asked]]:
    """Collect what the engine is asked, explained."""
    found: list[Asked] = []

    def note(connection: Connection, cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        if not _EXPLAINED.match(statement):
            return
        given = values[0] if many else values
        explain = _sqlite if connection.dialect.name == "sqlite" else _postgresql
        found.append(explain(cursor.connection, statement, given, known, analyze=analyze))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def known_of(connection: Connection) -> Known:
    """Return what plans are judged by; on PostgreSQL the sizes are as its statistics say."""
    if connection.dialect.name == "sqlite":
        partial = "SELECT name, '' FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'"
        return Known(_sizes(connection), {row[0]: row[1] for row in connection.execute(text(partial))})
    query = """SELECT relname, CASE WHEN indpred IS NULL THEN pg_get_indexdef(indexrelid, 1, true) ELSE '' END
        FROM pg_index JOIN pg_class ON oid = indexrelid"""
    return Known(_sizes(connection), {row[0]: row[1] for row in connection.execute(text(query))})


def _sizes(connection: Connection) -> dict[str, float]:
    if connection.dialect.name == "postgresql":
        query = """SELECT c.relname, c.reltuples FROM pg_class AS c WHERE c.relkind IN ('r', 'p')
            AND c.relnamespace = 'public'\\:\\:regnamespace"""
        return {name: float(rows) for name, rows in connection.execute(text(query))}
    names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
    own = [name for name in names if not re.search(r"^sqlite_|_(data|idx|docsize|config|content)$", name)]
    return {
        name: float(connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one())  # noqa: S608 - a name of ours
        for name in own
        if not name.endswith(("queue_words", "case_search"))
    }


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def _postgresql(driver: Any, statement: str, values: Any, known: Known, *, analyze: bool) -> Asked:
    how = "ANALYZE, BUFFERS, FORMAT JSON" if analyze else "FORMAT JSON"
    with driver.cursor() as cursor:
        writes = not re.match(r"\s*(SELECT|WITH)\b", statement, re.IGNORECASE) or "FOR UPDATE" in statement
        if writes and analyze:
            cursor.execute("SAVEPOINT explained")
        cursor.execute(f"EXPLAIN ({how}) {statement}", values)
        told = cursor.fetchone()[0][0]
        if writes and analyze:
            cursor.execute("ROLLBACK TO SAVEPOINT explained")
    steps = list(_steps(told["Plan"], None))
    whole = [_whole(node, known, limit, analyze=analyze) for node, limit in steps]
    return Asked(
        " ".join(statement.split()), told.get("Execution Time", 0.0), sum(_read(node) for node, _ in steps),
        tuple(one for one in whole if one is not None),
    )  # fmt: skip


def _steps(node: dict[str, Any], limit: float | None) -> Iterator[tuple[dict[str, Any], float | None]]:
    """Yield every step, and for one that ends when enough is found what the planner thinks that this costs."""
    yield node, limit
    through = limit if node["Node Type"] in _PASSING else None
    if node["Node Type"] == "Limit":
        through = node["Total Cost"]
    for place, child in enumerate(node.get("Plans", ())):
        inner = child.get("Parent Relationship") in {"SubPlan", "InitPlan"}
        inner = inner or (place > 0 and node["Node Type"] != "Merge Join")
        yield from _steps(child, None if inner else through)


def _read(node: dict[str, Any]) -> float:
    """Return rows that a step read from its table."""
    if "Relation Name" not in node or "Actual Rows" not in node:
        return 0.0
    dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + dropped) * node["Actual Loops"])


def _whole(node: dict[str, Any], known: Known, limit: float | None, *, analyze: bool) -> str | None:
    table, kind = node.get("Relation Name"), node["Node Type"]
    size = known.sizes.get(table or "", 0.0)
    if table is None or size <= LARGE or node.get("Actual Loops") == 0:
        return None
    early = limit is not None and (kind != "Seq Scan" or limit < node["Total Cost"] / 2)
    if early if not analyze else _read(node) < size / 2 and (limit is not None or kind != "Seq Scan"):
        return None
    if kind == "Seq Scan":
        return f"{table} (sequential)"
    if kind in {"Index Scan", "Index Only Scan"} and not _begins(node, known):
        return f"{table} ({node['Index Name']})"
    return None


def _begins(node: dict[str, Any], known: Known) -> bool:
    """Whether a condition says where in the index to begin; one on a later column alone reads all of it."""
    return known.leading.get(node["Index Name"], "\0") in node.get("Index Cond", "")


# --- SQLite ----------------------------------------------------------------------------------------------------------


def _sqlite(driver: Any, statement: str, values: Any, known: Known, *, analyze: bool) -> Asked:
    cursor = driver.cursor()
    steps = [row[-1] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    begun = time.perf_counter()
    if analyze and re.match(r"\s*(SELECT|WITH)\b", statement, re.IGNORECASE):
        cursor.execute(statement, values).fetchall()
    took = (time.perf_counter() - begun) * 1_000
    cursor.close()
    named = {alias: table for table, alias in _ALIAS.findall(statement)}
    last = re.search(r"LIMIT (?:\?|\d+)(?: OFFSET \?)?\s*$", statement) is not None
    ends = "LIMIT" in statement and not (last and any("TEMP B-TREE FOR ORDER BY" in step for step in steps))
    whole = []
    for step in steps:
        found = _SCAN.match(step)
        if found is None or "VIRTUAL TABLE INDEX" in step:
            continue
        name, how = str(found[1] or found[2]), found[3]
        table = named.get(name, name)
        if "INDEX" in how and known.leading.get(how.split()[-1]) == "":
            continue
        walks = ends and ("INDEX" in how or "ORDER BY" in statement)
        least = found[2] is not None and _KEY.search(statement) is not None
        if known.sizes.get(table, 0.0) > LARGE and not walks and not least:
            whole.append(f"{table} ({how.split()[-1] if 'INDEX' in how else 'sequential'})")
    return Asked(" ".join(statement.split()), took, 0.0, tuple(whole))
