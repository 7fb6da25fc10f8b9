"""What a backup says about itself: what made it, from which schema, and count and hash of everything in it."""

from __future__ import annotations

import re

import msgspec

from qa.errors import QaError
from qa.store.portable import Shape
from qa.types import Instant

FORMAT = "zhijian-backup"
VERSION = 1
MANIFEST_NAME = "manifest.json"
SECRET_NAME = "secret"  # noqa: S105 - the name of a file
SEARCHED_NAME = "search/chats.jsonl"
CASE_WORDS_NAME = "search/cases.jsonl"

NOT_IN_IT = ("sessions", "login_attempts")
"""Tables that stay behind: who was logged in then is not logged in by a restore, and may have been locked out since."""

_MODEL_FILE = re.compile(r"models/[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")
_BACKTEST_FILE = re.compile(r"backtests/\d{8}T\d{6}Z-[\w.-]{1,130}\.json", re.ASCII)
"""Kept results (``qa.backtest.kept``)."""


class BackupError(QaError):
    """A backup cannot be written, is damaged, or cannot be restored here."""


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the backup: bytes and SHA-256 in hex of its content, and its lines where it is a table."""

    size: int
    sha256: str
    rows: int | None = None


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole. ``key`` names the secret that signed the models in it (``qa.models.secret``); None: not known."""

    program: str
    schema: str
    database: str
    made_at: Instant
    tables: tuple[Shape, ...]
    members: dict[str, Member]
    key: str | None = None
    format: str = FORMAT
    version: int = VERSION

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(self.members[table_name(one.table)].rows or 0 for one in self.tables)

    @property
    def models(self) -> list[str]:
        """Names of the files of the model registry."""
        return sorted(name for name in self.members if name.startswith("models/"))

    @property
    def backtests(self) -> list[str]:
        """Names of the kept results of backtests."""
        return sorted(name for name in self.members if is_backtest(name))


def is_backtest(name: str) -> bool:
    """Whether a file of the data directory is the kept result of a backtest.

    >>> is_backtest("backtests/20261120T101500Z-draft-2.json"), is_backtest("backtests/../x.json")
    (True, False)
    """
    return _BACKTEST_FILE.fullmatch(name) is not None


def table_name(table: str) -> str:
    """Return under which name a table's rows stand in the file.

    >>> table_name("chats")
    'tables/chats.jsonl'
    """
    return f"tables/{table}.jsonl"


def decoded(content: bytes) -> Manifest:
    """Return the manifest; ``BackupError`` for one that is none, of a later format, or names what no backup holds."""
    try:
        found = msgspec.json.decode(content, type=dict)
        if found.get("format") == FORMAT and isinstance(found.get("version"), int) and found["version"] > VERSION:
            raise BackupError(f"the backup is of format {found['version']}; this program reads {VERSION}: upgrade it")
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BackupError(f"{MANIFEST_NAME}: is none of ours: {error}") from None
    if manifest.format != FORMAT:
        raise BackupError(f"{MANIFEST_NAME}: is of {manifest.format!r}, not of {FORMAT}")
    tables = {table_name(one.table) for one in manifest.tables}
    missing = sorted(tables - manifest.members.keys())
    known = tables | {SEARCHED_NAME, CASE_WORDS_NAME, SECRET_NAME}
    strange = sorted(
        name for name in manifest.members.keys() - known if not (_MODEL_FILE.fullmatch(name) or is_backtest(name))
    )
    if missing or strange:
        raise BackupError(f"{MANIFEST_NAME}: {(missing or strange)[0]} is {'not listed' if missing else 'no part'}")
    return manifest
