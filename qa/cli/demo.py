"""``qa demo``: a month of generated chats from import to flags, and the proof of what was found."""

from __future__ import annotations

import os
import time
from pathlib import Path
from shlex import quote

import click

from qa.cli.common import current_settings, now, out, progress
from qa.cli.nightly import night_options
from qa.cli.nightly_summary import print_night
from qa.config import Settings, load_settings
from qa.demo.compare import Tally, percent, summary
from qa.demo.run import CHATS, DemoResult, run_demo, write_settings
from qa.queueing import fill
from qa.store.migrate import ensure_ready
from qa.store.session import opened, read_tx


@click.command()
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("var/demo"), metavar="DIR",
    show_default=True, help="Where the demo keeps its chats, its database and its report.",
)  # fmt: skip
@click.option("--chats", type=click.IntRange(60, 200_000), default=CHATS, show_default=True, metavar="N")
@click.option("--no-serve", is_flag=True, help="End after the summary (there is no web workbench to start yet).")
def command(folder: Path, chats: int, no_serve: bool) -> None:
    """Generate a month of three merchants' chats with planted faults, import it, run its nights, compare.

    The demo has its own SQLite database and settings in DIR; your own data and QA_DATABASE_URL are not touched.
    """
    del no_serve  # accepted from the first release on, so that scripts need no change when the workbench comes
    begun = time.perf_counter()
    settings = _settings(folder)
    with opened(settings.database_url) as engine:
        ensure_ready(engine)
        with progress() as shown:
            done = run_demo(
                engine, folder, lambda merchant, day: night_options(settings, merchant, day), now(), shown, chats
            )
            fill(engine, now(), shown)
        with read_tx(engine) as connection:
            print_night(out(), connection, done.nights[-1], 0)
    _tell(done, time.perf_counter() - begun)


def _settings(folder: Path) -> Settings:
    """Return the demo's own settings; what the user's environment says of data and database does not apply."""
    current_settings()  # a mistake in the user's settings is told all the same
    ours = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    return load_settings(write_settings(folder), ours | {"QA_DATA_DIR": str(folder)})


def _tell(done: DemoResult, seconds: float) -> None:
    console = out()
    console.print()
    console.print("── the month: found against planted ──", style="bold")
    console.print(done.imported.equation())
    inspected = sum((night.night.summary or {}).get("inspected", 0) for night in done.nights)
    console.print(f"{len(done.nights)} nights, {inspected:,} chats inspected in {seconds:.0f} s")
    console.print(summary(done.comparison))
    console.print(_by_rule(done.comparison.rules))
    console.print(f"by scenario, with every miss: {done.report}")
    here = f"QA_DATA_DIR={quote(str(done.folder))} ./run"
    console.print(f"look at one:  {here} show {quote(done.example[1])}")
    console.print(f"redo a draw:  {here} sample explain {done.nights[-1].night.day}")


def _by_rule(rules: dict[str, Tally]) -> str:
    width = max(len(rule) for rule in rules)
    head = f"{'rule':<{width}}  planted  found  missed  false  recall  precision"
    rows = [
        f"{rule:<{width}}  {t.planted:>7}  {t.found:>5}  {t.missed:>6}  {t.false:>5}"
        f"  {percent(t.recall):>6}  {percent(t.precision):>9}"
        for rule, t in rules.items()
    ]
    return "\n".join([head, *rows])
