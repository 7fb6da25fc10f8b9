"""``qa rescore``: judge a finished night again by today's standard; the old results stay as they are."""

from __future__ import annotations

from pathlib import Path

import click

from qa.cli.common import out, pass_settings, progress
from qa.cli.nightly import night_options, plan_nights
from qa.cli.nightly_summary import print_rescored
from qa.config import Settings
from qa.nightly import rescore
from qa.nightly.standard import standard_for
from qa.store.migrate import ensure_ready
from qa.store.session import opened, read_tx


@click.command()
@click.option("--date", "day", required=True, metavar="DATE", help="YYYY-MM-DD, yesterday or today.")
@click.option("--merchant", metavar="M", help="Only this merchant; by default all that have chats on the day.")
@click.option("--pack", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Rule pack to judge by.")
@click.option("--workers", type=click.IntRange(1, 512), metavar="N", help="Processes; default: as many as pay.")
@pass_settings
def command(settings: Settings, day: str, merchant: str | None, pack: Path | None, workers: int | None) -> None:
    """Inspect the sample of a finished night again, as new inspections beside the old.

    Sample, probabilities and the night's own results do not change. Without --pack it is the merchant's pack of today.
    """
    with opened(settings.database_url) as engine:
        ensure_ready(engine)
        for name, local_day in plan_nights(engine, settings, day, merchant):
            options = night_options(settings, name, local_day, workers=workers)
            if pack is not None:
                options = options.judged_by(standard_for(pack, settings.scorecard))
            with progress() as shown:
                done = rescore(engine, options, shown)
            with read_tx(engine) as connection:
                print_rescored(out(), connection, done)
