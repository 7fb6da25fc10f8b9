"""The work on chats that processes share out among themselves: screening ranges, inspecting lists of chats.

A task names rows of the store and brings back rows for the store; chats themselves are never sent between processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import orjson
from sqlalchemy import Engine

from qa.models.because import because
from qa.models.hits import Hits
from qa.models.model import Model
from qa.models.stored import encoded
from qa.nightly.thinking import ModelRef, load
from qa.policy import Policy
from qa.rules.drafts import Opinion
from qa.rules.hits import found_by
from qa.rules.inspector import Case, Compiled, Inspected, Inspector, Standard
from qa.sampling import draw_key
from qa.store.chats import FrameChat, decode_body, read_bodies, read_frame_chunk, repeat_contacts
from qa.store.frames import Screened, read_late_chunk
from qa.store.history import Past
from qa.store.inspections import FINDING_BITS, Rows, inspection_id
from qa.store.quotes import take_out
from qa.store.session import read_tx
from qa.store.texts import month_of
from qa.types import Chat, ChatOpinion, FlagReason, History, Instant

UNREADABLE = "unreadable:"
"""A targeting reason: the stored chat cannot be read, so a person has to see it."""

NO_OPINION = b"[]"
_BY_THE_MODEL = (FlagReason.MODEL_RISK, FlagReason.MODEL_UNSURE)

_encode = msgspec.json.Encoder().encode


class Assignment(NamedTuple):
    """What is the same for all tasks of a night; small and picklable."""

    url: str
    night_id: int
    merchant: str
    day: str
    salt: str
    standard: str
    """The standard as JSON text: a worker compiles its own rules."""
    policy: str
    zone: str
    model: ModelRef | None = None

    @property
    def terms(self) -> Policy:
        """The policy, for which no rules need to be compiled."""
        return Policy.from_snapshot(orjson.loads(self.policy))


class Team:
    """The state of one process: a connection pool and compiled rules, made once."""

    def __init__(self, engine: Engine, assignment: Assignment) -> None:
        self.engine = engine
        self.task = assignment
        self.policy, self.inspector = _judging(assignment.standard, assignment.policy, assignment.zone)
        self._model = None if assignment.model is None else load(assignment.model)
        self._past = Past(engine, assignment.merchant, assignment.day, *self.inspector.lookback)

    def screen(self, after: int, last: int, late: bool) -> list[Screened]:
        """Screen the closed chats with ``after < key <= last``; ``late``: those not in the night's frame yet."""
        task, limit = self.task, last - after
        with read_tx(self.engine) as connection:
            if late:
                rows = read_late_chunk(connection, task.night_id, task.merchant, task.day, after, limit, last)
            else:
                rows = read_frame_chunk(connection, task.merchant, task.day, after, limit, last_id=last)
            hours = self.policy.risk.repeat_contact_hours
            repeated = repeat_contacts(connection, [row.pk for row in rows], hours) if hours is not None else set()
        chats = {row.pk: _read(row.body) for row in rows}
        readable = {pk: (chat, pk in repeated) for pk, chat in chats.items() if isinstance(chat, Chat)}
        told = dict(zip(readable, self.inspector.targeted_many(list(readable.values()), task.day), strict=True))
        return [self._screened(row, told.get(row.pk, chats[row.pk])) for row in rows]

    def _screened(self, row: FrameChat, reasons: tuple[str, ...] | Chat | Exception) -> Screened:
        channel = (row.channel or "") if "channel" in self.policy.stratify else ""
        if isinstance(reasons, Exception):  # one chat must not stop the night: it is inspected, and broken
            reasons = (f"{UNREADABLE} {_reason(reasons)}",)
        assert not isinstance(reasons, Chat)
        return Screened(row.pk, (row.agent_id or "", channel), draw_key(self.task.salt, row.chat_id), reasons)

    def inspect(self, run_id: int, ruleset: str, pks: Sequence[int], first_rank: int, at: Instant) -> Rows:
        """Inspect chats; the rank of the first within its run makes the rows' ids."""
        with read_tx(self.engine) as connection:
            bodies = read_bodies(connection, pks)
            history = self._past.of(connection, pks)
        rows = Rows([], [], [], [])
        read = {pk: _read(bodies[pk]) for pk in pks}
        cases, thoughts = self._think({pk: _case(read[pk], pk, history) for pk in pks})
        done = self._inspected(cases)
        opinions = self._opinions(read, done, thoughts)
        for rank, pk in enumerate(pks, start=first_rank):
            common = {"run_id": run_id, "night_id": self.task.night_id, "chat_pk": pk, "ruleset": ruleset}
            common |= {"inspected_at": at, "opinions": opinions.get(pk, NO_OPINION)}
            _append(rows, inspection_id(run_id, rank), common, done[pk])
        rows.quotes.extend(take_out(rows.inspections, rows.findings, month_of(self.task.day)))
        return rows

    def _think(
        self, cases: Mapping[int, Case | Exception]
    ) -> tuple[dict[int, Case | Exception], dict[int, ChatOpinion | Exception]]:
        """The cases with what the model thinks of each chat; one that it cannot judge keeps the others from nothing.

        The model is told what rules found: they are asked first, all but those that ask what the model thinks.
        """
        whole = {pk: case for pk, case in cases.items() if isinstance(case, Case)}
        if self._model is None or not whole:
            return dict(cases), {}
        first = dict(zip(whole, self.inspector.first_many(list(whole.values()), self.task.day), strict=True))
        chats = {pk: case.chat for pk, case in whole.items()}
        thoughts = _thoughts(self._model, chats, {pk: _hits(first[pk]) for pk in whole})
        known = {pk: _completed(case, first[pk], thoughts[pk]) for pk, case in whole.items()}
        return {pk: known.get(pk, case) for pk, case in cases.items()}, thoughts

    def _inspected(self, cases: Mapping[int, Case | Exception]) -> dict[int, Inspected]:
        """The inspection of every chat; one that cannot be judged is broken, and flagged."""
        whole = {pk: case for pk, case in cases.items() if isinstance(case, Case)}
        told = dict(zip(whole, self.inspector.inspect_many(list(whole.values()), self.task.day), strict=True))
        return {pk: self._known(told.get(pk, case)) for pk, case in cases.items()}

    def _known(self, done: Inspected | Case | Exception) -> Inspected:
        if isinstance(done, Exception):
            return self.inspector.unreadable(f"the chat cannot be judged: {_reason(done)}")
        assert isinstance(done, Inspected)
        return done

    def _opinions(
        self,
        read: Mapping[int, Chat | Exception],
        done: Mapping[int, Inspected],
        thoughts: Mapping[int, ChatOpinion | Exception],
    ) -> dict[int, bytes]:
        """The opinions as they are stored; with their reasons where somebody is to look at the chat because of it."""
        if self.task.model is None or self._model is None:
            return {}
        whole = {pk: one for pk, one in thoughts.items() if isinstance(one, ChatOpinion)}
        asked = [pk for pk in whole if any(flag.reason in _BY_THE_MODEL for flag in done[pk].flags)]
        chats = [chat for pk in asked if isinstance(chat := read[pk], Chat)]
        reasons = dict(zip(asked, because(self._model, chats, [whole[pk] for pk in asked]), strict=True))
        return {pk: encoded(self.task.model.version, one, reasons.get(pk, [])) for pk, one in whole.items()}


@lru_cache(maxsize=8)
def _judging(standard: str, policy: str, zone: str) -> tuple[Policy, Inspector]:
    """Policy and inspector of a night, made once for all nights by the same."""
    terms = Policy.from_snapshot(orjson.loads(policy))
    return terms, Inspector(_compiled(standard), terms, ZoneInfo(zone))


@lru_cache(maxsize=8)
def _compiled(standard: str) -> Compiled:
    """The rules of a night, compiled once for all merchants and days that are judged by them."""
    return Compiled(Standard.model_validate_json(standard))


def _read(body: bytes) -> Chat | Exception:
    try:
        return decode_body(body)
    except Exception as problem:  # noqa: BLE001 - told when it is this chat's turn
        return problem


def _case(
    chat: Chat | Exception,
    pk: int,
    history: Callable[[int, str | None], History],
) -> Case | Exception:
    """What is inspected, or why it cannot be."""
    if isinstance(chat, Exception):
        return chat
    try:
        return Case(chat, history(pk, chat.agent.id))
    except Exception as problem:  # noqa: BLE001 - told when it is this chat's turn
        return problem


def _completed(
    case: Case, first: Opinion | Exception, thought: ChatOpinion | Exception
) -> Case | Exception:  # fmt: skip
    """The case with all that was said of it, or why it cannot be inspected."""
    if isinstance(first, Exception):
        return first
    return thought if isinstance(thought, Exception) else case._replace(thought=thought, first=first)


def _hits(first: Opinion | Exception) -> Hits | None:
    return found_by(first) if isinstance(first, Opinion) else None


def _thoughts(
    model: Model, chats: Mapping[int, Chat], hits: Mapping[int, Hits | None]
) -> dict[int, ChatOpinion | Exception]:
    """What the model thinks of each chat, or why it cannot."""
    try:
        return dict(zip(chats, _judged(model, list(chats.values()), list(hits.values())), strict=True))
    except Exception:  # noqa: BLE001 - found out below, chat by chat
        return {pk: _alone(model, chat, hits[pk]) for pk, chat in chats.items()}


def _judged(model: Model, chats: list[Chat], hits: list[Hits | None]) -> list[ChatOpinion]:
    return model.judge(chats, hits) if model.rules else model.judge(chats)


def _alone(model: Model, chat: Chat, hits: Hits | None) -> ChatOpinion | Exception:
    try:
        return _judged(model, [chat], [hits])[0]
    except Exception as problem:  # noqa: BLE001 - told when it is this chat's turn
        return problem


def _reason(problem: Exception) -> str:
    """What went wrong, without the NUL that a quoted chat may hold and PostgreSQL's text may not."""
    return f"{type(problem).__name__}: {problem}".replace("\0", "␀")


def _append(rows: Rows, pk: int, common: dict[str, Any], done: Inspected) -> None:
    card = done.score
    rows.inspections.append(
        common
        | {
            "id": pk,
            "score": card.total if card else None,
            "red_line": bool(card and card.red_line),
            "failed": done.failed,
            "broken": done.broken,
            "dimensions": _encode(card.dimensions if card else {}),
            "card": _encode(card.lines if card else ()),
            "not_applicable": _encode(done.not_applicable),
        }
    )
    for ordinal, (finding, severity) in enumerate(zip(done.findings, done.severities, strict=True)):
        rows.findings.append(
            {
                "id": pk << FINDING_BITS | ordinal,
                "inspection_id": pk,
                "rule": finding.rule,
                "outcome": finding.outcome.value,
                "severity": severity.value,
                "points": finding.points,
                "hits": finding.hits,
                "value": finding.value,
                "message": finding.message,
                "evidence": _encode(finding.evidence),
            }
        )
    rows.flags.extend(
        {"inspection_id": pk, "reason": flag.reason.value, "risk": flag.risk, "detail": flag.detail}
        for flag in done.flags
    )
