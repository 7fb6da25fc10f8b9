"""``qa queue``: the flagged chats that wait for people."""

from __future__ import annotations

import click

from qa.boards.rollup import roll_up
from qa.cli.common import now, pass_settings, progress
from qa.config import Settings
from qa.queueing import fill
from qa.store.migrate import require_ready
from qa.store.session import opened


@click.group("queue")
def command() -> None:
    """The review queue: flagged chats that wait for people."""


@command.command("index")
@pass_settings
def index_command(settings: Settings) -> None:
    """Put the flagged chats of finished nights into the queue, and add up the figures of the boards.

    The nights do it themselves; this is for nights that ran before there was a queue. What is there stays as it is.
    """
    with opened(settings.database_url) as engine:
        require_ready(engine)
        with progress() as shown:
            filled = fill(engine, now(), shown)
            added = roll_up(engine, settings.zone, shown)
    click.echo(f"{filled.runs:,} runs taken up, {filled.chats:,} chats new in the queue")
    click.echo(f"{added:,} nights added up for the boards")
