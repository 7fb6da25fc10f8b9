"""The intake sheet as a file: what merchants' spreadsheets do to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook

from qa.drafting.workbook import Row, read_workbook
from qa.errors import SourceError


def test_merged_cells_and_shares(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [
        ["标准", None, None],
        ["编号", "维度", "扣分"],
        [1, "专业性", 2],
        [2, None, 0.05],
        [None],
        [3, None, 0.5],
    ]:
        sheet.append(row)
    for cell in ("C4", "C6"):
        sheet[cell].number_format = "0.00%"
    sheet.merge_cells("A1:C1")
    sheet.merge_cells("B3:B6")
    book.save(tmp_path / "own.xlsx")
    assert read_workbook(tmp_path / "own.xlsx") == {
        "Sheet": [
            Row(1, ("标准",)),
            Row(2, ("编号", "维度", "扣分")),
            Row(3, ("1", "专业性", "2")),
            Row(4, ("2", "专业性", "5%")),
            Row(6, ("3", "专业性", "50%")),
        ]
    }


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "an old .xls workbook, or one with a password: save it as"),
        ("编号,项目名称\n".encode(), "not an XLSX workbook: fill in the one that `qa rules new --template` writes"),
        (b"", "not an XLSX workbook"),
        (b"PK\x03\x04", "not a readable XLSX workbook"),
    ],
)
def test_other_files(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "own.xlsx").write_bytes(data)
    with pytest.raises(SourceError) as caught:
        read_workbook(tmp_path / "own.xlsx")
    assert str(caught.value).startswith(f"{tmp_path / 'own.xlsx'}: {reason}")
