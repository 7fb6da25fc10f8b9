"""``qa cases``: the case library on the command line."""

from __future__ import annotations

from pathlib import Path

import click

from qa.casebook import collecting, look, workbook
from qa.cli.common import now, pass_settings
from qa.cli.owner import user
from qa.config import Settings
from qa.errors import NotFoundError
from qa.people import Scope
from qa.store.audit import Act
from qa.store.case_filters import LONGEST, parse_case_filters
from qa.store.migrate import require_ready
from qa.store.session import opened


@click.group("cases")
def command() -> None:
    """The case library: excellent chats and typical problems, masked, with a note on why."""


@command.command("list")
@click.option("--text", default="", metavar="WORDS", help=f"Words that the case holds (of {LONGEST} characters).")
@click.option("--kind", type=click.Choice(["excellent", "typical"]), help="Only cases of this kind.")
@click.option("--merchant", default="", metavar="ID", help="Only cases of this merchant.")
@pass_settings
def list_command(settings: Settings, text: str, kind: str | None, merchant: str) -> None:
    """Print published cases, the newest first: number, day, kind, merchant, title."""
    filters = parse_case_filters({"text": text, "kind": kind or "", "merchant": merchant})
    after: int | None = None
    with opened(settings.database_url) as engine:
        require_ready(engine)
        while True:
            page = look(engine, Scope(), filters, after).page
            for one in page.cases:
                click.echo(f"{one.id}\t{one.day}\t{one.kind}\t{one.merchant}\t{one.title}")
            after = page.after
            if after is None:
                return


@command.command("export")
@click.argument("collection")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@pass_settings
def export_command(settings: Settings, collection: str, file: Path) -> None:
    """Write the published cases of a COLLECTION (its number or name) to an XLSX FILE, in which every cell is text."""
    with opened(settings.database_url) as engine:
        require_ready(engine)
        found = [one for one in collecting.collections_of(engine, Scope()) if collection in (str(one.id), one.name)]
        if not found:
            raise NotFoundError(f"there is no collection {collection!r}")
        gathered = collecting.gather(engine, found[0].id, curates=False)
        content = workbook(gathered)
        collecting.log_export(engine, Act(f"cli:{user()}", now()), found[0].id, "xlsx", len(gathered.items))
        file.write_bytes(content)
    click.echo(f"{len(gathered.items):,} cases of {found[0].name} written to {file}")
