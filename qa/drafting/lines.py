"""A sheet's rows as lines with named cells; whatever is wrong with one is kept with its row and column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple, TypeVar

from qa.drafting.layout import NOTHING, Column, Layout
from qa.drafting.values import choice, clean, unknown
from qa.drafting.workbook import NO_VALUE, Row

T = TypeVar("T")
K = TypeVar("K")

_ERROR_VALUE = re.compile(r"#(?:REF!|N/A|NAME\?|VALUE!|DIV/0!|NUM!|NULL!)")
_LETTERS = 26
_HEADS = 5
"""Rows among which the titles are looked for."""


class Mistake(NamedTuple):
    """What is wrong in a sheet. ``row`` is 0 where it is the sheet as a whole, ``column`` empty where it is the row."""

    sheet: str
    row: int
    column: str
    reason: str

    def told(self, file: str) -> str:
        """Return the line for the user.

        >>> Mistake("项目", 5, "F 扣分", "is empty").told("a.xlsx")
        'a.xlsx: sheet 项目, row 5, column F 扣分: is empty'
        """
        row = f", row {self.row}" if self.row else ""
        column = f", column {self.column}" if self.column else ""
        return f"{file}: sheet {self.sheet}{row}{column}: {self.reason}"


def letter(index: int) -> str:
    """Return the letters of a 0-based column.

    >>> letter(0), letter(25), letter(26)
    ('A', 'Z', 'AA')
    """
    return (letter(index // _LETTERS - 1) if index >= _LETTERS else "") + chr(ord("A") + index % _LETTERS)


class Line:
    """One filled row. Reading a cell that is wrong gives None and adds a mistake."""

    def __init__(self, layout: Layout, row: Row, columns: Mapping[str, int], mistakes: list[Mistake]) -> None:
        self.sheet, self.number = layout.title, row.number
        self._layout = layout
        self._cells, self._columns, self._mistakes = row.cells, columns, mistakes

    def text(self, title: str) -> str:
        """Return a cell's text, cleaned; empty where the sheet has no such column."""
        index = self._columns.get(title)
        if index is None or index >= len(self._cells):
            return ""
        cell = self._cells[index]
        if cell == NO_VALUE:
            self.fail(title, "a formula without a stored value: save the file in a spreadsheet program, or type it")
            return ""
        if _ERROR_VALUE.fullmatch(cell):
            self.fail(title, f"the formula's value is {cell}")
            return ""
        try:
            text = clean(cell)
        except ValueError as problem:
            self.fail(title, str(problem))
            return ""
        return "" if self._layout.optional(title) and text.lower() in NOTHING else text

    def lines(self, title: str) -> str:
        """Return a cell's text, its line breaks kept."""
        index = self._columns.get(title)
        if not self.text(title) or index is None:
            return ""
        return "\n".join(clean(line) for line in self._cells[index].splitlines())

    def fail(self, title: str, reason: str) -> None:
        """Add a mistake, one for a cell."""
        index = self._columns.get(title)
        place = title if index is None else f"{letter(index)} {title}"
        if (self.sheet, self.number, place) not in {mistake[:3] for mistake in self._mistakes[-9:]}:
            self._mistakes.append(Mistake(self.sheet, self.number, place, reason))

    def titled(self, beginning: str) -> list[str]:
        """Return the titles of the sheet's columns that begin so, from left to right."""
        return [title for title in self._columns if title.startswith(beginning)]

    def needed(self, title: str) -> str | None:
        """Return a cell's text, or None with a mistake when it is empty."""
        text = self.text(title)
        if not text:
            self.fail(title, "is empty")
        return text or None

    def read(self, title: str, reader: Callable[[str], T]) -> T | None:
        """Return what the reader makes of a cell that must be filled."""
        text = self.needed(title)
        if text is None:
            return None
        try:
            return reader(text)
        except ValueError as problem:
            self.fail(title, str(problem))
            return None

    def pick(self, title: str, known: Mapping[K, Sequence[str]]) -> K | None:
        """Return which of the known things a cell names; an empty cell only where that is one of the words."""
        text = self.text(title)
        found = choice(text, known)
        if found is None:
            self.fail(title, unknown(text, known) if text else "is empty")
        return found


def lines(layout: Layout, rows: Sequence[Row], mistakes: list[Mistake], notes: list[str]) -> Iterator[Line]:
    """Yield the filled lines of a sheet under its titles; a second row of English subtitles is passed over.

    Where a column that must be there is not, that is the mistake, and no line is yielded.
    """
    if not rows:
        mistakes.append(Mistake(layout.title, 0, "", "is empty: the first row holds the titles of the columns"))
        return
    rows = rows[_head(layout, rows) :]
    columns = _columns(layout, rows[0], mistakes, notes)
    if any(column.needed and column.zh not in columns for column in layout.columns):
        return
    subtitles = {column.en for column in layout.columns}
    for row in rows[1:]:
        named = [row.cells[index].strip() for index in columns.values() if index < len(row.cells)]
        filled = [cell for cell in named if cell]
        if filled and not all(cell in subtitles for cell in filled):
            yield Line(layout, row, columns, mistakes)
        elif not filled:
            notes.append(f"sheet {layout.title}, row {row.number}: nothing in a known column, not read")


def _head(layout: Layout, rows: Sequence[Row]) -> int:
    """Which row holds the titles: the first with two known ones, for many put a heading above them; else the first."""
    known = (
        sum(_title(layout, cell.strip().rstrip("*＊ ")) is not None for cell in row.cells) for row in rows[:_HEADS]
    )
    return next((i for i, number in enumerate(known) if number > 1), 0)


def _columns(layout: Layout, titles: Row, mistakes: list[Mistake], notes: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    cells = [cell.strip().rstrip("*＊ ") for cell in titles.cells]
    plain = {_title(layout, said) for said in cells}
    for index, said in enumerate(cells):
        title = _title(layout, said) or _otherwise(layout, said, plain)
        if title is None:
            if said:
                notes.append(f"sheet {layout.title}, column {letter(index)} {said!r}: not read")
        elif title in found:
            mistakes.append(Mistake(layout.title, titles.number, f"{letter(index)} {title}", "stands there twice"))
        else:
            found[title] = index
    missing = [column.zh for column in layout.columns if column.needed and column.zh not in found]
    mistakes += [Mistake(layout.title, titles.number, title, _no_column(title, titles)) for title in missing]
    return found


def _no_column(title: str, titles: Row) -> str:
    there = [cell.strip().rstrip("*＊ ") for cell in titles.cells if cell.strip()]
    like = get_close_matches(title, there, n=1, cutoff=0.5)
    hint = f"; is it {like[0]!r}?" if like else ""
    return f"there is no such column (there: {', '.join(there)}){hint}"


def _otherwise(layout: Layout, said: str, plain: set[str | None]) -> str | None:
    """The column that goes by another title, where none goes by its own."""
    return next((column.zh for column in layout.columns if said in column.also and column.zh not in plain), None)


def _title(layout: Layout, said: str) -> str | None:
    def same(column: Column) -> bool:
        return said == column.zh or said.lower() == column.en

    known = next((column.zh for column in layout.columns if same(column)), None)
    if known is None and layout.many and re.fullmatch(rf"{layout.many}\s*\d{{1,2}}", said):
        return "".join(said.split())
    return known
