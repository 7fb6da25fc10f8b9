"""A store with a day of chats in it."""

from __future__ import annotations

from pathlib import Path

import night_kit as kit
import pytest
from sqlalchemy import Engine


@pytest.fixture
def day(store_engine: Engine, tmp_path: Path) -> list[kit.Record]:
    """150 chats of acme's day, stored; beside them the day before, and another merchant's day."""
    records = kit.day_of_chats(150)
    others = kit.day_of_chats(12, day="2026-11-19", prefix="before") + kit.day_of_chats(9, merchant="other", prefix="o")
    timeless = [one for one in others if "started_at" not in one]
    assert timeless, "their day is the one that the import is told"
    kit.bring_in(store_engine, tmp_path / "others", others, day="2026-11-19")
    kit.bring_in(store_engine, tmp_path / "day", records)
    return records
