"""From finished runs to the queue: which chats wait, under which reasons, with which line of evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import orjson
from sqlalchemy import Connection, Engine, select

from qa.models.stored import restored
from qa.progress import Progress, Quiet
from qa.store import inspections, queue_fill
from qa.store.chats import decode_body
from qa.store.queue import rule_mark
from qa.store.queue_fill import Prepared
from qa.store.queue_filters import RESOLUTIONS, SENTIMENTS, SEVERITIES, bits_of
from qa.store.readers import Sharing, address, engine_of, shared
from qa.store.session import read_tx, write_tx
from qa.store.tables import chats
from qa.store.tables import inspections as inspection_table
from qa.store.texts import BODY
from qa.store.words import searched, spoken, written
from qa.types import Chat, Instant, Opinion

PART = 300
"""Inspections looked at and written at a time."""
LONGEST_LINE = 400
"""Characters kept of the message that holds the evidence."""

_FIRED = ("failed", "bonus")
_c, _i = chats.c, inspection_table.c


class Filled(NamedTuple):
    """What became of it: runs that were taken up, and chats that are new in the queue."""

    runs: int
    chats: int


def fill(
    engine: Engine, now: Instant, progress: Progress | None = None, processes: int = 1, share: Sharing | None = None
) -> Filled:
    """Put the flagged chats of every finished run into the queue; what is there already stays as it is.

    ``processes`` read and cut the words, or those to whom ``share`` gives it; that is worth while where they are there,
    from a night before.
    """
    progress = progress or Quiet()
    with read_tx(engine) as connection:
        runs = queue_fill.runs_to_queue(connection)
    new = 0
    if runs:
        progress.stage("filling the queue", len(runs))
    for run_id in runs:
        for part in _parts(engine, run_id, processes, share):
            new += _keep(engine, now, part)
        with write_tx(engine) as connection:
            queue_fill.set_queued(connection, run_id)
        progress.advance()
    return Filled(len(runs), new)


def _keep(engine: Engine, now: Instant, part: Prepared) -> int:
    with write_tx(engine) as connection:
        return queue_fill.put_in(connection, _as_it_is(connection, part), now)


def _parts(engine: Engine, run_id: int, processes: int, share: Sharing | None) -> Iterator[Prepared]:
    """Yield what a run found, prepared by ranges of keys."""
    with read_tx(engine) as connection:
        last = inspections.last_inspected(connection, run_id)
    ranges = ((run_id, after, PART) for after in range(inspections.before_run(run_id), last, PART))
    if share is not None:
        yield from share(_part_there, ranges)
    elif processes == 1:
        yield from (_part(engine, *one) for one in ranges)
    else:
        url = address(engine)
        yield from shared(_part_there, ((url, *one) for one in ranges), processes)


def _part_there(url: str, run_id: int, after: int, keys: int) -> Prepared:
    return _part(engine_of(url), run_id, after, keys)


def _part(engine: Engine, run_id: int, after: int, keys: int) -> Prepared:
    with read_tx(engine) as connection:
        return _prepared(connection, run_id, queue_fill.inspected_after(connection, run_id, after, keys))


def _as_it_is(connection: Connection, part: Prepared) -> Prepared:
    """Return a part prepared again where a text went meanwhile: what was said must not come back into the search."""
    chats = [item["chat_pk"] for item in part.items]
    if queue_fill.covered(connection, chats) == part.covered:
        return part
    flagged = {item["chat_pk"]: item["inspection_id"] for item in part.items}
    return _prepared(connection, part.run_id, [(flagged.get(pk, 0), pk, pk in flagged) for pk in part.chats])


def _prepared(connection: Connection, run_id: int, found: Sequence[tuple[int, int, bool]]) -> Prepared:
    flagged = {inspection: chat for inspection, chat, is_flagged in found if is_flagged}
    if not flagged:
        return Prepared(run_id, [chat for _, chat, _ in found], [], [], {})
    pks = list(flagged.values())
    details = inspections.details(connection, list(flagged))
    scores = dict(connection.execute(select(_i.id, _i.score).where(_i.id.in_(list(flagged)))).all())
    query = select(_c.id, _c.merchant, _c.team, _c.agent_id, _c.day, _c.started_at, BODY.label("body"))
    stored = {row.id: row for row in connection.execute(query.where(_c.id.in_(pks)))}
    known = searched(connection, pks)
    items, marks, words = [], [], {}
    for inspection, pk in flagged.items():
        chat = _read(stored[pk].body)
        item, marked = _item(inspection, stored[pk], chat, scores[inspection], details[inspection])
        items.append(item)
        marks += [{"mark": mark, "rank": item["rank"], "inspection_id": inspection} for mark in marked]
        if pk not in known:
            words[pk] = written(connection, spoken(chat) if chat else [])
    covered = queue_fill.covered(connection, pks)
    return Prepared(run_id, [chat for _, chat, _ in found], items, marks, words, covered)


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
    thought = restored(found.opinions)
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
        "sentiment": _place(SENTIMENTS, thought.sentiment),
        "resolution": _place(RESOLUTIONS, thought.resolution),
        "evidence": _evidence(fired, chat),
    }
    marks = {f"reason:{reason}" for reason in reasons} | {rule_mark(one.rule) for one in fired}
    if severity is not None:
        marks.add(f"severity:{SEVERITIES[severity].value}")
    return item, sorted(marks)


def _weight(finding: Any) -> tuple[int, float, int]:
    """Sort findings: the most serious first, of those the one that takes most points."""
    return -SEVERITIES.index(finding.severity), finding.points, finding.id


def _place(labels: tuple[str, ...], thought: Opinion | None) -> int | None:
    if thought is None or thought.abstains or thought.label not in labels:
        return None
    return labels.index(thought.label)


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
