"""Which tests look at a store of one kind only, and why; every other test that opens one runs on both.

``tests/conftest.py`` fails a test that opens an SQLite file and is not run on PostgreSQL too, unless it stands in
``ONE_ONLY``. What the processes open that a test starts is not seen: such a test takes the address from ``db_url``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, Engine, event

ONE_ONLY: Mapping[str, str] = {
    "tests/benchmarks/": "figures of the programs that measure",
    "tests/browser/": "what a page does in Chromium; tests/web asks the same pages of both",
    "tests/demo/": "`qa demo` makes an installation of its own, which is SQLite",
    "tests/backups/test_backups.py::test_what_is_damaged_is_refused_before_anything_is_touched": (
        "a damaged file, which is refused before a database is opened"
    ),
    "tests/nightly/test_same_everywhere.py::test_the_hash_seed_makes_no_difference": (
        "Python's hashes; both databases are compared with the same night beside it"
    ),
    "tests/store/test_session.py": "what only SQLite does: waiting for its one writer, files that are no database",
    "tests/test_proxy.py": "nginx in front of the workbench; what is behind it is asked of both in tests/web",
    "tests/test_retention.py::test_nothing_is_left_in_the_files": "the bytes of SQLite's files",
}
"""Folders with a slash at the end, files, or tests of a file, by their place in the checkout."""

_opened: set[str] = set()


def _note(connection: Connection) -> None:
    _opened.add(connection.dialect.name)


event.listen(Engine, "engine_connect", _note)


def forget() -> None:
    """Begin anew: nothing was opened."""
    _opened.clear()


def alone(place: str, test: str, given: Iterable[object]) -> bool:
    """Whether a test of this file opened SQLite only, though nothing says that it may; ``given``: its parameters."""
    on_both = {"sqlite", "postgresql"} & {one for one in given if isinstance(one, str)}
    return _opened == {"sqlite"} and not on_both and not listed(place, test)


def listed(place: str, test: str) -> bool:
    """Whether the list names the test, its file, or a folder above.

    >>> listed("tests/browser/test_home.py", "test_a"), listed("tests/web/test_home.py", "test_a")
    (True, False)
    """
    return any(place.startswith(one) if one.endswith("/") else one in (place, f"{place}::{test}") for one in ONE_ONLY)
