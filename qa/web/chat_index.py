"""Inspected chats in a list: those behind a number of a board."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from qa.boards import behind
from qa.privacy import POLICY
from qa.store.board import Window
from qa.store.chat_list import COUNTED, DOMAINS, SAID, Key, Only
from qa.web import board_words as words
from qa.web.context import engine, scope, user

blueprint = Blueprint("chats", __name__)

LONGEST = 120
"""Characters of a value that are looked at."""
NAMES = {
    "merchant": _l("Merchant"),
    "team": _l("Team"),
    "agent": _l("Agent"),
    "since": _l("From day"),
    "until": _l("To day"),
    "weekday": _l("Weekday"),
    "hour": _l("Hour"),
    "figure": _l("Figure"),
    "bad": _l("Only"),
    "rule": _l("Rule"),
    "said": _l("Reviews"),
}
"""What the filters are called, in the order in which they stand."""
_FIRST, _LAST = "0000-01-01", "9999-12-31"


class Asked(NamedTuple):
    """The filters of an address; what makes no sense there limits nothing."""

    merchant: str | None
    since: str | None
    until: str | None
    only: Only

    @property
    def chosen(self) -> dict[str, Any]:
        """The filters that limit something, by name, as they stand in an address."""
        told: dict[str, Any] = {"merchant": self.merchant, "since": self.since, "until": self.until}
        told |= self.only._asdict() | {"bad": "1" if self.only.bad else None}
        return {name: told[name] for name in NAMES if told[name] is not None}

    @property
    def window(self) -> Window:
        """The days and whose chats."""
        return Window(self.since or _FIRST, self.until or _LAST, scope(), self.merchant)


@blueprint.get("/chats")
def index() -> ResponseReturnValue:
    """List the chats."""
    asked = _asked()
    found = behind.behind(engine(), asked.window, asked.only, _key(), POLICY[user().role])
    return render_template(
        "chats/index.html", found=found, asked=asked, chosen=asked.chosen, names=NAMES, address=_address,
        values=_values(asked), counted=COUNTED, first_page=_key() is None,
    )  # fmt: skip


def _asked() -> Asked:
    only = Only(
        team=_text("team"), agent=_text("agent"), weekday=_number("weekday", 6), hour=_number("hour", 23),
        figure=_one_of("figure", DOMAINS), bad=request.args.get("bad") == "1" and request.args.get("figure") in DOMAINS,
        rule=_text("rule"), said=_one_of("said", SAID),
    )  # fmt: skip
    return Asked(_text("merchant"), _day("since"), _day("until"), only)


def _text(name: str) -> str | None:
    found = request.args.get(name, "").replace("\0", "")[:LONGEST].strip()
    return found or None


def _number(name: str, most: int) -> int | None:
    found = request.args.get(name, "")
    return int(found) if found.isascii() and found.isdigit() and len(found) < 3 and int(found) <= most else None  # noqa: PLR2004 - two digits


def _one_of(name: str, known: Any) -> str | None:
    found = request.args.get(name)
    return found if found in known else None


def _day(name: str) -> str | None:
    try:
        return date.fromisoformat(request.args.get(name, "")).isoformat()
    except ValueError:
        return None


def _key() -> Key | None:
    day, _dot, number = request.args.get("after", "").partition(".")
    if not (number.isascii() and number.isdigit() and len(number) < 19):  # noqa: PLR2004 - digits of a key
        return None
    return Key(day[:10], int(number))


def _address(asked: Asked, without: str | None = None, after: Key | None = None) -> str:
    """Return the address of this list without one of its filters, or behind a key."""
    kept = {name: value for name, value in asked.chosen.items() if name != without}
    if without == "figure":
        kept.pop("bad", None)
    return url_for("chats.index", **kept, after=after and f"{after.day}.{after.inspection_id}")


def _values(asked: Asked) -> dict[str, Any]:
    """Return what the values of the filters are called, where that is not what they are."""
    only = asked.only
    found: dict[str, Any] = {}
    if only.weekday is not None:
        found["weekday"] = words.WEEKDAYS[only.weekday]
    if only.hour is not None:
        found["hour"] = f"{only.hour:02}:00"
    if only.figure is not None:
        found["figure"] = words.FIGURES[only.figure].name
        found["bad"] = words.FIGURES[only.figure].bad
    if only.rule is not None:
        found["rule"] = words.rule_name(only.rule, behind.rule_names(engine()))
    if only.said is not None:
        found["said"] = words.SAID[only.said]
    return found
