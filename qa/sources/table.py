"""Tables (CSV, TSV, XLSX) with one message a row; the rows of one chat stand together.

A chat with one bad row is rejected as a whole, naming that row. A chat id that comes back after other chats is
rejected too: its earlier rows are already a chat, and to hold all chats until the end would not be flat in memory.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from qa.errors import SourceError
from qa.sources.base import Note, Raw, ReadOptions, Rejected, Source, abridge
from qa.sources.column_map import HEADERS, ColumnMap, load_column_map, locate
from qa.sources.csv_rows import Row, csv_rows, likeliest_delimiter
from qa.sources.files import StreamError, open_utf8
from qa.sources.table_cells import CHAT_PATHS, CellError, RowReader
from qa.sources.xlsx_rows import xlsx_rows

_ZIP = b"PK\x03\x04"
Key = tuple[str, str]
"""Merchant and chat id as the row gives them."""


class Table(Source):
    """One message a row."""

    name: ClassVar[str] = "table"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv", ".xlsx")

    @classmethod
    def sniff(cls, head: bytes) -> bool:
        """A zip archive, or a first line that names columns we know."""
        first = head.split(b"\n", 1)[0].decode("utf-8", "replace").strip()
        names = {cell.strip().strip('"').casefold() for cell in first.split(likeliest_delimiter(first))}
        known = {name.casefold() for column in ("chat_id", "text") for name in (column, *HEADERS[column])}
        return head.startswith(_ZIP) or len(names & known) > 1

    def read(self, path: Path, options: ReadOptions) -> Iterator[Raw | Rejected]:
        """Every chat of the table."""
        column_map = load_column_map(options.column_map)
        file = str(path)
        groups = _Groups(file, options)
        try:
            if _is_workbook(path):
                yield from groups.read(xlsx_rows(path, column_map.file.sheet, options), column_map, padded=True)
            else:
                rows, guess = _csv(path, column_map, options)
                groups.notes = (Note(file, 1, "", guess),) if guess else ()
                yield from groups.read(rows, column_map, padded=False)
        except StreamError as error:
            yield from groups.broken(str(error))


def _is_workbook(path: Path) -> bool:
    try:
        with path.open("rb") as handle:
            return handle.read(4) == _ZIP or path.suffix.lower() == ".xlsx"
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened: {error.strerror or error}") from None


def _csv(path: Path, column_map: ColumnMap, options: ReadOptions) -> tuple[Iterator[Row], str | None]:
    stream = open_utf8(path, replace(options, encoding=options.encoding or column_map.file.encoding))
    head: list[bytes] = []
    wanted = max(column_map.file.header_row, 1)
    for chunk in stream.chunks:
        head.append(chunk)
        if sum(piece.count(b"\n") for piece in head) >= wanted or len(head) > 8:  # noqa: PLR2004 -- 2 MB of header
            break
    lines = b"".join(head).decode("utf-8", "replace").split("\n")
    default = "\t" if path.name.lower().removesuffix(".gz").endswith(".tsv") else None
    delimiter = column_map.file.delimiter or default or likeliest_delimiter(lines[min(wanted, len(lines)) - 1])
    return csv_rows(chain(head, stream.chunks), delimiter, options), stream.guess


@dataclass(slots=True)
class _Group:
    """A chat in the making."""

    key: Key
    line: int
    fields: dict[str, Any] = field(default_factory=dict)
    """Chat-level columns as read."""
    messages: list[dict[str, Any]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    originals: list[str] = field(default_factory=list)
    size: int = 0
    notes: list[Note] = field(default_factory=list)
    fault: tuple[int, str, str] | None = None

    def fail(self, line: int, column: str, reason: str) -> None:
        """Keep the first fault: the chat is rejected with it."""
        self.fault = self.fault or (line, column, reason)


class _Groups:
    """Gathers rows into chats."""

    def __init__(self, file: str, options: ReadOptions) -> None:
        self.file = file
        self.options = options
        self.notes: tuple[Note, ...] = ()
        self.group: _Group | None = None
        self.seen = _Seen()
        self.line = 0
        self.lost = 0
        """Line of an unreadable row of unknown chat just before the present one, else 0."""

    def read(self, rows: Iterator[Row], column_map: ColumnMap, *, padded: bool) -> Iterator[Raw | Rejected]:
        """Every chat; ``padded``: rows may end before their last, empty cells."""
        reader, rows = self.header(rows, column_map)
        if reader is None:
            return
        for row in rows:
            self.line = row.line
            if not row.fault and not any(row.cells):
                continue
            yield from self.place(reader, _measured(row, reader.width, padded=padded))
        yield from self.flush()

    def header(self, rows: Iterator[Row], column_map: ColumnMap) -> tuple[RowReader | None, Iterator[Row]]:
        """The reader that the header row makes; None for a table without any row."""
        wanted = column_map.file.header_row
        first = next((row for row in rows if row.line >= wanted), None)
        if first is None:
            return None, rows
        if first.fault:
            raise SourceError(f"{self.file}: line {first.line}: the header cannot be read: {first.fault}")
        header = first.cells if wanted else [""] * len(first.cells)
        try:
            places = locate(column_map, header)
        except SourceError as error:
            raise SourceError(f"{self.file}: {error}") from None
        reader = RowReader(column_map, places, header, self.options.zone)
        return reader, rows if wanted else chain([first], rows)

    def place(self, reader: RowReader, row: Row) -> Iterator[Raw | Rejected]:
        """Put a row into its chat; yields the chat before, if this row ends it."""
        key = (reader.raw(row.cells, "merchant").strip(), reader.raw(row.cells, "chat_id"))
        if not key[1].strip() or (row.fault and "\ufffd" in key[1]):
            yield from self.stray(row)
            return
        if self.group is None or self.group.key != key:
            yield from self.flush()
            self.begin(key, row)
        assert self.group is not None
        self.lost = 0
        self.add(reader, row, self.group)

    def stray(self, row: Row) -> Iterator[Rejected]:
        """A row whose chat is unknown spoils the chat it stands in: one of its messages may be missing."""
        reason = row.fault or "the chat id is empty"
        self.lost = row.line
        if self.group is None:
            yield Rejected(self.file, row.line, "chat_id", reason, abridge(row.original))
        else:
            self.group.fail(row.line, "chat_id", reason)
            self.keep(self.group, row)

    def begin(self, key: Key, row: Row) -> None:
        """Open the chat of a row."""
        self.group = _Group(key, row.line)
        if self.lost:
            reason = "the row before this chat could not be read; it may belong to it"
            self.group.notes.append(Note(self.file, self.lost, "messages", reason))
        if not self.seen.add(key):
            reason = "the rows of this chat are not contiguous: earlier rows were read as a chat; sort the file by chat"
            self.group.fail(row.line, "chat_id", reason)

    def add(self, reader: RowReader, row: Row, group: _Group) -> None:
        """Read a row into its chat."""
        self.keep(group, row)
        if row.fault:
            group.fail(row.line, "", row.fault)
        if group.fault is not None:
            group.messages.clear()
            return
        try:
            message = reader.message(row.cells)
            for column in reader.chat_columns:
                self.chat_field(reader, row, column, message)
        except CellError as error:
            group.fail(row.line, error.field, str(error))
            return
        group.messages.append(message)
        group.lines.append(row.line)

    def keep(self, group: _Group, row: Row) -> None:
        """Keep the text of a row for the rejects file, and watch the size of the chat."""
        group.size += len(row.original)
        if group.size > self.options.max_line_bytes:
            group.fail(row.line, "messages", f"the chat has more than {self.options.max_line_bytes} characters")
        elif len(group.originals) >= self.options.max_chat_messages:
            group.fail(row.line, "messages", f"the chat has more than {self.options.max_chat_messages} messages")
        else:
            group.originals.append(row.original)

    def chat_field(self, reader: RowReader, row: Row, column: str, message: dict[str, Any]) -> None:
        """Take a chat-level cell: the first that is not empty counts, one that differs stays with its message."""
        group = self.group
        assert group is not None
        value = reader.value(row.cells, column)
        if value is None:
            return
        first = group.fields.setdefault(column, value)
        if first != value:
            message[f"row {column}"] = reader.raw(row.cells, column)
            if all(note.field != column for note in group.notes):
                reason = "differs between the rows of this chat: the first is kept for the chat, others with their row"
                group.notes.append(Note(self.file, row.line, column, reason))

    def flush(self) -> Iterator[Raw | Rejected]:
        """The chat in the making, finished."""
        group, self.group = self.group, None
        if group is None:
            return
        original = "\n".join(group.originals)
        if group.fault is not None:
            line, column, reason = group.fault
            yield Rejected(self.file, line, column, reason, abridge(original))
        else:
            notes, self.notes = (*self.notes, *group.notes), ()
            yield Raw(group.line, _canonical(group), original, notes, tuple(group.lines))

    def broken(self, reason: str) -> Iterator[Raw | Rejected]:
        """The file breaks off: the chat in the making is incomplete, and what follows is unknown."""
        if self.group is not None:
            self.group.fail(self.line + 1, "", f"{reason}; the chat may go on behind it")
            yield from self.flush()
        yield Rejected(self.file, self.line + 1, "", f"{reason}; the chats before this line were read", "")


def _measured(row: Row, width: int, *, padded: bool) -> Row:
    """The row with exactly ``width`` cells, or with a fault. Empty cells too many are no fault."""
    given = len(row.cells)
    if row.fault or given == width:
        return row
    if given < width and padded:
        return row._replace(cells=row.cells + [""] * (width - given))
    if given > width and not any(row.cells[width:]):
        return row._replace(cells=row.cells[:width])
    return row._replace(fault=f"the row has {given} cells, the header {width}")


def _canonical(group: _Group) -> dict[str, Any]:
    data: dict[str, Any] = {"messages": group.messages}
    for column, value in group.fields.items():
        path = CHAT_PATHS[column]
        target = data if len(path) == 1 else data.setdefault(path[0], {})
        target[path[-1]] = value
    if "followup" in data:
        data["followups"] = [data.pop("followup")]
    return data


class _Seen:
    """The chats met so far, as 8-byte hashes in an open table: 16 to 32 MB for a million chats.

    Two different chats share a hash with probability n²/2⁶⁵: 3 in a hundred million for a million chats.
    """

    def __init__(self) -> None:
        self.slots = array("Q", bytes(8 * 1024))
        self.count = 0

    def add(self, key: Key) -> bool:
        """Remember a chat; False if it was there."""
        text = "\0".join(key).encode("utf-8", "surrogatepass")
        number = int.from_bytes(blake2b(text, digest_size=8).digest(), "big") or 1  # 0 marks a free slot
        if 2 * self.count >= len(self.slots):
            self.grow()
        place = self.find(number)
        if self.slots[place] == number:
            return False
        self.slots[place] = number
        self.count += 1
        return True

    def find(self, number: int) -> int:
        """The slot that holds the number, or the free one where it belongs."""
        slots, mask = self.slots, len(self.slots) - 1
        place = number & mask
        while slots[place] not in {0, number}:
            place = (place + 1) & mask
        return place

    def grow(self) -> None:
        """Twice the room."""
        old = self.slots
        self.slots = array("Q", bytes(16 * len(old)))
        for number in old:
            if number:
                self.slots[self.find(number)] = number
