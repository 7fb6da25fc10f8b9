"""All agents of a period with their mean scores: the list behind the board, to search, to sort and by the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from qa.boards import board
from qa.boards.board import Agents
from qa.boards.ranks import Ranked
from qa.web.context import engine, scope
from qa.web.home import blueprint, chosen, drawn, scale_of
from qa.web.paging import Line, asked_name, asked_page, cut, in_groups, named_like

__all__ = ["blueprint"]

ONLY = {"": _l("all"), "above": _l("surely above the average"), "below": _l("surely below the average")}
"""Which agents are listed."""
_AGAINST = {"above": 1, "below": -1}
_ORDERS: dict[str, Callable[[Ranked], Any]] = {
    "name": lambda one: (one.agent, one.merchant),
    "inspected": lambda one: (-one.figure.n, one.agent, one.merchant),
}
_DIRECTIONS = {"score": "descending", "name": "ascending", "inspected": "descending"}
"""What the list may be sorted by, and which way; by the score it is in groups."""


class Asked(NamedTuple):
    """What the address asks for."""

    days: int
    merchant: str
    name: str
    only: str
    sort: str

    @property
    def kept(self) -> dict[str, Any]:
        """What stays when another name is looked for."""
        return self._asdict() | {"name": "", "sort": "" if self.sort == "score" else self.sort}

    @property
    def lasting(self) -> dict[str, Any]:
        """What stays when another period is chosen."""
        return self.kept | {"days": "", "merchant": "", "name": self.name}


@blueprint.get("/agents")
def agents() -> ResponseReturnValue:
    """Show a page of the agents."""
    found = board.agents(engine(), scope(), chosen())
    if found is None:
        return render_template("board/all_agents.html", board=None, asked=_asked(board.USUAL, None))
    asked = _asked(found.days, found.window.merchant)
    names = board.names_of(engine(), found, (row for group in found.groups for row in group)) if asked.name else {}
    lines = _lines(found, asked, names)
    page = cut(lines, asked_page())
    names = names or board.names_of(engine(), found, (line.row for line in page.rows))
    return render_template(
        "board/all_agents.html", board=found, asked=asked, page=page, periods=board.PERIODS, onlys=ONLY,
        told=drawn(
            found.window, page.rows, scale_of(lines), len(found.groups) if asked.sort == "score" else 1, found.average,
            names,
        ),
        groups=len(found.groups), address=lambda **changes: _address(asked, **changes),
        to_page=lambda number: _address(asked, page=number),
        heads={name: _Head(_address(asked, sort=name), way if name == asked.sort else "")
               for name, way in _DIRECTIONS.items()},
    )  # fmt: skip


class _Head(NamedTuple):
    href: str
    direction: str


def _asked(days: int, merchant: str | None) -> Asked:
    only, sort = request.args.get("only", ""), request.args.get("sort", "")
    return Asked(
        days, merchant or "", asked_name(), only if only in _AGAINST else "", sort if sort in _ORDERS else "score"
    )


def _address(asked: Asked, **changes: Any) -> str:
    """Return the address of the list with some of what is asked changed; without ``page``: its first page."""
    found = asked._asdict() | {"page": None} | changes
    found |= {"sort": None if found["sort"] == "score" else found["sort"]}
    found |= {"page": None if found["page"] == 1 else found["page"]}
    return url_for("home.agents", **{name: value for name, value in found.items() if value})


def _lines(found: Agents, asked: Asked, names: Mapping[tuple[str, str], str]) -> list[Line[Ranked]]:
    """Return the agents that are asked for, in their order; ``names``: what they are called."""
    against = _AGAINST.get(asked.only)
    lines = in_groups(found.groups)
    if against is not None:
        lines = [line for line in lines if line.row.against == against]
    if asked.name:
        lines = [line for line in lines if _is_called(line.row, asked.name, names)]
    order = _ORDERS.get(asked.sort)
    if order is None:
        return lines
    rows = sorted((line.row for line in lines), key=order)
    return [Line(1, len(rows), row) for row in rows]


def _is_called(one: Ranked, asked: str, names: Mapping[tuple[str, str], str]) -> bool:
    return named_like(asked, one.agent, one.merchant, names.get((one.merchant, one.agent)))
