"""The workbook of a collection: whatever is written into a case stays text."""

from __future__ import annotations

from io import BytesIO

import openpyxl
from case_kit import badly

from qa.casebook import CaseLine, Gathered, Item, workbook
from qa.store.case_collections import Collection
from qa.store.cases import CaseHead

NAUGHTY = ("=1+1", "+1", "-1", "@SUM(A1)", "http://x.example/", "007", "\tx", "<b>x</b>", "😀", "a" * 40_000)


def gathered(title: str) -> Gathered:
    head = CaseHead(
        1, "acme", None, None, "c-1", None, "2026-11-20", None, "typical", title, title, None, "published", 1, None, 1,
        "t", 1, "t", 1, (title,), {"action": title}, (),
    )  # fmt: skip
    item = Item(head, [CaseLine(0, "agent", title, 1.4)], [badly(0, title)])
    return Gathered(Collection(1, title, None, None, 1, "t", 1), [item], 0)


def test_every_cell_is_text() -> None:
    for text in NAUGHTY:
        book = openpyxl.load_workbook(BytesIO(workbook(gathered(text))))
        cells = [cell for sheet in book for row in sheet.iter_rows(min_row=2) for cell in row if cell.value is not None]
        assert {cell.data_type for cell in cells} <= {"s", "n"}
        assert not any(cell.hyperlink for cell in cells)
        assert sum(cell.value == text[:32_767] for cell in cells) == 9
        assert [cell.value for cell in book["Transcripts"][2]][2:5] == [0, "Agent", 1]
