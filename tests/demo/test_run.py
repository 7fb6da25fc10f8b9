"""The demo from end to end, small; and the committed report is what the full demo finds today."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from qa.cli import main
from qa.demo.generate import PlantedItem
from qa.demo.reviewed import EVERY, reviews
from qa.demo.write import Truth
from qa.rules.pack import house_file
from qa.store.migrate import downgrade
from qa.store.session import opened

LONG_S = 180
"""Nothing takes so long, however busy the machine is."""


def demo(folder: Path, *words: str) -> str:
    result = CliRunner().invoke(main, ["demo", "--no-serve", "--dir", str(folder), *words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
def test_a_small_demo_runs_and_a_second_one_only_finishes_it(tmp_path: Path) -> None:
    first = demo(tmp_path / "demo", "--chats", "200")
    assert "read 200 = new 200 + changed 0 + unchanged 0 + rejected 0" in first
    assert "planted items found" in first
    with opened(f"sqlite:///{tmp_path / 'demo' / 'zhijian.sqlite3'}") as engine:
        downgrade(engine, "0010")  # left by an older version
    again = demo(tmp_path / "demo", "--chats", "200")
    assert "read 200 = new 0 + changed 0 + unchanged 200 + rejected 0" in again
    assert "this night had run already" in again
    assert "other rules" not in again
    assert [line for line in first.splitlines() if "planted items" in line] == [
        line for line in again.splitlines() if "planted items" in line
    ]


@pytest.mark.slow
def test_nights_of_other_rules_are_told(tmp_path: Path) -> None:
    demo(tmp_path, "--chats", "60")
    card = house_file("scorecard.yaml")[0]
    (tmp_path / "card.yaml").write_text(card.replace("process: 15", "process: 16"), "utf-8")
    settings = tmp_path / "zhijian.toml"
    settings.write_text('scorecard = "card.yaml"\n' + settings.read_text("utf-8"), "utf-8")
    again = demo(tmp_path, "--chats", "60")
    told = re.search(r"(\d+) nights, .* (\d+) of these nights were judged by other rules", " ".join(again.split()))
    assert told is not None
    assert told[1] == told[2]


@pytest.mark.slow
def test_the_demo_leaves_the_users_own_database_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_DATA_DIR", str(tmp_path / "mine"))
    monkeypatch.setenv("QA_DATABASE_URL", f"sqlite:///{tmp_path / 'mine.sqlite3'}")
    demo(tmp_path / "demo", "--chats", "60")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo"]


@pytest.mark.slow
def test_the_committed_report_is_what_the_demo_finds(tmp_path: Path, root: Path) -> None:
    """Refresh it with: ./run demo --no-serve && cp var/demo/demo-truth.md docs/"""
    demo(tmp_path)
    assert (tmp_path / "demo-truth.md").read_text("utf-8") == (root / "docs" / "demo-truth.md").read_text("utf-8")


@pytest.mark.slow
def test_it_ends_with_a_workbench_and_a_login_for_every_role(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-m", "qa", "demo", "--chats", "60", "--port", "0", "--dir", str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(root)}
    with (
        subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.PIPE, text=True) as process,
        contextlib.ExitStack() as ending,
    ):
        ending.callback(process.kill)  # where a line below fails, nobody must wait for it
        lines = []
        while not lines or not lines[-1].startswith("workbench: "):
            lines.append(process.stdout.readline())
            assert lines[-1], "".join(lines)
        links = dict(re.findall(r"^  (\w+) +(http\S+/link/\S+)$", "".join(lines), re.MULTILINE))
        assert set(links) >= {"specialist", "lead", "trainer", "admin", "viewer"}
        with urllib.request.urlopen(links["lead"], timeout=LONG_S) as answer:
            assert answer.status == 200
            assert 'type="password"' in answer.read().decode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONG_S) == 0
    said = [json.loads(line) for line in (tmp_path / "reviews.jsonl").read_text("utf-8").splitlines()]
    demo(tmp_path, "--chats", "60")
    assert [json.loads(line) for line in (tmp_path / "reviews.jsonl").read_text("utf-8").splitlines()] == said


def test_reviewers_who_know_the_truth_say_it() -> None:
    found = {("m", f"x-2026100{day}-1"): {"stalling", "red-insult"} for day in range(1, 10)}
    planted = (PlantedItem("stalling", (1,)), PlantedItem("apology-missing", ()))
    truth = [Truth(key, "s", planted, ()) for key in found]
    said = list(reviews(truth, found, date(2026, 10, 5)))
    assert [one["chat"] for one in said] == ["x-20261001-1", f"x-2026100{1 + EVERY}-1"]
    assert said[0]["at"] == "2026-10-02T09:00:00+08:00"
    assert {one["rule"]: one["verdict"] for one in said[0]["verdicts"]} == {
        "stalling": "confirm", "red-insult": "overturn", "apology-missing": "missed",
    }  # fmt: skip
