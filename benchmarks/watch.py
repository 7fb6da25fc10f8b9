"""Running a command as a child process (POSIX): its time, and how much memory each of its processes had at its peak."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_POLL_S = 0.1
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Run:
    """A finished command. Peaks are resident memory in MB (10⁶ bytes), None where the system does not tell."""

    seconds: float
    """On the clock."""
    processor_s: float
    """Of processor time, of the command and all it started."""
    output: str
    peak_mb: float | None
    """Of the command's own process."""
    workers_mb: float | None
    """Of the largest process it started, None if it started none."""


class FailedError(Exception):
    """A measured command did not end well; the text is its error output."""


def run(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """Run ``python ARGUMENTS`` from the checkout and wait for it; FailedError if its exit code is not 0."""
    begun, used = time.perf_counter(), _used()
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        peaks: dict[int, int] = {}
        while True:
            _look(process.pid, peaks)
            try:
                output, errors = process.communicate(timeout=_POLL_S)
                break
            except subprocess.TimeoutExpired:
                continue
    seconds = time.perf_counter() - begun
    if process.returncode != 0:
        raise FailedError(f"{' '.join(arguments)}: exit code {process.returncode}\n{errors}")
    own = peaks.pop(process.pid, None)
    return Run(seconds, _used() - used, output, _mb(own), _mb(max(peaks.values(), default=None)))


def _used() -> float:
    """Processor seconds of all children that have ended so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _mb(kilobytes: int | None) -> float | None:
    return None if kilobytes is None else kilobytes * 1024 / 1e6


def _look(pid: int, peaks: dict[int, int]) -> None:
    """Note the peak so far (VmHWM) of a process and all below it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:  # it has ended, or this is not Linux
        return
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            peaks[pid] = max(peaks.get(pid, 0), int(line.split()[1]))
    for child in children.split():
        _look(int(child), peaks)


def machine() -> str:
    """What the figures were measured on, in one line; no names and no paths."""
    cpu = _field("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()
    memory = _field("/proc/meminfo", "MemTotal")
    gigabytes = f", {int(memory.split()[0]) / 1e6:.0f} GB" if memory else ""
    return f"{os.cpu_count()} cores ({cpu}){gigabytes}, {platform.system()}, Python {platform.python_version()}"


def _field(path: str, name: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")
