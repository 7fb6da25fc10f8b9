"""The list of tests that look at one kind of store only is about files that are there, and docs/store.md repeats it."""

from __future__ import annotations

from pathlib import Path

import one_database


def test_what_is_listed_is_there_and_explained(root: Path) -> None:
    told = (root / "docs" / "store.md").read_text("utf-8")
    assert [one for one in one_database.ONE_ONLY if not (root / one).exists()] == []
    assert [one for one, why in one_database.ONE_ONLY.items() if f"| `{one}` | {why} |" not in told] == []
