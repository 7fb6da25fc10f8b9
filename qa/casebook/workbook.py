"""A collection as a workbook (XLSX): every cell is text or a number, so that no program takes one for a formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import xlsxwriter

from qa.casebook.collecting import Gathered, Item
from qa.casebook.transcript import STAR, quote

HEADINGS: Mapping[str, str] = {
    "cases": "Cases", "notes": "Notes", "transcripts": "Transcripts", "number": "No.", "title": "Title",
    "kind": "Kind", "tags": "Tags", "scenario": "Scenario", "question_type": "Question type", "merchant": "Merchant",
    "day": "Day", "score": "Score", "situation": "Situation", "task": "Task", "action": "Action", "result": "Result",
    "turn": "Message", "quote": "Sentence", "judgement": "Judgement", "note": "Why", "role": "Who",
    "after": "After (s)",
    "text": "Text", "excellent": "Excellent", "typical": "Typical problem", "good": "Good", "bad": "Went wrong",
    "customer": "Customer", "agent": "Agent", "bot": "Bot", "system": "System",
}  # fmt: skip
"""What stands at the head of columns, and for the values that are words; a page gives them in its language."""

_LONGEST_CELL = 32_767
_OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
_WIDTHS = {"title": 36, "tags": 24, "quote": 48, "note": 48, "text": 72, **dict.fromkeys(STAR, 40)}
_CASES = ("number", "title", "kind", "tags", "scenario", "question_type", "merchant", "day", "score", *STAR)
_NOTES = ("number", "title", "turn", "role", "quote", "judgement", "note")
_TALK = ("number", "title", "turn", "role", "after", "text")


def workbook(gathered: Gathered, words: Mapping[str, str] = HEADINGS) -> bytes:
    """Return the XLSX file of a collection: sheets of cases, of notes on sentences, and of transcripts."""
    held = BytesIO()
    book = xlsxwriter.Workbook(held, _OPTIONS)
    head = book.add_format({"bold": True, "bottom": 1, "valign": "top"})
    body = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    figure = book.add_format({"valign": "top"})
    numbered = list(enumerate(gathered.items, 1))
    _sheet(book, words, "cases", _CASES, [_case(number, one, words) for number, one in numbered], head, body, figure)
    notes = [row for number, one in numbered for row in _notes(number, one, words)]
    _sheet(book, words, "notes", _NOTES, notes, head, body, figure)
    talk = [row for number, one in numbered for row in _talk(number, one, words)]
    _sheet(book, words, "transcripts", _TALK, talk, head, body, figure)
    book.close()
    return held.getvalue()


def _sheet(
    book: Any, words: Mapping[str, str], name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], head: Any,
    body: Any, figure: Any,
) -> None:  # fmt: skip
    sheet = book.add_worksheet(words[name])
    sheet.freeze_panes(1, 2)
    for place, column in enumerate(columns):
        sheet.set_column(place, place, _WIDTHS.get(column, 12))
        sheet.write_string(0, place, words[column], head)
    for line, row in enumerate(rows, 1):
        for place, value in enumerate(row):
            if isinstance(value, (int, float)):
                sheet.write_number(line, place, value, figure)
            elif value:
                sheet.write_string(line, place, str(value)[:_LONGEST_CELL], body)
    if rows:
        sheet.autofilter(0, 0, len(rows), len(columns) - 1)


def _case(number: int, item: Item, words: Mapping[str, str]) -> list[Any]:
    one = item.head
    plain = [number, one.title, words[one.kind], ", ".join(one.tags), one.scenario, one.question_type, one.merchant]
    return [*plain, one.day, one.score, *(one.star.get(part) for part in STAR)]


def _notes(number: int, item: Item, words: Mapping[str, str]) -> list[list[Any]]:
    roles = {one.turn: one.role for one in item.transcript}
    return [
        [
            number, item.head.title, note.turn, words[roles[note.turn]], quote(note, item.transcript),
            words["good" if note.good else "bad"], note.text,
        ]
        for note in item.notes
    ]  # fmt: skip


def _talk(number: int, item: Item, words: Mapping[str, str]) -> list[list[Any]]:
    return [
        [
            number, item.head.title, one.turn, words[one.role], None if one.after_s is None else round(one.after_s),
            one.text,
        ]
        for one in item.transcript
    ]  # fmt: skip
