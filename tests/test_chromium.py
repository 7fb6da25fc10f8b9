"""How the browser of the browser tests is found."""

from __future__ import annotations

import os
from pathlib import Path

import chromium
import pytest


@pytest.fixture
def program(tmp_path: Path):
    """Make an executable of that name in a folder of its own; return the folder."""

    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
        return tmp_path

    return make


def test_a_named_one_comes_first(program) -> None:
    folder = program("mine", "chromium")
    environ = {"QA_TEST_CHROMIUM": str(folder / "mine"), "PATH": str(folder)}
    assert chromium.find(environ) == folder / "mine"
    with pytest.raises(chromium.NoChromiumError, match="cannot be executed"):
        chromium.find({"QA_TEST_CHROMIUM": str(folder / "other"), "PATH": str(folder)})


def test_else_one_on_the_path(program) -> None:
    assert chromium.find({"PATH": str(program("google-chrome", "chromium-browser"))}).name == "chromium-browser"


def test_none_is_said_loudly(tmp_path: Path) -> None:
    with pytest.raises(chromium.NoChromiumError, match="QA_TEST_CHROMIUM"):
        chromium.bring({"PATH": str(tmp_path)}, lambda _: 0)


@pytest.mark.parametrize(("uid", "prefix"), [(0, []), (1000, ["sudo", "-n"])])
def test_it_is_installed_where_we_may(program, monkeypatch: pytest.MonkeyPatch, uid: int, prefix: list[str]) -> None:
    folder = program("apt-get", "sudo")
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    calls: list[list[str]] = []

    def call(command: list[str]) -> int:
        calls.append(command)
        installing = "install" in command
        if installing and len([c for c in calls if "install" in c]) == 2:
            program("chromium")
        return int(installing and not (folder / "chromium").exists())

    assert chromium.bring({"PATH": str(folder)}, call) == folder / "chromium"
    assert [command for command in calls if "update" in command] == [[*prefix, "apt-get", "update"]]
    assert calls[-1][: len(prefix) + 2] == [*prefix, "apt-get", "install"]
    assert "fonts-noto-cjk" in calls[-1]
    assert "nginx-light" not in calls[-1]


def test_nothing_is_installed_where_we_may_not(program, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = program("apt-get", "sudo")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(chromium.NoChromiumError):
        chromium.bring({"PATH": str(folder)}, lambda _command: 1)


@pytest.mark.parametrize("nginx", [0, 100])
def test_what_else_ci_wants_does_not_decide_about_the_browser(
    program, monkeypatch: pytest.MonkeyPatch, nginx: int
) -> None:
    folder = program("apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    calls: list[list[str]] = []

    def call(command: list[str]) -> int:
        calls.append(command)
        if "nginx-light" in command:
            return nginx
        program("chromium")
        return 0

    assert chromium.bring({"PATH": str(folder), "CI": "true"}, call) == folder / "chromium"
    assert ["nginx-light" in command for command in calls] == [False, True]
