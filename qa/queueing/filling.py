"""From finished runs to the queue: which chats wait, under which reasons, with which line of evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import orjson
from sqlalchemy import Connection, Engine, select

from qa.models.stored import expanded
from qa.progress import Progress, Quiet
from qa.store import inspections, queue_fill
from qa.store.chats import decode_body
from qa.store.queue import rule_mark
from qa.store.queue_fill import Prepared
from qa.store.queue_filters import RESOLUTIONS, SENTIMENTS, SEVERITIES, bits_of
from qa.store.session import read_tx, write_tx
from qa.store.tables import chats
from qa.store.tables import inspections as inspected
from qa.store.texts import BODY
from qa.store.words import spoken
from qa.types import Chat, Instant

PART = 300
"""Inspections looked at and written at a time."""
LONGEST_LINE = 400
"""Characters kept of the message that holds the evidence."""

_FIRED = ("failed", "bonus")


class Filled(NamedTuple):
    """What became of it: runs that were taken up, and chats that are new in the queue."""

    runs: int
    chats: int


def fill(engine: Engine, now: Instant, progress: Progress | None = None) -> Filled:
    """Put the flagged chats of every finished run into the queue; what is there already stays as it is."""
    progress = progress or Quiet()
    with read_tx(engine) as connection:
        runs = queue_fill.runs_to_queue(connection)
    new = 0
    if runs:
        progress.stage("filling the queue", len(runs))
    for run_id in runs:
        for part in _parts(engine, run_id):
            with write_tx(engine) as connection:
                new += queue_fill.put_in(connection, part, now)
        with write_tx(engine) as connection:
            queue_fill.set_queued(connection, run_id)
        progress.advance()
    return Filled(len(runs), new)


def _parts(engine: Engine, run_id: int) -> Iterator[Prepared]:
    after = 0
    while True:
        with read_tx(engine) as connection:
            found = queue_fill.inspected_after(connection, run_id, after, PART)
            part = _prepared(connection, run_id, found) if found else None
        if part is None:
            return
        yield part
        after = found[-1][0]


def _prepared(connection: Connection, run_id: int, found: Sequence[tuple[int, int, bool]]) -> Prepared:
    flagged = {inspection: chat for inspection, chat, is_flagged in found if is_flagged}
    details = inspections.details(connection, list(flagged)) if flagged else {}
    i = inspected.c
    scores = dict(connection.execute(select(i.id, i.score).where(i.id.in_(list(flagged)))).all())
    c = chats.c
    query = select(c.id, c.merchant, c.team, c.agent_id, c.day, c.started_at, BODY.label("body"))
    stored = {row.id: row for row in connection.execute(query.where(c.id.in_(list(flagged.values()))))}
    items, marks, texts = [], [], {}
    for inspection, pk in flagged.items():
        chat = _read(stored[pk].body)
        item, marked = _item(inspection, stored[pk], chat, scores[inspection], details[inspection])
        items.append(item)
        marks += [{"mark": mark, "rank": item["rank"], "inspection_id": inspection} for mark in marked]
        texts[pk] = spoken(chat) if chat else []
    return Prepared(run_id, [chat for _, chat, _ in found], items, marks, texts)


def _read(body: bytes) -> Chat | None:
    """Return the chat; None where it cannot be read, which is why it is flagged as broken."""
    try:
        return decode_body(bytes(body))
    except msgspec.MsgspecError:
        return None


def _item(
    inspection: int, row: Any, chat: Chat | None, score: float | None, found: Any
) -> tuple[dict[str, Any], list[str]]:
    """Return the row of an item and its marks."""
    reasons = [flag.reason for flag in found.flags]
    fired = sorted((one for one in found.findings if one.outcome in _FIRED), key=_weight)
    failed = [SEVERITIES.index(one.severity) for one in fired if one.outcome == "failed"]
    severity = max(failed, default=None)
    opinions = {
        one["of"]: one["label"] for one in expanded(found.opinions) if one["turn"] is None and not one["abstains"]
    }
    item = {
        "inspection_id": inspection,
        "chat_pk": row.id,
        "merchant": row.merchant,
        "team": row.team,
        "agent_id": row.agent_id,
        "day": row.day,
        "started_at": row.started_at,
        "rank": -max(flag.risk for flag in found.flags),
        "reasons": bits_of(reasons),
        "score": score,
        "severity": severity,
        "sentiment": _place(SENTIMENTS, opinions.get("sentiment")),
        "resolution": _place(RESOLUTIONS, opinions.get("resolution")),
        "evidence": _evidence(fired, chat),
    }
    marks = {f"reason:{reason}" for reason in reasons} | {rule_mark(one.rule) for one in fired}
    if severity is not None:
        marks.add(f"severity:{SEVERITIES[severity].value}")
    return item, sorted(marks)


def _weight(finding: Any) -> tuple[int, float, int]:
    """Sort findings: the most serious first, of those the one that takes most points."""
    return -SEVERITIES.index(finding.severity), finding.points, finding.id


def _place(labels: tuple[str, ...], label: str | None) -> int | None:
    return labels.index(label) if label in labels else None


def _evidence(fired: Sequence[Any], chat: Chat | None) -> bytes | None:
    """Return what the weightiest finding says, and the message it points at with the place in it.

    The whole message is kept (cut far away from the place), so that what is hidden of it is decided on all of it.
    """
    if not fired:
        return None
    first = fired[0]
    line: dict[str, Any] = {"rule": first.rule, "message": first.message}
    place = next((one for one in orjson.loads(first.evidence) if not one.get("absent") and one["quote"].strip()), None)
    if place is not None and chat is not None:
        text, start, end = chat.messages[place["turn"]].text, place["start"], place["end"]
        cut = max(0, start - LONGEST_LINE // 4)
        line |= {"text": text[cut : cut + LONGEST_LINE], "start": start - cut, "end": min(end - cut, LONGEST_LINE)}
    return orjson.dumps(line)
