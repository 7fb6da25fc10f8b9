"""``qa rescore``: judge finished nights again by today's standard; the old results stay as they are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from sqlalchemy import Engine

from qa.cli.common import err, now, out, pass_settings, progress
from qa.cli.crews import Wanted, chosen_pool, crew_options
from qa.cli.nightly import night_options, plan_nights
from qa.cli.nightly_summary import print_rescored
from qa.cli.rescore_summary import print_range
from qa.cli.rules.published import any_standard
from qa.config import Settings
from qa.errors import ConfigError, NotFoundError, QaError
from qa.nightly import NightOptions, Rescored, rescore
from qa.nightly.pools import Pool
from qa.queueing import fill
from qa.rules.inspector import Standard
from qa.store.migrate import ensure_ready
from qa.store.nights import State, nights_between
from qa.store.readers import few_collections
from qa.store.session import opened, read_tx

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--date", "day", metavar="DATE", help="One day: YYYY-MM-DD, yesterday or today.")
@click.option("--from", "first", type=_DAY, metavar="DATE", help="All finished nights from this day on …")
@click.option("--to", "last", type=_DAY, metavar="DATE", help="… to this one.")
@click.option("--merchant", metavar="M", help="Only this merchant; by default all that have chats on the day.")
@click.option(
    "--pack",
    metavar="V",
    help="Judge by this pack: a file, a shipped pack, a published version (1.3, acme@1.3) or hash.",
)
@crew_options
@pass_settings
def command(
    settings: Settings, /, day: str | None, first: datetime | None, last: datetime | None, merchant: str | None,
    pack: str | None, **crew: Any,
) -> None:  # fmt: skip
    """Inspect the sample of finished nights again, as new inspections beside the old; say what is different.

    Sample, probabilities and the nights' own results do not change. Without --pack it is the merchant's pack of today.
    A range can be stopped and started again: nights that are re-scored by this standard already are only shown.

    Exit code 69: the cluster cannot be reached or was lost; the same command again, with any backend, goes on.
    """
    if (day is None) == (first is None and last is None) or (first is None) != (last is None):
        raise ConfigError("name one day with --date, or a range with --from and --to")
    wanted = Wanted(**crew)
    with few_collections(), opened(settings.database_url) as engine:
        ensure_ready(engine)
        standard = None if pack is None else any_standard(engine, settings, pack)
        with chosen_pool(settings, wanted) as pool:
            if day is not None:
                for name, local_day in plan_nights(engine, settings, day, merchant):
                    options = _options(settings, name, local_day, standard, wanted, pool)
                    with progress() as shown:
                        done = rescore(engine, options, shown)
                    with read_tx(engine) as connection:
                        print_rescored(out(), connection, done)
                return
            assert first is not None
            assert last is not None
            plan = _plan(engine, f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}", merchant)
            _range(engine, [_options(settings, name, local_day, standard, wanted, pool) for name, local_day in plan])


def _options(
    settings: Settings, merchant: str, day: str, standard: Standard | None, wanted: Wanted, pool: Pool
) -> NightOptions:
    options = night_options(settings, merchant, day, workers=wanted.workers, pool=pool)
    return options if standard is None else options.judged_by(standard)


def _plan(engine: Engine, first: str, last: str, merchant: str | None) -> list[tuple[str, str]]:
    """The finished nights of a range, by day; unfinished ones are named."""
    if last < first:
        raise ConfigError(f"--to {last} lies before --from {first}")
    with read_tx(engine) as connection:
        found = nights_between(connection, first, last, merchant)
    whose = "" if merchant is None else f" of merchant {merchant!r}"
    if not any(night.state is State.DONE for night in found):
        raise NotFoundError(f"there is no finished night{whose} from {first} to {last}")
    for night in found:
        if night.state is not State.DONE:
            err().print(f"left out: the night {night.day} of {night.merchant!r} is not finished")
    return [(n.merchant, n.day) for n in sorted(found, key=lambda n: (n.day, n.merchant)) if n.state is State.DONE]


def _range(engine: Engine, nights: list[NightOptions]) -> None:
    """Re-score night after night; what was done is told even where one is held by another process."""
    done: list[Rescored] = []
    try:
        with progress() as shown:
            done.extend(rescore(engine, options, shown) for options in nights)
            fill(engine, now(), shown)
    except QaError:  # does not hide the nights that were done before
        _tell(engine, done)
        raise
    _tell(engine, done)


def _tell(engine: Engine, done: list[Rescored]) -> None:
    if done:
        with read_tx(engine) as connection:
            print_range(out(), connection, done)
