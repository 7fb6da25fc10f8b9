"""How fast rows are written: SQLAlchemy's ORM, its Core with a list of dictionaries, and ``qa.store.bulk``.

    python benchmarks/bulk.py             # SQLite and a PostgreSQL of its own (tests/helpers/pg_server.py), two minutes

Each way writes the same rows into emptied tables in transactions of 1,000, one way after the other, three rounds; the
best counts. "Again" writes rows that are all there, as a night does that was killed and run again. No part of
continuous integration. `--write` puts the table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path[:0] = [
        str(Path(__file__).resolve().parents[1]),
        str(Path(__file__).resolve().parents[1] / "tests/helpers"),
    ]

from sqlalchemy import Connection, Engine, Table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from benchmarks.night import DOCUMENT
from benchmarks.tables import replaced
from benchmarks.watch import machine
from qa.store.bulk import insert_new
from qa.store.migrate import upgrade
from qa.store.session import opened, write_tx
from qa.store.tables import Base, chat_bodies, chats, findings, frame, inspections
from qa.store.texts import make_places

Rows = Sequence[dict[str, Any]]
Way = Callable[[Connection, Table, Rows], object]

BATCH = 1_000
ROUNDS = 3
_SAID = ",".join(f'{{"role":"agent","text":"您好，{n} 号客服"}}' for n in range(40))
_BODY = f'{{"id":"c","messages":[{_SAID}]}}'.encode()
_CHAT = {
    "merchant": "m", "revision": 1, "current": True, "source": None, "day": "2026-11-17", "day_assumed": False,
    "status": "closed", "team": "t", "channel": "web", "turns": 40, "imported_at": 5,
}  # fmt: skip
_FRAME = {"night_id": 1, "wave": 0, "agent": "a", "channel": "", "drawn": False, "probability": None, "reasons": None}
_INSPECTION = {
    "run_id": 1, "night_id": 1, "ruleset": "h", "score": 95.5, "red_line": False, "failed": 0, "broken": None,
    "dimensions": b'{"process":1.0}', "card": b'[{"rule":"x","points":-3}]' * 5, "not_applicable": b"{}",
    "opinions": b"[]", "inspected_at": 7,
}  # fmt: skip
_FINDING = {
    "outcome": "failed", "severity": "minor", "points": -3.0, "hits": 1, "value": None, "message": "said twice",
    "evidence": b'[{"turn":1,"start":0,"end":2,"quote":"xx"}]',
}  # fmt: skip
_BEFORE = (
    "INSERT INTO rulesets VALUES ('h', 'p', '1', 'x', 1)",
    "INSERT INTO nights VALUES (1, 'm', 'd', 'done', '', 'x', 1, NULL, NULL, NULL, 1, NULL)",
    "INSERT INTO runs (id, night_id, kind, wave, ruleset, state, started_at) VALUES (1, 1, 'night', 0, 'h', 'done', 1)",
)


def chat(n: int) -> dict[str, Any]:
    """Return a chat of 40 messages."""
    return _CHAT | {
        "id": n, "chat_id": f"c-{n}", "agent_id": f"a-{n % 50}", "customer_id": f"u-{n}", "started_at": n,
        "content_hash": n.to_bytes(16, "big"),
    }  # fmt: skip


MADE: tuple[tuple[Table, Callable[[int], dict[str, Any]], int], ...] = (
    (chats, chat, 1),
    (chat_bodies, lambda n: {"month": 202611, "chat_pk": n, "body": _BODY}, 1),
    (frame, lambda n: _FRAME | {"chat_pk": n, "draw_key": n.to_bytes(16, "big")}, 1),
    (inspections, lambda n: _INSPECTION | {"id": n, "chat_pk": n}, 1),
    (findings, lambda n: _FINDING | {"id": n << 8, "inspection_id": (n - 1) // 3 + 1, "rule": f"r-{n % 40}"}, 3),
)
"""Table, what makes its n-th row, and rows for each chat."""


def by_orm(connection: Connection, table: Table, rows: Rows) -> None:
    """Write an object a row."""
    kind = next(one.class_ for one in Base.registry.mappers if one.local_table is table)
    with Session(connection) as session:
        session.add_all(kind(**row) for row in rows)
        session.flush()


def by_core(connection: Connection, table: Table, rows: Rows) -> None:
    """Write a list of dictionaries; what is there stays."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).on_conflict_do_nothing(), list(rows))


WAYS: Mapping[str, Way] = {"ORM": by_orm, "Core": by_core, "bulk": insert_new}


def measured(engine: Engine, many: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield rows a second of each table by each way."""
    best: dict[str, dict[str, float]] = {}
    for _ in range(ROUNDS):
        for name, way in WAYS.items():
            with write_tx(engine) as connection:
                for table, _, _ in reversed(MADE):
                    empty = f"DELETE FROM {table.name}"  # noqa: S608 - a name of our own
                    cascade = f"TRUNCATE {table.name} CASCADE" if engine.dialect.name == "postgresql" else empty
                    connection.execute(text(cascade))
            for table, make, times in MADE:
                rows = [make(n) for n in range(1, many * times + 1)]
                found = best.setdefault(table.name, {})
                found[name] = max(found.get(name, 0), written(engine, way, table, rows))
                if name != "ORM":
                    again = found.get(f"{name} again", 0)
                    found[f"{name} again"] = max(again, written(engine, way, table, rows))
    yield from best.items()


def written(engine: Engine, way: Way, table: Table, rows: Rows) -> float:
    """Write rows, and return how many a second."""
    begun = time.perf_counter()
    for start in range(0, len(rows), BATCH):
        with write_tx(engine) as connection:
            way(connection, table, rows[start : start + BATCH])
    return len(rows) / (time.perf_counter() - begun)


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """Give the URLs of both databases, empty."""
    import pg_server  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - of the tests

    with pg_server.running() as server:
        yield {"SQLite": f"sqlite:///{folder / 'bulk.sqlite3'}", "PostgreSQL": server.url()}


def table(found: Mapping[str, Sequence[tuple[str, Mapping[str, float]]]]) -> Iterator[str]:
    """Yield the lines of the table."""
    yield "| rows a second | ORM | Core | bulk | × ORM | × Core | all there: Core | bulk |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for database, rates in found.items():
        for name, one in rates:
            plain = " | ".join(f"{one[way]:,.0f}" for way in WAYS)
            better = " | ".join(f"**{one['bulk'] / one[way]:.1f}**" for way in ("ORM", "Core"))
            again = " | ".join(f"{one[f'{way} again']:,.0f}" for way in ("Core", "bulk"))
            yield f"| {database}: `{name}` | {plain} | {better} | {again} |"


def main() -> None:
    """Measure on both databases, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chats", type=int, default=10_000, metavar="N")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    given = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory(prefix="bulk-") as folder, databases(Path(folder)) as urls:
        for name, url in urls.items():
            with opened(url) as engine:
                upgrade(engine)
                with write_tx(engine) as connection:
                    for statement in _BEFORE:
                        connection.exec_driver_sql(statement)
                    make_places(connection, [202611])
                found[name] = list(measured(engine, given.chats))
    said = f"{given.chats:,} chats, transactions of {BATCH:,} rows, the best of {ROUNDS} rounds. {machine()}."
    lines = [said, "", "    python benchmarks/bulk.py", "", *table(found)]
    print("\n".join(lines))
    if given.write:
        DOCUMENT.write_text(replaced(DOCUMENT.read_text("utf-8"), "bulk", "\n".join(lines)), "utf-8")


if __name__ == "__main__":
    main()
