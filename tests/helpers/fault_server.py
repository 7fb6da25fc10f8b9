"""A process that runs ``qa`` commands in forks of itself and kills them at a moment asked for.

Everything heavy is imported, and rules and model are ready, before the first fork: a run then costs tenths of a second.
Nothing of this is in the product: commits are counted and batches are made small from here.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

SMALL = {"SCREEN_CHUNK": 20, "INSPECT_CHUNK": 8, "WRITE_BATCH": 16}
"""So that a day of 110 chats is written in a dozen transactions."""

KILLED = -signal.SIGKILL


class Ended(NamedTuple):
    """How a run ended: exit code or minus the signal; how many writes it committed, if it lived to tell; its output."""

    code: int
    commits: int | None
    seconds: float
    text: str


class FaultServer:
    """The parent's end: asks for runs, one at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, url: str, *arguments: str, **kill: Any) -> Ended:
        """Run ``qa ARGUMENTS`` on a database.

        ``before=k``/``after=k``: it kills itself at its k-th commit; ``seconds=s``: it is killed after so long.
        """
        return self._obeyed({"url": url, "arguments": arguments, "kill": kill, "warm": False})

    def warm(self, url: str, *arguments: str) -> Ended:
        """Run ``qa ARGUMENTS`` so that the server has compiled and loaded what they need before it forks."""
        return self._obeyed({"url": url, "arguments": arguments, "kill": {}, "warm": True})

    def _obeyed(self, order: dict[str, Any]) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Ended(*json.loads(self._process.stdout.readline()))


@contextmanager
def serving(root: Path, folder: Path) -> Iterator[FaultServer]:
    """Start a server that keeps its output and data below ``folder``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QA_")}
    environment |= {"PYTHONPATH": str(root), "QA_DATA_DIR": str(folder), "COVERAGE_PROCESS_START": ""}
    command = [sys.executable, __file__, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, cwd=folder, **pipes) as process:
        try:
            yield FaultServer(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


# --- the server's end ------------------------------------------------------------------------------------------------


def serve(folder: Path) -> None:
    """Answer orders until there are no more."""
    prepare()
    for line in sys.stdin:
        order = json.loads(line)
        answer = (warm if order["warm"] else obey)(order, folder / "output.txt")
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def prepare() -> None:
    """Import what the commands need, make batches small, and read each standard only once."""
    import functools

    import qa.cli.nightly
    import qa.cli.rescore
    import qa.nightly.night
    from qa.store import migrate

    for name, value in SMALL.items():
        assert hasattr(qa.nightly.night, name)
        setattr(qa.nightly.night, name, value)
    for module in (qa.cli.nightly, qa.cli.rescore):
        module.standard_for = functools.lru_cache(qa.cli.nightly.standard_for)
    migrate.head_revision()


def warm(order: dict[str, Any], output: Path) -> tuple[int, int | None, float, str]:
    """Run a command in this process: what it compiles and loads is there for all forks that follow."""
    begun = time.perf_counter()
    os.environ["QA_DATABASE_URL"] = order["url"]
    with output.open("w") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        code = call(order["arguments"])
    return code, None, time.perf_counter() - begun, output.read_text("utf-8", "replace")


def obey(order: dict[str, Any], output: Path) -> tuple[int, int | None, float, str]:
    """Fork, run, kill, wait."""
    reading, writing = os.pipe()
    begun = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.close(reading)
        perform(order, output, writing)
    os.close(writing)
    if "seconds" in order["kill"]:
        time.sleep(order["kill"]["seconds"])
        os.kill(child, signal.SIGKILL)  # not yet waited for, so the number is still its own
    _, status = os.waitpid(child, 0)
    seconds = time.perf_counter() - begun
    with os.fdopen(reading) as told:
        commits = told.read()
    code = os.waitstatus_to_exitcode(status)
    return code, int(commits) if commits else None, seconds, output.read_text("utf-8", "replace")


def perform(order: dict[str, Any], output: Path, writing: int) -> None:
    """Be the child: run the command and never come back."""
    code = 70
    try:
        with output.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        os.environ["QA_DATABASE_URL"] = order["url"]
        count = watch_commits(order["kill"])
        code = call(order["arguments"])
        sys.stdout.flush()
        os.write(writing, str(len(count)).encode())
    finally:
        os._exit(code)


def call(arguments: list[str]) -> int:
    """Run the command line and return its exit code."""
    from qa.cli import main

    try:
        main(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    except Exception:  # noqa: BLE001 - a fork must not return into the server
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        return 71
    return 0


def watch_commits(kill: dict[str, Any]) -> list[int]:
    """Count the commits of write transactions; die at the one asked for."""
    from sqlalchemy import Connection

    seen: list[int] = []
    commit = Connection._commit_impl

    def counted(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("qa_tx") == "read" or options.get("postgresql_readonly"):
            commit(connection)
            return
        seen.append(1)
        if kill.get("before") == len(seen):
            os.kill(os.getpid(), signal.SIGKILL)
        commit(connection)
        if kill.get("after") == len(seen):
            os.kill(os.getpid(), signal.SIGKILL)

    Connection._commit_impl = counted  # type: ignore[method-assign]
    return seen


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
