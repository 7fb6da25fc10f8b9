"""How fast the night is, beside the same night written naively and beside tokenising alone, and how it grows.

    python benchmarks/night.py --chats 20000 --naive-chats 1000 --write
    python benchmarks/night.py --chats 0 --sizes 10000,200000,1000000 --workers 2 --write

Every figure is of a whole command in a process of its own, start included (but the naive night's, which is not
counted). What is compared is measured in processor time and run alternately, so that a busy machine disturbs little
and both; figures are medians of the rounds. Before any ratio is given, the findings and scores of the naive night must
equal those of the product's on the same chats.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from statistics import median

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import tables
from benchmarks.generate import DAY
from benchmarks.watch import ROOT, FailedError, Run, machine, run
from qa.tokens import engines

MERCHANT = "bench"
DOCUMENT = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True, slots=True)
class Night:
    """A night over some chats: its import, its run, what they left."""

    chats: int
    inspected: int
    importing: Run
    nightly: Run
    stages: dict[str, float]
    database_mb: float


@dataclass(frozen=True, slots=True)
class Naive:
    """A naive run; processor seconds of reading and of the night, without the start."""

    chats: int
    inspected: int
    importing: float
    nightly: float


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokenising the inspected chats."""

    chats: int
    characters: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Speed:
    """All rounds of the comparison."""

    one: list[Night]
    two: list[Night]
    naive: list[Naive]
    tidy: list[Naive]
    tokens: dict[str, list[Tokens]]
    compared: int
    """Chats whose findings and score were compared and found equal."""


def day_file(folder: Path, chats: int, messages: int) -> Path:
    """Generate a day of chats; returns the file."""
    path = folder / f"day-{chats}.jsonl"
    size = ["--chats", str(chats), "--messages", str(messages)]
    run(["benchmarks/generate.py", *size, "--out", str(path)])
    return path


def product(chats: Path, folder: Path, workers: int, report: Path | None = None) -> Night:
    """Import a file into a new database in ``folder`` and run its night."""
    shutil.rmtree(folder, ignore_errors=True)
    database = folder / "qa.sqlite3"
    home = {"QA_DATA_DIR": str(folder), "QA_DATABASE_URL": f"sqlite:///{database}", "QA_CONFIG": ""}
    home["QA_MODEL"] = "off"  # the naive night has no classifier
    importing = run(["-m", "qa", "import", str(chats)], home)
    more = ["--json", str(report)] if report else []
    nightly = run(["-m", "qa", "nightly", "--date", DAY, "--workers", str(workers), *more], home)
    read = re.search(r"read (\d+) = new \1 ", importing.output)
    frame = re.search(r"frame ([\d,]+) closed chats: .* = ([\d,]+) inspected", nightly.output)
    times = re.search(r"^time: (.*)$", nightly.output, re.MULTILINE)
    assert read, f"not everything was imported: {importing.output}"
    assert frame, f"unexpected summary: {nightly.output}"
    assert times, f"unexpected summary: {nightly.output}"
    stages = {name: float(seconds) for name, seconds in re.findall(r"(\w+) ([\d.]+) s", times[1])}
    size = sum(file.stat().st_size for file in folder.glob("qa.sqlite3*")) / 1e6
    number, inspected = (int(figure.replace(",", "")) for figure in frame.groups())
    assert number == int(read[1]), "the frame is not the whole day"
    return Night(number, inspected, importing, nightly, stages, size)


def naively(chats: Path, folder: Path, *, tidy: bool = False, report: Path | None = None) -> Naive:
    """Run the naive night on a file."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    more = [*(["--tidy"] if tidy else []), *(["--results", str(report)] if report else [])]
    done = run(["benchmarks/naive.py", "--chats", str(chats), "--db", str(folder / "naive.sqlite3"), *more])
    said = json.loads(done.output)
    return Naive(said["read"], said["inspected"], said["import"], said["night"])


def tokenise(folder: Path, engine: str) -> Tokens:
    """Tokenise what the night in ``folder`` inspected."""
    database = f"sqlite:///{folder / 'qa.sqlite3'}"
    said = json.loads(run(["benchmarks/tokenise.py", "--database", database, "--engine", engine]).output)
    return Tokens(said["chats"], said["characters"], said["seconds"])


def compare(chats: Path, folder: Path) -> int:
    """Check that the naive night finds and scores as the product does; returns on how many inspected chats."""
    naive_report, report = folder / "naive.json", folder / "night.json"
    naively(chats, folder / "naive", report=naive_report)
    product(chats, folder / "qa", 1, report)
    theirs = {chat: (total, tuple(rules)) for chat, (total, rules) in json.loads(naive_report.read_bytes()).items()}
    ours = read_report(report)
    different = sorted(chat for chat in theirs.keys() | ours.keys() if theirs.get(chat) != ours.get(chat))
    if different:
        chat = different[0]
        raise FailedError(
            f"the naive night differs on {len(different)} chats, so no ratio means anything; for example {chat}:"
            f" naive {theirs.get(chat)}, night {ours.get(chat)}"
        )
    return len(ours)


def read_report(path: Path) -> dict[str, tuple[float | None, tuple[str, ...]]]:
    """Chat id → score and rules that fired, from ``qa nightly --json``."""
    (night,) = json.loads(path.read_bytes())["merchants"]
    return {
        one["id"]: (
            one["score"],
            tuple(sorted(f["rule"] for f in one["findings"] if f["outcome"] in ("failed", "bonus"))),
        )
        for one in night["inspections"]
    }


def measure_speed(folder: Path, chats: int, naive_chats: int, messages: int, rounds: int) -> Speed:
    """Run everything that is compared, alternately."""
    day = day_file(folder, chats, messages)
    part = folder / "part.jsonl"
    with day.open("rb") as whole, part.open("wb") as beginning:
        beginning.writelines(islice(whole, naive_chats))
    speed = Speed([], [], [], [], {engine: [] for engine in engines()}, compare(part, folder))
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        speed.naive.append(naively(part, folder / "naive"))
        speed.one.append(product(day, folder / "one", 1))
        speed.tidy.append(naively(part, folder / "naive", tidy=True))
        speed.two.append(product(day, folder / "two", 2))
        for engine, measured in speed.tokens.items():
            measured.append(tokenise(folder / "one", engine))
    return speed


def measure_growth(folder: Path, sizes: Sequence[int], messages: int, workers: int) -> list[Night]:
    """One night of each size."""
    nights = []
    for size in sizes:
        print(f"{size:,} chats", flush=True)
        day = day_file(folder, size, messages)
        nights.append(product(day, folder / "grown", workers))
        day.unlink()
        shutil.rmtree(folder / "grown")
    return nights


def ratios(speed: Speed) -> dict[str, float]:
    """Medians by second of processor time: chats of the frame, or chats inspected; ``clock_*``: by the clock."""
    one, two = speed.one, speed.two
    figures = {
        "whole": median(n.chats / (n.importing.processor_s + n.nightly.processor_s) for n in one),
        "import": median(n.chats / n.importing.processor_s for n in one),
        "night": median(n.chats / n.nightly.processor_s for n in one),
        "inspected": median(n.inspected / n.nightly.processor_s for n in one),
        "clock_whole": median(n.chats / (n.importing.seconds + n.nightly.seconds) for n in one),
        "clock_import": median(n.chats / n.importing.seconds for n in one),
        "clock_night": median(n.chats / n.nightly.seconds for n in one),
        "clock_night_two": median(n.chats / n.nightly.seconds for n in two),
    }
    for name, runs in (("naive", speed.naive), ("tidy", speed.tidy)):
        figures[f"{name}_import"] = median(n.chats / n.importing for n in runs)
        figures[f"{name}_night"] = median(n.chats / n.nightly for n in runs)
        figures[f"{name}_whole"] = median(n.chats / (n.importing + n.nightly) for n in runs)
        figures[f"{name}_inspected"] = median(n.inspected / n.nightly for n in runs)
    for engine, measured in speed.tokens.items():
        figures[f"tokens_{engine}"] = median(t.chats / t.seconds for t in measured)
    return figures


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description="Measure the night.")
    parser.add_argument("--chats", type=int, default=20_000, help="size of the compared day; 0: no comparison")
    parser.add_argument("--naive-chats", type=int, default=1000, help="beginning of that day for the naive night")
    parser.add_argument("--messages", type=int, default=20, help="messages a chat, about")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", default="", help="sizes of the growth table, such as 10000,200000,1000000")
    parser.add_argument("--workers", type=int, default=1, help="processes of the nights of the growth table")
    parser.add_argument("--json", type=Path, help="write every single measurement here")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",") if size]
    measured: dict[str, object] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="qa-benchmark-") as name:
        folder = Path(name)
        if given.chats:
            speed = measure_speed(folder, given.chats, given.naive_chats, given.messages, given.rounds)
            measured |= {"speed": asdict(speed), "figures": ratios(speed)}
            command = f"python benchmarks/night.py --chats {given.chats} --naive-chats {given.naive_chats}"
            table = tables.speed_table(speed, ratios(speed), command, machine())
            _publish(table, "speed", write=given.write)
        if sizes:
            grown = measure_growth(folder, sizes, given.messages, given.workers)
            measured["growth"] = [asdict(night) for night in grown]
            command = f"python benchmarks/night.py --chats 0 --sizes {given.sizes} --workers {given.workers}"
            _publish(tables.growth_table(grown, given.workers, command, machine()), "growth", write=given.write)
    if given.json:
        given.json.write_text(json.dumps(measured, ensure_ascii=False, indent=1), encoding="utf-8")


def _publish(table: str, section: str, *, write: bool) -> None:
    print(table)
    if write:
        text = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(tables.replaced(text, section, table), encoding="utf-8")


if __name__ == "__main__":
    main()
