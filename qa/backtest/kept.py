"""Results of backtests in a folder of the data directory, for people to look at later; the oldest ones go.

``<data_dir>/backtests/20261120T101500Z-draft-2.json``: when it ran, the new pack, its version.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from qa.backtest.result import VERSION, Backtest, Example, ScoreShift
from qa.errors import NotFoundError, QaError
from qa.rules.diff import Side
from qa.types import MICROSECONDS, Instant

FOLDER = "backtests"
MOST_KEPT = 50
"""Results in the folder; a new one takes the place of the oldest."""
MOST_BYTES = 16 << 20
"""One result; what is larger is kept without examples, and a larger file is not read."""
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(\d{8}T\d{6}Z)-[\w.-]{1,130}\.json", re.ASCII)
_LONGEST_PART = 60


class Kept(msgspec.Struct, frozen=True):
    """What a list says of a result: the head of the file."""

    version: int
    first: str
    last: str
    mode: str
    merchants: tuple[str, ...]
    new: Side
    chats: int
    score: ScoreShift
    broken_chats_new: int


class Run(NamedTuple):
    """One file of the folder. ``head`` None: it cannot be read, or another version of the program wrote it."""

    name: str
    at: Instant
    head: Kept | None


def keep(data_dir: Path, result: Backtest, at: Instant) -> Path:
    """Write a result so that it appears whole or not at all, and let the oldest ones go; returns the file.

    Raises QaError where it cannot be written.
    """
    folder = data_dir / FOLDER
    content = msgspec.json.encode(result)
    if len(content) > MOST_BYTES:
        content = msgspec.json.encode(without_examples(result))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / _free_name(folder, result.new, at)
        _write(file, content)
        for name in names(data_dir)[MOST_KEPT:]:
            (folder / name).unlink(missing_ok=True)
    except OSError as problem:
        raise QaError(f"{folder}: cannot be written: {os.strerror(problem.errno or 0)}") from None
    return file


def forget_examples(data_dir: Path) -> None:
    """Take the quotes out of all results that are kept; one that cannot be read goes whole.

    For when the texts of chats are dropped: what a result quotes is no longer to be found elsewhere. Raises QaError
    where the folder cannot be written.
    """
    for name in names(data_dir):
        file = data_dir / FOLDER / name
        try:
            _write(file, msgspec.json.encode(without_examples(read(data_dir, name))))
        except QaError:
            file.unlink(missing_ok=True)
        except OSError as problem:
            raise QaError(f"{file}: cannot be written: {os.strerror(problem.errno or 0)}") from None


def _write(file: Path, content: bytes) -> None:
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.part")
    unfinished.write_bytes(content)
    unfinished.replace(file)


def names(data_dir: Path) -> list[str]:
    """Return the names of the results, the newest first. Only what is in this list may be asked for by name."""
    try:
        found = [entry.name for entry in os.scandir(data_dir / FOLDER) if entry.is_file(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    return sorted((name for name in found if _instant(name) is not None), reverse=True)


def runs(data_dir: Path) -> list[Run]:
    """Return the results that are kept, the newest first, with their heads."""
    return [Run(name, _instant(name) or 0, _head(data_dir / FOLDER / name)) for name in names(data_dir)]


def read(data_dir: Path, name: str) -> Backtest:
    """Return a result.

    Raises:
        NotFoundError: no result of that name is kept.
        QaError: it cannot be read, or another version of the program wrote it.
    """
    if name not in names(data_dir):
        raise NotFoundError(f"no backtest {name!r} is kept")
    file = data_dir / FOLDER / name
    if file.stat().st_size > MOST_BYTES:
        raise QaError(f"{name}: is larger than {MOST_BYTES >> 20} MiB")
    try:
        result = msgspec.json.decode(file.read_bytes(), type=Backtest)
    except msgspec.DecodeError as problem:
        raise QaError(f"{name}: is no result of a backtest: {problem}") from None
    if result.version != VERSION:
        raise QaError(f"{name}: has version {result.version} of the format, this program reads {VERSION}")
    return result


def without_examples(result: Backtest) -> Backtest:
    """Return the figures alone."""
    none: tuple[Example, ...] = ()
    replace = msgspec.structs.replace
    rules = tuple(replace(one, newly_examples=none, no_longer_examples=none) for one in result.rules)
    void, no_longer = (replace(one, examples=none) for one in (result.newly_void, result.no_longer_void))
    return replace(result, rules=rules, newly_void=void, no_longer_void=no_longer)


def _head(file: Path) -> Kept | None:
    try:
        head = msgspec.json.decode(file.read_bytes(), type=Kept) if file.stat().st_size <= MOST_BYTES else None
    except (msgspec.DecodeError, OSError):
        return None
    return head if head is not None and head.version == VERSION else None


def _free_name(folder: Path, new: Side, at: Instant) -> str:
    stamp = datetime.fromtimestamp(at / MICROSECONDS, UTC).strftime(_STAMP)
    base = f"{stamp}-{_plain(new.pack)}-{_plain(new.version)}"
    wanted = (f"{base}.json" if number == 1 else f"{base}.{number}.json" for number in range(1, 1_000))
    return next(name for name in wanted if not (folder / name).exists())


def _plain(text: str) -> str:
    """Return a part of a file name.

    >>> _plain("../a b"), _plain("标准")
    ('..-a-b', '-')
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:_LONGEST_PART] or "-"


def _instant(name: str) -> Instant | None:
    """Return when a result was made, None for a name that is none of ours.

    >>> _instant("20261120T101500Z-draft-2.json"), _instant("../x.json")
    (1795169700000000, None)
    """
    found = _NAME.fullmatch(name)
    try:
        made = datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC) if found else None
    except ValueError:
        return None
    return None if made is None else int(made.timestamp()) * MICROSECONDS
