"""``qa db``: the version of the database schema, the words of the searches, and moving to another database."""

from __future__ import annotations

from collections.abc import Sequence

import click

from qa import casebook, queueing
from qa.cli.common import err, now, out, pass_settings, progress
from qa.cli.owner import user
from qa.config import Settings
from qa.moving import Carried, copy_database
from qa.store.audit import Act
from qa.store.dropping import SEARCHES, forget
from qa.store.migrate import current_revision, head_revision, require_ready, upgrade
from qa.store.session import describe, opened

_HASH = 16
"""Characters of a hash that are printed."""


@click.group("db")
def command() -> None:
    """The version of the database schema, the words of the searches, and moving to another database.

    An empty database is filled by the first command that writes to it; `upgrade` is needed after a new version of
    this program. Make a backup before it.
    """


@command.command("upgrade")
@pass_settings
def upgrade_command(settings: Settings) -> None:
    """Create the schema, or bring it to the version of this program; all or nothing."""
    with opened(settings.database_url) as engine, progress() as bars:
        before, place = upgrade(engine, bars), describe(engine)
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


@command.command("copy")
@click.argument("source", metavar="SOURCE_URL")
@click.argument("target", metavar="TARGET_URL")
def copy_command(source: str, target: str) -> None:
    """Copy one database into another, empty one, and compare: SQLite to PostgreSQL, or back.

    URLs are sqlite:///FILE or postgresql://USER@HOST/NAME; a password belongs into PGPASSWORD or a pgpass file, where
    no list of processes shows it. The source is only read, as it is at one moment. What is stored is compared by count
    and hash before it is kept; stopped or killed, nothing is. Stop `qa serve` and the nights first: what they write
    afterwards is not in the copy.
    """
    with opened(source, read_only=True) as old, opened(target) as new:
        with progress() as shown:
            done = copy_database(old, new, Act(f"cli:{user()}", now()), shown)
        _tell(done)
        err().print(f"{describe(old)} → {describe(new)}: set QA_DATABASE_URL to the new one")


@command.command("reindex")
@pass_settings
def reindex_command(settings: Settings) -> None:
    """Cut the words of the searches anew: of chats in the queue, and of cases.

    After a change of jieba, its dictionary, or how characters are folded. Until then what was put in earlier is found
    by the words as they were cut then. Others may work meanwhile; killed, give the command again.
    """
    with opened(settings.database_url) as engine:
        require_ready(engine)
        with progress() as shown:
            queue, cases = queueing.recut(engine, shown), casebook.recut(engine, shown)
        if queue.changed or cases:
            forget(engine, SEARCHES)
    click.echo(f"{queue.chats:,} chats of the queue, {queue.changed:,} cut otherwise; {cases:,} cases")


def _tell(done: Sequence[Carried]) -> None:
    widest = max(len(one.table) for one in done)
    console = out()
    console.print(f"{'table':<{widest}}  {'rows':>12}  sha-256 of the rows  compared")
    for table, read, stored in done:
        same = "same" if read == stored else "DIFFERENT"
        console.print(f"{table:<{widest}}  {stored.rows:>12,}  {stored.sha256[:_HASH]:<19}  {same}")
