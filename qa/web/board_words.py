"""What the figures of the boards are called, how they are written, and where their chats are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from qa.boards.facts import ABOUT, About, Figure, Kind
from qa.boards.waiting import Asking, Task, Waits, overdue_until
from qa.people import UserRole
from qa.store.board import Window
from qa.web.i18n import UNKNOWN, language
from qa.web.permissions import may


class Words(NamedTuple):
    """What a figure is called, what it means, what its bad chats are, and why it may be unknown."""

    name: LazyString
    meaning: LazyString
    bad: LazyString
    why_unknown: LazyString


FIGURES: dict[str, Words] = {
    Figure.RESPONSE: Words(
        _l("Average response"), _l("Mean time in which a customer's waits for a person ended."),
        _l("slower than 60 s"), _l("No inspected chat has a wait with times."),
    ),
    Figure.WITHIN_3: Words(
        _l("3-minute reply rate"), _l("Share of waits answered within 3 minutes; unanswered ones count as failures."),
        _l("with a late or missing reply"), _l("No inspected chat has a wait with times."),
    ),
    Figure.FCR: Words(
        _l("First-contact resolution"),
        _l("Share of chats that solved the matter, and whose customer did not write again within 72 hours."),
        _l("not solved at the first contact"), _l("Nobody knows of any inspected chat whether it solved the matter."),
    ),
    Figure.SATISFACTION: Words(
        _l("Satisfaction"), _l("Customers' ratings from 1 to 5 as points: 1 is 0, 5 is 100."),
        _l("rated 1 or 2"), _l("No inspected chat was rated from 1 to 5."),
    ),
    Figure.ESCALATION: Words(
        _l("Escalation rate"), _l("Share of chats that were escalated."),
        _l("escalated"), _l("The source does not say which chats were escalated."),
    ),
    Figure.MEAN_SCORE: Words(
        _l("Mean score"), _l("Mean total of the scorecard."),
        _l("below 60 points"), _l("No inspected chat has a score."),
    ),
}  # fmt: skip
SAID = {
    "excellent": _l("marked excellent"),
    "unsure": _l("reviewer not sure"),
    "comment": _l("with a reviewer's comment"),
}
WEEKDAYS = (_l("Mon"), _l("Tue"), _l("Wed"), _l("Thu"), _l("Fri"), _l("Sat"), _l("Sun"))

_SECONDS_A_MINUTE = 60
_FEW_SECONDS = 99.5


def written(value: float | None, kind: str) -> str:
    """Write a figure in its unit: seconds, a share in percent, points with one decimal.

    >>> written(19.94, Kind.SECONDS), written(0.6512, Kind.RATE), written(74.34, Kind.POINTS), written(None, Kind.RATE)
    ('19.9 s', '65.1%', '74.3', '–')
    >>> written(150.2, Kind.SECONDS)
    '2 min 30 s'
    """
    if value is None:
        return UNKNOWN
    if kind == Kind.RATE:
        return f"{value:.1%}"
    if kind == Kind.POINTS:
        return f"{value:.1f}"
    if value <= _FEW_SECONDS:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), _SECONDS_A_MINUTE)
    return f"{minutes} min {seconds:02} s"


def changed(delta: float | None, kind: str) -> str:
    """Write a difference with its sign; that of two shares in percentage points.

    >>> changed(0.0198, Kind.RATE), changed(-0.57, Kind.SECONDS), changed(None, Kind.RATE)
    ('+2.0 pp', '−0.6 s', '–')
    >>> changed(-0.0001, Kind.RATE)
    '0.0 pp'
    """
    if delta is None:
        return UNKNOWN
    size = f"{abs(delta):.1f} s"
    if kind != Kind.SECONDS:
        size = f"{abs(delta) * 100:.1f} pp" if kind == Kind.RATE else f"{abs(delta):.1f}"
    sign = "" if size.startswith("0.0") else "−" if delta < 0 else "+"
    return sign + size


def target(about: About) -> str | None:
    """Write what is wanted of a figure: ``≤ 60 s``; None where nothing is."""
    if about.target is None:
        return None
    number = f"{about.target:.0%}" if about.kind is Kind.RATE else f"{about.target:g}"
    return ("≥ " if about.up else "≤ ") + number + (" s" if about.kind is Kind.SECONDS else "")


def chats_at(window: Window, **only: Any) -> str:
    """Return the address of the list of the inspected chats of a window, limited further."""
    chosen: dict[str, Any] = {"merchant": window.merchant, "since": window.first, "until": window.last}
    return url_for("chats.index", **(chosen | only))


class Line(NamedTuple):
    """One thing that waits, as it is shown. ``kind``: how pressing; ``href`` None: there is no page for it."""

    what: Waits
    task: Task
    icon: str
    label: str
    href: str | None
    kind: str


_ICONS = {
    Waits.TODAY: "calendar-check", Waits.MINE: "person", Waits.OPEN: "inbox", Waits.UNCLAIMED: "inbox",
    Waits.OVERDUE: "hourglass-split", Waits.UNSURE: "question-circle", Waits.BROKEN: "exclamation-octagon",
    Waits.MODEL: "cpu", Waits.RULES: "list-check", Waits.CANDIDATES: "star", Waits.EXCELLENT: "award",
    Waits.INSPECTED: "clipboard-check", Waits.COMMENTS: "chat-left-text", Waits.UNFINISHED: "moon-stars",
    Waits.LAST_NIGHT: "moon-stars", Waits.INVITED: "key", Waits.ACCOUNTS: "people",
}  # fmt: skip
_LABELS = {
    Waits.TODAY: _l("reviewed today"),
    Waits.MINE: _l("in my hands"),
    Waits.OPEN: _l("flagged chats to review"),
    Waits.UNCLAIMED: _l("claimed by nobody"),
    Waits.OVERDUE: _l("overdue for more than 24 hours"),
    Waits.UNSURE: _l("reviewers were not sure"),
    Waits.BROKEN: _l("could not be inspected"),
    Waits.MODEL: _l("nights with a refused or drifting model"),
    Waits.RULES: _l("rules below 80% precision"),
    Waits.CANDIDATES: _l("excellent candidates"),
    Waits.EXCELLENT: _l("marked excellent in 30 days"),
    Waits.INSPECTED: _l("inspected in 30 days"),
    Waits.COMMENTS: _l("comments from reviewers"),
    Waits.UNFINISHED: _l("nights that did not end"),
    Waits.LAST_NIGHT: _l("inspected in the newest night"),
    Waits.INVITED: _l("accounts not yet used"),
    Waits.ACCOUNTS: _l("accounts in use"),
}
_PRESSING = {Waits.OVERDUE, Waits.BROKEN, Waits.MODEL, Waits.RULES, Waits.UNFINISHED}


def lines(tasks: list[Task], asking: Asking) -> list[Line]:
    """Return what waits, with its name and where it is."""
    return [
        Line(
            task.what, task, _ICONS[task.what], str(_LABELS[task.what]), _where(task, asking),
            "bad" if task.what in _PRESSING and task.number else "plain",
        )
        for task in tasks
    ]  # fmt: skip


def _where(task: Task, asking: Asking) -> str | None:
    queue = {
        Waits.MINE: {"state": "mine"},
        Waits.OPEN: {},
        Waits.UNCLAIMED: {"state": "unclaimed"},
        Waits.OVERDUE: {"until": overdue_until(asking)},
        Waits.BROKEN: {"reason": "broken"},
        Waits.CANDIDATES: {"state": "all", "reason": "excellent"},
    }
    said = {Waits.UNSURE: "unsure", Waits.EXCELLENT: "excellent", Waits.COMMENTS: "comment", Waits.INSPECTED: None}
    if task.what in queue:
        return url_for("queue.index", **queue[task.what])  # type: ignore[arg-type]
    if task.what in said:
        return chats_at(asking.recent, said=said[task.what])
    if task.what in {Waits.UNFINISHED, Waits.MODEL, Waits.LAST_NIGHT}:
        if task.night is None or not may(asking.user, "nights.show"):
            return None
        return url_for("nights.show", night=task.night)
    pages = {Waits.RULES: "rules.index", Waits.INVITED: "users.index", Waits.ACCOUNTS: "users.index"}
    page = pages.get(task.what)
    return url_for(page) if page and may(asking.user, page) else None


def introduction(role: UserRole) -> str:
    """Say in a sentence what the figures of the page are about."""
    if role is UserRole.AGENT:
        return str(_("Figures of your own chats, estimated from those that were inspected."))
    return str(
        _("Figures about all chats, estimated from those that were inspected; behind each stands how sure it is.")
    )


def rule_name(rule: str, names: Mapping[str, Mapping[str, str]]) -> str:
    """Return what a rule is called in the language of the page; its id where no standard knows it any more."""
    return names.get(rule, {}).get("en" if language() == "en" else "zh") or rule


def kind_of(figure: str) -> Kind:
    """Return what a figure is measured in."""
    return ABOUT[Figure(figure)].kind
