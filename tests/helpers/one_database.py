"""Which tests look at a store of one kind only, and why; every other test that opens one runs on both.

``tests/conftest.py`` fails a test of the folders ``HELD`` that opens an SQLite file and is not run on PostgreSQL too,
unless it stands in ``ONE_ONLY``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, Engine, event

HELD = tuple(f"tests/{name}/" for name in ("store", "web", "boards", "casebook", "judging", "backtest"))
"""Where nothing may open a store of one kind only."""
ONE_ONLY: Mapping[str, str] = {
    "tests/browser/": "what a page does in Chromium; tests/web asks the same pages of both",
    "tests/benchmarks/": "figures of the programs that measure",
    "tests/demo/": "`qa demo` makes an installation of its own, which is SQLite",
    "tests/drafting/": "rules are drafted from chats; the store only hands them over",
    "tests/faults/": "processes that are killed; those about the store take make_origin, which is both",
    "tests/models/": "files of models; of the store there is the audit log only",
    "tests/training_data/": "labelled chats in files",
    "tests/backups/test_backups.py": "one test beside the others: what a backup's own file holds",
    "tests/cli/test_doctor.py": "what is said before there is a store, and of one that is too old",
    "tests/cli/test_main.py": "the command line itself",
    "tests/cli/test_models.py": "commands about files of models",
    "tests/cli/test_models_evaluate.py": "the same",
    "tests/cli/test_rules.py": "commands about files of rules; publishing is tests/cli/test_rules_publish.py",
    "tests/cli/test_rules_diff.py": "the same",
    "tests/cli/test_rules_list.py": "the same",
    "tests/cli/test_rules_new.py": "the same",
    "tests/cli/test_serve.py": "how the server starts",
    "tests/cli/test_show.py": "how one chat is told; what is read is tests/store/test_inspections.py",
    "tests/test_config.py": "settings",
    "tests/test_intake.py": "one property beside the others: how an import is cut into batches",
    "tests/test_learning.py": "two tests beside the others: messages where there are no reviews, and who is in doubt",
    "tests/test_moving.py": "from one SQLite file to another, and between the two kinds",
    "tests/test_privacy_files.py": "files that are written",
    "tests/test_retention.py": "two tests beside the others: what is left in an SQLite file, and the commands",
    "tests/test_run_script.py": "the script that starts it all",
    "tests/store/test_session.py": "what only SQLite does: waiting for its one writer, files that are no database",
}
"""Files, or folders with a slash at the end, by their place in the checkout."""

_opened: set[str] = set()


def _note(connection: Connection) -> None:
    _opened.add(connection.dialect.name)


event.listen(Engine, "engine_connect", _note)


def forget() -> None:
    """Begin anew: nothing was opened."""
    _opened.clear()


def alone(place: str, given: Iterable[object]) -> bool:
    """Whether a test at this place opened SQLite only, though nothing says that it may; ``given``: its parameters."""
    on_both = {"sqlite", "postgresql"} & {one for one in given if isinstance(one, str)}
    may = not place.startswith(HELD) or any(place.startswith(one) for one in ONE_ONLY)
    return _opened == {"sqlite"} and not on_both and not may
