"""Inspected chats in a list, newest first: those behind a figure of a board, by day, hour, agent, rule or figure."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select, tuple_

from qa.store.board import Window, facts_within
from qa.store.board_tables import chat_facts
from qa.store.tables import chats, findings, flags, reviews, verdicts
from qa.types import Instant

COUNTED = 10_000
"""Up to here a count is exact; beyond, it is only said that there are more."""
_f = chat_facts.c

DOMAINS: dict[str, ColumnElement[bool]] = {
    "response": _f.waits > 0,
    "within_3": _f.due > 0,
    "fcr": _f.solved.is_not(None),
    "satisfaction": _f.satisfaction.is_not(None),
    "escalation": _f.escalated.is_not(None),
    "mean_score": _f.score.is_not(None),
}
"""By figure: the chats that it is about, as ``qa.boards.facts.shares`` has it (a test compares them)."""
BAD: dict[str, ColumnElement[bool]] = {
    "response": _f.response_s > 60.0 * _f.waits,
    "within_3": _f.in_time < _f.due,
    "fcr": _f.solved == 0,
    "satisfaction": _f.satisfaction < 50.0,  # noqa: PLR2004 - points, as there
    "escalation": _f.escalated == 1,
    "mean_score": _f.score < 60.0,  # noqa: PLR2004 - points, as there
}
"""By figure: those of them to look at."""
SAID = ("excellent", "unsure", "comment")
"""What people said of a chat: excellent, not sure of a finding, or something in writing."""


class Only(NamedTuple):
    """What a list is limited to besides its window; None: whatever. ``weekday``: 0 is Monday."""

    team: str | None = None
    agent: str | None = None
    weekday: int | None = None
    hour: int | None = None
    figure: str | None = None
    bad: bool = False
    rule: str | None = None
    said: str | None = None


class Key(NamedTuple):
    """The place of a chat in the list."""

    day: str
    inspection_id: int


class Listed(NamedTuple):
    """One inspected chat; None is unknown. ``blind``: it waits for a blind review, so nothing is said of it."""

    inspection_id: int
    chat_id: str
    merchant: str
    team: str | None
    agent_id: str | None
    day: str
    started_at: Instant | None
    score: float | None
    red_line: bool
    broken: bool
    waits: int
    response_s: float
    due: int
    in_time: int
    solved: int | None
    satisfaction: float | None
    escalated: int | None
    blind: bool = False

    @property
    def average_s(self) -> float | None:
        """Average response time in seconds."""
        return self.response_s / self.waits if self.waits else None


def page(connection: Connection, window: Window, only: Only, after: Key | None, limit: int) -> list[Listed]:
    """Return up to ``limit`` chats behind ``after``, newest day first."""
    query = _chosen(
        select(
            _f.inspection_id, chats.c.chat_id, _f.merchant, _f.team, _f.agent_id, _f.day, chats.c.started_at, _f.score,
            _f.red_line, _f.broken, _f.waits, _f.response_s, _f.due, _f.in_time, _f.solved, _f.satisfaction,
            _f.escalated,
        ).join(chats, chats.c.id == _f.chat_pk),
        window, only,
    )  # fmt: skip
    if after is not None:
        query = query.where(tuple_(_f.day, _f.inspection_id) < tuple_(*after))
    rows = connection.execute(query.order_by(_f.day.desc(), _f.inspection_id.desc()).limit(limit)).all()
    hidden = _blind(connection, [row[0] for row in rows])
    return [_listed(Listed(*row), row[0] in hidden) for row in rows]


def count(connection: Connection, window: Window, only: Only, most: int = COUNTED) -> int:
    """Return how many chats there are, exactly up to ``most``; ``most + 1`` means more than that."""
    query = _chosen(select(_f.chat_pk).select_from(chat_facts), window, only).limit(most + 1)
    return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())


def _chosen(query: Select[Any], window: Window, only: Only) -> Select[Any]:
    query = query.where(*facts_within(window))
    equal = {_f.team: only.team, _f.agent_id: only.agent, _f.weekday: only.weekday, _f.hour: only.hour}
    query = query.where(*(column == value for column, value in equal.items() if value is not None))
    if only.figure in DOMAINS:
        query = query.where(~_f.broken, DOMAINS[only.figure])
        query = query.where(BAD[only.figure]) if only.bad else query
    if only.rule is not None:
        fired = exists().where(
            findings.c.inspection_id == _f.inspection_id, findings.c.rule == only.rule, findings.c.outcome == "failed"
        )
        query = query.where(~_f.broken, fired)
    if only.said in SAID:
        query = query.where(_said(only.said))
    return query


def _said(what: str) -> ColumnElement[bool]:
    """Return the condition that people said that; what they said is few beside the chats, so it is looked up once."""
    r = reviews.c
    said = select(r.chat_pk).where(r.kind == "queue")
    if what == "excellent":
        said = said.where(r.excellent)
    elif what == "comment":
        said = said.where(r.comment.is_not(None))
    else:
        said = said.join(verdicts, verdicts.c.review_id == r.id).where(verdicts.c.verdict == "unsure")
    return _f.chat_pk.in_(said)


def _blind(connection: Connection, ids: list[int]) -> set[int]:
    """Return which of these wait to be judged by somebody who does not know what the machine found."""
    reviewed = exists().where(chat_facts.c.inspection_id == flags.c.inspection_id, reviews.c.chat_pk == _f.chat_pk)
    query = select(flags.c.inspection_id).where(flags.c.inspection_id.in_(ids), flags.c.reason == "audit", ~reviewed)
    return set(connection.execute(query).scalars()) if ids else set()


def _listed(one: Listed, blind: bool) -> Listed:
    one = one._replace(red_line=bool(one.red_line), broken=bool(one.broken))
    return one._replace(score=None, red_line=False, solved=None, blind=True) if blind else one
