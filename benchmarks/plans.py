"""What each page and each step of a night reads at five million inspections, and in what time.

    python benchmarks/plans.py                          # PostgreSQL: about ten minutes and 15 GB in a temporary folder
    python benchmarks/plans.py --on sqlite              # the same on SQLite
    python benchmarks/plans.py --url postgresql://…     # an empty database of yours; it is filled, and stays

The store is made by SQL (``plan_rows``), the program's own functions are called on it (``plan_uses``), and every
statement is explained where it is executed (``plan_watch``). `--write` puts the table into docs/plans.md. No part of
continuous integration, which holds the plans of a small store to the same (tests/store/test_plans.py).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import Engine

from benchmarks import plan_rows, plan_uses, plan_watch
from benchmarks.tables import replaced
from benchmarks.watch import machine
from qa.store.session import opened, read_tx

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "plans.md"
NAMES = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}


class Measured(NamedTuple):
    """One use: its statements, their milliseconds, rows read from tables, large tables read from end to end."""

    name: str
    statements: int
    ms: float
    rows: float
    whole: tuple[str, ...]


def main() -> None:
    """Make the store, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inspections", type=int, default=5_000_000, metavar="N")
    parser.add_argument("--on", choices=NAMES, default="postgresql", help="which database")
    parser.add_argument("--url", help="an empty PostgreSQL database, in place of a server of our own")
    parser.add_argument("--filled", action="store_true", help="the database of --url is filled already")
    parser.add_argument("--write", action="store_true", help="put the table into docs/plans.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="plans-") as folder, ExitStack() as stack:
        url = arguments.url or stack.enter_context(database(arguments.on, Path(folder)))
        engine = stack.enter_context(opened(url))
        if not arguments.filled:
            plan_rows.make(engine, arguments.inspections)
            plan_rows.count(engine)
        found = list(measure(engine, Path(folder)))
    kind = engine.dialect.name
    lines = [f"{NAMES[kind]}, {arguments.inspections:,} inspections. {machine()}.", "", *table(kind, found)]
    print("\n".join(lines))
    if arguments.write:
        DOCUMENT.write_text(replaced(DOCUMENT.read_text("utf-8"), kind, "\n".join(lines)), "utf-8")


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Give the URL of an empty database that goes again."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'plans.sqlite3'}"
        return
    sys.path.insert(0, str(ROOT / "tests" / "helpers"))
    import pg_server  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - the tests' own server: nothing to install or to set up

    with pg_server.running() as server:
        yield server.url()


def measure(engine: Engine, folder: Path) -> Iterator[Measured]:
    """Yield every use, done once to warm up and once to be measured."""
    with read_tx(engine) as connection:
        known = plan_watch.known_of(connection)
    with plan_uses.placed(engine, folder) as place:
        for name, use in plan_uses.uses(place).items():
            use(place)
            with plan_watch.watched(engine, known, analyze=True) as asked:
                use(place)
            whole = dict.fromkeys(one for each in asked for one in each.whole)
            yield Measured(name, len(asked), sum(a.ms for a in asked), sum(a.rows for a in asked), tuple(whole))
            sys.stderr.write(f"{name}\n")


def table(kind: str, found: list[Measured]) -> Iterator[str]:
    """Yield the lines: every use, then why those that read a large table from end to end may."""
    rows = kind == "postgresql"
    yield "| what | statements | ms |" + (" rows read |" if rows else "") + " large tables read whole |"
    yield "|---|--:|--:|" + ("--:|" if rows else "") + "---|"
    for one in found:
        read = f" {one.rows:,.0f} |" if rows else ""
        yield f"| {one.name} | {one.statements} | {one.ms:,.1f} |{read} {', '.join(one.whole) or '–'} |"


if __name__ == "__main__":
    main()
