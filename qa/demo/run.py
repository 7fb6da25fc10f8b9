"""The demo from end to end: write the month, import it, run its nights, compare found with planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Engine

from qa.demo.compare import Comparison, compare, markdown
from qa.demo.reviewed import reviews
from qa.demo.templates import library
from qa.demo.write import ChatKey, read_truth, write_month
from qa.intake import ImportOptions, ImportReport, import_files
from qa.nightly import NightOptions, NightResult, run_night
from qa.progress import Progress, Quiet
from qa.store.inspections import iter_fired
from qa.store.nights import runs_of
from qa.store.session import read_tx
from qa.types import Instant

SEED = 20261001
START = date(2026, 10, 1)
DAYS = 30
CHATS = 6_300
TRUTH = "truth.jsonl"
REPORT = "demo-truth.md"
REVIEWS = "reviews.jsonl"
UNREAD_DAYS = 4
"""Days at the end of the month whose chats nobody has read yet."""
SETTINGS = "zhijian.toml"
SETTINGS_TEXT = """\
# Settings of the demo; `QA_DATA_DIR=<this folder> ./run …` uses them.
timezone = "Asia/Shanghai"

[policy]
salt = "demo"  # public on purpose, so that everybody's demo draws the same chats

[[periods]]
name = "大促"
from = 2026-10-21
to = 2026-10-21
rate = 0.15  # three times the chats, half the share
"""
HOURS_TEXT = """
[merchants.{merchant}]
business_hours = ["{hours}"]
"""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo did: its files, the import's account, the nights in order, found against planted."""

    folder: Path
    imported: ImportReport
    nights: list[NightResult]
    comparison: Comparison
    report: Path
    reviews: Path
    """What reviewers who know the truth said of a part of the chats, to be imported."""
    example: ChatKey
    """A chat worth looking at: one with many planted faults that was inspected."""
    outdated: int
    """Nights that were judged by other rules than today's: a demo of an older version left them."""


def write_settings(folder: Path) -> Path:
    """Write the demo's settings file, unless one is there; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SETTINGS
    if not path.exists():
        shops = [HOURS_TEXT.format(merchant=m.id, hours=m.hours) for m in library().house.merchant if m.hours]
        path.write_text(SETTINGS_TEXT + "".join(shops), encoding="utf-8")
    return path


def run_demo(
    engine: Engine,
    folder: Path,
    plan: Callable[[str, str], NightOptions],
    now: Instant,
    progress: Progress,
    chats: int = CHATS,
) -> DemoResult:
    """Run the whole demo in ``folder``; a demo that was killed or has run already is only finished.

    ``plan`` returns the options of the night of a merchant and day.
    """
    progress.stage("writing a month of chats", DAYS * 3)
    files = write_month(folder / "chats", SEED, START, DAYS, chats)
    progress.advance(len(files))
    reading = ImportOptions(
        zone=ZoneInfo("Asia/Shanghai"), now=now, day=START.isoformat(), data_dir=folder, source="demo"
    )
    imported = import_files(files, engine, reading)
    results, outdated = [], 0
    progress.stage("running the nights", len(files))
    for file in sorted(files, key=lambda path: (path.stem, path.parent.name)):
        options = plan(file.parent.name, file.stem)
        results.append(run_night(engine, options, Quiet()))
        outdated += _outdated(engine, results[-1], options)
        progress.advance()
    observed = fired_rules(engine)
    truth = list(read_truth(folder / "chats" / TRUTH))
    planted = frozenset[str]().union(*(item.rules for item in truth))
    comparison = compare(truth, observed, observed.keys(), planted)
    example = max(sorted(observed), key=lambda key: len(observed[key]))
    report = folder / REPORT
    titles = {scenario.id: scenario.title for scenario in library().scenarios}
    report.write_text(heading(chats) + markdown(comparison, titles), encoding="utf-8")
    said = folder / REVIEWS
    until = START + timedelta(days=DAYS - 1 - UNREAD_DAYS)
    said.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in reviews(truth, observed, until)))
    return DemoResult(folder, imported, results, comparison, report, said, example, outdated)


def _outdated(engine: Engine, night: NightResult, options: NightOptions) -> bool:
    """Whether the night was left by an earlier demo, and judged by another standard."""
    if night.worked:
        return False
    with read_tx(engine) as connection:
        return any(run.ruleset != options.standard.hash for run in runs_of(connection, night.night.id))


def fired_rules(engine: Engine) -> dict[ChatKey, set[str]]:
    """Return every inspected chat of the store with the rules that fired in it."""
    observed: dict[ChatKey, set[str]] = {}
    with read_tx(engine) as connection:
        for merchant, chat_id, rule in iter_fired(connection):
            rules = observed.setdefault((merchant, chat_id), set())
            if rule is not None:
                rules.add(rule)
    return observed


def heading(chats: int) -> str:
    """Return the head of the report, with the command that makes it."""
    return (
        "# Found against planted\n\n"
        "Made by `./run demo --no-serve`: a month of three merchants' chats is generated with faults whose truth is\n"
        f"known (seed {SEED}, {chats:,} chats, {DAYS} days), the nights run over it, and what they found is compared\n"
        "with what was planted, over the inspected chats.\n\n"
    )
