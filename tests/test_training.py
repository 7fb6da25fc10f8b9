"""The training job: one at a time, in a process of its own that says how it ended."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import web_kit
from sqlalchemy import Engine

from qa import training
from qa.config import Settings
from qa.models.doubts import Doubt, encode_doubts
from qa.models.opinions import ModelError
from qa.store.audit import Act
from qa.training import BusyError, Job, JobState

ACT = Act("lead", 7)
QUICK = "print('fitting: 3 of 3'); print('made 2026-11-21-001-reviews from 90 chats')"
LONG_S = 180
"""Nothing takes so long, however busy the machine is."""
HELD = (
    "import sys, pathlib, time; print('begun', flush=True)\nwhile not pathlib.Path('{go}').exists(): time.sleep(0.02)"
)


@pytest.fixture
def run(store_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Start a job that runs this code instead of training."""
    settings = Settings(data_dir=tmp_path, secret_key=web_kit.KEY)

    def start(code: str, name: str = "reviews") -> Job:
        monkeypatch.setattr(training, "_command", lambda *_: (sys.executable, "-c", code))
        return training.start(store_engine, settings, ACT, name)

    return start


def until(data_dir: Path, wanted: Callable[[Job], bool]) -> Job:
    deadline = time.monotonic() + LONG_S
    while time.monotonic() < deadline:
        job = training.latest(data_dir)
        if job is not None and wanted(job):
            return job
        time.sleep(0.02)
    raise AssertionError(training.latest(data_dir))


def ended(job: Job) -> bool:
    return job.state is not JobState.RUNNING


def test_a_job_ends_and_says_what_it_made(run, tmp_path: Path) -> None:
    assert training.latest(tmp_path) is None
    begun = run(QUICK)
    assert (begun.number, begun.asked.by, begun.state) == (1, "lead", JobState.RUNNING)
    done = until(tmp_path, ended)
    assert (done.state, done.exit_code, done.made) == (JobState.DONE, 0, "2026-11-21-001-reviews")
    assert done.finished_at is not None
    assert done.lines[0] == "fitting: 3 of 3"
    run("import sys; print('no'); sys.exit(2)")
    failed = until(tmp_path, ended)
    assert (failed.number, failed.state, failed.exit_code, failed.made) == (2, JobState.FAILED, 2, None)
    assert [job.number for job in training.history(tmp_path)] == [2, 1]


def test_one_at_a_time_and_a_second_one_after_it(run, tmp_path: Path) -> None:
    go = tmp_path / "go"
    run(HELD.format(go=go))
    assert until(tmp_path, lambda job: job.lines == ("begun",)).state is JobState.RUNNING
    with pytest.raises(BusyError):
        run(QUICK)
    assert training.latest(tmp_path).number == 1
    go.touch()
    assert until(tmp_path, ended).state is JobState.DONE
    assert run(QUICK).number == 2
    until(tmp_path, ended)


def test_a_job_that_is_killed_is_told_from_one_that_runs(run, tmp_path: Path) -> None:
    run(f"import os; print(os.getppid(), os.getpid(), flush=True)\n{HELD.format(go=tmp_path / 'go')}")
    job = until(tmp_path, lambda job: "begun" in job.lines)  # jobs run unbuffered: a line may be there in part
    wrapper, itself = map(int, job.lines[0].split())
    os.kill(wrapper, signal.SIGKILL)
    assert training.latest(tmp_path).state is JobState.RUNNING  # the command itself still lives, and holds the lock
    os.kill(itself, signal.SIGKILL)
    killed = until(tmp_path, ended)
    assert (killed.state, killed.exit_code) == (JobState.KILLED, None)
    assert run(QUICK).number == 2
    until(tmp_path, ended)
    assert training.history(tmp_path)[1].state is JobState.KILLED


def test_what_is_asked_wrongly_starts_nothing(run, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        run(QUICK, name="No!")
    assert training.latest(tmp_path) is None


def test_the_command_and_its_environment(tmp_path: Path) -> None:
    command = training._command("reviews", "li", [Path("a.txt")], Path("d"))
    assert command[1:6] == ("-m", "qa", "models", "train", "--from-reviews")
    assert command[-2:] == ("--data", "a.txt")
    settings = Settings(data_dir=tmp_path, secret_key=web_kit.KEY, timezone="Asia/Tokyo")
    given = training.environment(settings, {"PATH": "/bin", "QA_TEST_X": "1", "QA_WORKERS": "3"})
    assert {name for name in given if name.startswith("QA_")} == {
        "QA_DATA_DIR", "QA_DATABASE_URL", "QA_SECRET_KEY", "QA_TIMEZONE",
    }  # fmt: skip
    assert (given["PATH"], given["QA_TIMEZONE"]) == ("/bin", "Asia/Tokyo")


def test_doubts_are_those_of_the_newest_run_that_found_any(run, tmp_path: Path) -> None:
    assert training.doubts(tmp_path) == ()
    one = Doubt("acme", "c-1", "satisfaction", "satisfied", "neutral", -0.5, "li")
    run(QUICK)
    until(tmp_path, ended)
    (tmp_path / "jobs" / "1" / "doubts").write_bytes(encode_doubts([one]))
    run(QUICK)
    until(tmp_path, ended)
    assert training.doubts(tmp_path) == (one,)
