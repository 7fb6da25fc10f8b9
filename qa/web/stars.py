"""The service star: the nomination list of a month, and the chats behind every figure of it."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from qa.casebook import ENOUGH, stars
from qa.casebook.stars import Standing
from qa.store.stars import Which
from qa.web.cases import after
from qa.web.context import engine, scope, user
from qa.web.paging import asked_name, asked_page, cut, in_groups, named_like
from qa.web.permissions import may

blueprint = Blueprint("stars", __name__)

WHICH = {
    Which.ALL: _l("All inspected"),
    Which.PRAISED: _l("Praised by a rule"),
    Which.MARKED: _l("Marked excellent"),
    Which.RED: _l("Red line"),
}
NOMINEES = 20
"""Of those nominated so many are named at the top; all of them stand in the first tier."""
_LONGEST = 120
_WIDTH = 240


@blueprint.get("/service-star")
def index() -> ResponseReturnValue:
    """Show the nomination list of a month."""
    found = stars.month_of(engine(), scope(), request.args.get("month", "")[:7])
    known = [one for tier in found.tiers for one in tier]
    lowest = min((one.score.low or 0.0 for one in known), default=0.0)
    asked = asked_name()
    lines = [one for one in in_groups((*found.tiers, found.too_few)) if _is_like(asked, one.row)]
    return render_template(
        "stars/index.html",
        found=found,
        page=cut(lines, asked_page()),
        asked=asked,
        to_page=lambda number: _address(found.month, asked, number),
        whole=_address(found.month),
        nominees=NOMINEES,
        enough=ENOUGH,
        bar=lambda one: bar(one, max(0.0, lowest - 2)),
        width=_WIDTH,
        floor=max(0.0, lowest - 2),
        opens=may(user(), "chat.page"),
    )


@blueprint.get("/service-star/chats")
def chats() -> ResponseReturnValue:
    """Show the chats behind an agent's figures."""
    given = {name: request.args.get(name, "")[:_LONGEST].replace("\0", "") for name in ("merchant", "agent", "month")}
    which = request.args.get("which", "")
    chosen = Which(which) if which in set(Which) else Which.ALL
    rows, onward = stars.chats_behind(
        engine(), scope(), (given["merchant"], given["agent"]), given["month"][:7], chosen, after()
    )
    return render_template(
        "stars/chats.html", rows=rows, onward=onward, given=given, chosen=chosen, which=WHICH,
        first_page=after() is None,
    )  # fmt: skip


def _is_like(asked: str, one: Standing) -> bool:
    return not asked or named_like(asked, one.name, one.agent_id, one.team, one.merchant)


def _address(month: str, name: str = "", page: int = 1) -> str:
    """Return the address of a page of the list."""
    return url_for("stars.index", month=month or None, name=name or None, page=page if page > 1 else None)


def bar(one: Standing, floor: float) -> tuple[float, float, float]:
    """Return where an interval begins, how wide it is, and where its mean lies, on a scale from ``floor`` to 100."""
    scale = _WIDTH / max(1.0, 100.0 - floor)
    low, high, value = one.score.low or 0.0, one.score.high or 0.0, one.score.value or 0.0
    return round((low - floor) * scale, 1), round(max(2.0, (high - low) * scale), 1), round((value - floor) * scale, 1)
