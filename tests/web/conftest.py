"""Fixtures for tests of pages without a browser; see tests/helpers/web_kit.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import web_kit
from sqlalchemy import Engine


@pytest.fixture
def kit(store_engine: Engine, tmp_path: Path) -> Iterator[web_kit.Kit]:
    """An application, once on each of the two databases."""
    with web_kit.kit_on(store_engine, tmp_path) as made:
        yield made
