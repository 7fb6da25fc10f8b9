from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from qa import __version__
from qa import cli as qa_cli
from qa.cli import COMMANDS, Entry, LazyGroup, main
from qa.cli.common import PlainProgress, current_settings, now, pass_settings
from qa.config import Settings
from qa.errors import LeaseHeldError, StoreError


@pytest.fixture
def command_that(monkeypatch: pytest.MonkeyPatch):
    """Register a command ``probe`` with the given body."""

    def register(body) -> None:
        monkeypatch.setitem(COMMANDS, "probe", Entry("Look", "tests_probe:command", "Probe."))
        found = click.command("probe")(body)
        original = LazyGroup.get_command
        monkeypatch.setattr(
            LazyGroup, "get_command", lambda self, ctx, name: found if name == "probe" else original(self, ctx, name)
        )

    return register


def test_help_reads_like_a_manual() -> None:
    shown = CliRunner().invoke(main, ["--help"]).stdout
    sections = [
        "Chats in:",
        "The night:",
        "Rules:",
        "Look:",
        "The workbench:",
        "Keep house:",
        "Examples:",
        "Exit codes:",
        "Environment:",
    ]
    assert [line for line in shown.splitlines() if line in sections] == sections
    assert all(f"  {name} " in shown for name in COMMANDS)
    assert max(map(len, shown.splitlines())) <= 100


def test_help_imports_nothing_heavy(root: Path) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from qa.cli import main; "
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0; "
        "heavy = {'sqlalchemy', 'numpy', 'sklearn', 'pydantic', 'rich', 'jieba', 'rjieba', 'opencc', 'alembic'}; "
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_loads_and_explains_itself(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"], catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: main {name}")


@pytest.mark.parametrize(
    ("group", "subcommands"),
    [("sample", {"explain"}), ("rules", {"check", "test", "try", "ledger"}), ("db", {"upgrade", "current"})],
)
def test_subcommands_named_in_the_help_exist(group: str, subcommands: set[str]) -> None:
    command = LazyGroup("main").get_command(click.Context(main), group)
    assert isinstance(command, click.Group)
    assert subcommands <= set(command.commands)


def test_a_registered_command_without_code_is_a_bug_and_shows_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "ghost", Entry("Look", "qa.cli.ghost:command", "Not there."))
    assert CliRunner().invoke(main, ["--help"]).exit_code == 0
    with pytest.raises(ModuleNotFoundError, match=r"qa\.cli\.ghost"):
        CliRunner().invoke(main, ["ghost"], catch_exceptions=False)


def test_a_table_entry_that_is_no_command_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "ghost", Entry("Look", "qa.cli:INTERRUPTED", "A number."))
    with pytest.raises(TypeError, match="not a command"):
        CliRunner().invoke(main, ["ghost"], catch_exceptions=False)


def test_a_mistyped_command_gets_a_suggestion() -> None:
    result = CliRunner().invoke(main, ["nightlyy"])
    assert result.exit_code == 2
    assert "there is no command 'nightlyy'; did you mean 'nightly'?" in result.stderr
    assert "see qa --help" in CliRunner().invoke(main, ["zzz"]).stderr


def test_version() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"zhijian {__version__}\n"


@pytest.mark.parametrize(
    ("error", "code"), [(StoreError("no database"), 5), (LeaseHeldError("held by pid 7 until 03:00"), 75)]
)
def test_a_mistake_of_the_user_is_one_line_and_its_code(command_that, error: Exception, code: int) -> None:
    def body() -> None:
        raise error

    command_that(body)
    result = CliRunner().invoke(main, ["probe"])
    assert (result.exit_code, result.stderr, result.stdout) == (code, f"error: {error}\n", "")


def test_a_bug_keeps_its_traceback(command_that) -> None:
    def body() -> None:
        raise ZeroDivisionError

    command_that(body)
    assert isinstance(CliRunner().invoke(main, ["probe"]).exception, ZeroDivisionError)


def test_interruption_has_its_own_code(command_that) -> None:
    def body() -> None:
        raise KeyboardInterrupt

    command_that(body)
    result = CliRunner().invoke(main, ["probe"])
    assert (result.exit_code, result.stderr) == (qa_cli.INTERRUPTED, "interrupted\n")


def test_commands_get_their_settings(command_that, tmp_path: Path) -> None:
    @pass_settings
    def body(settings: Settings) -> None:
        assert settings == current_settings()
        click.echo(f"{settings.timezone} {settings.workers}")

    config = tmp_path / "a.toml"
    config.write_text("workers = 7\n", "utf-8")
    command_that(body)
    result = CliRunner().invoke(main, ["--config", str(config), "probe"], env={"QA_TIMEZONE": "Asia/Tokyo"})
    assert result.stdout == "Asia/Tokyo 7\n"
    missing = CliRunner().invoke(main, ["--config", str(tmp_path / "b.toml"), "probe"])
    assert (missing.exit_code, missing.stderr.startswith("error: ")) == (2, True)


def test_a_reader_that_leaves_early_is_no_traceback(root: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "qa", "--help"], cwd=root, stdout=write, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(write)
    assert done.stderr == ""
    assert done.returncode == 1


def test_the_clock_counts_microseconds() -> None:
    assert now() > 1_700_000_000_000_000


def test_plain_progress_tells_now_and_then_and_at_the_end() -> None:
    lines: list[str] = []
    clock = [0.0]
    progress = PlainProgress(lines.append, lambda: clock[0])
    progress.stage("import", 4000)
    for clock[0], steps in ((1.0, 1000), (6.0, 2000), (8.0, 1000)):  # only the second is five seconds after the last
        progress.advance(steps)
    progress.stage("nightly")
    progress.finish()
    assert lines == [
        "import: 3,000 of 4,000 (6.0 s, 500/s)",
        "import: 4,000 of 4,000 (8.0 s, 500/s)",
        "nightly: 0 (0.0 s)",
    ]
