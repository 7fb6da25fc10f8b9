"""``qa import``: chats in, with an account of every record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from qa.cli.common import now, pass_settings, progress
from qa.config import Settings
from qa.errors import SourceError
from qa.intake import ImportOptions, ImportReport, Kind, import_files
from qa.policy import PolicyBook
from qa.sources import source_names
from qa.store.revisions import MAX_NAME, local_day
from qa.store.session import opened

STRICT_EXIT = 3
"""Exit code of ``--strict`` when records were rejected; what was good has landed all the same."""

SHOWN_KINDS = 8


class DayParam(click.ParamType[str]):
    """A calendar day, ``YYYY-MM-DD``."""

    name = "YYYY-MM-DD"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the day as it was written, if it is one."""
        try:
            day = date.fromisoformat(value).isoformat()
        except ValueError:
            day = ""
        if day != value:
            self.fail(f"{value!r} is no day; write it as 2026-11-20", param, ctx)
        return day


class NameParam(click.ParamType[str]):
    """A name that the store can hold."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, if it is printable text of fitting length."""
        if not value.strip() or not value.isprintable() or len(value) > MAX_NAME:
            self.fail(f"{value!r} is no name: 1 to {MAX_NAME} printable characters", param, ctx)
        return value.strip()


@click.command("import")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option("--source", type=NameParam(), metavar="NAME", help="The system they come from; kept with each chat.")
@click.option(
    "--merchant",
    type=NameParam(),
    metavar="M",
    default="default",
    show_default=True,
    help="For chats that name no merchant.",
)
@click.option("--date", "day", type=DayParam(), help="Local day of chats that carry no time.  [default: today]")
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where rejected records go.  [default: rejects/FILE.rejects.jsonl in the data directory]",
)
@click.option("--dry-run", is_flag=True, help="Count only; the database stays as it is.")
@click.option(
    "--map",
    "column_map",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="TOML",
    help="Which column means what (CSV, XLSX).",
)
@click.option("--format", "file_format", metavar="NAME", help="Format of the files.  [default: by name and content]")
@click.option("--strict", is_flag=True, help=f"Exit with {STRICT_EXIT} if a record was rejected.")
@pass_settings
def command(
    settings: Settings,
    files: tuple[Path, ...],
    source: str | None,
    merchant: str,
    day: str | None,
    rejects: Path | None,
    dry_run: bool,
    column_map: Path | None,
    file_format: str | None,
    strict: bool,
) -> None:
    """Read chats from files; say what is new, changed, unchanged and rejected.

    The same chat again is unchanged; one with other content becomes a new revision. Bad records go to a rejects file
    with line, field and reason, the good ones land. An import that was killed can simply be run again.
    """
    if file_format is not None and file_format not in source_names():
        raise SourceError(f"--format {file_format}: no such format; there are {', '.join(source_names())}")
    instant = now()
    options = ImportOptions(
        zone=settings.zone,
        now=instant,
        day=day or local_day(instant, settings.zone),
        data_dir=settings.data_dir,
        merchant=merchant,
        source=source,
        column_map=column_map,
        format=file_format,
        rejects=rejects,
        dry_run=dry_run,
        zones=merchant_zones(settings),
    )
    with opened(settings.database_url) as engine, progress() as shown:
        report = import_files(files, engine, options, shown)
    for line in summary(report, dry_run=dry_run):
        click.echo(line)
    _exit(report, strict=strict)


def merchant_zones(settings: Settings) -> dict[str, ZoneInfo]:
    """Return the zones of the merchants whose policy names one of its own."""
    book = PolicyBook.from_mapping(settings.policy_mapping(), where=str(settings.file or "settings"))
    named = {merchant: fields.get("timezone") for merchant, fields in book.merchants.items()}
    return {merchant: ZoneInfo(zone) for merchant, zone in named.items() if zone}


def summary(report: ImportReport, *, dry_run: bool = False) -> list[str]:
    """The lines a person reads at the end."""
    lines = []
    if len(report.files) > 1:
        for one in report.files:
            figures = f"read {one.read}, new {one.new}, changed {one.changed}, unchanged {one.unchanged}"
            lines.append(f"{one.path}: {figures}, rejected {one.rejected}")
    lines += _kinds("rejected", report.rejections)
    lines += [f"rejected records are in {path}" for path in _rejects(report)]
    lines += _kinds("noted", report.notes)
    lines.append(report.equation())
    if dry_run:
        lines.append("dry run: nothing was stored")
    return lines


def _kinds(word: str, kinds: Sequence[Kind]) -> list[str]:
    if not kinds:
        return []
    lines = [f"{word} {sum(kind.times for kind in kinds)}, by reason (with the figures of the first):"]
    for kind in kinds[:SHOWN_KINDS]:
        where = f"{kind.field}: " if kind.field else ""
        lines.append(f"  {kind.times} × {where}{kind.reason} · first at {kind.file}:{kind.line}")
    rest = kinds[SHOWN_KINDS:]
    if rest:
        lines.append(f"  {sum(kind.times for kind in rest)} × {len(rest)} other reasons")
    return lines


def _rejects(report: ImportReport) -> list[Path]:
    return list(dict.fromkeys(one.rejects for one in report.files if one.rejects is not None))


def _exit(report: ImportReport, *, strict: bool) -> None:
    failed = [one.failed for one in report.files if one.failed is not None]
    if failed:
        raise SourceError("not read to the end: " + "; ".join(failed))
    rejected = report.total.rejected
    if rejected and strict:
        click.echo(f"--strict: {rejected} rejected", err=True)
        raise click.exceptions.Exit(STRICT_EXIT)
    if rejected:
        click.echo(f"{rejected} rejected, the rest is in; exit code 0 (--strict makes it {STRICT_EXIT})", err=True)
