"""Where the log is JSON, nothing else comes on stderr."""

from __future__ import annotations

import logging
from typing import Any

import click
import orjson
import pytest
from click.testing import CliRunner

from qa.cli import LazyGroup, common
from qa.cli.common import progress, say
from qa.cli.jsonlog import set_up_json
from qa.config import Settings
from qa.errors import StoreError


def told(monkeypatch: pytest.MonkeyPatch, *, log_json: bool) -> tuple[int, list[str]]:
    """What a command says that works, remarks and fails."""

    @click.group(cls=LazyGroup)
    def group() -> None:
        pass

    @click.command()
    def night() -> None:
        set_up_json(Settings(log_json=log_json))
        with progress() as shown:
            shown.stage("screen", 2)
            shown.advance(2)
        say("cluster", "worker tcp://h:1 is given up")
        raise StoreError("database (sqlite x): gone")

    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])  # as where no test runs
    monkeypatch.setattr(common.time, "monotonic", lambda: 0.0)
    level = root.level
    group.get_command = lambda _context, _name: night  # type: ignore[method-assign]
    try:
        done = CliRunner().invoke(group, ["nightly"])
    finally:
        root.setLevel(level)
    return done.exit_code, done.stderr.splitlines()


def test_a_command_says_everything_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    code, lines = told(monkeypatch, log_json=True)
    assert code == 5
    found: list[dict[str, Any]] = [orjson.loads(line) for line in lines]
    assert [(one["level"], one["event"], one["said"]) for one in found] == [
        ("info", "progress", "screen: 2 of 2 (0.0 s)"),
        ("info", "cluster", "worker tcp://h:1 is given up"),
        ("error", "error", "error: database (sqlite x): gone"),
    ]


def test_without_it_the_lines_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, log_json=False) == (
        5,
        ["screen: 2 of 2 (0.0 s)", "worker tcp://h:1 is given up", "error: database (sqlite x): gone"],
    )
