"""The intake sheet as a file: measured before it is opened, then read to texts; formulas give their stored value."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from qa.errors import SourceError
from qa.sources.base import ReadOptions
from qa.sources.xlsx_rows import cell_text, check_workbook

MAX_ROWS = 10_000
MAX_COLUMNS = 100
NO_VALUE = "\x00formula"
"""Stands for a formula whose value the file does not hold; no cell can hold it, for XML forbids its first character."""
_LIMITS = ReadOptions(zone=ZoneInfo("UTC"), now=0, max_workbook_bytes=64 * 1024**2)
_OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How workbooks of before 2007 begin, and those with a password."""
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*?\bref="([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})"')


class Row(NamedTuple):
    """A row that is not empty: its number in the sheet, from 1, and its cells as texts from column A on."""

    number: int
    cells: tuple[str, ...]


def read_workbook(path: Path) -> dict[str, list[Row]]:
    """Return the rows of every sheet by its title; SourceError for what is no sound workbook of sensible size."""
    _refuse_others(path)
    check_workbook(path, _LIMITS)
    try:
        values, formulas = _load(path, stored=True), _load(path, stored=False)
        return {title: list(_paired(path, title, values[title], rows)) for title, rows in formulas.items()}
    except SourceError:
        raise
    except Exception as error:  # noqa: BLE001 - openpyxl raises whatever a damaged part leads it to
        raise SourceError(f"{path}: not a readable XLSX workbook: {error}") from None


def _refuse_others(path: Path) -> None:
    """SourceError for a file that is there and is another kind of table: what to do with it."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(_OLD))
    except OSError:
        return  # who opens it tells why it cannot be
    if begin == _OLD:
        raise SourceError(f"{path}: an old .xls workbook, or one with a password: save it as .xlsx without a password")
    if not begin.startswith(b"PK"):
        raise SourceError(f"{path}: not an XLSX workbook: fill in the one that `qa rules new --template` writes")


def _load(path: Path, *, stored: bool) -> dict[str, list[list[Any]]]:
    """The cells of every sheet; of those stored the values as they are shown, merged ones in every row they cover."""
    from openpyxl import load_workbook  # noqa: PLC0415 - a quarter of a second that only XLSX should cost

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = load_workbook(path, read_only=True, data_only=stored, keep_links=False)
        try:
            tables = {}
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # writers lie about them
                rows = islice(sheet.iter_rows(), MAX_ROWS + 1)
                tables[sheet.title] = [[_shown(cell) if stored else cell.value for cell in row] for row in rows]
                if stored:
                    _fill_down(tables[sheet.title], _part(book, sheet))
            return tables
        finally:
            book.close()


def _shown(cell: Any) -> Any:
    """A cell's value; a number that is shown as per cent is that text, for 5 % is stored as 0.05."""
    value = cell.value
    if isinstance(value, int | float) and "%" in (cell.number_format or ""):
        return f"{round(value * 100, 9):g}%"
    return value


def _part(book: Any, sheet: Any) -> bytes:
    content: bytes = book._archive.read(sheet._worksheet_path)  # noqa: SLF001 - merged cells are not read otherwise
    return content


def _fill_down(rows: list[list[Any]], part: bytes) -> None:
    """Give every row that a merged cell covers its value: only the first one has it in the file."""
    for found in _MERGED.finditer(part):
        column, first, last = _index(found[1].decode()), int(found[2]), int(found[3])
        if not (first <= len(rows) and column < min(len(rows[first - 1]), MAX_COLUMNS)):
            continue
        for row in rows[first:last]:
            if any(value is not None for value in row):  # one that is otherwise empty stays so
                row.extend([None] * (column + 1 - len(row)))
                if row[column] is None:
                    row[column] = rows[first - 1][column]


def _index(letters: str) -> int:
    """0-based number of a column.

    >>> _index("A"), _index("Z"), _index("AB")
    (0, 25, 27)
    """
    number = 0
    for one in letters:
        number = number * 26 + ord(one) - ord("A") + 1
    return number - 1


def _paired(path: Path, title: str, values: Sequence[list[Any]], formulas: Sequence[list[Any]]) -> Iterator[Row]:
    if len(formulas) > MAX_ROWS:
        raise SourceError(f"{path}: sheet {title} has more than {MAX_ROWS} rows")
    for number, (stored, written) in enumerate(zip(values, formulas, strict=True), 1):
        pairs = zip_longest(stored, written)  # a merged cell may have made the stored ones more
        cells = [NO_VALUE if value is None and formula is not None else cell_text(value) for value, formula in pairs]
        while cells and not cells[-1].strip():
            cells.pop()
        if len(cells) > MAX_COLUMNS:
            raise SourceError(f"{path}: sheet {title}, row {number}: more than {MAX_COLUMNS} columns")
        if cells:
            yield Row(number, tuple(cells))
