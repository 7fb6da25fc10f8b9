"""``qa db``: the version of the database schema."""

from __future__ import annotations

import click

from qa.cli.common import pass_settings
from qa.config import Settings
from qa.store.migrate import current_revision, head_revision, upgrade
from qa.store.session import describe, opened


@click.group("db")
def command() -> None:
    """The version of the database schema.

    An empty database is filled by the first command that writes to it; `upgrade` is needed after a new version of
    this program. Make a backup before it.
    """


@command.command("upgrade")
@pass_settings
def upgrade_command(settings: Settings) -> None:
    """Create the schema, or bring it to the version of this program; all or nothing."""
    with opened(settings.database_url) as engine:
        before, place = upgrade(engine), describe(engine)
    if before == head_revision():
        click.echo(f"{place}: schema {before} is up to date")
    else:
        click.echo(f"{place}: schema {before or 'none'} → {head_revision()}")


@command.command("current")
@pass_settings
def current_command(settings: Settings) -> None:
    """Print the schema version of the database and of this program."""
    with opened(settings.database_url) as engine:
        found, place = current_revision(engine), describe(engine)
    click.echo(f"{place}: schema {found or 'none'}, this program works with {head_revision()}")
