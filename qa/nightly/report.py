"""``qa nightly --json``: everything a night found, in the stable form that docs/nightly-json.md describes.

Written piece by piece, so a night of a million chats takes no more memory than one of a thousand.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec
import orjson
from sqlalchemy import Connection, Engine, select

from qa.errors import QaError
from qa.models.stored import expanded
from qa.nightly.night import NightResult
from qa.privacy import mask_json
from qa.store import frames, inspections, nights
from qa.store.chats import decode_body
from qa.store.nights import RunKind
from qa.store.session import read_tx
from qa.store.tables import chats as chat_table
from qa.store.tables import inspections as inspection_table
from qa.store.texts import BODY
from qa.types import Chat, Result

VERSION = 1
"""Changes when a script that reads the file would have to change."""

_PAGE = 500
T = TypeVar("T")


def write_report(engine: Engine, results: Iterable[NightResult], path: Path, *, masked: bool = False) -> None:
    """Write the nights as one JSON object ``{"version", "merchants": […]}``; the file appears whole or not at all.

    ``masked``: personal data in quotes and messages is hidden (docs/privacy.md).

    Raises:
        QaError: the file cannot be written.
    """
    unfinished = path.with_name(path.name + ".part")
    try:
        with unfinished.open("wb") as file, read_tx(engine) as connection:
            file.write(b'{"version":%d,"merchants":[' % VERSION)
            for number, result in enumerate(results):
                file.write(b"," if number else b"")
                _write_night(file, connection, result, masked=masked)
            file.write(b"]}\n")
        unfinished.replace(path)
    except OSError as problem:
        raise QaError(f"{path}: cannot be written: {os.strerror(problem.errno or 0)}") from None


def _write_night(file: IO[bytes], connection: Connection, result: NightResult, *, masked: bool) -> None:
    night = result.night
    summary = night.summary or {}
    told = [run for run in nights.runs_of(connection, night.id) if run.kind is not RunKind.RESCORE]
    runs = [run.id for run in told]
    head: dict[str, Any] = {
        "merchant": night.merchant,
        "date": night.day,
        "policy": {key: value for key, value in night.policy.items() if key != "salt"},
        "salt": night.salt,
        "model": next((run.model for run in told if run.model is not None), None),
        "model_refused": result.refused,
        "drift": summary.get("drift", []),
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
        "backend": None if result.crew is None else result.crew.backend,
        "workers": None if result.crew is None else result.crew.workers,
    }  # fmt: skip
    file.write(orjson.dumps(head)[:-1])
    targeted = frames.iter_frame(connection, night.id, targeted=True)
    _write_list(file, "targeted", ({"id": entry.chat_id, "reasons": entry.reasons} for entry in targeted))
    drawn = frames.iter_frame(connection, night.id, targeted=False, drawn=True)
    _write_list(file, "random", (entry.chat_id for entry in drawn))
    _write_list(file, "inspections", _inspections(connection, runs, masked=masked))
    found = inspections.iter_found(connection, runs)
    _write_list(file, "broken", ({"id": f.chat_id, "reason": f.broken} for f in found if f.broken is not None))
    file.write(b"}")


def _write_list(file: IO[bytes], name: str, items: Iterable[Any]) -> None:
    file.write(b',"%s":[' % name.encode())
    for number, item in enumerate(items):
        file.write(b"," if number else b"")
        file.write(orjson.dumps(item))
    file.write(b"]")


def _inspections(connection: Connection, runs: list[int], *, masked: bool) -> Iterator[dict[str, Any]]:
    for page in _pages(inspections.iter_found(connection, runs), _PAGE):
        found = inspections.details(connection, [one.id for one in page])
        chats = _chats(connection, [one.id for one in page]) if masked else {}
        for one in page:
            findings, flags, skipped, opinions = found[one.id]
            inspection = {
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
                "opinions": expanded(opinions),
            }
            yield mask_json(inspection, chat=chats.get(one.id)) if masked else inspection


def _chats(connection: Connection, ids: Sequence[int]) -> dict[int, Chat]:
    """Inspection id → the chat it judged, to quote from; those that cannot be read are left out."""
    of = inspection_table.c
    found: dict[int, Chat] = {}
    query = select(of.id, BODY).join(chat_table, chat_table.c.id == of.chat_pk).where(of.id.in_(ids))
    for pk, body in connection.execute(query):
        with suppress(msgspec.DecodeError):
            found[pk] = decode_body(body)
    return found


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
