"""The files of a folder, read once and strictly; and written so that a kill leaves the whole or nothing.

Only plain files directly in the folder are read: no links are followed, no folders entered, no pipes waited for. What
was read is what is checked and used; the disk is not asked twice.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from qa.models.card import Problem

LARGEST = 256 * 1024 * 1024
"""Bytes of one file beyond which it is not read: no model of ours comes near it."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_folder(folder: Path, label: str) -> tuple[dict[str, bytes], list[Problem]]:
    """Return the content of every file by name, and what is wrong; ``label`` is how the folder is called in that.

    A file with a problem is not among the contents.
    """
    try:
        handle = os.open(folder, _READ | os.O_DIRECTORY)
    except OSError as error:
        link = folder.is_symlink()
        return {}, [Problem(label, "is a link, no folder" if link else f"cannot be read: {error.strerror}")]
    contents: dict[str, bytes] = {}
    problems: list[Problem] = []
    try:
        for name in sorted(os.listdir(handle)):  # noqa: PTH208 - of what was opened, not of what bears its name now
            found = _read_file(handle, name)
            if isinstance(found, bytes):
                contents[name] = found
            else:
                problems.append(Problem(f"{label}/{name}", found))
    finally:
        os.close(handle)
    return contents, problems


def read_plain(file: Path) -> bytes | None:
    """Return the content of one plain file, None where there is none; raises ``OSError``, for a link too."""
    try:
        handle = os.open(file, _READ)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no plain file")
    with os.fdopen(handle, "rb") as stream:
        return stream.read()


def write_folder(folder: Path, contents: Mapping[str, bytes], name: str, unfinished: str) -> None:
    """Make ``folder/name`` with these files: written beside it as ``unfinished``, on disk, and only then renamed.

    Files are read-only. Raises ``OSError``, having removed what it wrote.
    """
    beside = folder / unfinished
    try:
        beside.mkdir()
        for file, content in contents.items():
            _write_new(beside / file, content)
        _sync(beside)
        beside.rename(folder / name)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    _sync(folder)


def replace_file(file: Path, content: bytes) -> None:
    """Put ``content`` in the place of a file in one step. Raises ``OSError``."""
    beside = file.with_name(f".{file.name}.unfinished")
    beside.unlink(missing_ok=True)
    _write_new(beside, content)
    beside.replace(file)
    _sync(file.parent)


def append_line(file: Path, whole: int, line: bytes) -> None:
    """Cut a file to its first ``whole`` bytes, add ``line``, and put it on disk. Raises ``OSError``."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with os.fdopen(handle, "r+b") as stream:
        stream.truncate(whole)
        stream.seek(whole)
        stream.write(line)
        stream.flush()
        os.fsync(handle)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Wait for the lock of a file, made if absent, and hold it; the system lets go of it when the process dies."""
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read_file(folder: int, name: str) -> bytes | str:
    """Return the content of a plain file, or what is wrong with it."""
    try:
        handle = os.open(name, _READ, dir_fd=folder)
    except OSError as error:
        link = stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        return "is a link, no file" if link else f"cannot be read: {error.strerror}"
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST:
        os.close(handle)
        return f"is too large ({about.st_size:,} bytes)" if stat.S_ISREG(about.st_mode) else "is no plain file"
    with os.fdopen(handle, "rb") as stream:
        return stream.read(LARGEST)


def _write_new(file: Path, content: bytes) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o444)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(handle)


def _sync(folder: Path) -> None:
    """Put a folder's list of names on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
