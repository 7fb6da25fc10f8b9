"""How long `qa retention` takes to let a month of chats go, a third of them inspected.

    python benchmarks/months.py                      # PostgreSQL, 200,000 chats: about two minutes
    python benchmarks/months.py --chats 5000000      # needs 30 GB in the temporary folder
    python benchmarks/months.py --on sqlite
    python benchmarks/months.py --cold               # the first run after a migration from schema 0010
    python benchmarks/months.py --daily              # without --whole-months: a day goes each day, chat by chat

A store with two such months is made (``month_rows``). Then `qa retention` is run as a timer does, first on every day of
the weeks before the older month is over, which makes the covered copies ahead, then on the day it goes; with `--daily`
on every day until the last of the older month is gone. `--write` puts the table into docs/operations.md. No part of
continuous integration.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import Engine, text

from benchmarks import month_rows
from benchmarks.plans import database
from benchmarks.tables import replaced
from benchmarks.watch import machine
from qa import retention
from qa.retention import Term
from qa.store import dropping, dropping_months, migrate
from qa.store.audit import Act
from qa.store.dropping import Dropped
from qa.store.session import opened, read_tx

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "operations.md"
MONTHS = ("2026-01-01", "2026-02-01")
OVER = date(2026, 2, 1)
"""First day that is kept when the older month goes."""
PARTS: dict[str, tuple[Any, str]] = {
    "what lacks a copy": (dropping_months, "uncovered"),
    "copies": (dropping_months, "copy_ahead"),
    "words": (dropping, "drop_words"),
    "counting": (dropping_months, "counts"),
    "the drop": (dropping_months, "drop_month"),
    "vacuum": (dropping, "forget"),
}
DAILY: dict[str, tuple[Any, str]] = {
    "finding what is due": (dropping, "old_chats"),
    "taking it away": (dropping, "drop"),
    "vacuum": (dropping, "forget"),
    "what lacks a copy": (dropping_months, "uncovered_of_days"),
    "copies": (dropping_months, "copy_ahead"),
    "the month, empty by then": (dropping_months, "drop_month"),
}


def main() -> None:
    """Make the store, let a month go, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chats", type=int, default=200_000, metavar="N", help="chats of a month")
    parser.add_argument("--on", choices=("postgresql", "sqlite"), default="postgresql", help="which database")
    parser.add_argument("--url", help="an empty PostgreSQL database, in place of a server of our own")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--cold", action="store_true", help="migrate from 0010, make no copies ahead")
    how.add_argument("--daily", action="store_true", help="let a day go each day, without --whole-months")
    parser.add_argument("--write", action="store_true", help="put the table into docs/operations.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="months-") as folder, ExitStack() as stack:
        url = arguments.url or stack.enter_context(database(arguments.on, Path(folder)))
        engine = stack.enter_context(opened(url))
        month_rows.make(engine, arguments.chats, MONTHS)
        lines = list(daily(engine) if arguments.daily else measured(engine, cold=arguments.cold))
    head = f"{arguments.on}, two months of {arguments.chats:,} chats, a third of them inspected. {machine()}."
    lines = [head, "", *lines]
    print("\n".join(lines))
    if arguments.write:
        section = f"months-{arguments.on}{'-cold' if arguments.cold else '-daily' if arguments.daily else ''}"
        DOCUMENT.write_text(replaced(DOCUMENT.read_text("utf-8"), section, "\n".join(lines)), "utf-8")


def measured(engine: Engine, *, cold: bool = False) -> Iterator[str]:
    """Yield the lines of the table."""
    if cold:
        migrate.downgrade(engine, "0010")
        begun = time.perf_counter()
        migrate.upgrade(engine)
        yield f"The migration from 0010 took {time.perf_counter() - begun:.1f} s. The first run after it:"
        yield ""
    else:
        days = [run(engine, OVER - timedelta(days=back))[0] for back in range(retention.AHEAD + month_rows.DAYS, 0, -1)]
        told = f"{len(days)} runs, one a day, made {_copies(engine):,} covered copies in {sum(days):.0f} s"
        yield f"Before, {told}; the longest took {max(days):.1f} s. On the day:"
        yield ""
    yield from _table(engine, PARTS, lambda: run(engine, OVER)[1])


def daily(engine: Engine) -> Iterator[str]:
    """Yield the lines of the table of days that go one by one."""
    first = date.fromisoformat(MONTHS[0])
    for back in range(retention.AHEAD + 1):
        run(engine, first - timedelta(days=retention.AHEAD - back), whole_months=False)
    days = [first + timedelta(days=number + 1) for number in range(month_rows.DAYS)]
    seconds: list[float] = []

    def each() -> Dropped:
        sum_ = Dropped()
        for day in [*days, OVER]:
            clock, dropped = run(engine, day, whole_months=False)
            seconds.append(clock)
            sum_ = sum_.plus(dropped)
        return sum_

    lines = list(_table(engine, DAILY, each))
    yield (
        f"{len(seconds)} runs, one a day: the first took {seconds[0]:.1f} s, the last that took a day's texts away "
        f"{seconds[-2]:.1f} s, the longest {max(seconds):.1f} s. Together:"
    )
    yield from ("", *lines)


def _table(engine: Engine, parts: dict[str, tuple[Any, str]], do: Callable[[], Dropped]) -> Iterator[str]:
    """Do something, and yield the lines that say how long its parts took and what went."""
    before = _size(engine)
    spent: dict[str, list[float]] = {name: [0.0, 0.0] for name in parts}
    with ExitStack() as stack:
        for name, (module, function) in parts.items():
            stack.enter_context(_watched(engine, module, function, spent[name]))
        begun, used = time.perf_counter(), _used(engine)
        dropped = do()
        seconds, used = time.perf_counter() - begun, _used(engine) - used
    yield "| what | seconds on the clock | of processor time |"
    yield "|---|--:|--:|"
    for name, (clock, processor) in spent.items():
        yield f"| {name} | {clock:.2f} | {processor:.2f} |"
    yield f"| **all** | **{seconds:.2f}** | **{used:.2f}** |"
    yield ""
    told = ", ".join(f"{number:,} {name}" for name, number in dropped._asdict().items() if number)
    yield f"Gone: {told}; the database was {before:,.0f} MB and is {_size(engine):,.0f} MB."


def run(engine: Engine, before: date, *, whole_months: bool = True) -> tuple[float, Dropped]:
    """Do what `qa retention --whole-months` does; returns seconds, and what went of all merchants together."""
    asked = [Term(f"m-{number}", 365, before.isoformat()) for number in range(month_rows.MERCHANTS)]
    begun = time.perf_counter()
    done = retention.keep_to(engine, Act("benchmark", 1), asked, whole_months=whole_months)
    seconds, sum_ = time.perf_counter() - begun, Dropped()
    for one in done:
        sum_ = sum_.plus(one.dropped or Dropped())
    return seconds, sum_


@contextmanager
def _watched(engine: Engine, module: Any, name: str, spent: list[float]) -> Iterator[None]:
    """Add up the seconds that a function takes, on the clock and of processor time."""
    whole: Callable[..., Any] = getattr(module, name)

    def timed(*given: Any, **more: Any) -> Any:
        begun, used = time.perf_counter(), _used(engine)
        try:
            return whole(*given, **more)
        finally:
            spent[0] += time.perf_counter() - begun
            spent[1] += _used(engine) - used

    setattr(module, name, timed)
    try:
        yield
    finally:
        setattr(module, name, whole)


def _used(engine: Engine) -> float:
    """Return processor seconds of this process, and of a server of our own with all that it has started (Linux)."""
    own = time.process_time()
    if engine.dialect.name != "postgresql":
        return own
    with read_tx(engine) as connection:
        server = int(
            connection.execute(text("SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)")).scalar_one()
        )
    while True:
        children = Path(f"/proc/{server}/task/{server}/children").read_text("ascii").split()
        try:
            running = sum(_ticks(int(child)) for child in children)
        except (FileNotFoundError, ProcessLookupError):
            continue  # one has ended since, and counts among those that have
        return own + running + _ticks(server, ended=True)


def _ticks(process: int, *, ended: bool = False) -> float:
    """Return processor seconds of a process; ``ended``: and of its children that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(int(one) for one in fields[11 : 15 if ended else 13]) / os.sysconf("SC_CLK_TCK")


def _copies(engine: Engine) -> int:
    with read_tx(engine) as connection:
        return int(connection.execute(text("SELECT count(*) FROM dropped_texts")).scalar_one())


def _size(engine: Engine) -> float:
    """Return the size of the database in MB (10⁶ bytes)."""
    query = "SELECT pg_database_size(current_database())"
    if engine.dialect.name == "sqlite":
        query = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    with read_tx(engine) as connection:
        return float(connection.execute(text(query)).scalar_one()) / 1e6


if __name__ == "__main__":
    main()
