"""XLSX to rows of cells. The archive is unpacked and measured before openpyxl sees it, so that no bomb reaches it."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

from qa.errors import SourceError
from qa.sources.base import ReadOptions
from qa.sources.csv_rows import Row
from qa.sources.files import StreamError

_MEBI = 1024**2
_PIECE = 256 * 1024
_BATCH = 500
_DOCTYPE = tuple("<!doctype".encode(name) for name in ("ascii", "utf-16-le", "utf-16-be"))
_HEX_ESCAPE = re.compile(r"_x((?![dD][89a-fA-F])[0-9A-Fa-f]{4})_")


def check_workbook(path: Path, options: ReadOptions) -> None:
    """Unpack every part without keeping it; raises ``SourceError`` if the archive is damaged, huge, or no workbook."""
    try:
        with ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > options.max_workbook_parts:
                raise SourceError(f"{path}: {len(parts)} parts in the workbook, more than {options.max_workbook_parts}")
            if "[Content_Types].xml" not in archive.namelist():
                raise SourceError(f"{path}: a zip archive, but not an XLSX workbook")
            declared = sum(part.file_size for part in parts)
            _check_size(path, declared, options)
            total = 0
            for part in parts:
                total += _measure(path, archive, part, options, total)
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened: {error.strerror or error}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise SourceError(f"{path}: not a readable XLSX workbook: {error}") from None


def _check_size(path: Path, size: int, options: ReadOptions) -> None:
    if size > options.max_workbook_bytes:
        raise SourceError(f"{path}: the workbook unpacks to more than {options.max_workbook_bytes} bytes")


def _measure(path: Path, archive: ZipFile, part: ZipInfo, options: ReadOptions, before: int) -> int:
    """Bytes of one part, counted while unpacking: what its header says is not believed."""
    if max(part.file_size, 0) > _MEBI and part.file_size > part.compress_size * options.max_workbook_ratio:
        ratio = part.file_size // max(part.compress_size, 1)
        raise SourceError(f"{path}: {part.filename} unpacks to {ratio} times its size: taken for a zip bomb")
    size = 0
    tail = b""
    with archive.open(part) as stream:
        while piece := stream.read(_PIECE):
            size += len(piece)
            _check_size(path, before + size, options)
            window = (tail + piece).lower()
            if part.filename.endswith((".xml", ".rels")) and any(mark in window for mark in _DOCTYPE):
                raise SourceError(f"{path}: {part.filename} declares a document type, which no workbook needs")
            tail = piece[-32:]
    return size


def xlsx_rows(path: Path, sheet: str | None, options: ReadOptions) -> Iterator[Row]:
    """Every row of a sheet (the first by default) that is not empty; formulas give the value stored with them.

    Raises ``SourceError`` for a file that cannot be opened as a workbook, ``StreamError`` where it is damaged later on.
    """
    check_workbook(path, options)
    from openpyxl import load_workbook  # noqa: PLC0415 -- a quarter of a second that only XLSX should cost

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # noqa: BLE001 -- openpyxl raises whatever a damaged part leads it to
        raise SourceError(f"{path}: not a readable XLSX workbook: {error}") from None
    try:
        yield from _sheet_rows(path, book, sheet, options)
    finally:
        book.close()


def _sheet_rows(path: Path, book: Any, name: str | None, options: ReadOptions) -> Iterator[Row]:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if not sheets or (name is not None and name not in sheets):
        raise SourceError(f"{path}: no sheet {name or ''!r}; there are {', '.join(sheets) or 'none'}")
    sheet = sheets[name] if name is not None else next(iter(sheets.values()))
    sheet.reset_dimensions()  # writers lie about them
    numbered = enumerate(sheet.iter_rows(values_only=True), 1)
    while batch := _batch(numbered):
        for number, values in batch:
            if any(value is not None for value in values):
                yield _row(number, values, options)


def _batch(numbered: Iterator[tuple[int, tuple[Any, ...]]]) -> list[tuple[int, tuple[Any, ...]]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(islice(numbered, _BATCH))
    except Exception as error:  # noqa: BLE001 -- as in xlsx_rows
        raise StreamError(f"the sheet is damaged: {error}") from None


def _row(number: int, values: tuple[Any, ...], options: ReadOptions) -> Row:
    width = max(index for index, value in enumerate(values, 1) if value is not None)
    cells = [cell_text(value) for value in values[: min(width, options.max_columns)]]
    original = "\t".join(cells)
    if width > options.max_columns:
        return Row(number, cells, original, f"the row has {width} cells, more than {options.max_columns}")
    if len(original) > options.max_line_bytes:
        return Row(number, cells, original, f"the row has more than {options.max_line_bytes} characters")
    return Row(number, cells, original)


def cell_text(value: Any) -> str:
    """A cell as the text a person sees in it: whole numbers without point or exponent, dates in ISO 8601.

    >>> cell_text(123.0), cell_text(1e20), cell_text(0.5), cell_text(True), cell_text(None)
    ('123', '100000000000000000000', '0.5', 'true', '')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return _HEX_ESCAPE.sub(lambda match: chr(int(match[1], 16)), value) if "_x" in value else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, timedelta):
        return str(value)
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)
