"""The demo month as files: one JSON Lines file a merchant and day, and ``truth.jsonl`` beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from qa.demo.generate import Planted, PlantedItem, generate

ChatKey = tuple[str, str]
"""Merchant and chat id."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is planted in one chat; the rest of the file line is for readers."""

    key: ChatKey
    scenario: str
    planted: tuple[PlantedItem, ...]
    traps: tuple[str, ...]

    @property
    def rules(self) -> frozenset[str]:
        """The rules that must be found, and no others."""
        return frozenset(item.rule for item in self.planted)


def truth_of(planted: Planted) -> Truth:
    """Return the truth about a generated chat, without the chat."""
    key = (str(planted.chat["merchant"]), str(planted.chat["id"]))
    return Truth(key, planted.scenario, planted.planted, planted.traps)


def write_month(
    folder: Path, seed: int = 1, start: date = date(2026, 10, 1), days: int = 30, chats: int = 6_300
) -> list[Path]:
    """Write ``<merchant>/<date>.jsonl`` and ``truth.jsonl`` under ``folder``; return the chat files in order.

    The day is the local day on which the chat started. Existing files of the same names are replaced.
    """
    files: list[Path] = []
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "truth.jsonl").open("wb") as truths:
        for (merchant, day), group in groupby(generate(seed, start, days, chats), _merchant_day):
            path = folder / merchant / f"{day}.jsonl"
            path.parent.mkdir(exist_ok=True)
            members = list(group)
            path.write_bytes(b"".join(_line(member.chat) for member in members))
            truths.writelines(_line(_truth_row(truth_of(member))) for member in members)
            files.append(path)
    return files


def read_truth(path: Path) -> Iterator[Truth]:
    """Yield the truths of a file that ``write_month`` wrote."""
    with path.open("rb") as rows:
        for row in map(orjson.loads, rows):
            items = tuple(PlantedItem(item["rule"], tuple(item["turns"])) for item in row["planted"])
            yield Truth((row["merchant"], row["id"]), row["scenario"], items, tuple(row["traps"]))


def _merchant_day(planted: Planted) -> tuple[str, str]:
    return str(planted.chat["merchant"]), str(planted.chat["started_at"])[:10]


def _truth_row(truth: Truth) -> dict[str, Any]:
    return {
        "id": truth.key[1],
        "merchant": truth.key[0],
        "scenario": truth.scenario,
        "planted": [asdict(item) for item in truth.planted],
        "traps": truth.traps,
    }


def _line(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
