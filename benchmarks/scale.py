"""What a night costs by stage and size, a cost model fitted to that, and what it says of days beyond this machine.

    python benchmarks/scale.py --write               # about half an hour; docs/scale.md with its plots
    python benchmarks/scale.py --fit 5000,10000,20000 --check 40000 --sizes-postgres 10000

Nights of the sizes of ``--fit`` make the model (benchmarks/cost_model.py); the nights of ``--check`` are measured and
not used for it. Whole commands in processes of their own, with the shipped classifier, by the clock: run it on a
machine that does nothing else. The plots need matplotlib, which nothing else of the project does.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import pickle
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC
from functools import partial
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import create_engine, text

from benchmarks import rules, scale_report
from benchmarks.generate import DAY, generate
from benchmarks.night import MERCHANT, day_file
from benchmarks.scale_report import PACKS, Measured, Scale, Writing
from benchmarks.tables import replaced
from benchmarks.watch import ROOT, machine, run
from qa.boards import rollup
from qa.cli.common import now
from qa.cli.nightly import night_options
from qa.config import load_settings
from qa.nightly import night
from qa.nightly.standard import standard_for
from qa.progress import Quiet
from qa.queueing import filling
from qa.rules.engine import compile_pack
from qa.sources.canonical import to_chat
from qa.store.session import opened, read_tx

DOCUMENT = ROOT / "docs" / "scale.md"
PLOT = ROOT / "docs" / "images" / "scale.png"
CLEAN = 32
"""Chats in which nothing fires, for the made packs."""
SPIN = 30_000_000
_MESSAGES = 20


# --- databases -------------------------------------------------------------------------------------------------------


class SQLite:
    """Databases as files of one folder."""

    name = "SQLite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self, name: str) -> str:
        """Return the address of a database, empty if it is new."""
        return f"sqlite:///{self.folder / name}.sqlite3"

    def copy(self, name: str, to: str) -> None:
        """Make a copy that has nothing in the cache of the first."""
        shutil.copy(self.folder / f"{name}.sqlite3", self.folder / f"{to}.sqlite3")

    def sizes(self, name: str) -> dict[str, int]:
        """Return the bytes on disk."""
        return {"": sum(file.stat().st_size for file in self.folder.glob(f"{name}.sqlite3*"))}

    def drop(self, name: str) -> None:
        """Forget a database."""
        for file in self.folder.glob(f"{name}.sqlite3*"):
            file.unlink()


class Postgres:
    """Databases of a server that is thrown away at the end."""

    name = "PostgreSQL"

    def __init__(self, address: str) -> None:
        self.address = address

    def url(self, name: str) -> str:
        """Return the address of a database, made if it is not there."""
        self._do(f"CREATE DATABASE {name}", missing_ok=True)
        return self.address.replace("/postgres?", f"/{name}?")

    def copy(self, name: str, to: str) -> None:
        """Make a copy."""
        self._do(f"CREATE DATABASE {to} TEMPLATE {name}")

    def sizes(self, name: str) -> dict[str, int]:
        """Return bytes by table, with indexes; the partitions of a table are added up."""
        query = text(
            "SELECT coalesce(p.relname, c.relname), sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c"
            " LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent"
            " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY 1"
        )
        with opened(self.url(name)) as engine, read_tx(engine) as connection:
            return {table: int(size) for table, size in connection.execute(query)}

    def drop(self, name: str) -> None:
        """Forget a database."""
        self._do(f"DROP DATABASE {name}")

    def _do(self, statement: str, *, missing_ok: bool = False) -> None:
        engine = create_engine(self.address, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            name = statement.split()[2]
            there = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}).first()
            if not (missing_ok and there):
                connection.execute(text(statement))
        engine.dispose()


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """Start a server of our own, as the tests do."""
    sys.path.insert(0, str(ROOT / "tests" / "helpers"))
    import pg_server  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - of the tests

    with pg_server.running() as server:
        yield Postgres(server.url())


# --- nights ----------------------------------------------------------------------------------------------------------


def measured(day: Path, size: int, where: SQLite | Postgres, home: Path) -> list[Measured]:
    """Import a day into an empty database and run its night with one worker and, on a copy, with two."""
    settings = {"QA_DATA_DIR": str(home), "QA_CONFIG": ""}
    importing = run(["-m", "qa", "import", str(day)], settings | {"QA_DATABASE_URL": where.url("first")})
    where.copy("first", "second")
    found = []
    for workers, name in ((1, "first"), (2, "second")):
        nightly = run(
            ["-m", "qa", "nightly", "--date", DAY, "--workers", str(workers)],
            settings | {"QA_DATABASE_URL": where.url(name)},
        )
        inspected = re.search(r" = ([\d,]+) inspected", nightly.output)
        times = re.search(r"^time: (.*)$", nightly.output, re.MULTILINE)
        assert inspected, f"unexpected summary: {nightly.output}"
        assert times, f"unexpected summary: {nightly.output}"
        stages = {stage: float(seconds) for stage, seconds in re.findall(r"(\w+) ([\d.]+) s", times[1])}
        count = int(inspected[1].replace(",", ""))
        found.append(Measured(where.name, size, count, workers, importing, nightly, stages, where.sizes(name)))
        where.drop(name)
        print(f"{where.name}, {size:,} chats, workers {workers}: {nightly.seconds:.1f} s", file=sys.stderr, flush=True)
    return found


def writing(day: Path, size: int, where: SQLite | Postgres, home: Path) -> Writing:
    """Measure what the one writer does: its transactions, and taking in rows that another process made."""
    url = where.url("written")
    settings = {"QA_DATA_DIR": str(home), "QA_DATABASE_URL": url}
    run(["-m", "qa", "import", str(day)], settings | {"QA_CONFIG": ""})
    writers = ((night, "_write_frame"), (night, "_write_inspections"), (filling, "_keep"), (rollup, "_keep"))
    loaded = load_settings(None, settings)
    with contextlib.ExitStack() as stack:
        spent = [stack.enter_context(_timed(*writer)) for writer in writers]
        engine = stack.enter_context(opened(url))
        night.run_night(engine, night_options(loaded, MERCHANT, DAY, workers=1), Quiet())
        filling.fill(engine, now())
        rollup.roll_up(engine, loaded.zone)
    where.drop("written")
    return Writing(where.name, size, sum(one.write for one in spent), sum(one.move for one in spent))


class _Spent:
    """Seconds of writing rows, and of packing and unpacking them as between processes."""

    write = move = 0.0


@contextlib.contextmanager
def _timed(module: ModuleType, name: str) -> Iterator[_Spent]:
    """Time one of the writing functions, whose last argument comes from a worker, for a while."""
    honest: Callable[..., Any] = getattr(module, name)
    spent = _Spent()

    def timed(*arguments: Any) -> Any:
        begun = time.perf_counter()
        pickle.loads(pickle.dumps(arguments[-1]))  # noqa: S301 - our own rows
        between = time.perf_counter()
        done = honest(*arguments)
        spent.move += between - begun
        spent.write += time.perf_counter() - between
        return done

    setattr(module, name, timed)
    try:
        yield spent
    finally:
        setattr(module, name, honest)


# --- rules and cores -------------------------------------------------------------------------------------------------


def judged() -> dict[tuple[int, int], float]:
    """Return microseconds of processor time for judging a chat in which nothing fires, by (rules, phrases)."""
    bench = rules.Bench(standard_for(None, None))
    every = [case.chat for case in rules.clean_cases(bench, CLEAN)]
    texts = [message.text for chat in every for message in chat.messages]
    sets = {size: compile_pack(rules.made_pack(bench.pack, texts, *size)) for size in PACKS}
    steps = [partial(rules.judge_all, made, every, bench.context) for made in sets.values()]
    return dict(zip(sets, rules.micros(steps, len(every), 40), strict=True))


def _spin(_: int) -> float:
    begun, number = time.perf_counter(), SPIN
    while number:
        number -= 1
    return time.perf_counter() - begun


def capacity() -> float:
    """Return how many times the work of one busy process two of them do on this machine; 2 where cores are whole."""
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_spin, [0, 0]))  # both are there
        alone = min(_spin(0) for _ in range(3))
        both = min(max(pool.map(_spin, [0, 0])) for _ in range(3))
    return 2 * alone / both


# --- all of it -------------------------------------------------------------------------------------------------------


def measure(given: argparse.Namespace, folder: Path) -> Scale:
    """Measure everything."""
    home = folder / "home"
    home.mkdir()
    nights: list[Measured] = []
    written: list[Writing] = []
    cores = capacity()
    costs = judged()

    def each(where: SQLite | Postgres, sizes: Sequence[int]) -> None:
        for size in sizes:
            day = day_file(folder, size, _MESSAGES)
            nights.extend(measured(day, size, where, home))
            if size == given.writing:
                written.append(writing(day, size, where, home))
            day.unlink()

    each(SQLite(folder), [*given.fit, *given.check])
    with contextlib.ExitStack() as stack:
        if given.sizes_postgres:
            each(stack.enter_context(postgres()), given.sizes_postgres)
    return Scale(machine(), cores, tuple(given.fit), tuple(nights), tuple(written), costs, _characters())


def _characters() -> float:
    """Return the mean length of a generated chat, in code points."""
    chats = [to_chat(json.loads(line), zone=UTC) for line in islice(generate(500), 500)]
    return sum(len(message.text) for chat in chats for message in chat.messages) / len(chats)


def _sizes(words: str) -> list[int]:
    return [int(word) for word in words.split(",") if word]


def main() -> None:
    """Measure, print, and write the document's tables and plot where asked."""
    parser = argparse.ArgumentParser(description="Measure what nights cost, and tell what larger ones would.")
    parser.add_argument("--fit", type=_sizes, default="10000,30000,100000", metavar="N,…", help="SQLite: for the model")
    parser.add_argument("--check", type=_sizes, default="1000000", metavar="N,…", help="SQLite: to check it")
    parser.add_argument("--sizes-postgres", type=_sizes, default="10000,30000,100000", metavar="N,…", help="or empty")
    parser.add_argument("--writing", type=int, default=10_000, metavar="N", help="which size tells the writer's share")
    parser.add_argument("--write", action="store_true", help="put tables and plot into docs/scale.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qa-scale-") as name:
        scale = measure(given, Path(name))
    for section, table in scale_report.tables(scale).items():
        print(f"\n--- {section}\n{table}")
        if given.write:
            DOCUMENT.write_text(replaced(DOCUMENT.read_text("utf-8"), f"scale-{section}", table), "utf-8")
    if given.write:
        scale_report.plot(scale, PLOT)


if __name__ == "__main__":
    main()
