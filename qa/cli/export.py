"""``qa export``: stored chats as canonical JSON Lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import click
import msgspec
from sqlalchemy import Connection

from qa.cli.common import pass_settings
from qa.cli.import_ import DayParam
from qa.config import Settings
from qa.errors import QaError
from qa.sources.canonical import chat_to_dict
from qa.store.chats import get_chat, iter_chats
from qa.store.migrate import require_ready
from qa.store.session import opened, read_tx
from qa.types import Chat

STDOUT = Path("-")


@click.command("export")
@click.option("--merchant", metavar="M", help="Only this merchant's chats.")
@click.option("--date", "day", type=DayParam(), help="Only chats of this local day.")
@click.option("--chat", "chat_id", metavar="ID", help="Only this chat.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    default=STDOUT,
    metavar="FILE",
    help="Where to write; - is standard output.  [default: -]",
)
@pass_settings
def command(settings: Settings, merchant: str | None, day: str | None, chat_id: str | None, out: Path) -> None:
    """Write stored chats as JSON Lines: the current revision of each, by merchant, day and order of import.

    What is written imports again as the same chats, and exports again as the same bytes.
    """
    if chat_id is not None and day is not None:
        raise click.UsageError("--chat names one chat; --date has no use beside it")
    with opened(settings.database_url) as engine:
        require_ready(engine)
        with read_tx(engine) as connection:
            lines = _lines(_chosen(connection, merchant, day, chat_id), settings.zone)
            written = _write(lines, out)
    click.echo(f"exported {written} chats", err=True)


def _chosen(connection: Connection, merchant: str | None, day: str | None, chat_id: str | None) -> Iterator[Chat]:
    if chat_id is not None:
        yield get_chat(connection, chat_id, merchant).chat
    else:
        yield from (stored.chat for stored in iter_chats(connection, merchant, day))


def _lines(chats: Iterable[Chat], zone: ZoneInfo) -> Iterator[bytes]:
    return (msgspec.json.encode(chat_to_dict(chat, zone)) + b"\n" for chat in chats)


def _write(lines: Iterable[bytes], out: Path) -> int:
    if out == STDOUT:
        return _copy(lines, sys.stdout.buffer)
    try:
        return _replace(out, lines)
    except OSError as error:
        raise QaError(f"{out}: cannot be written: {error.strerror}") from error


def _copy(lines: Iterable[bytes], stream: BinaryIO) -> int:
    written = 0
    for line in lines:
        stream.write(line)
        written += 1
    stream.flush()
    return written


def _replace(out: Path, lines: Iterable[bytes]) -> int:
    """Write beside the target and rename, so that a killed export leaves no half file under its name."""
    partial = out.with_name(f"{out.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as stream:
            written = _copy(lines, stream)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return written
