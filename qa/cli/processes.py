"""Several processes on one listening socket: started together, watched over, ended together.

The parent serves nobody. It starts the others, starts one again that died, and passes on what it is told to end by.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from qa.errors import ConfigError, QaError

GRACE_SECONDS = 10.0
"""How long processes may take to end what they have begun."""
YOUNG_SECONDS = 5.0
"""A process that dies younger than this did not work at all; another one would not either."""

_STOP = (signal.SIGINT, signal.SIGTERM)


class _Ended(BaseException):
    """Somebody asked the parent to end."""


def check(processes: int) -> None:
    """Raise ``ConfigError`` where this system cannot have more than one."""
    if processes > 1 and not hasattr(os, "fork"):
        raise ConfigError("--processes needs a system that can fork; start it with one")


def end_on_sigterm() -> None:
    """Let SIGTERM end this process as Ctrl-C does: what was begun is answered first."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def supervise(processes: int, work: Callable[[], None]) -> None:
    """Run ``work`` in so many processes until SIGINT or SIGTERM; nothing may hold a connection or thread before.

    Raises:
        QaError: a process died right after its start.
    """
    watched, held = os.pipe()  # the children watch one end; the kernel closes the other when the parent is killed
    born: dict[int, float] = {}
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    try:
        for _ in range(processes):
            born[_start(work, watched, held)] = time.monotonic()
        while True:
            pid, status = os.wait()
            if time.monotonic() - born.pop(pid, 0.0) < YOUNG_SECONDS:
                raise QaError(
                    f"a process ended at once ({os.waitstatus_to_exitcode(status)}); see above for the reason"
                )
            born[_start(work, watched, held)] = time.monotonic()
    except _Ended:
        return
    finally:
        for number in _STOP:
            signal.signal(number, signal.SIG_IGN)
        _end_all(set(born))
        os.close(watched)
        os.close(held)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise _Ended


def _start(work: Callable[[], None], watched: int, held: int) -> int:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # or the child would say it again
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)  # no signal between fork and the child's own handlers
    pid = os.fork()
    if pid == 0:
        os.close(held)
        _child(work, watched)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
    return pid


def _child(work: Callable[[], None], watched: int) -> NoReturn:
    code = 1
    try:
        end_on_sigterm()
        signal.signal(signal.SIGINT, _leave)
        threading.Thread(target=_outlived, args=(watched,), name="parent", daemon=True).start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
        work()
        code = 0
    except SystemExit:
        code = 0
    except BaseException:  # noqa: BLE001 - the stack above belongs to the parent
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def _outlived(watched: int) -> None:
    """End with the parent, however it ended."""
    os.read(watched, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def _end_all(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while pids:
        for pid in tuple(pids):
            if _is_gone(pid):
                pids.discard(pid)
        if time.monotonic() > deadline:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.02 if pids else 0)


def _is_gone(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
