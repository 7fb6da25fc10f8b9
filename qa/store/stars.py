"""What a month's inspections say of each agent: sums by stratum, praise and red lines, and the chats behind them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, case, exists, func, select, true

from qa.people import Scope
from qa.store.chats import decode_body
from qa.store.tables import chats, findings, frame, inspections, nights, reviews
from qa.store.texts import BODY

_i, _c, _f, _n, _r = inspections.c, chats.c, frame.c, nights.c, reviews.c


class Cell(NamedTuple):
    """Inspections of one agent in one stratum of one night. Scores are those of people where they gave one."""

    merchant: str
    agent_id: str
    stratum: str
    targeted: bool
    size: int
    drawn: int
    n: int
    total: float
    squares: float


class Deeds(NamedTuple):
    """What stands out in an agent's inspected chats of a month, in chats."""

    merchant: str
    agent_id: str
    team: str | None
    praised: int
    marked: int
    red_confirmed: int
    red_open: int
    """Red lines that nobody has looked at yet."""
    last_chat: int


class Which(StrEnum):
    """Which chats of an agent are listed."""

    ALL = "all"
    PRAISED = "praised"
    MARKED = "marked"
    RED = "red"


class AgentChat(NamedTuple):
    """One inspected chat of an agent."""

    inspection_id: int
    chat_id: str
    day: str
    score: float | None
    machine_score: float | None
    praised: bool
    marked: bool
    red_line: bool


def cells(connection: Connection, scope: Scope, month: str) -> list[Cell]:
    """Return the sums of a month's nights by agent and stratum."""
    given = _score()
    stratum = (_c.merchant, _c.agent_id, _f.night_id, _f.wave, _f.channel, _f.reasons.is_not(None).label("targeted"))
    sums = (
        func.count(),
        func.count(_i.id),
        func.count(given),
        func.coalesce(func.sum(given), 0.0),
        func.coalesce(func.sum(given * given), 0.0),
    )
    query = (
        select(*stratum, *sums)
        .select_from(
            frame.join(nights, _n.id == _f.night_id)
            .join(chats, _c.id == _f.chat_pk)
            .outerjoin(inspections, (_i.chat_pk == _c.id) & (_i.night_id == _f.night_id) & _is_latest())
        )
        .where(_n.day.between(*_days(month)), _c.agent_id.is_not(None), *_within(scope))
        .group_by(*stratum)
    )
    return [
        Cell(
            row[0], row[1], f"{row[2]}:{row[3]}:{row[4]}:{int(bool(row[5]))}", bool(row[5]), row[6], row[7], row[8],
            float(row[9]), float(row[10]),
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def deeds(connection: Connection, scope: Scope, month: str) -> list[Deeds]:
    """Return what stands out, by merchant and agent. A red line that a review lifted does not count."""
    one, none = 1, 0
    reviewed = _reviewed()
    red = _i.red_line == true()
    query = (
        select(
            _c.merchant, _c.agent_id, func.max(_c.team),
            func.sum(case((_praised(), one), else_=none)), func.sum(case((_marked(), one), else_=none)),
            func.sum(case((red & (reviewed == 0), one), else_=none)),
            func.sum(case((red & reviewed.is_(None), one), else_=none)), func.max(_c.id),
        )
        .select_from(inspections.join(chats, _c.id == _i.chat_pk))
        .where(*_of_month(scope, month))
        .group_by(_c.merchant, _c.agent_id)
    )  # fmt: skip
    return [Deeds._make(row) for row in connection.execute(query)]


def agent_names(connection: Connection, chat_pks: Sequence[int]) -> dict[int, str | None]:
    """Return the agent's name in each of these chats, by the chat's key."""
    rows = connection.execute(select(_c.id, BODY.label("body")).where(_c.id.in_(chat_pks)))
    return {row.id: decode_body(bytes(row.body)).agent.name if row.body else None for row in rows}


def agent_chats(
    connection: Connection,
    scope: Scope,
    agent: tuple[str, str],
    month: str,
    which: Which,
    after: int | None,
    limit: int,
) -> list[AgentChat]:
    """Return inspected chats of an agent (merchant, id), the newest inspection first, below the key ``after``."""
    red = (_i.red_line == true()) & (_reviewed().is_(None) | (_reviewed() == 0))
    query = (
        select(_i.id, _c.chat_id, _c.day, _score(), _i.score, _praised(), _marked(), red)
        .select_from(inspections.join(chats, _c.id == _i.chat_pk))
        .where(*_of_month(scope, month), _c.merchant == agent[0], _c.agent_id == agent[1])
    )
    only = {Which.PRAISED: _praised(), Which.MARKED: _marked(), Which.RED: red}.get(which)
    query = query if only is None else query.where(only)
    query = query if after is None else query.where(_i.id < after)
    rows = connection.execute(query.order_by(_i.id.desc()).limit(limit))
    return [AgentChat(row[0], row[1], row[2], row[3], row[4], bool(row[5]), bool(row[6]), bool(row[7])) for row in rows]


def months(connection: Connection, scope: Scope) -> list[str]:
    """Return the months that have nights, the newest first."""
    limited = () if scope.merchants is None else (_n.merchant.in_(scope.merchants),)
    found: list[str] = []
    before = "9999"
    while (day := connection.execute(select(func.max(_n.day)).where(_n.day < before, *limited)).scalar()) is not None:
        before = day[:7]  # a month is less than each of its days
        found.append(before)
    return found


def _of_month(scope: Scope, month: str) -> list[ColumnElement[bool]]:
    days = select(_n.id).where(_n.day.between(*_days(month)))
    return [_i.night_id.in_(days), _is_latest(), _i.broken.is_(None), _c.agent_id.is_not(None), *_within(scope)]


def _days(month: str) -> tuple[str, str]:
    return f"{month}-01", f"{month}-31"


def _is_latest() -> ColumnElement[bool]:
    later = inspections.alias("later")
    return ~exists().where(later.c.chat_pk == _i.chat_pk, later.c.id > _i.id)


def _reviewed() -> Any:
    """The score of the last review that gave one; NULL: none did."""
    said: Select[Any] = select(_r.score).where(_r.chat_pk == _i.chat_pk, _r.score.is_not(None))
    return said.order_by(_r.id.desc()).limit(1).correlate(inspections).scalar_subquery()


def _score() -> Any:
    return case((_i.broken.is_not(None), None), else_=func.coalesce(_reviewed(), _i.score))


def _praised() -> ColumnElement[bool]:
    return exists().where(findings.c.inspection_id == _i.id, findings.c.outcome == "bonus")


def _marked() -> ColumnElement[bool]:
    later = reviews.alias("said_later")  # whoever says something else later takes the mark back
    again = exists().where(later.c.chat_pk == _r.chat_pk, later.c.reviewer == _r.reviewer, later.c.id > _r.id)
    return exists().where(_r.chat_pk == _i.chat_pk, _r.excellent == true(), ~again)


def _within(scope: Scope) -> list[ColumnElement[bool]]:
    limits: list[ColumnElement[bool]] = [] if scope.merchants is None else [_c.merchant.in_(scope.merchants)]
    return limits if scope.team is None else [*limits, _c.team == scope.team]
