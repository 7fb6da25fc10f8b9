"""How the workbench answers when sixteen people review at once: the real server, on loopback, with a night meanwhile.

    python benchmarks/web_load.py --write                      # SQLite, about ten minutes
    python benchmarks/web_load.py --postgres --write           # a PostgreSQL of its own (tests/helpers/pg_server.py)
    python benchmarks/web_load.py --database postgresql://…    # an empty database of yours; its tables stay behind

The data are made by the product: a generated day is imported, and its night inspects every chat, flags and fills the
queue. `qa serve` runs as people start it; those who load it are threads of this process. Two loads: without a pause
between an answer and the next request (more than people can do), and with a pause of one second on average. Every
verdict that the server acknowledged must be in the database once. No part of continuous integration.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Self

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sqlalchemy import Engine, func, select

from benchmarks.generate import DAY
from benchmarks.night import DOCUMENT, MERCHANT, day_file
from benchmarks.tables import replaced
from benchmarks.watch import ROOT, machine, run
from benchmarks.web_clients import PASSWORD, Sheet, load
from qa.accounts import NewUser, add_user
from qa.people import UserRole
from qa.signing_in import Ticket, use_link
from qa.store.audit import Act
from qa.store.queue_tables import queue_items
from qa.store.session import opened, read_tx
from qa.store.tables import reviews
from qa.web.passwords import hash_password

PEOPLE = 16
LEADS = 2
NIGHT_CHATS = 20_000
PAUSED_SHARE = 8
"""One of so many requests is made with a pause before it."""
LABELS = {
    "list": "queue, first page", "filter": "queue, filtered", "search": "queue, words searched",
    "chat": "chat page", "next": "take the next chat", "save": "save a verdict, take the next", "board": "home",
}  # fmt: skip
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Phase:
    """One load and what the machine did meanwhile."""

    name: str
    sheet: Sheet
    server_s: float
    """Processor seconds of the server."""
    clients_s: float
    nights_s: float
    busy_s: float
    """Processor seconds of everything on this machine, what has nothing to do with this included."""
    nights: list[tuple[float, float]] = field(default_factory=list)
    """When each night ran."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.sheet.ended - self.sheet.began

    def share(self, seconds: float) -> str:
        """Processor seconds as a share of what there was."""
        return f"{max(0.0, seconds) / (self.seconds * (os.cpu_count() or 1)):.0%}"

    @property
    def nightly(self) -> float:
        """The share of the time in which a night ran."""
        s = self.sheet
        return sum(max(0.0, min(end, s.ended) - max(begun, s.began)) for begun, end in self.nights) / self.seconds


def main() -> None:
    """Make the data, load the server, check, print or write the table."""
    given = _arguments()
    with tempfile.TemporaryDirectory(prefix="web-load-") as name, _database(given, Path(name)) as url:
        home = {
            "QA_DATA_DIR": name, "QA_DATABASE_URL": url, "QA_SECRET_KEY": token_hex(),
        }  # fmt: skip
        phases = [("no pause", given.requests, 0.0)]
        if not given.closed_only:
            phases.append(("a pause of 1 s", given.requests // PAUSED_SHARE, 1.0))
        _fill(given, Path(name), home)
        with opened(url) as engine:
            waiting = _count(engine)
            people = _hire(engine)
            with _served(home, given.processes) as (address, process):
                done = [
                    _phase(
                        phase, address, process, people, _Nights(home, [f"night-{at}-{n}" for n in range(given.nights)])
                    )
                    for at, phase in enumerate(phases)
                ]
            lost = [_check(engine, phase.sheet) for phase in done]
    table = _table(given, waiting, done, lost)
    print(table)
    if given.write:
        section = "web-postgresql" if url.startswith("postgres") else "web-sqlite"
        DOCUMENT.write_text(replaced(DOCUMENT.read_text("utf-8"), section, table), "utf-8")
    if any(phase.sheet.errors or phase.sheet.odd for phase in done) or any(lost):
        sys.exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inspections", type=int, default=20_000, metavar="N")
    parser.add_argument(
        "--requests", type=int, default=10_000, metavar="N", help="without a pause; an eighth of it with"
    )
    parser.add_argument("--nights", type=int, default=6, metavar="N", help="nights at most that run during each load")
    parser.add_argument("--processes", type=int, default=None, metavar="N", help="passed to qa serve")
    parser.add_argument("--closed-only", action="store_true", help="only the load without pauses")
    parser.add_argument("--database", metavar="URL", help="an empty database, instead of a SQLite file")
    parser.add_argument("--postgres", action="store_true", help="start a PostgreSQL server and throw it away")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    return parser.parse_args()


@contextlib.contextmanager
def _database(given: argparse.Namespace, folder: Path) -> Iterator[str]:
    if not given.postgres:
        yield given.database or f"sqlite:///{folder / 'load.sqlite3'}"
        return
    sys.path.insert(0, str(ROOT / "tests" / "helpers"))
    import pg_server  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - of the tests

    with pg_server.running() as server:
        yield server.url()


def _fill(given: argparse.Namespace, folder: Path, home: dict[str, str]) -> None:
    """Import a day, inspect all of it; import the chats of the nights that are to come."""
    config = folder / "zhijian.toml"
    config.write_text("[policy]\nrate = 1.0\n", "utf-8")
    day = day_file(folder, given.inspections, 20)
    run(["-m", "qa", "import", str(day)], home)
    run(["-m", "qa", "nightly", "--date", DAY, "--merchant", MERCHANT], home)
    config.write_text("[policy]\nrate = 0.3\n", "utf-8")
    day = day_file(folder, NIGHT_CHATS, 20)
    for merchant in (
        f"night-{phase}-{n}" for phase in range(1 if given.closed_only else 2) for n in range(given.nights)
    ):
        copy = folder / "night.jsonl"
        with day.open(encoding="utf-8") as lines, copy.open("w", encoding="utf-8") as out:
            out.writelines(line.replace(f'"{MERCHANT}"', f'"{merchant}"', 1) for line in lines)
        run(["-m", "qa", "import", str(copy)], home)
    for file in folder.glob("*.jsonl"):
        file.unlink()


def _count(engine: Engine) -> int:
    with read_tx(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(queue_items)).scalar_one())


def _hire(engine: Engine) -> list[str]:
    """Make the accounts, with a password."""
    secret, now = hash_password(PASSWORD), time.time_ns() // 1_000
    names = [f"person-{number}" for number in range(PEOPLE)]
    for place, name in enumerate(names):
        role = UserRole.LEAD if place < LEADS else UserRole.SPECIALIST
        link = token_hex()
        add_user(engine, Act("benchmark", now), NewUser(name, role, name.title(), None, None, None), link)
        use_link(engine, link, secret, Ticket(token_hex(), 3_600_000_000), now)
    return names


@contextlib.contextmanager
def _served(home: dict[str, str], processes: int | None) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start the server as people do."""
    more = [] if processes is None else ["--processes", str(processes)]
    command = [sys.executable, "-m", "qa", "serve", "--port", "0", *more]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **home}, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.search(r"http://[\w.:]+", said)
            assert found, f"the server did not start: {said}"
            yield found[0], process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
            log.seek(0)
            traces = [line for line in log if "Traceback" in line or "ERROR" in line]
            assert not traces, f"the server's log has {len(traces)} errors"


class _Nights:
    """Nights one after the other, each over another merchant's day, until they are to stop."""

    def __init__(self, home: dict[str, str], merchants: Sequence[str]) -> None:
        self._home, self._merchants = home, merchants
        self._stopped = threading.Event()
        self.ran: list[tuple[float, float]] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        for merchant in self._merchants:
            if self._stopped.is_set():
                return
            begun = time.perf_counter()
            run(["-m", "qa", "nightly", "--date", DAY, "--merchant", merchant, "--workers", "1"], self._home)
            self.ran.append((begun, time.perf_counter()))


def _phase(
    phase: tuple[str, int, float], address: str, process: subprocess.Popen[str], people: list[str], nights: _Nights
) -> Phase:
    name, requests, pause = phase
    before = _spent(process.pid)
    with nights:
        sheet = load(address, people, requests, pause)
        server, clients, _, busy = (now - then for now, then in zip(_spent(process.pid), before, strict=True))
    night = _spent(process.pid)[2] - before[2]  # the last night is waited for: of it, the part that fits
    inside = sum(max(0.0, min(end, sheet.ended) - begun) for begun, end in nights.ran)
    night *= inside / max(1e-9, sum(end - begun for begun, end in nights.ran))
    return Phase(name, sheet, server, clients, night, busy, nights.ran)


def _spent(server: int) -> tuple[float, float, float, float]:
    """Processor seconds so far: of the server, of this process, of children that have ended, of the whole machine."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    fields = [int(field) for field in Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:]]
    busy = sum(fields[:8]) - fields[3] - fields[4]  # without idle and waiting for a disk
    return _processor_s(server), time.process_time(), ended.ru_utime + ended.ru_stime, busy / _TICK


def _processor_s(pid: int) -> float:
    """Processor seconds of a process and those it started."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK + sum(_processor_s(int(child)) for child in children)


def _check(engine: Engine, sheet: Sheet) -> list[str]:
    """Return the acknowledged verdicts that are not in the database exactly once, by token."""
    r = reviews.c
    with read_tx(engine) as connection:
        rows = connection.execute(select(r.token, func.count()).group_by(r.token))
        found = {token: count for token, count in rows}  # noqa: C416 - rows are no pairs to the type checker
    twice = [token for token in set(sheet.acknowledged) if sheet.acknowledged.count(token) > 1]
    return twice + [token for token in sheet.acknowledged if found.get(token, 0) != 1]


def _table(given: argparse.Namespace, waiting: int, phases: Sequence[Phase], lost: Sequence[list[str]]) -> str:
    engine = "PostgreSQL" if given.postgres or given.database else "SQLite"
    command = [f"--{name}" for name in ("postgres",) if getattr(given, name)]
    command += [f"--processes {given.processes}"] if given.processes else []
    said = (
        f"{engine}; {given.inspections:,} inspections, {waiting:,} of them in the queue; {PEOPLE} people"
        f" ({LEADS} leads). {machine()}: server, clients, nights"
        f"{' and database' if engine == 'PostgreSQL' else ''} share the cores."
    )
    lines = [
        said,
        "",
        f"    python benchmarks/web_load.py {' '.join([*command, f'--requests {given.requests}'])}",
    ]
    for phase, gone in zip(phases, lost, strict=True):
        lines += ["", *_of_phase(phase, gone)]
    return "\n".join(lines)


def _of_phase(phase: Phase, gone: list[str]) -> Iterator[str]:
    s = phase.sheet
    rate = s.requests / phase.seconds
    yield (
        f"**{phase.name.capitalize()} between requests**: {s.requests:,} requests in {phase.seconds:.0f} s"
        f" ({rate:.0f} a second), a night running {phase.nightly:.0%} of the time;"
        f" {phase.server_s / s.requests * 1e3:.1f} ms of the server's processor time a request,"
        f" {phase.clients_s / s.requests * 1e3:.1f} ms of the clients'. Of the processor time there was the server took"
        f" {phase.share(phase.server_s)}, clients {phase.share(phase.clients_s)}, nights {phase.share(phase.nights_s)},"
        f" all else on the machine"
        f" {phase.share(phase.busy_s - phase.server_s - phase.clients_s - phase.nights_s)}."
    )
    yield ""
    yield "| page | n | p50 ms | p95 ms | p99 ms | most ms |"
    yield "|---|--:|--:|--:|--:|--:|"
    for page, times in s.times.items():
        if times:
            shown = " | ".join(f"{at(times, share) * 1e3:.0f}" for share in (0.5, 0.95, 0.99, 1.0))
            yield f"| {LABELS[page]} | {len(times):,} | {shown} |"
    yield ""
    yield (
        f"Errors (500 and above, broken connections): {len(s.errors)}. Unexpected answers: {len(s.odd)}."
        f" Conflicts (409): {len(s.conflicts)}. Verdicts acknowledged: {len(s.acknowledged):,};"
        f" of them lost or double: {len(gone)}."
    )
    for problem in (s.errors + s.odd)[:5]:
        yield f"\n    {problem}"


def at(times: Sequence[float], share: float) -> float:
    """Return the value below which that share of the times lies.

    >>> at([4, 1, 3, 2], 0.5)
    2
    """
    return sorted(times)[max(0, round(share * len(times)) - 1)]


if __name__ == "__main__":
    main()
