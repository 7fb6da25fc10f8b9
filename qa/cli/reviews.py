"""``qa reviews import|export``: what people said of chats, as JSON Lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from qa.cli.common import now, pass_settings, progress
from qa.cli.export import STDOUT
from qa.cli.export import _write as write_lines
from qa.cli.import_ import SHOWN_KINDS, STRICT_EXIT, NameParam, merchant_zones
from qa.config import Settings
from qa.reviewing import Account, Options, export_reviews, import_reviews
from qa.store.migrate import ensure_ready, require_ready
from qa.store.session import opened, read_tx


@click.group("reviews")
def command() -> None:
    """Reviews in and out as JSON Lines, one review a line; docs/models-learning.md lists the fields."""


@command.command("import")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option(
    "--merchant",
    type=NameParam(),
    metavar="M",
    default="default",
    show_default=True,
    help="For reviews that name no merchant.",
)
@click.option("--strict", is_flag=True, help=f"Exit with {STRICT_EXIT} if a line was rejected.")
@pass_settings
def import_(settings: Settings, files: tuple[Path, ...], merchant: str, *, strict: bool) -> None:
    """Read reviews from files; say what is new, unchanged and rejected.

    A review is never overwritten: to correct one, import a later one by the same reviewer. Rejected lines are kept in
    rejects/FILE.rejects.jsonl in the data directory, each with its line, field and reason.
    """
    zones = merchant_zones(settings)
    options = Options(lambda name: zones.get(name, settings.zone), now(), settings.data_dir, merchant)
    with opened(settings.database_url) as engine, progress() as shown:
        ensure_ready(engine)
        account = import_reviews(files, engine, options, shown)
    for line in summary(account):
        click.echo(line)
    if account.rejected and strict:
        click.echo(f"--strict: {account.rejected} rejected", err=True)
        raise click.exceptions.Exit(STRICT_EXIT)


def summary(account: Account) -> Iterator[str]:
    """The lines a person reads at the end."""
    if account.rejected:
        yield f"rejected {account.rejected}, by reason:"
    for one in account.rejections[:SHOWN_KINDS]:
        where = f"{one.field}: " if one.field else ""
        yield f"  {one.times} × {where}{one.reason} · first at {one.file}:{one.line}"
    if rest := account.rejections[SHOWN_KINDS:]:
        yield f"  {sum(one.times for one in rest)} × {len(rest)} other reasons"
    yield from (f"rejected lines are in {path}" for path in account.rejects)
    yield account.equation()


@command.command()
@click.option("--merchant", metavar="M", help="Only reviews of this merchant's chats.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    default=STDOUT,
    metavar="FILE",
    help="Where to write; - is standard output.  [default: -]",
)
@pass_settings
def export(settings: Settings, merchant: str | None, out: Path) -> None:
    """Write reviews as JSON Lines, replaced ones included: by chat, then in the order they were added.

    What is written imports again as the same reviews. Where in a chat something was missed is not written.
    """
    zones: dict[str, ZoneInfo] = merchant_zones(settings)
    with opened(settings.database_url) as engine:
        require_ready(engine)
        with read_tx(engine) as connection:
            lines = export_reviews(connection, lambda name: zones.get(name, settings.zone), merchant)
            written = write_lines(lines, out)
    click.echo(f"exported {written} reviews", err=True)
