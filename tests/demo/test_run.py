"""The demo from end to end, small; and the committed report is what the full demo finds today."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from qa.cli import main


def demo(folder: Path, *words: str) -> str:
    result = CliRunner().invoke(main, ["demo", "--no-serve", "--dir", str(folder), *words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
def test_a_small_demo_runs_and_a_second_one_only_finishes_it(tmp_path: Path) -> None:
    first = demo(tmp_path / "demo", "--chats", "200")
    assert "read 200 = new 200 + changed 0 + unchanged 0 + rejected 0" in first
    assert "planted items found" in first
    again = demo(tmp_path / "demo", "--chats", "200")
    assert "read 200 = new 0 + changed 0 + unchanged 200 + rejected 0" in again
    assert "this night had run already" in again
    assert [line for line in first.splitlines() if "planted items" in line] == [
        line for line in again.splitlines() if "planted items" in line
    ]


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
