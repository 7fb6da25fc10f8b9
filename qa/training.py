"""Training as a job: one at a time, in a process of its own that a restart of the workbench does not end.

    <data_dir>/jobs/lock               held by the process of the running job, whoever started it
    <data_dir>/jobs/<number>/job.json  what was asked: by whom, when, which command
    <data_dir>/jobs/<number>/output    what the command said
    <data_dir>/jobs/<number>/exit      its exit code, written when it has ended
    <data_dir>/jobs/<number>/doubts    labels that look wrong, as the command found them

The lock is an open file that the process inherits, so the system lets go of it whatever ends the process: a job
without an exit code whose lock is free was killed.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec
from sqlalchemy import Engine

import qa
from qa.config import Settings
from qa.errors import QaError
from qa.models.doubts import Doubt, decode_doubts
from qa.models.registry import check_name
from qa.store import audit
from qa.store.audit import Act
from qa.store.session import write_tx
from qa.types import Instant

JOBS_NAME = "jobs"
LINES_SHOWN = 14
_LOCK, _JOB, _OUTPUT, _EXIT, _DOUBTS = "lock", "job.json", "output", "exit", "doubts"
_TRIES = 500  # who only looks whether it is held holds it for an instant
_TAIL = 20_000  # bytes of the output that are read for its last lines


class BusyError(QaError):
    """A training run is going on already."""

    status = 409


class JobState(StrEnum):
    """How a job stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    KILLED = "killed"


class Asked(msgspec.Struct, frozen=True):
    """What somebody asked for."""

    by: str
    at: Instant
    name: str
    command: tuple[str, ...]


class Job(NamedTuple):
    """A training run; ``exit_code`` None: it has not ended by itself. ``made``: the version it made."""

    number: int
    asked: Asked
    state: JobState
    exit_code: int | None
    lines: tuple[str, ...]
    made: str | None
    finished_at: Instant | None


def start(
    engine: Engine, settings: Settings, act: Act, name: str, data: Sequence[Path] = ()
) -> Job:  # fmt: skip
    """Start a training run from the reviews (and labelled files; none: our authored ones); it lands in the audit log.

    Raises:
        BusyError: one is running.
        ModelError: ``name`` cannot be the end of a version's name.
    """
    check_name(name)
    folder = settings.data_dir / JOBS_NAME
    folder.mkdir(parents=True, exist_ok=True)
    with _lock(folder, tries=_TRIES) as handle:
        if handle is None:
            raise BusyError("a training run is going on: wait for its end")
        number = 1 + max(_numbers(folder), default=0)
        place = folder / str(number)
        place.mkdir()
        command = _command(name, act.by, data, place / _DOUBTS)
        asked = Asked(act.by, act.at, name, command)
        (place / _JOB).write_bytes(msgspec.json.encode(asked))
        with write_tx(engine) as connection:
            audit.append(connection, act, "model.train", f"job:{number}", {"name": name})
        _spawn(command, place, handle, environment(settings, os.environ))
    return Job(number, asked, JobState.RUNNING, None, (), None, None)


def latest(data_dir: Path) -> Job | None:
    """Return the newest job; None: there was none."""
    folder = data_dir / JOBS_NAME
    number = max(_numbers(folder), default=0)
    return _job(folder, number) if number else None


def history(data_dir: Path, limit: int = 10) -> list[Job]:
    """Return the newest jobs, the newest first."""
    folder = data_dir / JOBS_NAME
    found = (_job(folder, number) for number in sorted(_numbers(folder), reverse=True)[:limit])
    return [job for job in found if job is not None]


def doubts(data_dir: Path) -> tuple[Doubt, ...]:
    """Return the labels that the newest run which got so far found doubtful, the most obvious first."""
    folder = data_dir / JOBS_NAME
    for number in sorted(_numbers(folder), reverse=True):
        file = folder / str(number) / _DOUBTS
        if file.is_file():
            return decode_doubts(file.read_bytes())
    return ()


def environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which a command works with these settings, and finds this very program."""
    ours = {name: value for name, value in inherited.items() if not name.startswith("QA_")}
    ours |= {"QA_DATA_DIR": str(settings.data_dir.absolute()), "QA_DATABASE_URL": settings.database_url}
    ours |= {"QA_TIMEZONE": settings.timezone, "PYTHONUNBUFFERED": "1"}
    if settings.file is not None:
        ours["QA_CONFIG"] = str(settings.file.absolute())
    if settings.secret_key is not None:
        ours["QA_SECRET_KEY"] = settings.secret_key.get_secret_value()
    root = str(Path(qa.__file__).resolve().parents[1])
    ours["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [ours.get("PYTHONPATH")])])
    return ours


def _command(name: str, by: str, data: Sequence[Path], doubts_file: Path) -> tuple[str, ...]:
    files = ("--data", *(str(path) for path in data)) if data else ()
    return (
        sys.executable, "-m", "qa", "models", "train", "--from-reviews", "--name", name, "--by", by,
        "--doubts", str(doubts_file), *files,
    )  # fmt: skip


_WRAPPER = """
import subprocess, sys
from pathlib import Path
place, command = Path(sys.argv[1]), sys.argv[2:]
with (place / "output").open("ab") as output:
    code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, close_fds=False).returncode
unfinished = place / "exit.part"
unfinished.write_text(str(code))
unfinished.replace(place / "exit")
"""
"""Runs the command and writes its exit code. The command inherits the lock, so it is held while either lives."""


def _spawn(command: Sequence[str], place: Path, lock: int, env: Mapping[str, str]) -> None:
    process = subprocess.Popen(  # noqa: S603 - our own program, words that were checked, no shell
        [sys.executable, "-c", _WRAPPER, str(place.absolute()), *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=dict(env), pass_fds=(lock,), start_new_session=True,
    )  # fmt: skip
    threading.Thread(target=process.wait, name=f"job {place.name}", daemon=True).start()  # so that it leaves no zombie


@contextmanager
def _lock(folder: Path, tries: int = 1) -> Iterator[int | None]:
    """The lock as an open file, None where somebody holds it; a process that inherited it goes on holding it."""
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        yield handle if any(_taken(handle) for _ in range(tries)) else None
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _numbers(folder: Path) -> list[int]:
    try:
        return [int(path.name) for path in folder.iterdir() if path.name.isdecimal() and (path / _JOB).is_file()]
    except FileNotFoundError:
        return []


def _job(folder: Path, number: int) -> Job | None:
    place = folder / str(number)
    with _lock(folder) as handle:  # before the exit code is read: what ends in between is then ended, not killed
        free = handle is not None
    try:
        asked = msgspec.json.decode((place / _JOB).read_bytes(), type=Asked)
    except (OSError, msgspec.DecodeError):
        return None
    lines = _lines(place / _OUTPUT)
    ended = place / _EXIT
    newest = number == max(_numbers(folder), default=0)
    if newest and not free:  # also for the moment between the exit code and the end of the process that wrote it
        return Job(number, asked, JobState.RUNNING, None, lines, None, None)
    if not ended.is_file():
        return Job(number, asked, JobState.KILLED, None, lines, None, None)
    code = int(ended.read_text())
    state = JobState.DONE if code == 0 else JobState.FAILED
    return Job(number, asked, state, code, lines, _made(lines), ended.stat().st_mtime_ns // 1_000)


def _lines(output: Path) -> tuple[str, ...]:
    try:
        with output.open("rb") as file:
            file.seek(max(0, output.stat().st_size - _TAIL))
            return tuple(file.read().decode("utf-8", "replace").splitlines()[-LINES_SHOWN:])
    except FileNotFoundError:
        return ()


def _made(lines: Sequence[str]) -> str | None:
    """The version that the command says it made.

    >>> _made(["made 2026-11-21-001-reviews from 90 chats", "to use it: qa models promote …"])
    '2026-11-21-001-reviews'
    """
    for line in reversed(lines):
        first, _, rest = line.partition(" ")
        if first == "made":
            return rest.partition(" ")[0]
    return None
