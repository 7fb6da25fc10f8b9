"""CSV (RFC 4180) to rows of cells, keeping the text of every row and never more than one row in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from qa.sources.base import ReadOptions
from qa.sources.files import LongLine, split_lines

DELIMITERS = ",\t;|"


class Row(NamedTuple):
    """One row: its first line, its cells, its text. With a ``fault`` the cells are those before it."""

    line: int
    cells: list[str]
    original: str
    fault: str = ""


class _CsvError(Exception):
    """A row that breaks the rules of CSV."""


class _Lines:
    """Physical lines with their numbers, and a way to give some back."""

    def __init__(self, chunks: Iterable[bytes], limit: int) -> None:
        self.source = split_lines(chunks, limit)
        self.limit = limit
        self.back: deque[tuple[int, str, str]] = deque()

    def next(self) -> tuple[int, str, str] | None:
        """Number, text without line feed, fault."""
        if self.back:
            return self.back.popleft()
        number, line = next(self.source, (0, None))
        if line is None:
            return None
        if isinstance(line, LongLine):
            return number, line.original, f"the line has {line.size} bytes, more than {self.limit}"
        try:
            return number, line.decode("utf-8"), ""
        except UnicodeDecodeError as error:
            reason = f"not valid in the file's encoding (byte {error.start + 1} of the line)"
            return number, line.decode("utf-8", "replace"), reason


def csv_rows(chunks: Iterable[bytes], delimiter: str, options: ReadOptions) -> Iterator[Row]:
    """Every row of a UTF-8 stream that is not an empty line; faulty rows come as rows with a fault."""
    lines = _Lines(chunks, options.max_line_bytes)
    while (item := lines.next()) is not None:
        number, text, fault = item
        line = text.removesuffix("\r")
        if not line and not fault:
            continue
        if '"' not in line or fault:
            row = Row(number, line.split(delimiter), line, fault)
        else:
            row = _quoted(lines, number, text, delimiter, options)
        yield _within_limits(row, options)


def _within_limits(row: Row, options: ReadOptions) -> Row:
    if row.fault:
        return row
    if len(row.cells) > options.max_columns:
        fault = f"the row has {len(row.cells)} cells, more than {options.max_columns}"
        return row._replace(fault=fault, cells=row.cells[: options.max_columns])
    if len(row.original) > options.max_cell_chars and max(map(len, row.cells)) > options.max_cell_chars:
        return row._replace(fault=f"a cell has more than {options.max_cell_chars} characters")
    return row


def _quoted(lines: _Lines, number: int, text: str, delimiter: str, options: ReadOptions) -> Row:
    """A row with quotes in it, which may go on over further lines."""
    row = _QuotedRow(lines, number, text, delimiter, options.max_cell_chars)
    try:
        row.parse()
    except _CsvError as fault:
        # Only the first line is lost to the fault; the lines that were taken to close a quote are read again as rows.
        lines.back.extendleft(reversed(row.taken))
        return Row(number, row.cells, text.removesuffix("\r"), str(fault))
    original = "\n".join([text, *(line for _, line, _ in row.taken)]).removesuffix("\r")
    return Row(number, row.cells, original)


@dataclass(slots=True)
class _QuotedRow:
    """The parser of one row: ``position`` moves over ``text``, the line it has come to."""

    lines: _Lines
    number: int
    text: str
    delimiter: str
    max_cell: int
    position: int = 0
    cells: list[str] = field(default_factory=list)
    taken: list[tuple[int, str, str]] = field(default_factory=list)
    """Lines after the first that belong to the row."""

    def parse(self) -> None:
        """Fill ``cells``; on a fault they are those complete before it."""
        while True:
            cell = self.quoted_cell() if self.text.startswith('"', self.position) else self.bare_cell()
            ends = self.text[self.position :] in {"", "\r"}
            if not ends and self.text[self.position] != self.delimiter:
                raise _CsvError(f"text after the closing quote of cell {len(self.cells) + 1}")
            self.cells.append(cell)
            if ends:
                return
            self.position += 1

    def bare_cell(self) -> str:
        """The cell up to the next delimiter; quotes within it are only characters."""
        begin, end = self.position, self.text.find(self.delimiter, self.position)
        if end < 0:
            end = len(self.text.removesuffix("\r"))
        self.position = max(begin, end)
        return self.text[begin : self.position]

    def quoted_cell(self) -> str:
        """The cell whose quote opens here, taking more lines while it is open."""
        parts: list[str] = []
        opened, begin, size = self.number, self.position + 1, 0
        while True:
            end = self.text.find('"', begin)
            if end < 0:
                size += len(self.text) + 1
                parts.append(self.text[begin:] + "\n")
                begin = 0
                if size > self.max_cell or not self.next_line():
                    cell = len(self.cells) + 1
                    raise _CsvError(f"the quote opened on line {opened} in cell {cell} is never closed")
            elif self.text.startswith('"', end + 1):
                parts.append(self.text[begin : end + 1])
                begin = end + 2
            else:
                self.position = end + 1
                return "".join([*parts, self.text[begin:end]])

    def next_line(self) -> bool:
        """Go on to the next line; False if there is none that can be read."""
        item = self.lines.next()
        if item is None:
            return False
        self.taken.append(item)
        self.number, self.text, fault = item
        return not fault


def likeliest_delimiter(header: str) -> str:
    """The delimiter that occurs most in a header line, outside quotes; the comma if none does.

    >>> likeliest_delimiter("会话ID;角色;内容")
    ';'
    """
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=outside.count)
