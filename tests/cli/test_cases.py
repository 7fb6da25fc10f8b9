"""``qa cases``: list and export, on each of the two databases."""

from __future__ import annotations

from pathlib import Path

import case_kit
import openpyxl
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from qa.casebook import collecting
from qa.cli import main
from qa.people import Scope
from qa.store.audit import Act


def test_list_and_export(store_engine: Engine, db_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_DATABASE_URL", db_url)
    one, other = case_kit.add(store_engine, title="=甲"), case_kit.add(store_engine, kind="typical", merchant="b")
    act = Act("t", 1)
    collection = collecting.create_collection(store_engine, act, Scope(), "新人课", None, None)
    collecting.collect(store_engine, act, collection, one)

    def qa(*words: str) -> str:
        return CliRunner().invoke(main, ["cases", *words]).output

    assert qa("list").splitlines() == [
        f"{other}\t2026-11-20\ttypical\tb\t退款一次说清",
        f"{one}\t2026-11-20\texcellent\tacme\t=甲",
    ]
    assert qa("list", "--text", "甲", "--kind", "typical") == ""
    file = tmp_path / "c.xlsx"
    assert qa("export", "新人课", str(file)) == f"1 cases of 新人课 written to {file}\n"
    cell = openpyxl.load_workbook(file)["Cases"]["B2"]
    assert (cell.value, cell.data_type) == ("=甲", "s")
    assert "there is no collection 'x'" in qa("export", "x", str(file))
