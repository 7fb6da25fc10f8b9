"""The page everybody starts from: what is waiting, and the board of what is within reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from qa.boards import behind, board
from qa.boards.board import Board, Chosen, HeatCell, Problem, Tile
from qa.boards.facts import Kind
from qa.boards.ranks import Ranked
from qa.boards.waiting import Asking, waiting
from qa.people import UserRole
from qa.privacy import POLICY, mask
from qa.store.board import Comment, Window
from qa.types import Instant
from qa.web import board_words as words
from qa.web.board_plots import Scale, Spark, shade, spark, spread
from qa.web.context import engine, now, scope, user
from qa.web.navigation import menu_of
from qa.web.paging import Line, in_groups
from qa.web.queue import today

blueprint = Blueprint("home", __name__)
blueprint.add_app_template_filter(words.written, "board_figure")
blueprint.add_app_template_filter(words.changed, "board_change")

ROLES = {
    UserRole.SPECIALIST: _l("QA specialist"),
    UserRole.LEAD: _l("QA lead"),
    UserRole.TRAINER: _l("Trainer"),
    UserRole.AGENT: _l("Agent"),
    UserRole.MERCHANT_VIEWER: _l("Merchant viewer"),
    UserRole.ADMIN: _l("Administrator"),
}
"""What each role is called."""
MEASURES = {"load": _l("Chats"), "late": _l("Late replies"), "response": _l("Average response")}
"""What the heat map may show."""
AGENTS = 30
"""So many agents stand on the board; of more of them the ``ENDS`` highest and lowest ones."""
ENDS = 10
_SLOW, _MANY_LATE = 60.0, 0.2  # seconds and share that get the darkest shade


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """Show what is waiting and the figures."""
    day = today()
    asking = Asking(user(), scope(), now(), day.day, day.since)
    shown = board.look(engine(), scope(), chosen())
    cards = [entry for section in menu_of(user()) for entry in section.entries if entry.about is not None]
    return render_template(
        "home.html", cards=cards, waiting=words.lines(waiting(engine(), asking), asking), board=shown,
        parts=None if shown is None else _parts(shown), periods=board.PERIODS, intro=words.introduction(user().role),
        everybody=url_for("home.agents", days=shown.days, merchant=shown.window.merchant) if shown else None,
    )  # fmt: skip


def chosen() -> Chosen:
    """Return the period and the merchant that the address asks for."""
    days = request.args.get("days", "")
    usual = board.USUAL
    return Chosen(int(days) if days in {str(one) for one in board.PERIODS} else usual, request.args.get("merchant"))


# --- the parts of a board, ready to be drawn -------------------------------------------------------------------------


class TileView(NamedTuple):
    """A tile with its words, its course, and the addresses of its chats."""

    tile: Tile
    words: words.Words
    target: str | None
    spark: Spark | None
    chats: str
    bad: str
    sign: str
    """``good`` or ``bad`` where the change is more than chance, else empty."""


class HeatView(NamedTuple):
    """The heat map: hours across, weekdays down."""

    measure: str
    measures: tuple[tuple[str, LazyString, str], ...]
    hours: tuple[int, ...]
    rows: tuple[tuple[LazyString, tuple[Hot | None, ...]], ...]


class Hot(NamedTuple):
    """One cell: what is written in it, how dark it is, what it says in full, its chats."""

    text: str
    shade: int
    title: str
    href: str | None


class Bar(NamedTuple):
    """A dot with its interval on a scale of 0 to 104."""

    low: float
    at: float
    high: float


class AgentView(NamedTuple):
    """One agent's line."""

    ranked: Ranked
    bar: Bar
    chats: str
    name: str | None = None


class AgentsView(NamedTuple):
    """Agents ready to be drawn: the lines in groups, the scale they stand on, where its average is.

    ``left_out``: how many stand between the first and the last ones, behind the line ``cut``.
    """

    lines: Sequence[Line[AgentView]]
    groups: int
    scale: Scale
    average: float | None
    cut: int = 0
    left_out: int = 0


class ProblemView(NamedTuple):
    """One problem's line."""

    problem: Problem
    name: str
    bar: Bar
    chats: str


class CommentView(NamedTuple):
    """A reviewer's comment, masked for who reads it."""

    comment: Comment
    text: str
    at: Instant


class Parts(NamedTuple):
    """Everything of a board as it is drawn."""

    tiles: tuple[TileView, ...]
    heat: HeatView
    agents: AgentsView | None
    problems: tuple[ProblemView, ...]
    problems_to: Scale
    comments: tuple[CommentView, ...]
    inspected: str


def _parts(shown: Board) -> Parts:
    score = next((one.now.value for one in shown.tiles if one.name == "mean_score"), None)
    shares = Scale(0.0, max((one.now.high or 0.0 for one in shown.problems), default=1.0))
    names = behind.rule_names(engine())
    return Parts(
        tiles=tuple(_tile(shown, one) for one in shown.tiles),
        heat=_heat(shown),
        agents=_ends_of(shown.window, shown.agents, score),
        problems=tuple(_problem(shown, one, shares, names) for one in shown.problems),
        problems_to=shares,
        comments=tuple(_comment(one) for one in shown.comments),
        inspected=words.chats_at(shown.window),
    )


def _ends_of(window: Window, groups: Sequence[Sequence[Ranked]], average: float | None) -> AgentsView | None:
    """Return the agents; of more than ``AGENTS`` the highest and the lowest ones."""
    lines = in_groups(groups)
    if not lines:
        return None
    many = len(lines) > AGENTS
    shown = [*lines[:ENDS], *lines[-ENDS:]] if many else lines
    view = drawn(window, shown, scale_of(shown), len(groups), average)
    return view._replace(cut=ENDS, left_out=len(lines) - len(shown)) if many else view


def scale_of(lines: Sequence[Line[Ranked]]) -> Scale:
    """Return the scale on which the intervals of these agents fit."""
    return spread([(one.row.figure.low or 0.0, one.row.figure.high or 0.0) for one in lines], 0.0, 100.0)


def drawn(
    window: Window,
    lines: Sequence[Line[Ranked]],
    across: Scale,
    groups: int,
    average: float | None,
    names: Mapping[tuple[str, str], str] | None = None,
) -> AgentsView:
    """Return agents' lines as they are drawn; ``names``: what they are called, by merchant and agent."""
    views = [Line(one.group, one.size, _agent(window, one.row, across, names or {})) for one in lines]
    return AgentsView(views, groups, across, None if average is None else across.at(average))


def _tile(shown: Board, tile: Tile) -> TileView:
    course = spark([value for _day, value in tile.days], tile.about.target)
    sign = ""
    if tile.moved and tile.delta:
        sign = "good" if (tile.delta > 0) is tile.about.up else "bad"
    return TileView(
        tile, words.FIGURES[tile.name], words.target(tile.about), course,
        words.chats_at(shown.window, figure=tile.name.value),
        words.chats_at(shown.window, figure=tile.name.value, bad=1), sign,
    )  # fmt: skip


def _heat(shown: Board) -> HeatView:
    asked = request.args.get("heat", "")
    measure = asked if asked in MEASURES else "load"
    cells = {(one.weekday, one.hour): one for one in shown.hours}
    used = [one.hour for one in shown.hours]
    hours = tuple(range(min(used), max(used) + 1)) if used else ()
    most = max((one.chats for one in shown.hours), default=0)
    days = sorted({one.weekday for one in shown.hours})
    rows = tuple(
        (
            words.WEEKDAYS[day],
            tuple(_hot(shown, cells[day, hour], measure, most) if (day, hour) in cells else None for hour in hours),
        )
        for day in days
    )
    merchant, days_shown = shown.window.merchant, shown.days
    choices = tuple(
        (name, label, url_for("home.index", days=days_shown, merchant=merchant, heat=name) + "#hours")
        for name, label in MEASURES.items()
    )
    return HeatView(measure, choices, hours, rows)


def _hot(shown: Board, cell: HeatCell, measure: str, most: int) -> Hot:
    late = words.written(cell.late, Kind.RATE)
    average = words.written(cell.average_s, Kind.SECONDS)
    text, dark = {
        "load": (str(cell.chats), shade(cell.chats, most)),
        "late": ("–" if cell.late is None else f"{cell.late:.0%}", shade(cell.late, _MANY_LATE)),
        "response": ("–" if cell.average_s is None else f"{cell.average_s:.0f}", shade(cell.average_s, _SLOW)),
    }[measure]
    title = _(
        "%(day)s %(hour)s: %(chats)s chats, %(inspected)s inspected; average response %(average)s, late %(late)s",
        day=words.WEEKDAYS[cell.weekday], hour=f"{cell.hour:02}:00", chats=cell.chats, inspected=cell.inspected,
        average=average, late=late,
    )  # fmt: skip
    href = words.chats_at(shown.window, weekday=cell.weekday, hour=cell.hour) if cell.inspected else None
    return Hot(text, dark, title, href)


def _bar(figure: Any, scale: Scale) -> Bar:
    return Bar(scale.at(figure.low or 0.0), scale.at(figure.value or 0.0), scale.at(figure.high or 0.0))


def _agent(window: Window, one: Ranked, across: Scale, names: Mapping[tuple[str, str], str]) -> AgentView:
    chats = words.chats_at(window, merchant=one.merchant, agent=one.agent, figure="mean_score")
    return AgentView(one, _bar(one.figure, across), chats, names.get((one.merchant, one.agent)))


def _problem(shown: Board, one: Problem, scale: Scale, names: dict[str, dict[str, str]]) -> ProblemView:
    name = words.rule_name(one.rule, names)
    return ProblemView(one, name, _bar(one.now, scale), words.chats_at(shown.window, rule=one.rule))


def _comment(one: Comment) -> CommentView:
    policy = POLICY[user().role]
    text = mask(one.words, policy.hidden, policy.partly).text.replace("\0", "␀")
    return CommentView(one, text, one.reviewed_at)
