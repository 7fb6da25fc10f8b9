"""What a month's inspections say of each agent: sums by stratum, praise and red lines, and the chats behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, case, exists, func, select, true

from qa.people import Scope
from qa.store import counted
from qa.store.board_tables import counted_nights
from qa.store.chats import decode_body
from qa.store.counted import Days
from qa.store.night_counts import AgentCounts, Stratum
from qa.store.tables import chats, findings, inspections, nights, reviews
from qa.store.texts import BODY

_IN_LIST = 500
_i, _c, _n, _r = inspections.c, chats.c, nights.c, reviews.c


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


def cells_and_deeds(connection: Connection, scope: Scope, month: str) -> tuple[list[Cell], list[Deeds]]:
    """Return the sums of a month's nights by agent and stratum, and what stands out by merchant and agent, as of now.

    A red line that a review lifted does not count.
    """
    cells: list[Cell] = []
    deeds: dict[tuple[str, str], _Deeds] = {}
    for night in counted.read(connection, Days(*_days(month), scope.merchants), counted_nights.c.agents):
        strata: dict[tuple[str, Stratum], list[float]] = {}
        for (agent, team), one in night.agents.items():
            if scope.team not in {None, team}:
                continue
            for key, numbers in one.strata.items():
                known = strata.get((agent, key))
                strata[agent, key] = numbers if known is None else [a + b for a, b in zip(known, numbers, strict=True)]
            if one.chat is not None:
                deeds.setdefault((night.merchant, agent), _Deeds()).add(team, one)
        cells += (_cell(night, agent, key, numbers) for (agent, key), numbers in strata.items())
    keys = _keys_of(connection, {whose: one.chat for whose, one in deeds.items()})
    return cells, [
        Deeds._make((*whose, one.team or None, *one.numbers, keys[whose])) for whose, one in deeds.items()
    ]  # fmt: skip


def standing_of(connection: Connection, scope: Scope, month: str) -> Hashable | None:
    """Return what changes whenever the sums or deeds of a month do; None: they may at any moment."""
    return counted.standing_of(connection, Days(*_days(month), scope.merchants))


class _Deeds:
    """What stands out of one agent, added up night by night; the chat is one of the newest night."""

    __slots__ = ("chat", "numbers", "team")

    def __init__(self) -> None:
        self.chat, self.team, self.numbers = ("", 0), "", [0, 0, 0, 0]

    def add(self, team: str, more: AgentCounts) -> None:
        """Add a later night, or another team."""
        self.chat, self.team = more.chat or self.chat, max(self.team, team)
        self.numbers = [a + b for a, b in zip(self.numbers, more.deeds, strict=True)]


def _cell(night: counted.Night, agent: str, key: Stratum, numbers: list[float]) -> Cell:
    wave, channel, targeted = key
    size, drawn, n, total, squares = numbers
    stratum = f"{night.id}:{wave}:{channel}:{int(targeted)}"
    return Cell(night.merchant, agent, stratum, targeted, int(size), int(drawn), int(n), total, squares)


def _keys_of(
    connection: Connection, chosen: Mapping[tuple[str, str], tuple[str, int]]
) -> dict[tuple[str, str], int]:  # fmt: skip
    """Return the keys of chats, which are given by merchant and agent as chat id and revision."""
    by_merchant: defaultdict[str, dict[tuple[str, int], list[str]]] = defaultdict(dict)
    for (merchant, agent), chat in chosen.items():
        by_merchant[merchant].setdefault(chat, []).append(agent)
    found: dict[tuple[str, str], int] = {}
    for merchant, agents in by_merchant.items():
        names = sorted({name for name, _revision in agents})
        for start in range(0, len(names), _IN_LIST):
            query = select(_c.chat_id, _c.revision, _c.id).where(_c.merchant == merchant)
            for row in connection.execute(query.where(_c.chat_id.in_(names[start : start + _IN_LIST]))):
                found |= {(merchant, agent): row.id for agent in agents.get((row.chat_id, row.revision), ())}
    return found


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
        .where(*_of_month(scope, month, agent[0]), _c.agent_id == agent[1])
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


def _of_month(scope: Scope, month: str, merchant: str) -> list[ColumnElement[bool]]:
    days = select(_n.id).where(_n.merchant == merchant, _n.day.between(*_days(month)))
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
