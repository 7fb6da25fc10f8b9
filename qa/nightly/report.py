"""``qa nightly --json``: everything a night found, in the stable form that docs/nightly-json.md describes.

Written piece by piece, so a night of a million chats takes no more memory than one of a thousand.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeVar

import orjson
from sqlalchemy import Connection, Engine

from qa.errors import QaError
from qa.nightly.night import NightResult
from qa.store import frames, inspections, nights
from qa.store.nights import RunKind
from qa.store.session import read_tx
from qa.types import Result

VERSION = 1
"""Changes when a script that reads the file would have to change."""

_PAGE = 500
T = TypeVar("T")


def write_report(engine: Engine, results: Iterable[NightResult], path: Path) -> None:
    """Write the nights as one JSON object ``{"version", "merchants": […]}``; the file appears whole or not at all.

    Raises:
        QaError: the file cannot be written.
    """
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as file, read_tx(engine) as connection:
            file.write(b'{"version":%d,"merchants":[' % VERSION)
            for number, result in enumerate(results):
                file.write(b"," if number else b"")
                _write_night(file, connection, result)
            file.write(b"]}\n")
        unfinished.replace(path)
    except OSError as problem:
        raise QaError(f"{path}: cannot be written: {os.strerror(problem.errno or 0)}") from None


def _write_night(file: IO[bytes], connection: Connection, result: NightResult) -> None:
    night = result.night
    summary = night.summary or {}
    runs = [run.id for run in nights.runs_of(connection, night.id) if run.kind is not RunKind.RESCORE]
    head: dict[str, Any] = {
        "merchant": night.merchant,
        "date": night.day,
        "policy": {key: value for key, value in night.policy.items() if key != "salt"},
        "salt": night.salt,
        "frame_size": summary.get("frame_size"),
        "strata": [
            {
                "wave": row.wave, "agent": row.stratum[0], "channel": row.stratum[1], "size": row.size,
                "drawn": row.drawn, "probability": row.drawn / row.size,
            }
            for row in frames.strata_of(connection, night.id)
        ],
        "estimates": summary.get("estimates", []),
        "seconds": {name: round(seconds, 3) for name, seconds in result.seconds.items()},
    }  # fmt: skip
    file.write(orjson.dumps(head)[:-1])
    targeted = frames.iter_frame(connection, night.id, targeted=True)
    _write_list(file, "targeted", ({"id": entry.chat_id, "reasons": entry.reasons} for entry in targeted))
    drawn = frames.iter_frame(connection, night.id, targeted=False, drawn=True)
    _write_list(file, "random", (entry.chat_id for entry in drawn))
    _write_list(file, "inspections", _inspections(connection, runs))
    found = inspections.iter_found(connection, runs)
    _write_list(file, "broken", ({"id": f.chat_id, "reason": f.broken} for f in found if f.broken is not None))
    file.write(b"}")


def _write_list(file: IO[bytes], name: str, items: Iterable[Any]) -> None:
    file.write(b',"%s":[' % name.encode())
    for number, item in enumerate(items):
        file.write(b"," if number else b"")
        file.write(orjson.dumps(item))
    file.write(b"]")


def _inspections(connection: Connection, runs: list[int]) -> Iterator[dict[str, Any]]:
    for page in _pages(inspections.iter_found(connection, runs), _PAGE):
        found = inspections.details(connection, [one.id for one in page])
        for one in page:
            findings, flags, skipped = found[one.id]
            yield {
                "id": one.chat_id,
                "wave": one.wave,
                "agent": one.agent,
                "channel": one.channel,
                "probability": one.probability,
                "score": one.score,
                "red_line": one.red_line,
                "dimensions": orjson.loads(one.dimensions),
                "flags": [flag.reason for flag in flags],
                "findings": [_finding(row) for row in findings] + _skipped(skipped),
                "opinions": [],
            }


def _finding(row: Any) -> dict[str, Any]:
    return {
        "rule": row.rule, "outcome": row.outcome, "severity": row.severity, "points": row.points, "hits": row.hits,
        "value": row.value, "message": row.message, "evidence": orjson.loads(row.evidence),
    }  # fmt: skip


def _skipped(reasons: bytes) -> list[dict[str, Any]]:
    """Rules that did not apply, with the reason in place of the message; the same keys as a finding."""
    return [
        {
            "rule": rule, "outcome": Result.NOT_APPLICABLE.value, "severity": None, "points": 0.0, "hits": 0,
            "value": None, "message": reason, "evidence": [],
        }
        for rule, reason in orjson.loads(reasons).items()
    ]  # fmt: skip


def _pages(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while page := list(islice(items, size)):
        yield page
