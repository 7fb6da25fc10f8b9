"""What must be the same on all machines of a night, computed where it is asked; results are equal where facts are.

``of_program`` needs nothing; ``of_night`` looks at the rules, the model and the database of one night.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import socket
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import orjson
from sqlalchemy import Engine

from qa import __version__
from qa.nightly.thinking import load
from qa.nightly.work import Assignment
from qa.rules.inspector import Standard
from qa.store import nights
from qa.store.migrate import current_revision
from qa.store.session import read_tx
from qa.tokens import dictionary_hash

Facts = Mapping[str, str]

LIBRARIES = (
    "ahocorasick-rs", "distributed", "google-re2", "jieba", "msgspec", "numpy", "opencc-python-reimplemented",
    "phonenumbers", "python-stdnum", "rapidfuzz", "scikit-learn", "scipy", "sqlalchemy",
)  # fmt: skip
"""Libraries whose version a result, or the way it travels, may depend on. ``rjieba`` cuts exactly as jieba does."""

_PROGRAM = ("*.py", "*.toml", "*.tsv", "*.txt", "*.yaml")
_ASIDE = {"backtest", "backups", "boards", "casebook", "cli", "demo", "drafting", "judging", "queueing", "web"}
"""Folders that take no part in a night."""
_SHOWN = 16


def of_program() -> Facts:
    """Return the versions of program, Python and libraries, and the hash of jieba's dictionary."""
    return {**_versions(), "program files": _files()}


@lru_cache(maxsize=1)
def _versions() -> Facts:
    return {
        "qa version": __version__,
        "Python": ".".join(platform.python_version_tuple()[:2]),
        **{name: _version(name) for name in LIBRARIES},
        "dictionary": dictionary_hash()[:_SHOWN],
    }


def of_night(assignment: Assignment, engine: Engine) -> Facts:
    """Return what this machine makes of a night: rules, model, database.

    Raises:
        QaError: the database cannot be read, or the model's files are not those that were checked.
    """
    standard = Standard.model_validate_json(assignment.standard)
    facts = {
        "standard": standard.hash,
        "policy": _hash(orjson.dumps(orjson.loads(assignment.policy), option=orjson.OPT_SORT_KEYS)),
        "model": "none" if assignment.model is None else assignment.model.version,
        "schema": current_revision(engine) or "none",
        "night": _night(assignment, engine),
    }
    if assignment.model is not None:
        load(assignment.model)  # checks each file
        facts["model files"] = _hash(orjson.dumps(assignment.model.files))
    if engine.dialect.name == "sqlite":
        facts["machine of the SQLite file"] = machine()
    return facts


def differences(ours: Facts, theirs: Facts) -> list[str]:
    """Return what differs, with both values.

    >>> differences({"qa version": "1", "numpy": "2.0"}, {"qa version": "2", "numpy": "2.0"})
    ['qa version: 1 here, 2 there']
    """
    names = [*ours, *(name for name in theirs if name not in ours)]
    return [
        f"{name}: {ours.get(name, 'unknown')} here, {theirs.get(name, 'unknown')} there"
        for name in names
        if ours.get(name) != theirs.get(name)
    ]


def machine() -> str:
    """Return what tells this machine from others: processes in containers of one machine say the same."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return socket.gethostname()


def _night(assignment: Assignment, engine: Engine) -> str:
    """The night as it stands in the database that is reached; who holds it tells copies of a database apart."""
    with read_tx(engine) as connection:
        night = nights.find_night(connection, assignment.merchant, assignment.day)
    if night is None:
        return "not in the database"
    return f"{night.id} of {night.merchant} {night.day}, held by {night.lease_owner}"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _files() -> str:
    """What tells the program's files apart. A process under which they were changed is like no other one.

    It would run a mixture: some modules are read when they are first needed.
    """
    if _program_hash() == _LOADED:
        return _LOADED
    return f"changed while process {os.getpid()} ran, start it anew"


def _program_hash() -> str:
    folder = Path(__file__).resolve().parent.parent
    found = hashlib.sha256()
    for path in sorted(path for pattern in _PROGRAM for path in folder.rglob(pattern)):
        name = path.relative_to(folder)
        if name.parts[0] not in _ASIDE:
            found.update(f"{name.as_posix()}\0".encode() + path.read_bytes())
    return found.hexdigest()[:_SHOWN]


_LOADED = _program_hash()
"""Of the files as they were when this program was loaded."""


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_SHOWN]
