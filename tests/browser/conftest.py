"""Fixtures for tests in a real Chromium; see tests/helpers/web_kit.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import web_kit


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder drives a browser."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium_browser() -> Iterator[Any]:
    """One Chromium for all tests of this process; each page gets a context of its own."""
    with web_kit.started_chromium() as launched:
        yield launched


@pytest.fixture
def browser(chromium_browser: Any, tmp_path: Path) -> Iterator[web_kit.Browser]:
    """A browser on an application of the test's own, with what went wrong in any page failing the test."""
    with (
        web_kit.fresh_sqlite(tmp_path) as engine,
        web_kit.kit_on(engine, tmp_path) as kit,
        web_kit.browser_on(chromium_browser, kit) as made,
    ):
        yield made
