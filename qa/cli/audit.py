"""``qa audit``: the log of who did what."""

from __future__ import annotations

import click

from qa.auditing import verify
from qa.cli.common import pass_settings
from qa.config import Settings
from qa.store.migrate import require_ready
from qa.store.session import opened

BROKEN = 1


@click.group("audit")
def command() -> None:
    """The audit log: append-only, each row chained to the one before by its hash."""


@command.command("verify")
@click.option(
    "--known", metavar="N:HASH", help="A link printed by an earlier check: shows that nothing up to it was replaced."
)
@click.pass_context
@pass_settings
def verify_command(settings: Settings, ctx: click.Context, known: str | None) -> None:
    """Check every link of the chain; name the first that is broken (exit code 1).

    The printed link, kept elsewhere, makes a later check notice a log that was cut short or written anew.
    """
    with opened(settings.database_url) as engine:
        require_ready(engine)
        found = verify(engine, known)
    if found.broken is not None:
        number, reason = found.broken
        click.echo(f"BROKEN at row {number}: {reason}")
        click.echo(f"{found.rows:,} rows before it hold")
        ctx.exit(BROKEN)
    click.echo(f"the log holds: {found.rows:,} rows" + (f", last link {found.head}" if found.head else ""))
