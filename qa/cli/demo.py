"""``qa demo``: a month of generated chats from import to flags, and the proof of what was found."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from shlex import quote

import click

from qa.accounts import LINK_HOURS
from qa.boards.rollup import roll_up
from qa.cli.common import current_settings, now, out, progress
from qa.cli.demo_people import logins, people
from qa.cli.nightly import night_options
from qa.cli.nightly_summary import print_night
from qa.cli.serve import address_of, listening, start
from qa.cli.users import HOST, PORT
from qa.config import Settings, load_settings
from qa.demo.compare import Tally, percent, summary
from qa.demo.run import CHATS, DemoResult, run_demo, write_settings
from qa.demo.write import ChatKey
from qa.queueing import fill
from qa.reviewing import Options as Reading
from qa.reviewing import import_reviews
from qa.store.audit import Act
from qa.store.chats import get_chat
from qa.store.migrate import upgrade
from qa.store.session import opened, read_tx
from qa.web.keys import make_secret


@click.command()
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("var/demo"), metavar="DIR",
    show_default=True, help="Where the demo keeps its chats, its database and its report.",
)  # fmt: skip
@click.option("--chats", type=click.IntRange(60, 200_000), default=CHATS, show_default=True, metavar="N")
@click.option("--port", type=click.IntRange(0, 65_535), metavar="P", help="Port of the workbench; default: a free one.")
@click.option("--no-serve", is_flag=True, help="End after the summary; the workbench is not started.")
def command(folder: Path, chats: int, port: int | None, no_serve: bool) -> None:
    """Generate a month of three merchants' chats with planted faults, import it, run its nights, compare.

    Then the workbench is served, with a one-time login for each role, until Ctrl-C. The demo has its own SQLite
    database and settings in DIR; your own data and QA_DATABASE_URL are not touched.
    """
    begun = time.perf_counter()
    settings = _settings(folder)
    with opened(settings.database_url) as engine:
        upgrade(engine)  # a demo of an older version is the demo's own, and may be brought up to date
        with progress() as shown:
            done = run_demo(
                engine, folder, lambda merchant, day: night_options(settings, merchant, day), now(), shown, chats
            )
            import_reviews([done.reviews], engine, Reading(lambda _: settings.zone, now(), settings.data_dir), shown)
            fill(engine, now(), shown)
            roll_up(engine, settings.zone, shown)
        with read_tx(engine) as connection:
            print_night(out(), connection, done.nights[-1], 0)
    _tell(done, time.perf_counter() - begun)
    if not no_serve:
        _serve(settings, done.example, port)


def _serve(settings: Settings, example: ChatKey, port: int | None) -> None:
    """Serve the demo's workbench, after telling how to log in: a link that works once, or the password chosen."""
    make_secret(settings)
    with listening(HOST, _free(port)) as listener:
        address = address_of(settings, listener)
        with opened(settings.database_url) as engine:
            merchant, chat_id = example
            with read_tx(engine) as connection:
                agent = get_chat(connection, chat_id, merchant).chat.agent.id
            click.echo(f"\none-time logins, good for {LINK_HOURS} hours; each opens a page to choose a password:")
            for one in logins(engine, Act("cli:demo", now()), people(merchant, agent)):
                how = f"{address}/link/{one.token}" if one.token else "with the password you chose"
                click.echo(f"  {one.name:<16}{how}")
        start(settings, listener, f"{address}  (Ctrl-C ends it)")


def _free(port: int | None) -> int:
    """Return the port asked for; without one the usual port, or any (0) where that is taken."""
    if port is not None:
        return port
    with socket.socket() as tried:
        return 0 if tried.connect_ex((HOST, PORT)) == 0 else PORT


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
    if done.outdated:
        console.print(
            f"{done.outdated} of these nights were judged by other rules, in an earlier demo, and stay as they are: "
            f"what follows mixes both. For a month of today's rules remove {done.folder} or choose another --dir."
        )
    console.print(summary(done.comparison))
    console.print(_by_rule(done.comparison.rules))
    console.print(f"by scenario, with every miss: {done.report}")
    console.print(f"some of the chats have been reviewed already, by people who know what was planted: {done.reviews}")
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
