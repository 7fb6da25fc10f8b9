"""The intake sheet as a file: measured before it is opened, then read to texts; formulas give their stored value."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
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


class Row(NamedTuple):
    """A row that is not empty: its number in the sheet, from 1, and its cells as texts from column A on."""

    number: int
    cells: tuple[str, ...]


def read_workbook(path: Path) -> dict[str, list[Row]]:
    """Return the rows of every sheet by its title; SourceError for what is no sound workbook of sensible size."""
    check_workbook(path, _LIMITS)
    try:
        values, formulas = _load(path, stored=True), _load(path, stored=False)
        return {title: list(_merged(path, title, values[title], rows)) for title, rows in formulas.items()}
    except SourceError:
        raise
    except Exception as error:  # noqa: BLE001 - openpyxl raises whatever a damaged part leads it to
        raise SourceError(f"{path}: not a readable XLSX workbook: {error}") from None


def _load(path: Path, *, stored: bool) -> dict[str, list[tuple[Any, ...]]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - a quarter of a second that only XLSX should cost

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = load_workbook(path, read_only=True, data_only=stored, keep_links=False)
        try:
            tables = {}
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # writers lie about them
                tables[sheet.title] = list(islice(sheet.iter_rows(values_only=True), MAX_ROWS + 1))
            return tables
        finally:
            book.close()


def _merged(
    path: Path, title: str, values: Sequence[tuple[Any, ...]], formulas: Sequence[tuple[Any, ...]]
) -> Iterator[Row]:
    if len(formulas) > MAX_ROWS:
        raise SourceError(f"{path}: sheet {title} has more than {MAX_ROWS} rows")
    for number, (stored, written) in enumerate(zip(values, formulas, strict=True), 1):
        pairs = zip(stored, written, strict=True)
        cells = [NO_VALUE if value is None and formula is not None else cell_text(value) for value, formula in pairs]
        while cells and not cells[-1].strip():
            cells.pop()
        if len(cells) > MAX_COLUMNS:
            raise SourceError(f"{path}: sheet {title}, row {number}: more than {MAX_COLUMNS} columns")
        if cells:
            yield Row(number, tuple(cells))
