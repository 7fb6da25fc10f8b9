"""Real Dask processes on loopback, to be killed and stopped by tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from qa.nightly.cluster import connected

ROOT = Path(__file__).resolve().parents[2]
LONG_S = 180.0
"""Nothing takes so long; a test that waits so long has failed."""


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Return as soon as ``condition`` holds."""
    deadline = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {LONG_S:.0f} s"
        time.sleep(0.05)


class DaskProcesses:
    """One scheduler and its workers; ``strangers`` do not know our package."""

    def __init__(self, folder: Path, *, strangers: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._started = folder, 0
        self._known = {name: value for name, value in os.environ.items() if not name.startswith(("QA_", "PYTHONPATH"))}
        self._ours = self._known | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        file = folder / "scheduler.json"
        words = ("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        self.scheduler = self._start("scheduler", words, self._known if strangers else self._ours)
        wait_for(lambda: file.exists() and file.read_text("utf-8").endswith("}"), "scheduler")
        self.address: str = json.loads(file.read_text("utf-8"))["address"]
        self.workers: list[subprocess.Popen[bytes]] = []

    def start_worker(self, *, preload: str | None = None, stranger: bool = False) -> subprocess.Popen[bytes]:
        """Start a worker; ``preload`` is Python that runs in it first."""
        words = ["dask_worker", self.address, "--host", "127.0.0.1", "--nworkers", "1", "--nthreads", "1", "--no-nanny"]
        if preload is not None:
            words += ["--preload", preload]
        worker = self._start("worker", tuple(words), self._known if stranger else self._ours)
        self.workers.append(worker)
        return worker

    def ready(self, count: int) -> list[subprocess.Popen[bytes]]:
        """Return so many living workers that the scheduler knows: surplus ones are ended, missing ones started."""
        self.workers = [one for one in self.workers if one.poll() is None]
        while len(self.workers) > count:
            self.end(self.workers[-1])
        while len(self.workers) < count:
            self.start_worker()
        with connected(self.address) as cluster:
            wait_for(lambda: len(cluster.workers()) == count, f"{count} workers")
        return self.workers

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a process, a stopped one too."""
        process.kill()
        process.wait()
        if process in self.workers:
            self.workers.remove(process)

    def close(self) -> None:
        """Kill all."""
        for process in (*self.workers, self.scheduler):
            self.end(process)

    def _start(self, name: str, words: tuple[str, ...], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        self._started += 1
        log = (self._folder / f"{name}-{self._started}.log").open("wb")
        command = [sys.executable, "-m", f"distributed.cli.{words[0]}", *words[1:], "--no-dashboard"]
        with log:
            return subprocess.Popen(command, env=environment, cwd=self._folder, stdout=log, stderr=log)


class At:
    """Progress that does something once, when so many steps of a stage are done."""

    def __init__(self, stage: str, steps: int, do: Callable[[], None]) -> None:
        self._stage, self._steps, self._do = stage, steps, do
        self._name, self._done = "", 0
        self.happened = False

    def stage(self, name: str, total: int | None = None) -> None:  # noqa: ARG002 - as Progress has it
        self._name, self._done = name.rpartition(" ")[2], 0

    def advance(self, steps: int = 1) -> None:
        self._done += steps
        if self._name == self._stage and self._done >= self._steps and not self.happened:
            self.happened = True
            self._do()


def pause(process: subprocess.Popen[bytes]) -> None:
    """Let a process hang."""
    process.send_signal(signal.SIGSTOP)


def go_on(process: subprocess.Popen[bytes]) -> None:
    """Let it work again."""
    process.send_signal(signal.SIGCONT)
