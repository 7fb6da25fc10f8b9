from __future__ import annotations

import json
from pathlib import Path

import night_kit as kit
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine
from store_dump import dump

from qa.cli import main

PERIOD = ("--from", kit.DAY, "--to", kit.DAY)


@pytest.fixture
def run(store_engine: Engine, db_url: str, tmp_path: Path):
    """``qa`` on a store with 60 chats of acme's day."""
    kit.bring_in(store_engine, tmp_path / "day", kit.day_of_chats(60))

    def invoke(*arguments: str | Path) -> Result:
        environment = {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path), "COLUMNS": "100"}
        return CliRunner().invoke(main, [str(one) for one in arguments], env=environment, catch_exceptions=False)

    return invoke


def test_backtest(run, store_engine: Engine, tmp_path: Path) -> None:
    run("nightly", "--date", kit.DAY)
    before = dump(store_engine)
    files = (tmp_path / "b.json", tmp_path / "b.html")
    result = run("rules", "backtest", kit.pack(tmp_path), *PERIOD, "--json", files[0], "--html", files[1])
    assert result.exit_code == 0
    assert dump(store_engine) == before
    assert "── own 1 against acme: house " in result.stdout
    assert "nothing was changed" in result.stdout
    (line,) = (line for line in result.stdout.splitlines() if line.strip().startswith("own-rule (added)"))
    found = json.loads(files[0].read_bytes())
    (rule,) = (one for one in found["rules"] if one["rule"] == "own-rule")
    assert line.split()[2:5] == ["0", str(rule["chats_new"]), str(rule["newly"])]
    assert "“不知道”" in result.stdout
    assert "backtest: " in result.stderr
    (file,) = (tmp_path / "backtests").iterdir()
    assert json.loads(file.read_bytes()) == found
    assert file.name.endswith("-own-1.json")
    assert "kept for the workbench" in result.stderr
    assert files[1].read_text("utf-8").startswith("<!doctype html>")
    again = tmp_path / "again.json"
    run("rules", "backtest", tmp_path / "own.yaml", *PERIOD, "--json", again, "--no-keep")
    assert list((tmp_path / "backtests").iterdir()) == [file]
    assert again.read_bytes() == files[0].read_bytes()


def test_against_another_pack_over_every_chat(run, tmp_path: Path) -> None:
    one = kit.pack(tmp_path)
    result = run("rules", "backtest", "house", "--against", one, *PERIOD, "--all")
    assert result.exit_code == 0
    assert "against acme: own 1" in result.stdout
    assert "own-rule (removed)" in result.stdout
    same = run("rules", "backtest", one, "--against", one, *PERIOD, "--all", "--merchant", "acme")
    assert "every rule fires on the same chats and counts the same" in same.stdout


def test_a_draft_that_crashes_exits_3(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = kit.pack(tmp_path, "{last_speaker: {is: customer}}")
    monkeypatch.setattr("qa.rules.operators.shape.LastSpeaker.compile", lambda *_: lambda _view: 1 / 0)
    result = run("rules", "backtest", pack, *PERIOD, "--all")
    assert result.exit_code == 3
    assert "BROKEN under NEW: rule own-rule: ZeroDivisionError" in result.stdout


def test_mistakes(run, tmp_path: Path) -> None:
    pack = kit.pack(tmp_path)
    nothing = run("rules", "backtest", pack, *PERIOD)
    assert (nothing.exit_code, "run qa nightly" in nothing.stderr) == (2, True)
    turned = run("rules", "backtest", pack, "--from", "2026-11-21", "--to", "2026-11-20")
    assert (turned.exit_code, "lies before" in turned.stderr) == (2, True)
    missing = run("rules", "backtest", tmp_path / "none.yaml", *PERIOD)
    assert (missing.exit_code, "none.yaml: no such file" in missing.stderr) == (2, True)
    pack.write_text(pack.read_text("utf-8").replace("keywords", "keyword"), "utf-8")
    wrong = run("rules", "backtest", pack, *PERIOD)
    assert (wrong.exit_code, f"error: {pack}:" in wrong.stderr) == (2, True)
    unwritable = run("rules", "backtest", "house", *PERIOD, "--all", "--html", tmp_path / "no" / "b.html")
    assert (unwritable.exit_code, "cannot be written" in unwritable.stderr) == (2, True)
