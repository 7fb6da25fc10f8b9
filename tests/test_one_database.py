"""The list of tests that look at one kind of store only is about tests that are there, and docs/store.md repeats it."""

from __future__ import annotations

from pathlib import Path

import one_database
import pytest


def test_what_is_listed_is_there_and_explained(root: Path) -> None:
    told = (root / "docs" / "store.md").read_text("utf-8")
    for one, why in one_database.ONE_ONLY.items():
        place, _, test = one.partition("::")
        assert (root / place).exists(), one
        assert not test or f"\ndef {test}(" in (root / place).read_text("utf-8"), one
        assert f"| `{one}` | {why} |" in told


def test_who_opens_one_kind_alone_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_database, "_opened", {"sqlite"})
    assert one_database.alone("tests/cli/test_a.py", "test_a", ("words", 1))
    assert not one_database.alone("tests/cli/test_a.py", "test_a", ("words", "postgresql"))
    assert not one_database.alone("tests/demo/test_a.py", "test_a", ())
    monkeypatch.setattr(one_database, "_opened", {"sqlite", "postgresql"})
    assert not one_database.alone("tests/cli/test_a.py", "test_a", ())
