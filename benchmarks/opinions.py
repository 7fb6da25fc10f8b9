"""The night with the classifier in it, with rjieba and without, beside the naive night with stock pipelines.

    python benchmarks/opinions.py --write

Processor time of whole commands, run alternately, medians of the rounds; fitting the naive pipelines, and the start of
the naive process, are not counted. The opinions of both are of the same kind and not equal: the naive ones give no
reasons, are not calibrated and abstain from nothing. That findings are equal is asserted by ``benchmarks/night.py``,
without opinions.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from itertools import islice
from pathlib import Path
from statistics import median
from typing import NamedTuple

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import tables
from benchmarks.generate import DAY
from benchmarks.night import DOCUMENT, day_file
from benchmarks.watch import machine, run


class Rates(NamedTuple):
    """Chats of the day a second of processor time: reading and night, and the night alone."""

    whole: float
    night: float


def product(chats: Path, number: int, folder: Path, program: list[str]) -> Rates:
    """Import a day and run its night by this program (``-m qa``, or a script that is like it)."""
    shutil.rmtree(folder, ignore_errors=True)
    home = {"QA_DATA_DIR": str(folder), "QA_DATABASE_URL": f"sqlite:///{folder / 'qa.sqlite3'}", "QA_CONFIG": ""}
    importing = run([*program, "import", str(chats)], home)
    nightly = run([*program, "nightly", "--date", DAY, "--workers", "1"], home)
    assert "\nmodel shipped" in nightly.output, nightly.output
    return Rates(number / (importing.processor_s + nightly.processor_s), number / nightly.processor_s)


def naively(chats: Path, folder: Path, *more: str) -> Rates:
    """Run the naive night with stock pipelines."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    database = str(folder / "naive.sqlite3")
    said = json.loads(run(["benchmarks/naive.py", "--chats", str(chats), "--db", database, "--opinions", *more]).output)
    return Rates(said["read"] / (said["import"] + said["night"]), said["read"] / said["night"])


def measure(folder: Path, chats: int, naive_chats: int, rounds: int) -> dict[str, list[Rates]]:
    """All rounds, by what was run."""
    day = day_file(folder, chats, 20)
    part = folder / "part.jsonl"
    with day.open("rb") as whole, part.open("wb") as beginning:
        beginning.writelines(islice(whole, naive_chats))
    found: dict[str, list[Rates]] = {"rjieba": [], "jieba": [], "naive": [], "tidied": []}
    for _ in range(rounds):
        found["naive"].append(naively(part, folder / "naive"))
        found["rjieba"].append(product(day, chats, folder / "qa", ["-m", "qa"]))
        found["tidied"].append(naively(part, folder / "naive", "--tidy"))
        found["jieba"].append(product(day, chats, folder / "qa", ["benchmarks/without_rjieba.py"]))
    return found


def table(found: dict[str, list[Rates]], chats: int, naive_chats: int) -> str:
    """The table of docs/benchmarks.md."""
    rate = {name: Rates(*(median(column) for column in zip(*runs, strict=True))) for name, runs in found.items()}
    said = (
        f"{chats:,} chats, the naive night on the first {naive_chats:,} of them; medians of {len(found['naive'])}"
        f" alternating rounds. {machine()}."
    )
    lines = [
        said,
        "",
        "    python benchmarks/opinions.py",
        "",
        "| chats a second of processor time | read and night | × naive | × tidied | night alone | × naive | × tidied |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    naive, tidied = rate["naive"], rate["tidied"]
    for name, label in (("rjieba", "Zhijian with rjieba"), ("jieba", "Zhijian without it, by jieba")):
        one = rate[name]
        lines.append(
            f"| {label} | {one.whole:,.0f} | **{one.whole / naive.whole:.0f}** | {one.whole / tidied.whole:.0f}"
            f" | {one.night:,.0f} | {one.night / naive.night:.0f} | {one.night / tidied.night:.0f} |"
        )
    lines.append(f"| naive night with stock pipelines | {naive.whole:,.0f} | | | {naive.night:,.0f} | | |")
    lines.append(f"| the same tidied | {tidied.whole:,.0f} | | | {tidied.night:,.0f} | | |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Measure the night with its classifier.")
    parser.add_argument("--chats", type=int, default=10_000)
    parser.add_argument("--naive-chats", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qa-benchmark-") as name:
        found = measure(Path(name), given.chats, given.naive_chats, given.rounds)
    made = table(found, given.chats, given.naive_chats)
    print(made)
    if given.write:
        text = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(tables.replaced(text, "opinions", made), encoding="utf-8")


if __name__ == "__main__":
    main()
