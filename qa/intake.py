"""Importing files of chats: read, store in batches, set aside what is wrong, and account for every record.

``read = new + changed + unchanged + rejected`` holds for every file and for the whole. Each batch is one transaction,
so a kill leaves whole batches; importing the same files again ends where an undisturbed import would have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, NamedTuple, Self
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Engine

from qa.errors import QaError, SourceError
from qa.progress import Progress, Quiet
from qa.sources import Accepted, ReadOptions, Rejected, read_chats
from qa.sources.base import Note, abridge
from qa.sources.canonical import chat_to_dict
from qa.store.chats import BatchCount, store_chats
from qa.store.migrate import current_revision, ensure_ready
from qa.store.rehearsal import rehearsal
from qa.store.revisions import Incoming, Unstorable, prepare
from qa.store.session import write_tx
from qa.types import Chat, Instant

BATCH_RECORDS = 1_000
"""Records of one transaction."""
BATCH_BYTES = 8 * 1024 * 1024
"""A batch is closed early when its chats and originals exceed this, so that huge records do not pile up."""
MAX_KINDS = 500
"""Different reasons told apart in the summary; a hostile file could invent endlessly many."""

_REJECT_FIELDS = {"file", "line", "field", "reason", "original"}
_VARYING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\d[\d:.TZ+-]*")

Store = Callable[[Sequence[Incoming]], BatchCount]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What the importer needs to know besides the files."""

    zone: ZoneInfo
    """Where the local day begins and ends, and what a time without offset means."""
    now: Instant
    day: str
    """The local day of chats that carry no time, ``YYYY-MM-DD``."""
    data_dir: Path
    merchant: str = "default"
    source: str | None = None
    """Where the chats come from; None: not said."""
    column_map: Path | None = None
    format: str | None = None
    rejects: Path | None = None
    """One rejects file for all input; None: one an input file under ``data_dir/rejects``, made when needed."""
    dry_run: bool = False
    zones: Mapping[str, ZoneInfo] = field(default_factory=dict)
    """Merchants whose local day is another zone's. Times without offset are read in the zone of ``merchant``."""

    def zone_of(self, merchant: str) -> ZoneInfo:
        """Return the zone of a merchant's local day."""
        return self.zones.get(merchant, self.zone)


class Kind(NamedTuple):
    """One reason for a rejection or note: how often, and the first place."""

    times: int
    field: str
    reason: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class FileReport:
    """The account of one file. ``failed``: why the rest of it could not be read, None if it was read to its end."""

    path: Path
    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    rejects: Path | None = None
    """Where its rejected records are, None if there are none or a dry run kept none."""
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The account of an import; ``rejections`` and ``notes`` are sorted by count, largest first."""

    files: tuple[FileReport, ...]
    rejections: tuple[Kind, ...]
    notes: tuple[Kind, ...]

    @property
    def total(self) -> FileReport:
        """The figures of all files together."""
        figures = ("read", "new", "changed", "unchanged", "rejected")
        return FileReport(Path(), **{name: sum(getattr(one, name) for one in self.files) for name in figures})

    def equation(self) -> str:
        """``read = new + changed + unchanged + rejected`` in figures."""
        t = self.total
        return f"read {t.read} = new {t.new} + changed {t.changed} + unchanged {t.unchanged} + rejected {t.rejected}"


def import_files(
    paths: Sequence[Path], engine: Engine, options: ImportOptions, progress: Progress | None = None
) -> ImportReport:
    """Import files one after the other; a file that cannot be read is reported, and the next one goes on.

    Raises:
        StoreError: the database cannot be used.
        QaError: a rejects file cannot be written or would overwrite something else.
    """
    _guard_rejects(options.rejects, paths)
    watched = progress or Quiet()
    with ExitStack() as stack:
        store = stack.enter_context(_opened_store(engine, options))
        importer = _Importer(store, options, stack.enter_context(_RejectFiles(options)), watched)
        reports = tuple(importer.take(path) for path in paths)
    return ImportReport(reports, importer.rejections.kinds(), importer.notes.kinds())


@contextmanager
def _opened_store(engine: Engine, options: ImportOptions) -> Iterator[Store]:
    """What takes the batches: the database, or in a dry run a rehearsal that only reads it."""
    if options.dry_run:
        exists = current_revision(engine) is not None
        if exists:
            ensure_ready(engine)
        with rehearsal(engine if exists else None) as pretended:
            yield pretended.store
        return

    def write(batch: Sequence[Incoming]) -> BatchCount:
        with write_tx(engine) as connection:
            return store_chats(connection, batch, options.now)

    ensure_ready(engine)
    yield write


@dataclass(slots=True)
class _Batch:
    """Records read and not yet stored; ``lines`` belong to ``chats``."""

    chats: list[Incoming] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    weight: int = 0

    def full(self) -> bool:
        return len(self.chats) + len(self.rejected) >= BATCH_RECORDS or self.weight >= BATCH_BYTES

    def add(self, chat: Incoming, line: int) -> None:
        self.chats.append(chat)
        self.lines.append(line)
        self.weight += len(chat.body)

    def reject(self, rejected: Rejected) -> None:
        self.rejected.append(rejected)
        self.weight += len(rejected.original)


@dataclass(slots=True)
class _Account:
    """The figures of the file being read."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0

    def add(self, stored: BatchCount, rejected: int) -> None:
        self.new += stored.new
        self.changed += stored.changed
        self.unchanged += stored.unchanged
        self.rejected += rejected


class _Importer:
    """Carries stores, rejects and tallies of a whole import from file to file."""

    def __init__(self, store: Store, options: ImportOptions, rejects: _RejectFiles, progress: Progress) -> None:
        self._store, self._options, self._rejects, self._progress = store, options, rejects, progress
        self._reading = ReadOptions(
            zone=options.zone_of(options.merchant),
            now=options.now,
            merchant=options.merchant,
            column_map=options.column_map,
            on_bytes=progress.advance,
        )
        self.rejections, self.notes = _Kinds(), _Kinds()

    def take(self, path: Path) -> FileReport:
        """Import one file."""
        self._rejects.begin(path)
        self._progress.stage(f"{path.name}, bytes", path.stat().st_size if path.exists() else None)
        account, batch, failed = _Account(), _Batch(), None
        try:
            for item in read_chats(path, self._reading, format=self._options.format):
                account.read += 1
                self._sort_in(item, batch, path)
                if batch.full():
                    self._flush(batch, account, path)
                    batch = _Batch()
        except SourceError as error:
            failed = str(error)
        self._flush(batch, account, path)
        figures = (account.read, account.new, account.changed, account.unchanged, account.rejected)
        return FileReport(path, *figures, rejects=self._rejects.end(), failed=failed)

    def _sort_in(self, item: Accepted | Rejected, batch: _Batch, path: Path) -> None:
        if isinstance(item, Rejected):
            batch.reject(item)
            return
        ready = prepare(item.chat, self._options.zone_of(item.chat.merchant), self._options.day, self._options.source)
        if isinstance(ready, Unstorable):
            batch.reject(self._rejection(item.chat, path, item.line, *ready))
            return
        batch.add(ready, item.line)
        for note in item.notes:
            self.notes.add(note)

    def _flush(self, batch: _Batch, account: _Account, path: Path) -> None:
        """Store a batch in one transaction, then write its rejects."""
        stored = self._store(batch.chats) if batch.chats else BatchCount(0, 0, 0, ())
        conflicts = [
            self._rejection(batch.chats[place].chat, path, batch.lines[place], "id", f"belongs to source {owner!r}")
            for place, owner in stored.conflicts
        ]
        rejected = sorted(batch.rejected + conflicts, key=lambda one: one.line)
        self._rejects.write(rejected)
        for one in rejected:
            self.rejections.add(one)
        account.add(stored, len(rejected))

    def _rejection(self, chat: Chat, path: Path, line: int, where: str, reason: str) -> Rejected:
        """A readable chat that cannot be stored; its original is its canonical form, or its id if that is too deep."""
        try:
            original = json.dumps(chat_to_dict(chat, self._options.zone), ensure_ascii=False)
        except RecursionError:
            original = json.dumps({"id": chat.id, "merchant": chat.merchant})
        return Rejected(str(path), line, where, reason, abridge(original))


class _Kinds:
    """Counts reasons, taking those that differ only in figures and quoted names for one."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Kind] = {}

    def add(self, what: Note | Rejected) -> None:
        """Count one."""
        key = (_VARYING.sub("#", what.field), _VARYING.sub("#", what.reason))
        if key not in self._found and len(self._found) >= MAX_KINDS:
            key, what = ("", ""), replace(what, field="", reason="other reasons")
        before = self._found.get(key)
        self._found[key] = (
            Kind(1, what.field, what.reason, what.file, what.line)
            if before is None
            else before._replace(times=before.times + 1)
        )

    def kinds(self) -> tuple[Kind, ...]:
        """The kinds, most frequent first."""
        return tuple(sorted(self._found.values(), key=lambda kind: -kind.times))


class _RejectFiles:
    """The rejects files of one import: complete lines, flushed batch by batch, so a killed import leaves them usable.

    An import begins its rejects files anew: they hold what *this* import refused, and a rerun doubles nothing.
    """

    def __init__(self, options: ImportOptions) -> None:
        self._named = options.rejects
        self._folder = None if options.dry_run else options.data_dir / "rejects"
        self._begun: set[Path] = set()
        self._path: Path | None = None
        self._file: IO[bytes] | None = None
        self._written = 0

    def __enter__(self) -> Self:
        """Begin with the named file, if any, so that it exists even if nothing is refused."""
        if self._named is not None:
            self._path, self._file = self._named, _open(self._named, "wb")
        return self

    def __exit__(self, *_: object) -> None:
        """Close whatever is open."""
        if self._file is not None:
            self._file.close()

    def begin(self, path: Path) -> None:
        """Rejects of this input follow; two inputs of one name share a file."""
        self._written = 0
        if self._named is not None or self._folder is None:
            return
        self._path = self._folder / f"{path.name}.rejects.jsonl"
        if self._path not in self._begun:
            self._path.unlink(missing_ok=True)  # what an earlier import of this file left
            self._begun.add(self._path)

    def write(self, rejected: Sequence[Rejected]) -> None:
        """Append a batch and hand it to the system."""
        if not rejected or self._path is None:
            return
        if self._file is None:
            self._file = _open(self._path, "ab")
        self._file.write(b"".join(reject_line(one) for one in rejected))
        self._file.flush()
        self._written += len(rejected)

    def end(self) -> Path | None:
        """Close the input's own file; returns where its rejects are, if there are any."""
        if self._named is None and self._file is not None:
            self._file.close()
            self._file = None
        return self._path if self._written else None


def reject_line(rejected: Rejected) -> bytes:
    r"""One line of a rejects file.

    >>> reject_line(Rejected("a.jsonl", 3, "id", "is missing", "{}"))
    b'{"file":"a.jsonl","line":3,"field":"id","reason":"is missing","original":"{}"}\n'
    """
    try:
        return msgspec.json.encode(rejected) + b"\n"
    except UnicodeEncodeError:  # half a surrogate pair survives only as an escape
        record = {name: getattr(rejected, name) for name in ("file", "line", "field", "reason", "original")}
        return json.dumps(record).encode() + b"\n"


def _open(path: Path, mode: str) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open(mode)
    except OSError as error:
        raise QaError(f"{path}: the rejects file cannot be written: {error.strerror}") from error


def _guard_rejects(rejects: Path | None, inputs: Sequence[Path]) -> None:
    """Refuse to overwrite an input, or any file that is not a rejects file."""
    if rejects is None or not rejects.is_file() or rejects.stat().st_size == 0:
        return
    if any(path.exists() and path.samefile(rejects) for path in inputs):
        raise QaError(f"{rejects}: is to be imported and cannot take the rejects too")
    with rejects.open("rb") as file:
        line = file.readline(1024 * 1024)
    try:
        first = json.loads(line)
    except ValueError:
        first = None
    if not isinstance(first, dict) or set(first) != _REJECT_FIELDS:
        raise QaError(f"{rejects}: exists and is not a rejects file; it is not overwritten")
