"""A backtest as a page: what a draft would change for past chats, with the chats behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from qa.backtest import Backtest, kept
from qa.backtest.page import AGENTS_SHOWN, moved, parts, percent, points
from qa.backtest.result import Bin, Example, RuleState
from qa.people import Place, Reach, Scope, scope_of, within
from qa.store.chat_places import ChatPlace, chat_places
from qa.store.session import read_tx
from qa.web import chat_words as words
from qa.web.context import engine, settings, user

blueprint = Blueprint("backtests", __name__)

STATES = {
    RuleState.ADDED: _l("new"), RuleState.REMOVED: _l("taken away"), RuleState.CHANGED: _l("changed"),
    RuleState.WORDS: _l("word list changed"),
}  # fmt: skip
MODES = {"sampled": _l("Chats that nights sampled"), "all": _l("All closed chats")}
blueprint.add_app_template_filter(points, "points")
blueprint.add_app_template_filter(moved, "moved")
blueprint.add_app_template_filter(percent, "percent")


class Chats(NamedTuple):
    """The chats that a result names, as far as who looks may know of them."""

    limit: Scope
    known: dict[tuple[str, str], ChatPlace]

    def shown(self, examples: tuple[Example, ...]) -> list[Example]:
        """Return the examples within reach; what is not to be told is not among them."""
        return [one for one in examples if self._may_be_told(one.merchant, one.chat)]

    def address(self, merchant: str, chat: str) -> str | None:
        """Return the address of a chat's page; None: it has none, or not for who looks."""
        place = self.known.get((merchant, chat))
        if place is None or not within(self.limit, place.place):
            return None
        return url_for("chat.page", inspection=place.inspection)

    def reaches(self, merchant: str | None) -> bool:
        """Whether figures of a merchant are within reach."""
        return within(Scope(merchants=self.limit.merchants), Place(merchant))

    def _may_be_told(self, merchant: str, chat: str) -> bool:
        place = self.known.get((merchant, chat))
        if place is None:
            return within(self.limit, Place(merchant))
        return within(self.limit, place.place) and place.told


@blueprint.get("/rules/backtests/<run>/result")
def show(run: str) -> ResponseReturnValue:
    """Show a result that is kept."""
    result = kept.read(settings().data_dir, run)
    with read_tx(engine()) as connection:
        chats = Chats(scope_of(user(), Reach.TEAM), chat_places(connection, _named(result)))
    told = parts(result)
    agents = [one for one in told.agents if chats.reaches(one.merchant)] if chats.limit.team is None else []
    old = dict.fromkeys(f"{one.pack} {one.version}" for name, one in result.old.items() if chats.reaches(name))
    return render_template(
        "rules/backtest.html", r=result, old=", ".join(old), told=told, chats=chats, agents=agents[:AGENTS_SHOWN],
        more_agents=max(len(agents) - AGENTS_SHOWN, 0), states=STATES, modes=MODES, words=words, span=_span,
        merchants=[one for one in result.by_merchant if chats.reaches(one.merchant)],
    )  # fmt: skip


def _named(result: Backtest) -> Iterator[tuple[str, str]]:
    """Every chat that the page could link to."""
    void = (result.newly_void.examples, result.no_longer_void.examples)
    fired = (some for one in result.rules for some in (one.newly_examples, one.no_longer_examples))
    for examples in (*void, *fired):
        yield from ((one.merchant, one.chat) for one in examples)
    yield from ((one.merchant, one.chat) for one in (*result.broken_new, *result.broken_old))


def _span(one: Bin) -> str:
    """Write by how many points scores move."""
    low, high = (None if x is None or abs(x) < 1 else f"{x:+g}".replace("-", "−") for x in (one.above, one.up_to))
    if one.above is None:
        return str(_("%(points)s or lower", points=high))
    if one.up_to is None:
        return str(_("%(points)s or higher", points=low))
    if low is None and high is None:
        return str(_("unchanged"))
    return str(_("%(low)s to %(high)s", low=low or "0", high=high or "0"))
