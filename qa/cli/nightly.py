"""``qa nightly``: run the night of a day, tell what it found."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from sqlalchemy import Engine

from qa.boards.rollup import roll_up
from qa.cli.common import err, now, out, pass_settings, progress
from qa.cli.crews import Wanted, chosen_pool, crew_options
from qa.cli.jsonlog import set_up_json, tell_night
from qa.cli.models.opening import registry
from qa.cli.nightly_summary import print_night
from qa.cli.owner import is_gone, me
from qa.config import Settings
from qa.errors import ConfigError, NotFoundError, QaError
from qa.nightly import NightOptions, NightResult, run_night
from qa.nightly.pools import Local, Pool
from qa.nightly.report import write_report
from qa.nightly.standard import standard_for
from qa.nightly.thinking import OFF, Models, NoModels, RegistryModels
from qa.operating import note_stages
from qa.policy import PolicyBook
from qa.queueing import fill
from qa.store.chats import count_open, days_with_chats, merchants, merchants_with_chats
from qa.store.dropping import forget_rest
from qa.store.migrate import ensure_ready
from qa.store.readers import few_collections
from qa.store.session import opened, read_tx

BROKEN = 3
"""Exit code of a night that ran to its end and in which some chat could not be judged."""


@click.command()
@click.option(
    "--date", "day", default="auto", metavar="DATE", help="YYYY-MM-DD, yesterday, today, or auto (see below)."
)
@click.option("--merchant", metavar="M", help="Only this merchant; by default all that have chats on the day.")
@crew_options
@click.option("--extend", is_flag=True, help="Also inspect chats that arrived after the night had run.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write everything the night found (docs/nightly-json.md).",
)
@click.option("--masked", is_flag=True, help="Hide personal data in the --json file.")
@pass_settings
def command(
    settings: Settings,
    /,
    day: str,
    merchant: str | None,
    extend: bool,
    json_file: Path | None,
    masked: bool,
    **crew: Any,
) -> None:
    """Sample a day's chats, check them against the rules, score and flag them.

    A night is unique per merchant and day and can be killed and started again at any moment. One that is done is
    only shown. --date auto is yesterday in the installation's zone, or today where yesterday has no chats.

    Exit codes: 0 done; 3 done, but some chats are broken (a rule crashed on them); 75 another process holds a night;
    69 the cluster cannot be reached or was lost, 5 the database cannot be used, here or at a worker: the same command
    again, with any backend, goes on.
    """
    if masked and json_file is None:
        raise ConfigError("--masked is about the file of --json, and there is none")
    set_up_json(settings)
    wanted = Wanted(**crew)
    with few_collections(), opened(settings.database_url) as engine:
        ensure_ready(engine)
        plan = plan_nights(engine, settings, day, merchant)
        results: list[NightResult] = []
        try:
            with chosen_pool(settings, wanted) as pool, progress() as shown:
                for name, local_day in plan:
                    options = night_options(settings, name, local_day, workers=wanted.workers, extend=extend, pool=pool)
                    results.append(run_night(engine, options, shown))
                    note_stages(engine, results[-1].night.id, results[-1].seconds)
                    tell_night(settings, results[-1])
                there = max((one.processes for one in results), default=1)
                fill(engine, now(), shown, there, pool.share())
                roll_up(engine, settings.zone, shown, there, pool.share())
                forget_rest(engine)
        except QaError:  # does not hide the nights that were done before
            _tell(engine, results)
            raise
        if json_file is not None:  # before the summary: its reader may close the pipe
            write_report(engine, results, json_file, masked=masked)
            err().print(f"wrote {json_file}")
        _tell(engine, results)
        if any((result.night.summary or {}).get("broken") for result in results):
            raise SystemExit(BROKEN)


def night_options(
    settings: Settings,
    merchant: str,
    day: str,
    *,
    workers: int | None = None,
    extend: bool = False,
    pool: Pool | None = None,
) -> NightOptions:
    """Return the options of one merchant's night by the settings."""
    book = PolicyBook.from_mapping(settings.policy_mapping(), where=str(settings.file or "settings"))
    policy = book.resolve(merchant, date.fromisoformat(day))
    return NightOptions(
        merchant=merchant,
        day=day,
        standard=standard_for(settings.packs.get(merchant), settings.scorecard),
        policy=policy,
        zone=ZoneInfo(policy.timezone or settings.timezone),
        owner=me(),
        clock=now,
        is_gone=is_gone,
        workers=workers or settings.workers,
        extend=extend,
        models=night_models(settings),
        pool=pool or Local(),
    )


def night_models(settings: Settings) -> Models:
    """Return where nights find their model by the settings."""
    return NoModels() if settings.model == OFF else RegistryModels(registry(settings), settings.model)


def plan_nights(engine: Engine, settings: Settings, day: str, merchant: str | None) -> list[tuple[str, str]]:
    """Return the (merchant, local day) pairs to run; NotFoundError says which days have chats where this has none."""
    today = datetime.fromtimestamp(now() / 1_000_000, settings.zone).date()
    days = _days(day, today)
    with ExitStack() as stack:
        connection = stack.enter_context(read_tx(engine))
        for candidate in days:
            names = merchants_with_chats(connection, candidate)
            chosen = [name for name in names if merchant in (None, name)]
            if chosen:
                return [(name, candidate) for name in chosen]
        known = merchants(connection)
        if merchant is not None and merchant not in known:
            raise NotFoundError(f"no chats of merchant {merchant!r} are stored (known: {', '.join(known) or 'none'})")
        stored = sorted({d for name in known if merchant in (None, name) for d in days_with_chats(connection, name)})
    there = f"the store holds {stored[0]} to {stored[-1]}" if stored else "the store is empty: qa import comes first"
    raise NotFoundError(f"no chats on {' or '.join(days)}; {there}")


def _days(day: str, today: date) -> list[str]:
    yesterday = today - timedelta(days=1)
    words = {"auto": [yesterday, today], "yesterday": [yesterday], "today": [today]}
    if day in words:
        return [d.isoformat() for d in words[day]]
    try:
        return [date.fromisoformat(day).isoformat()]
    except ValueError:
        raise ConfigError(f"--date {day!r}: write YYYY-MM-DD, yesterday, today or auto") from None


def _tell(engine: Engine, results: list[NightResult]) -> None:
    with read_tx(engine) as connection:
        for result in results:
            still_open = count_open(connection, result.night.merchant, result.night.day)
            print_night(out(), connection, result, still_open)
