from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from qa.sources import Accepted, ReadOptions, Rejected, read_chats

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = 1795136405000000  # 2026-11-20T09:00:05+08:00


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of evaluation data and hostile inputs, which is no part of the project."""
    root = Path(os.environ.get("QA_SHARED", Path(__file__).parents[3] / "shared"))
    if not (root / "suites").is_dir():
        pytest.skip(f"the shared folder with the suites of others is not at {root}; set QA_SHARED")
    return root


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[list[Accepted], list[Rejected]]]:
    """Write bytes (or take a path) and read them through the public entry."""

    def run(content: bytes | str | Path, name: str = "chats.jsonl", source: str | None = None, **options):
        if isinstance(content, Path):
            path = content
        else:
            path = tmp_path / name
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        settings = {"zone": SHANGHAI, "now": NOW} | options
        items = list(read_chats(path, ReadOptions(**settings), source))
        accepted = [item for item in items if isinstance(item, Accepted)]
        rejected = [item for item in items if isinstance(item, Rejected)]
        assert len(accepted) + len(rejected) == len(items)
        return accepted, rejected

    return run
