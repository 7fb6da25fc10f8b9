"""The sums of the boards, read back for a window of days and what is within reach."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, Table, case, func, select, text

from qa.people import Scope
from qa.store import leaps
from qa.store.board_tables import ALL, OF_AGENTS, OF_ALL, board_hours, board_sums, chat_facts
from qa.store.tables import chats, reviews
from qa.types import Instant

_ADDED = ("chats", "bad", "freedom", "y", "x", "v_yy", "v_xy", "v_xx", "noise", "y_known", "x_known")
"""In the order of ``qa.boards.sums.Sums``."""


class Window(NamedTuple):
    """Days, both included, and whose chats: limited by the scope, and to one merchant where one is chosen."""

    first: str
    last: str
    scope: Scope
    merchant: str | None = None


class Hour(NamedTuple):
    """One hour of one day: all chats, those inspected, and expanded totals of the inspected ones."""

    day: str
    hour: int
    chats: int
    inspected: int
    due: float
    late: float
    waits: float
    response_s: float


class Comment(NamedTuple):
    """What a reviewer wrote to an agent. ``score``: the reviewer's, else the machine's."""

    inspection_id: int
    chat_id: str
    day: str
    score: float | None
    words: str
    reviewed_at: Instant


def by_day(connection: Connection, window: Window, figures: list[str]) -> dict[str, dict[str, tuple[float, ...]]]:
    """Return figure → day → sums, those of all merchants within reach together."""
    c = board_sums.c
    query = select(c.figure, c.day, *_sums()).where(*_where(board_sums, window), c.figure.in_(figures))
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    for figure, day, *sums in connection.execute(query.group_by(c.figure, c.day)):
        found.setdefault(figure, {})[day] = tuple(sums)
    return found


def by_rule(
    connection: Connection, window: Window, split: str, prefix: str
) -> dict[tuple[str, bool], tuple[float, ...]]:
    """Return (rule, from ``split`` on) → sums of the days from there on, and of those before."""
    c = board_sums.c
    late = case((c.day >= split, 1), else_=0).label("late")
    beyond = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    rules = c.figure.in_(leaps.distinct(connection, c.figure, text(OF_ALL), c.figure < beyond, start=prefix))
    query = select(c.figure, late, *_sums()).where(*_where(board_sums, window), rules)
    return {
        (row[0].removeprefix(prefix), bool(row[1])): tuple(row[2:])
        for row in connection.execute(query.group_by(c.figure, late))
    }


def scores(connection: Connection, window: Window) -> dict[tuple[str, str], tuple[float, ...]]:
    """Return (merchant, agent) → sums of the mean score; chats without an agent are left out."""
    c, scope = board_sums.c, window.scope
    query = select(c.merchant, c.agent, *_sums()).where(
        text(OF_AGENTS), c.day.between(window.first, window.last), *_merchants(board_sums, window)
    )  # fmt: skip
    if scope.team is not None:
        query = query.where(c.team == scope.team)
    if scope.user_id is not None:
        query = query.where(c.agent == scope.agent_id)
    return {(row[0], row[1]): tuple(row[2:]) for row in connection.execute(query.group_by(c.merchant, c.agent))}


def by_hour(connection: Connection, window: Window) -> list[Hour]:
    """Return the hours of each day, those of all merchants within reach together."""
    c = board_hours.c
    numbers = [func.sum(column) for column in (c.chats, c.inspected, c.due, c.late, c.waits, c.response_s)]
    query = select(c.day, c.hour, *numbers).where(*_where(board_hours, window)).group_by(c.day, c.hour)
    return [Hour(row[0], row[1], int(row[2]), int(row[3]), *map(float, row[4:])) for row in connection.execute(query)]


def last_day(connection: Connection, window: Window) -> str | None:
    """Return the newest day within reach that has sums; the days of the window do not matter."""
    query = select(func.max(board_sums.c.day)).where(*_whose(board_sums, window))
    found: str | None = connection.execute(query).scalar()
    return found


def merchants(connection: Connection, scope: Scope) -> list[str]:
    """Return the merchants within reach that have sums."""
    return leaps.distinct(connection, board_sums.c.merchant, *_whose(board_sums, Window("", "", scope)))


def comments(connection: Connection, window: Window, limit: int) -> list[Comment]:
    """Return the newest comments of reviewers on chats of the window, blind reviews left out."""
    f, r = chat_facts.c, reviews.c
    query = (
        select(f.inspection_id, chats.c.chat_id, f.day, func.coalesce(r.score, f.score), r.comment, r.reviewed_at)
        .join(chat_facts, f.chat_pk == r.chat_pk)
        .join(chats, chats.c.id == f.chat_pk)
        .where(r.comment.is_not(None), r.kind == "queue", *facts_within(window))
        .order_by(r.id.desc())
        .limit(limit)
    )
    return [Comment._make(row)._replace(words=orjson.loads(row[4])) for row in connection.execute(query)]


def facts_within(window: Window) -> list[ColumnElement[bool]]:
    """Return the conditions under which a fact is within a window."""
    f, scope = chat_facts.c, window.scope
    found = [f.day.between(window.first, window.last), *_merchants(chat_facts, window)]
    if scope.team is not None:
        found.append(f.team == scope.team)
    if scope.user_id is not None:
        found.append(f.agent_id == scope.agent_id)  # NULL where the user is no agent: reaches nothing
    return found


def _sums() -> list[Any]:
    return [func.sum(board_sums.c[name]) for name in _ADDED]


def _where(table: Table, window: Window) -> list[Any]:
    """Return the conditions of the rows that hold these chats: of all, of a team, or of an agent."""
    return [table.c.day.between(window.first, window.last), *_whose(table, window)]


def _whose(table: Table, window: Window) -> list[Any]:
    """Return the same for any day."""
    c, scope = table.c, window.scope
    found = _merchants(table, window)
    if scope.user_id is not None:
        return [*found, c.agent == (scope.agent_id or ALL + ALL), c.team != ALL]  # who is no agent reaches nothing
    # spelt as the index of these rows says it, where it is about all chats
    return [*found, text(OF_ALL)] if scope.team is None else [*found, c.agent == ALL, c.team == scope.team]


def _merchants(table: Table, window: Window) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if window.scope.merchants is not None:
        found.append(table.c.merchant.in_(window.scope.merchants))
    if window.merchant is not None:
        found.append(table.c.merchant == window.merchant)
    return found
