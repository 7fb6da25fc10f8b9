from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from openpyxl import Workbook, load_workbook

from qa.cli import main
from qa.rules.pack import load_house, load_pack

SHIPPED = Path(__file__).resolve().parents[2] / "docs" / "examples" / "rules" / "intake-sheet.xlsx"


def run(folder: Path, *arguments: str | Path) -> Result:
    environment = {"QA_DATA_DIR": str(folder / "data"), "COLUMNS": "60"}
    return CliRunner().invoke(main, ["rules", *map(str, arguments)], env=environment, catch_exceptions=False)


def cells(path: Path) -> dict[str, list[tuple[object, ...]]]:
    book = load_workbook(path)
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}


def test_the_shipped_sheet_is_what_the_command_writes(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    assert run(tmp_path, "new", "--template", path).exit_code == 0
    assert cells(path) == cells(SHIPPED)


def test_from_the_shipped_sheet_to_a_pack_that_passes_check_and_test(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    result = run(tmp_path, "new", "--merchant", "Acme", "--from", SHIPPED, "--out", path)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "10 items = 9 rules + 1 not expressed"
    assert lines[1].startswith("not expressed: item 10 语气真诚、不生硬")
    assert lines[2] == "no English name, the Chinese one stands in: items 7"
    assert lines[3].startswith("item 6 is measured by the house too, both take points: first-response-slow")
    assert "".join(lines[-1:]).endswith("now qa rules check, test and backtest it")
    located = load_pack(path)
    assert located.pack.id == "acme"
    assert len(located.pack.rules) == len(load_house().pack.rules) + 9
    assert run(tmp_path, "check", path).exit_code == 0
    assert run(tmp_path, "test", path).exit_code == 0


def test_without_out_the_pack_goes_to_stdout_and_the_totals_to_stderr(tmp_path: Path) -> None:
    result = run(tmp_path, "new", "--merchant", "acme", "--from", SHIPPED)
    assert result.stdout.startswith("# Drawn up from intake-sheet.xlsx ")
    assert result.stderr.startswith("10 items = 9 rules + 1 not expressed\n")


def test_a_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text("mine", "utf-8")
    arguments = ("new", "--merchant", "acme", "--from", SHIPPED, "--out", path)
    result = run(tmp_path, *arguments)
    assert (result.exit_code, path.read_text("utf-8")) == (2, "mine")
    assert "--force" in result.stderr
    assert run(tmp_path, *arguments, "--force").exit_code == 0
    assert run(tmp_path, "new", "--template", path).exit_code == 2
    assert run(tmp_path, "new", "--template", tmp_path / "no" / "such.xlsx").exit_code == 2


def filled(folder: Path, rows: dict[str, list[list[object]]]) -> Path:
    """The shipped sheet's titles with other rows below them."""
    book = Workbook()
    book.remove(book.active)
    for title, titles in cells(SHIPPED).items():
        sheet = book.create_sheet(title)
        for row in (*titles[:2], *rows.get(title, [])):
            sheet.append(row)
    path = folder / "filled.xlsx"
    book.save(path)
    return path


def test_cells_of_any_type(tmp_path: Path) -> None:
    rows: dict[str, list[list[object]]] = {
        "项目": [
            ["１", "响应", None, "时效性", "一般", 6.0, False, "时效"],
            [2, "回复率", None, "时效性", "一般", "4分", "否", "时效"],
        ],
        "阈值": [[1.0, "首次响应", 45, None], ["2", "30秒回复率", 0.85, None]],
    }
    result = run(tmp_path, "new", "--merchant", "acme", "--from", filled(tmp_path, rows))
    assert result.exit_code == 0
    assert "when: {figure: {figure: first_response, over: 45}}" in result.stdout
    assert "when: {figure: {figure: within_rate, under: 0.85, seconds: 30}}" in result.stdout


def test_all_mistakes_are_told_and_nothing_is_written(tmp_path: Path) -> None:
    rows: dict[str, list[list[object]]] = {
        "项目": [["x", "响应", None, "时效性", "一般", 6, "否", "时效"]],
        "阈值": [[7, "首次响应", "=1+1", None]],
    }
    sheet = filled(tmp_path, rows)
    result = run(tmp_path, "new", "--merchant", "acme", "--from", sheet, "--out", tmp_path / "a.yaml")
    assert result.exit_code == 2
    unsaved = "a formula without a stored value: save the file in a spreadsheet program, or type it"
    assert result.stderr.splitlines() == [
        "error: 3 mistake(s) in the intake sheet, nothing is written:",
        f"{sheet}: sheet 项目, row 3, column A 编号: 'x' is no item number from 1 to 9999",
        f"{sheet}: sheet 阈值, row 3, column A 编号: no item 7 on sheet 项目",
        f"{sheet}: sheet 阈值, row 3, column C 限值: {unsaved}",
    ]
    assert not (tmp_path / "a.yaml").exists()


def test_files_that_are_no_sheet(tmp_path: Path) -> None:
    path = tmp_path / "bad.xlsx"
    missing = run(tmp_path, "new", "--merchant", "acme", "--from", path)
    assert (missing.exit_code, "cannot be opened" in missing.stderr) == (2, True)
    path.write_bytes(b"PK nonsense")
    assert run(tmp_path, "new", "--merchant", "acme", "--from", path).exit_code == 2
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 2_000_000)
    bomb = run(tmp_path, "new", "--merchant", "acme", "--from", path)
    assert (bomb.exit_code, "zip bomb" in bomb.stderr) == (2, True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
    assert "not a readable XLSX workbook" in run(tmp_path, "new", "--merchant", "acme", "--from", path).stderr


def test_a_sheet_that_is_too_long_or_too_wide(tmp_path: Path) -> None:
    sheet = filled(tmp_path, {"项目": [[None] * 100 + ["far"]]})
    wide = run(tmp_path, "new", "--merchant", "acme", "--from", sheet)
    assert (wide.exit_code, wide.stderr) == (2, f"error: {sheet}: sheet 项目, row 3: more than 100 columns\n")
    sheet = filled(tmp_path, {"项目": [["x"]] * 10_000})
    long = run(tmp_path, "new", "--merchant", "acme", "--from", sheet)
    assert (long.exit_code, long.stderr) == (2, f"error: {sheet}: sheet 项目 has more than 10000 rows\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give --merchant and --from, or --template"),
        (["--merchant", "acme"], "give --merchant and --from, or --template"),
        (["--template", "x.xlsx", "--merchant", "acme"], "--template stands alone"),
        (
            ["--merchant", "某店", "--from", SHIPPED],
            "'某店' cannot be a pack's id (a-z, 0-9, _ and -): give one with --id",
        ),
        (["--merchant", "House", "--from", SHIPPED], "'house' is the id of a shipped pack: give another one with --id"),
        (["--merchant", "acme", "--from", SHIPPED, "--version", " "], "--version: must not be empty"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: list[str | Path], said: str) -> None:
    result = run(tmp_path, "new", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_merchant_in_chinese_with_an_id(tmp_path: Path) -> None:
    result = run(tmp_path, "new", "--merchant", "某店", "--id", "m-7", "--version", "2026.11", "--from", SHIPPED)
    assert result.exit_code == 0
    assert 'pack: "m-7"\nversion: "2026.11"\nname: {zh: "某店 质检标准", en: "某店 standard"}\n' in result.stdout
