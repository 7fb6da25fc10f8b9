"""Writing a backup: every table out of one snapshot, so what is written meanwhile is in all of it or in none."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, Engine

from qa import __version__
from qa.backups.manifest import (
    CASE_WORDS_NAME,
    MANIFEST_NAME,
    NOT_IN_IT,
    SEARCHED_NAME,
    SECRET_NAME,
    BackupError,
    Manifest,
    Member,
    is_backtest,
    table_name,
)
from qa.models.folder import locked
from qa.progress import Progress, Quiet
from qa.store import migrate, portable
from qa.store.portable_words import case_words, searched
from qa.store.session import read_tx
from qa.types import Instant

MODELS, BACKTESTS = "models", "backtests"
_LOCK = "lock"
_LEVEL = 3
"""Of compression: 1 writes twice as fast as 6 and a tenth larger; 3 is near both."""
_ENCODE = msgspec.json.Encoder().encode


class Written(NamedTuple):
    """The file that was written: its manifest, bytes, and SHA-256 in hex."""

    manifest: Manifest
    size: int
    sha256: str


class _Box:
    """The zip being written, with what goes into its manifest."""

    def __init__(self, archive: zipfile.ZipFile, now: Instant) -> None:
        self._archive, self._now = archive, now
        self.members: dict[str, Member] = {}

    def add(self, name: str, parts: Iterable[list[bytes]], *, lines: bool = True) -> None:
        """Add a file of which ``parts`` are pieces, lines where it is a table."""
        sha, size, rows = hashlib.sha256(), 0, 0
        entry = zipfile.ZipInfo(name)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = (stat.S_IFREG | 0o600) << 16
        with self._archive.open(entry, "w", force_zip64=True) as stream:
            for part in parts:
                content = b"".join(part)
                stream.write(content)
                sha.update(content)
                size += len(content)
                rows += len(part)
        self.members[name] = Member(size, sha.hexdigest(), rows if lines else None)


def write_backup(
    engine: Engine,
    file: Path,
    now: Instant,
    *,
    data_dir: Path,
    key: str | None,
    secret: bytes | None = None,
    progress: Progress | None = None,
) -> Written:
    """Write a backup of the database, the model's versions and kept backtests; ``file`` appears whole or not at all.

    ``key`` is the name of the installation's secret, ``secret`` the secret itself, only where it is to be in the file.

    Raises:
        BackupError: the file is there already or cannot be written.
        StoreError: the database cannot be read, or its schema is not that of this program.
    """
    progress = progress or Quiet()
    migrate.require_ready(engine)
    if file.exists():
        raise BackupError(f"{file}: is there already; a backup is never overwritten")
    with _beside(file) as unfinished, zipfile.ZipFile(unfinished, "w", compresslevel=_LEVEL) as archive:
        box = _Box(archive, now)
        with read_tx(engine) as connection:
            shapes = portable.shapes(NOT_IN_IT)
            _add_tables(box, connection, shapes, progress)
        _add_models(box, data_dir / MODELS)
        _add_backtests(box, data_dir)
        if secret is not None:
            box.add(SECRET_NAME, [[secret]], lines=False)
        manifest = Manifest(
            __version__, migrate.HEAD, engine.dialect.name, now, tuple(shapes), dict(sorted(box.members.items())), key
        )
        archive.writestr(MANIFEST_NAME, msgspec.json.format(_ENCODE(manifest), indent=1) + b"\n")
    return Written(manifest, file.stat().st_size, _sha_of(file))


def _add_tables(box: _Box, connection: Connection, shapes: list[portable.Shape], progress: Progress) -> None:
    for shape in shapes:
        progress.stage(shape.table, portable.count(connection, shape.table))
        box.add(table_name(shape.table), _lines(connection, shape, progress))
    progress.stage("words of the searches")
    box.add(SEARCHED_NAME, ([_ENCODE(key) + b"\n" for key in part] for part in searched(connection)))
    box.add(CASE_WORDS_NAME, ([_ENCODE(one) + b"\n" for one in part] for part in case_words(connection)))


def _lines(connection: Connection, shape: portable.Shape, progress: Progress) -> Iterator[list[bytes]]:
    line = portable.writer(shape)
    for part in portable.read(connection, shape):
        yield [line(row) for row in part]
        progress.advance(len(part))


def _add_models(box: _Box, folder: Path) -> None:
    """Add the registry as it is at one moment: nothing is promoted while it is read."""
    if not folder.is_dir():
        return
    with locked(folder / _LOCK) if (folder / _LOCK).exists() else nullcontext():
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            hidden = any(part.startswith(".") for part in name.parts)
            if path.is_file() and not path.is_symlink() and not hidden and str(name) != _LOCK:
                box.add(f"{MODELS}/{name.as_posix()}", [[path.read_bytes()]], lines=False)


def _add_backtests(box: _Box, data_dir: Path) -> None:
    """Add the kept results of backtests; one that goes meanwhile is left out."""
    for path in sorted((data_dir / BACKTESTS).glob("*.json")):
        if is_backtest(f"{BACKTESTS}/{path.name}") and not path.is_symlink():
            with suppress(FileNotFoundError):
                box.add(f"{BACKTESTS}/{path.name}", [[path.read_bytes()]], lines=False)


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """Give a file that only its owner can read, to be renamed once it is whole and on disk."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.unfinished")
    try:
        os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        yield unfinished
        with unfinished.open("rb") as stream:
            os.fsync(stream.fileno())
        os.link(unfinished, file)  # refuses a name that was taken meanwhile
    except FileExistsError:
        raise BackupError(f"{file}: is there already; a backup is never overwritten") from None
    except OSError as error:
        raise BackupError(f"{file}: cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _sha_of(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
