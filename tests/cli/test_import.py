from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qa.cli import main
from qa.store.migrate import HEAD

CHATS = [
    {
        "id": "c-1",
        "merchant": "acme",
        "agent": {"id": "a-7", "name": "小李", "grade": 3},
        "started_at": "2026-11-20T09:00:05+08:00",
        "csat": 5.0,
        "messages": [{"id": "m1", "role": "customer", "at": "2026-11-20T09:00:05+08:00", "text": "\0 在吗 😀\u2028"}],
        "big": 2**64,
    },
    {"id": "c-1", "merchant": "other", "messages": [{"role": "agent", "text": "您好"}]},
    {
        "id": "c-2",
        "merchant": "default",
        "messages": [{"role": "agent", "text": "您好", "labels": {"b": 1, "a": None}}],
    },
]

Run = Callable[..., Result]


@pytest.fixture
def run(db_url: str, tmp_path: Path) -> Run:
    """``qa`` with the given arguments, on a database and data directory of the test's own."""
    environment = {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path / "data")}

    def invoke(*arguments: str | Path) -> Result:
        return CliRunner().invoke(main, [str(one) for one in arguments], env=environment, catch_exceptions=False)

    return invoke


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "day.jsonl"
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in CHATS), "utf-8")
    return path


def test_the_account_is_the_last_line(run: Run, file: Path) -> None:
    result = run("import", file)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "read 3 = new 3 + changed 0 + unchanged 0 + rejected 0"
    assert "day.jsonl" in result.stderr  # progress
    assert run("import", file).stdout.splitlines()[-1] == "read 3 = new 0 + changed 0 + unchanged 3 + rejected 0"


def test_rejects_are_explained_and_only_strict_makes_them_an_error(run: Run, file: Path, tmp_path: Path) -> None:
    with file.open("a") as more:
        more.write('{"id": "c-9"}\n{\n')
    result = run("import", file)
    rejects = tmp_path / "data" / "rejects" / "day.jsonl.rejects.jsonl"
    assert result.exit_code == 0
    assert "rejected 2, by reason" in result.stdout
    assert f"messages: is missing · first at {file}:4" in result.stdout
    assert f"rejected records are in {rejects}" in result.stdout
    assert "2 rejected, the rest is in; exit code 0" in result.stderr
    assert len(rejects.read_text().splitlines()) == 2
    assert run("import", file, "--strict").exit_code == 3


def test_dry_run(run: Run, file: Path) -> None:
    result = run("import", file, "--dry-run")
    assert result.stdout.splitlines()[-2:] == [
        "read 3 = new 3 + changed 0 + unchanged 0 + rejected 0",
        "dry run: nothing was stored",
    ]
    assert "holds no chats yet" in run("export").stderr or "no database" in run("export").stderr


def test_several_files_have_an_account_each(run: Run, file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "day.jsonl.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    lines = run("import", file, packed).stdout.splitlines()
    assert f"{file}: read 3, new 3, changed 0, unchanged 0, rejected 0" in lines
    assert f"{packed}: read 3, new 0, changed 0, unchanged 3, rejected 0" in lines
    assert lines[-1] == "read 6 = new 3 + changed 0 + unchanged 3 + rejected 0"


def test_merchant_source_and_date_are_for_chats_that_have_none(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"id": "x", "messages": [{"role": "agent", "text": ""}]}\n')
    assert run("import", file, "--merchant", "m", "--source", "crm", "--date", "2026-11-20").exit_code == 0
    assert json.loads(run("export", "--merchant", "m", "--date", "2026-11-20").stdout)["merchant"] == "m"
    assert run("export", "--date", "2026-11-19").stdout == ""
    refused = run("import", file, "--merchant", "m", "--source", "shop")
    assert "belongs to source 'crm'" in refused.stdout


def test_a_file_that_cannot_be_read_is_exit_code_2_after_the_others(run: Run, file: Path, tmp_path: Path) -> None:
    broken = tmp_path / "x.png"
    broken.write_bytes(b"\x89PNG" + bytes(50))
    result = run("import", broken, file)
    assert result.exit_code == 2
    assert "read 3 = new 3" in result.stdout
    assert result.stderr.splitlines()[-1].startswith("error: not read to the end: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--date", "20261120"], "is no day"),
        (["--date", "2026-02-30"], "is no day"),
        (["--merchant", " "], "is no name"),
        (["--source", "a\tb"], "is no name"),
        (["--source", "x" * 256], "is no name"),
        (["--format", "nonsense"], "no such format"),
        (["--map", "missing.toml"], "does not exist"),
    ],
)
def test_wrong_options_are_usage_errors(run: Run, file: Path, arguments: list[str], message: str) -> None:
    result = run("import", file, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_export_import_export_is_the_same_to_the_byte(run: Run, file: Path, tmp_path: Path) -> None:
    run("import", file)
    assert run("export", "--out", tmp_path / "one.jsonl").exit_code == 0
    first = (tmp_path / "one.jsonl").read_bytes()
    assert "在吗 😀".encode() in first
    assert [json.loads(one) for one in first.splitlines()] == [CHATS[0], CHATS[2], CHATS[1]]
    again = run("import", tmp_path / "one.jsonl")
    assert again.stdout.splitlines()[-1] == "read 3 = new 0 + changed 0 + unchanged 3 + rejected 0"
    assert run("export").stdout_bytes == first
    assert sorted(path.name for path in tmp_path.glob("*.partial")) == []


def test_export_of_one_chat(run: Run, file: Path) -> None:
    run("import", file)
    assert json.loads(run("export", "--chat", "c-2").stdout) == CHATS[2]
    assert json.loads(run("export", "--chat", "c-1", "--merchant", "other").stdout) == CHATS[1]
    assert "several merchants (acme, other)" in run("export", "--chat", "c-1").stderr
    assert (run("export", "--chat", "c-9").exit_code, run("export", "--chat", "c-9").stdout) == (2, "")
    assert run("export", "--chat", "c-1", "--date", "2026-11-20").exit_code == 2


def test_a_failed_export_leaves_the_old_file(run: Run, file: Path, tmp_path: Path) -> None:
    run("import", file)
    target = tmp_path / "out.jsonl"
    target.write_text("old")
    assert run("export", "--chat", "c-9", "--out", target).exit_code == 2
    assert target.read_text() == "old"
    assert "cannot be written" in run("export", "--out", tmp_path / "no" / "x.jsonl").stderr


def test_db_upgrade_and_current(run: Run) -> None:
    assert f"schema none, this program works with {HEAD}" in run("db", "current").stdout
    assert run("db", "upgrade").stdout.rstrip().endswith(f"schema none → {HEAD}")
    assert f"schema {HEAD} is up to date" in run("db", "upgrade").stdout
    assert f"schema {HEAD}, this program works with {HEAD}" in run("db", "current").stdout


def test_the_naughty_strings_come_back_to_the_byte(run: Run, shared_dir: Path, tmp_path: Path) -> None:
    strings = json.loads((shared_dir / "suites" / "blns" / "blns.json").read_text("utf-8"))
    file = tmp_path / "naughty.jsonl"
    made = [
        {"id": f"n-{n}", "merchant": "m", "messages": [{"role": "customer", "text": one}], "field": {one: one}}
        for n, one in enumerate(strings)
    ]
    file.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in made), "utf-8")
    assert f"read {len(made)} = new {len(made)} +" in run("import", file).stdout
    assert [json.loads(one) for one in run("export").stdout_bytes.splitlines()] == made
