"""Several processes: one that dies is replaced, all end together, and none outlives the parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qa.cli.processes import check
from qa.errors import ConfigError

# Two children write to one pipe: a line in one call, or they may mix (print writes twice where Python runs unbuffered).
SCRIPT = """
import os, sys, time
from qa.cli import processes
processes.YOUNG_SECONDS = float(sys.argv[1])
def work():
    os.write(1, f"{os.getpid()}\\n".encode())
    time.sleep(3600)
processes.supervise(2, work)
print("ended", flush=True)
"""


LONG_S = 180
"""Nothing takes so long, however busy the machine is."""


@pytest.fixture
def supervised(root: Path):
    """A function that starts two processes; returns the parent and their ids."""
    begun: list[subprocess.Popen[str]] = []

    def start(young: float) -> tuple[subprocess.Popen[str], list[int]]:
        parent = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(young)],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(parent)
        return parent, [int(parent.stdout.readline()) for _ in range(2)]

    yield start
    for parent in begun:
        parent.kill()
        parent.communicate()


def are_gone(pids: list[int]) -> bool:
    """Whether all of them end."""
    deadline = time.monotonic() + LONG_S
    while any(map(lives, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not any(map(lives, pids))


def lives(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text("ascii") and not os.kill(pid, 0)
    except OSError:
        return False


def test_one_that_dies_is_replaced_and_all_end_together(supervised) -> None:
    parent, (first, second) = supervised(0.0)
    os.kill(first, signal.SIGKILL)
    third = int(parent.stdout.readline())
    assert third not in {first, second}
    parent.send_signal(signal.SIGTERM)
    said, problems = parent.communicate(timeout=LONG_S)
    assert (parent.returncode, said, problems) == (0, "ended\n", "")
    assert are_gone([second, third])


def test_one_that_dies_at_once_ends_all(supervised) -> None:
    parent, (first, second) = supervised(3600.0)
    os.kill(first, signal.SIGKILL)
    _, problems = parent.communicate(timeout=LONG_S)
    assert parent.returncode == 1
    assert "QaError: a process ended at once (-9)" in problems
    assert are_gone([second])


def test_none_outlives_a_parent_that_is_killed(supervised) -> None:
    parent, pids = supervised(0.0)
    parent.kill()
    assert are_gone(pids)


def test_a_system_without_fork_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    check(1)
    with pytest.raises(ConfigError, match="fork"):
        check(2)
