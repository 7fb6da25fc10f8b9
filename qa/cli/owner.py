"""Who this process is, as the holder of a lease and as a person, and whether another holder still lives."""

from __future__ import annotations

import getpass
import os
import socket
from pathlib import Path


def me() -> str:
    """``host:pid:start``: the start time tells this process from a later one that got the same number."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_started(pid)}"


def user() -> str:
    """Name of the operating system's user, its number where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def is_gone(owner: str) -> bool:
    """Whether the owner was a process of this host that no longer runs; False where that cannot be known."""
    host, _, rest = owner.rpartition(":")[0].rpartition(":")
    start = owner.rpartition(":")[2]
    if host != socket.gethostname() or not rest.isdecimal():
        return False
    pid = int(rest)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return _started(pid) != start


def _started(pid: int) -> str:
    """Start time of a process in clock ticks since boot (Linux), or nothing where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return "0"
    return "0" if fields[0] == "Z" and pid != os.getpid() else fields[19]
