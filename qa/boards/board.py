"""The board of one person: figures with target and trend, hours, agents, problems; each with the chats behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from qa.boards.facts import ABOUT, CHATS, RULE, About, Figure, Kind
from qa.boards.ranks import Ranked, tiers
from qa.boards.sums import Figured, Sums, apart, figured
from qa.people import Scope
from qa.store import agent_names, board
from qa.store.board import Comment, Hour, Window
from qa.store.session import read_tx

PERIODS = (7, 14, 30, 90)
"""Days that a board may speak of."""
USUAL = 30
PROBLEMS = 10
COMMENTS = 6


class Chosen(NamedTuple):
    """What somebody wants to see: so many days, of one merchant (None: all within reach)."""

    days: int = USUAL
    merchant: str | None = None


class Tile(NamedTuple):
    """One figure. ``met``: None where there is no target or the interval holds it; ``moved``: more than chance."""

    name: Figure
    about: About
    now: Figured
    before: Figured
    days: tuple[tuple[str, float | None], ...]
    met: bool | None
    moved: bool

    @property
    def delta(self) -> float | None:
        """How much more it is than in the period before."""
        if self.now.value is None or self.before.value is None:
            return None
        return self.now.value - self.before.value


class HeatCell(NamedTuple):
    """One hour of one weekday. ``late``: share not answered within 180 s; ``average_s``: response; None: unknown."""

    weekday: int
    hour: int
    chats: int
    inspected: int
    late: float | None
    average_s: float | None


class Problem(NamedTuple):
    """A rule that failed: its share of all chats, that of the period before; ``moved``: more than chance."""

    rule: str
    now: Figured
    before: Figured
    moved: bool

    @property
    def delta(self) -> float | None:
        """How much more of the chats it is than in the period before."""
        if self.now.value is None or self.before.value is None:
            return None
        return self.now.value - self.before.value


class Board(NamedTuple):
    """Everything that a board shows.

    ``agents``: in groups whose intervals do not overlap; ``chats``: of all frames, ``inspected``: those of them.
    """

    window: Window
    days: int
    merchants: tuple[str, ...]
    chats: int
    inspected: int
    tiles: tuple[Tile, ...]
    hours: tuple[HeatCell, ...]
    agents: tuple[tuple[Ranked, ...], ...]
    problems: tuple[Problem, ...]
    comments: tuple[Comment, ...]


class Agents(NamedTuple):
    """The agents of a period, in groups as on the board; ``average``: the mean score of all chats, None is unknown."""

    window: Window
    days: int
    merchants: tuple[str, ...]
    groups: tuple[tuple[Ranked, ...], ...]
    average: float | None


def look(engine: Engine, scope: Scope, chosen: Chosen) -> Board | None:
    """Return the board of what is within reach; None: no night within reach has run.

    A merchant out of reach is taken for none chosen. The period ends with the newest night.
    """
    with read_tx(engine) as connection:
        names, days, window = _meant(connection, scope, chosen)
        if window is None:
            return None
        first = window.first
        both = window._replace(first=_days_before(first, days))
        by_day = board.by_day(connection, both, [*Figure, CHATS])
        hours = board.by_hour(connection, window)
        return Board(
            window=window,
            days=days,
            merchants=names,
            chats=sum(one.chats for one in hours),
            inspected=sum(one.inspected for one in hours),
            tiles=tuple(_tile(name, by_day.get(name, {}), window) for name in Figure),
            hours=tuple(heat(hours)),
            agents=_agents(connection, window, by_day),
            problems=_problems(connection, both, first, by_day.get(CHATS, {})),
            comments=tuple(board.comments(connection, window, COMMENTS)) if scope.user_id is not None else (),
        )


def agents(engine: Engine, scope: Scope, chosen: Chosen) -> Agents | None:
    """Return the agents of the board and nothing else of it; None as there."""
    name = Figure.MEAN_SCORE
    with read_tx(engine) as connection:
        names, days, window = _meant(connection, scope, chosen)
        if window is None:
            return None
        by_day = board.by_day(connection, window, [name])
        average = figured(_added(by_day.get(name, {}), window.first, window.last), ABOUT[name].kind).value
        return Agents(window, days, names, _agents(connection, window, by_day), average)


def names_of(engine: Engine, shown: Agents, agents: Iterable[Ranked]) -> dict[tuple[str, str], str]:
    """Return (merchant, agent) → what these agents are called; who is not named in the newest chat is left out."""
    with read_tx(engine) as connection:
        return agent_names.names_of(connection, [(one.merchant, one.agent) for one in agents], shown.window.last)


def _meant(connection: Connection, scope: Scope, chosen: Chosen) -> tuple[tuple[str, ...], int, Window | None]:
    """Return the merchants within reach, the days of the period, and the window; None: no night has run."""
    names = tuple(board.merchants(connection, scope))
    merchant = chosen.merchant if chosen.merchant in names else None
    days = chosen.days if chosen.days in PERIODS else USUAL
    last = board.last_day(connection, Window("", "", scope, merchant))
    return names, days, None if last is None else Window(_days_before(last, days - 1), last, scope, merchant)


def _days_before(day: str, days: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()


def _days(window: Window) -> list[str]:
    first, last = date.fromisoformat(window.first), date.fromisoformat(window.last)
    return [(first + timedelta(days=place)).isoformat() for place in range((last - first).days + 1)]


def _added(sums: Mapping[str, Sequence[float]], first: str, last: str) -> Sums:
    """Add up the days from ``first`` to ``last``."""
    total = Sums()
    for day, one in sums.items():
        if first <= day <= last:
            total = total.plus(_sums(one))
    return total


def _sums(raw: Sequence[Any]) -> Sums:
    return Sums(int(raw[0]), int(raw[1]), int(raw[2]), *map(float, raw[3:]))


def _tile(name: Figure, by_day: Mapping[str, Sequence[float]], window: Window) -> Tile:
    about = ABOUT[name]
    now = figured(_added(by_day, window.first, window.last), about.kind)
    before = figured(_added(by_day, "", _days_before(window.first, 1)), about.kind)
    course = []
    for day in _days(window):
        sums = by_day.get(day)
        course.append((day, None if sums is None else figured(_sums(sums), about.kind).value))
    return Tile(name, about, now, before, tuple(course), met(now, about), apart(now, before))


def met(figure: Figured, about: About) -> bool | None:
    """Return whether a target is surely met or surely missed; None: nobody can tell, or there is none.

    >>> met(Figured(50.0, 45.0, 58.0, 9, 0), About(Kind.SECONDS, 60.0, up=False))
    True
    >>> met(Figured(0.70, 0.60, 0.80, 9, 0), About(Kind.RATE, 0.75, up=True)) is None
    True
    """
    if about.target is None or figure.low is None or figure.high is None:
        return None
    if figure.low >= about.target if about.up else figure.high <= about.target:
        return True
    if figure.high < about.target if about.up else figure.low > about.target:
        return False
    return None


def heat(hours: Sequence[Hour]) -> list[HeatCell]:
    """Return the hours of each weekday together, by weekday (Monday first) and hour; those without chats are left out.

    >>> one = Hour("2026-11-16", 9, 4, 2, 4.0, 1.0, 3.0, 60.0)
    >>> heat([one, one._replace(day="2026-11-23", late=3.0)])
    [HeatCell(weekday=0, hour=9, chats=8, inspected=4, late=0.5, average_s=20.0)]
    """
    found: dict[tuple[int, int], list[float]] = {}
    for one in hours:
        cell = found.setdefault((date.fromisoformat(one.day).weekday(), one.hour), [0.0] * 6)
        for place, value in enumerate(one[2:]):
            cell[place] += value
    return [
        HeatCell(
            weekday, hour, int(chats), int(inspected), late / due if due else None, took / waits if waits else None
        )
        for (weekday, hour), (chats, inspected, due, late, waits, took) in sorted(found.items())
    ]


def _agents(
    connection: Connection, window: Window, by_day: Mapping[str, Mapping[str, Sequence[float]]]
) -> tuple[tuple[Ranked, ...], ...]:
    """Return the agents' scores in groups. Nobody is compared with colleagues where only he himself is within reach."""
    if window.scope.user_id is not None:
        return ()
    name, kind = Figure.MEAN_SCORE, ABOUT[Figure.MEAN_SCORE].kind
    named = [
        (merchant, agent, figured(_sums(sums), kind))
        for (merchant, agent), sums in board.scores(connection, window).items()
    ]
    average = figured(_added(by_day.get(name, {}), window.first, window.last), kind).value
    return tuple(tuple(group) for group in tiers(named, average))


def _problems(
    connection: Connection, both: Window, split: str, chats: Mapping[str, Sequence[float]]
) -> tuple[Problem, ...]:
    """Return the rules that failed in the largest share of chats."""
    found = board.by_rule(connection, both, split, RULE)
    now, before = _added(chats, split, both.last), _added(chats, both.first, _days_before(split, 1))
    made = []
    for rule in {rule for rule, recent in found if recent}:
        mine = rule_share(_sums(found[rule, True]), now)
        earlier = rule_share(_sums(found.get((rule, False), Sums())), before)
        made.append(Problem(rule, mine, earlier, apart(mine, earlier)))
    return tuple(sorted(made, key=lambda one: (-(one.now.value or 0.0), one.rule))[:PROBLEMS])


def rule_share(failed: Sums, chats: Sums) -> Figured:
    """Return the share of chats in which a rule failed; ``n`` counts the inspected chats in which it did.

    >>> rule_share(Sums(chats=1, y=2.0), Sums(chats=4, freedom=3, x=8.0, noise=8.0)).value
    0.25
    """
    sums = chats._replace(
        bad=failed.chats, y=failed.y, v_yy=failed.v_yy, v_xy=0.0, y_known=failed.y_known
    )  # fmt: skip
    return figured(sums, Kind.RATE)._replace(n=failed.chats)
