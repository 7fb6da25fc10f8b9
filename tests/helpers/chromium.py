"""Chromium and Chinese fonts for the browser tests: found, or installed where that is allowed.

Run as a script it says which browser would be used, installs one with apt where we are root or may be, and fails when
there is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGES = ("chromium", "fonts-noto-cjk")
IN_CI = ("nginx-light",)
"""Brought along on machines that are thrown away; elsewhere the test of the proxy is skipped without it."""
FLAGS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-domain-reliability",
    "--metrics-recording-only",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
"""It speaks to 127.0.0.1 and to nobody else."""

Call = Callable[[list[str]], int]


class NoChromiumError(Exception):
    """There is no browser; the text says how to get one."""


def find(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the browser: the one that is named, else one on PATH."""
    named = environ.get("QA_TEST_CHROMIUM")
    if named:
        if os.access(named, os.X_OK):
            return Path(named)
        raise NoChromiumError(f"QA_TEST_CHROMIUM is {named}, which cannot be executed")
    for name in NAMES:
        found = shutil.which(name, path=environ.get("PATH"))
        if found:
            return Path(found)
    raise NoChromiumError(
        "no Chromium for the browser tests: install one (apt-get install chromium fonts-noto-cjk), "
        "or set QA_TEST_CHROMIUM to its executable"
    )


def bring(environ: Mapping[str, str], call: Call) -> Path:
    """Return the browser, installed first where there is none and we may: as root, or by sudo without a password."""
    try:
        return find(environ)
    except NoChromiumError:
        prefix = _as_root(environ, call)
        if environ.get("QA_TEST_CHROMIUM") or prefix is None:
            raise
    install = [*prefix, "apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]
    if call(install):
        call([*prefix, "apt-get", "update"])  # the lists may be old, or not there yet
        call(install)
    if environ.get("CI") == "true":
        call([*prefix, "apt-get", "install", "-y", "--no-install-recommends", *IN_CI])  # whatever comes of it
    return find(environ)


def _as_root(environ: Mapping[str, str], call: Call) -> list[str] | None:
    """Return what goes before apt-get; None where it is not here or not for us."""
    if shutil.which("apt-get", path=environ.get("PATH")) is None:
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo", path=environ.get("PATH")) and call(["sudo", "-n", "true"]) == 0:
        return ["sudo", "-n"]
    return None


def _call(command: list[str]) -> int:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.call(command, env=quiet, stdin=subprocess.DEVNULL, stdout=sys.stderr)


if __name__ == "__main__":
    try:
        sys.stdout.write(f"Chromium for the tests: {bring(os.environ, _call)}\n")
    except NoChromiumError as problem:
        sys.exit(f"error: {problem}")
