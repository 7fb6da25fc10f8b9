"""Restoring a backup: all of it is checked before anything is touched, and all of it is written or nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine

from qa.backups.manifest import (
    CASE_WORDS_NAME,
    MANIFEST_NAME,
    SEARCHED_NAME,
    SECRET_NAME,
    BackupError,
    Manifest,
    decoded,
    table_name,
)
from qa.backups.writing import MODELS
from qa.progress import Progress, Quiet
from qa.store import audit, migrate, portable
from qa.store.audit import Act
from qa.store.portable import BATCH, Digest, Row, Shape
from qa.store.portable_words import add_case_words, add_searched
from qa.store.session import write_tx

_CHUNK = 1 << 20


class Restored(NamedTuple):
    """What was put back: the manifest, and whether models and secret were (False: not in it, or there already)."""

    manifest: Manifest
    models: bool
    secret: bool


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except FileNotFoundError:
        raise BackupError(f"{file}: no such file") from None
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise BackupError(f"{file}: cannot be read as a backup: {error}") from None


def checked(file: Path, progress: Progress | None = None) -> Manifest:
    """Read a whole backup and compare it with its manifest; ``BackupError`` names the first part that is damaged.

    The hashes show damage, not forgery: who can write the file can write other hashes. Keep the SHA-256 of the file.
    """
    progress = progress or Quiet()
    with _opened(file) as archive:
        names = archive.namelist()
        if MANIFEST_NAME not in names:
            raise BackupError(f"{file}: holds no {MANIFEST_NAME}: it is no backup of ours, or was cut short")
        manifest = decoded(archive.read(MANIFEST_NAME))
        unlisted = sorted({*names} - manifest.members.keys() - {MANIFEST_NAME})
        absent = sorted(manifest.members.keys() - {*names})
        if unlisted or absent or len(names) != len({*names}):
            raise BackupError(f"{file}: {(absent or unlisted or names)[0]}: is {'missing' if absent else 'unlisted'}")
        progress.stage("checking the backup", len(manifest.members))
        for name, member in manifest.members.items():
            sha, size, rows = hashlib.sha256(), 0, 0
            with archive.open(name) as stream:
                while part := stream.read(_CHUNK):
                    sha.update(part)
                    size, rows = size + len(part), rows + part.count(b"\n")
            wrong = (size, sha.hexdigest()) != (member.size, member.sha256)
            if wrong or (member.rows is not None and member.rows != rows):
                raise BackupError(f"{file}: {name}: is damaged: its SHA-256 is not that of the manifest")
            progress.advance()
    return manifest


def restore(engine: Engine, file: Path, act: Act, *, data_dir: Path, progress: Progress | None = None) -> Restored:
    """Put a backup into an empty database, and its models and secret into a data directory without them.

    An older schema is brought up to that of this program. Whatever goes wrong, the database stays empty.

    Raises:
        BackupError: the file is damaged, newer than this program, or there are other models or another secret.
        StoreError: the database is not empty, or what was stored is not what the backup holds.
    """
    progress = progress or Quiet()
    manifest = checked(file, progress)
    if manifest.schema not in migrate.known_versions():
        raise BackupError(
            f"{file}: has schema {manifest.schema}, newer than this program ({migrate.HEAD}): upgrade the program"
        )
    migrate.make_folder(engine)
    with _opened(file) as archive, write_tx(engine) as connection:
        portable.refuse_filled(connection)
        _refuse_other_files(archive, manifest, data_dir)
        migrate.make_version(connection, manifest.schema)
        for shape in manifest.tables:
            _put(connection, archive, manifest, shape, progress)
        migrate.upgrade_within(connection)
        _put_words(connection, archive, manifest, progress)
        facts = {"made_at": manifest.made_at, "rows": manifest.rows, "schema": manifest.schema}
        audit.append(connection, act, "database.restore", f"database:{engine.dialect.name}", facts)
        secret, models = _put_files(archive, manifest, data_dir)  # before the commit: a rerun finds them equal
    return Restored(manifest, models, secret)


def _put(
    connection: Connection, archive: zipfile.ZipFile, manifest: Manifest, shape: Shape, progress: Progress
) -> None:
    member = manifest.members[table_name(shape.table)]
    progress.stage(shape.table, member.rows)
    row = portable.reader(shape)

    def parts() -> Iterator[list[Row]]:
        for lines in _lines(archive, table_name(shape.table)):
            yield [_read(row, line, shape.table) for line in lines]
            progress.advance(len(lines))

    portable.write(connection, shape, parts())
    portable.check(shape, Digest(member.rows or 0, member.sha256), portable.digest(connection, shape))


def _read(row: Callable[[bytes], Any], line: bytes, where: str) -> Any:
    try:
        return row(line)
    except msgspec.MsgspecError as error:
        raise BackupError(f"{where}: holds a line that is none of its table's: {error}") from None


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[list[bytes]]:
    with archive.open(name) as stream:
        while lines := list(islice(stream, BATCH)):
            yield lines


def _put_words(connection: Connection, archive: zipfile.ZipFile, manifest: Manifest, progress: Progress) -> None:
    if CASE_WORDS_NAME in manifest.members:
        one = msgspec.json.Decoder(tuple[int, list[str]]).decode
        found = (_read(one, line, CASE_WORDS_NAME) for lines in _lines(archive, CASE_WORDS_NAME) for line in lines)
        add_case_words(connection, found)
    if SEARCHED_NAME in manifest.members:
        progress.stage("words of the chats", manifest.members[SEARCHED_NAME].rows)
        key = msgspec.json.Decoder(int).decode
        keys = (_read(key, line, SEARCHED_NAME) for lines in _lines(archive, SEARCHED_NAME) for line in lines)
        for done in add_searched(connection, keys):
            progress.advance(done)


def _refuse_other_files(archive: zipfile.ZipFile, manifest: Manifest, data_dir: Path) -> None:
    secret, models = data_dir / SECRET_NAME, data_dir / MODELS
    if SECRET_NAME in manifest.members and secret.exists() and secret.read_bytes() != archive.read(SECRET_NAME):
        raise BackupError(f"{secret}: is another secret than the one in the backup; move it away first")
    if not manifest.models or not _has_versions(models):
        return
    there = {f"{MODELS}/{path.relative_to(models).as_posix()}" for path in models.rglob("*") if path.is_file()}
    same = there - {f"{MODELS}/lock"} == {*manifest.models} and all(
        (data_dir / name).read_bytes() == archive.read(name) for name in manifest.models
    )
    if not same:
        raise BackupError(f"{models}: holds other versions of the model than the backup; move them away first")


def _has_versions(models: Path) -> bool:
    return models.is_dir() and any(path.name != "lock" for path in models.iterdir())


def _put_files(archive: zipfile.ZipFile, manifest: Manifest, data_dir: Path) -> tuple[bool, bool]:
    """Write secret, models and kept backtests where they are not yet; return whether the first two were written."""
    secret, models = data_dir / SECRET_NAME, data_dir / MODELS
    put_secret = SECRET_NAME in manifest.members and not secret.exists()
    put_models = bool(manifest.models) and not _has_versions(models)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if put_secret:
            _write(secret, archive.read(SECRET_NAME), 0o600)
        if put_models:
            beside = data_dir / f".{MODELS}.restoring"
            shutil.rmtree(beside, ignore_errors=True)
            for name in manifest.models:
                _write(beside / name.removeprefix(f"{MODELS}/"), archive.read(name), 0o444)
            shutil.rmtree(models, ignore_errors=True)  # a lock at most
            beside.rename(models)
        for name in manifest.backtests:
            if not (data_dir / name).exists():
                _write(data_dir / name, archive.read(name), 0o600)
    except OSError as error:
        raise BackupError(f"{data_dir}: cannot be written: {error.strerror or error}") from None
    return put_secret, put_models


def _write(file: Path, content: bytes, mode: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
