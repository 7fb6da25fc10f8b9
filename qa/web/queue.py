"""The review queue: what waits, by risk; filters in the address; claims; what a lead gives to whom."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup

from qa import queueing
from qa.privacy import POLICY
from qa.queueing import ClaimHeldError, FilterNameError, QuotaError, Today, Worker
from qa.store.queue import COUNTED, Key
from qa.store.queue_filters import LONGEST, REASONS, RESOLUTIONS, SENTIMENTS, SEVERITIES, Filters, State, parse_filters
from qa.types import MICROSECONDS
from qa.web import chat_words as words
from qa.web.context import act, engine, now, scope, settings, user
from qa.web.paging import asked_page, cut
from qa.web.permissions import may, require
from qa.web.safety import safe_next, whole

blueprint = Blueprint("queue", __name__)

STATES = {
    State.OPEN: _l("To do"),
    State.MINE: _l("Mine"),
    State.UNCLAIMED: _l("Unclaimed"),
    State.DONE: _l("Done"),
    State.ALL: _l("All"),
}
FILTERS = {
    "reason": _l("Reason"),
    "rule": _l("Rule"),
    "severity": _l("Severity"),
    "merchant": _l("Merchant"),
    "team": _l("Team"),
    "agent": _l("Agent"),
    "since": _l("From day"),
    "until": _l("To day"),
    "low": _l("Score from"),
    "high": _l("Score to"),
    "sentiment": _l("Sentiment"),
    "resolution": _l("Resolution"),
    "text": _l("Text"),
}
"""What filters are called, in the order in which they stand."""
_KINDS = {"red_line": "bad", "broken": "bad", "rule_failed": "warn", "low_score": "warn", "excellent": "good"}
_HIGH, _MEDIUM = 80, 50
_LONGEST_KEY = 60


@blueprint.get("/queue")
def index() -> ResponseReturnValue:
    """Show a page of the queue."""
    return _page(parse_filters(request.args), _key())


@blueprint.get("/queue/team")
def team() -> ResponseReturnValue:
    """Show how far everybody's day has come."""
    return _team_page()


@blueprint.post("/queue/next")
def take_next() -> ResponseReturnValue:
    """Claim the riskiest free chat and open it."""
    target = next_address()
    if target is None:
        flash(_("No chat is free here. Those that others work on come back when their claims end."), "info")
        return redirect(list_address(sent_filters()), 303)
    return redirect(target, 303)


@blueprint.post("/queue/claim")
def claim() -> ResponseReturnValue:
    """Claim a chat and open it; where somebody was faster, the queue says who."""
    inspection = _inspection()
    try:
        queueing.claim(engine(), act(), worker(), inspection)
    except ClaimHeldError as refused:
        flash(_refusal(refused), "warning")
        return _page(sent_filters(), None), refused.status
    return redirect(chat_address(inspection, sent_filters()), 303)


@blueprint.post("/queue/release")
def release() -> ResponseReturnValue:
    """Give a claim back."""
    queueing.release(engine(), act(), worker(), _inspection())
    return redirect(_back(), 303)


@blueprint.post("/queue/extend")
def extend() -> ResponseReturnValue:
    """Prolong a claim; a page in which somebody works asks for it now and then."""
    queueing.extend(engine(), act(), worker(), _inspection())
    return Response(status=204)


@blueprint.post("/queue/assign")
def assign() -> ResponseReturnValue:
    """Give chats to a reviewer, or take them back: those that are ticked, or the first ones of the filter."""
    to, first = whole(request.form.get("to")), whole(request.form.get("first"))
    if to is None:
        abort(400)
    user_id = to or None  # 0 is nobody
    if first:
        done = queueing.assign_first(engine(), act(), worker(), sent_filters(), first, user_id)
    else:
        ticked = [key for key in map(whole, request.form.getlist("ticked")) if key is not None]
        done = queueing.assign(engine(), act(), worker(), ticked, user_id)
    flash(_told(done), "success" if done.assigned else "warning")
    return redirect(_back(), 303)


@blueprint.post("/queue/quota")
def set_quota() -> ResponseReturnValue:
    """Say how many chats somebody is to review a day, from today on."""
    whose, chats = whole(request.form.get("user")), whole(request.form.get("chats"))
    if whose is None:
        abort(400)
    try:
        queueing.set_quota(engine(), act(), worker(), whose, today().day, -1 if chats is None else chats)
    except QuotaError as wrong:
        flash(_("A quota is a whole number from 0 to %(most)s.", most=queueing.MOST_A_DAY), "danger")
        return _team_page(), wrong.status
    return redirect(_team_address(asked_page()), 303)


@blueprint.post("/queue/filters")
def save_filter() -> ResponseReturnValue:
    """Keep the filter that is in force."""
    try:
        queueing.keep(
            engine(), act(), user(), request.form.get("name", ""), sent_filters(), shared="shared" in request.form
        )
    except FilterNameError as wrong:
        flash(_("Give the filter a name of at most 40 characters."), "danger")
        return _page(sent_filters(), None), wrong.status
    return redirect(_back(), 303)


@blueprint.post("/queue/filters/delete")
def delete_filter() -> ResponseReturnValue:
    """Forget an own filter."""
    which = whole(request.form.get("filter"))
    if which is None:
        abort(400)
    queueing.forget(engine(), act(), user(), which)
    return redirect(_back(), 303)


# --- for other pages -------------------------------------------------------------------------------------------------


def worker() -> Worker:
    """Return who works on the queue in this request."""
    return Worker(user(), scope())


def today() -> Today:
    """Return the local day of this installation."""
    local = datetime.fromtimestamp(now() / MICROSECONDS, settings().zone)
    began = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return Today(local.date().isoformat(), int(began.timestamp() * MICROSECONDS))


def sent_filters() -> Filters:
    """Return the filters that a form carries along in its field ``queue``, as the query of a URL."""
    sent = request.form.get("queue", "")[: 20 * LONGEST]
    return parse_filters(dict(parse_qsl(sent, max_num_fields=40)) if sent.count("&") < 40 else {})  # noqa: PLR2004


def next_address() -> str | None:
    """Claim the next chat of the filters that the form carries; return its address, None where none is free."""
    filters = sent_filters()
    found = queueing.claim_next(engine(), act(), worker(), filters)
    return None if found is None else chat_address(found.inspection_id, filters)


def chat_address(inspection: int, filters: Filters) -> str:
    """Return the address of a chat's page; its query says from which list one came, so that “next” stays in it."""
    chosen: dict[str, Any] = dict(filters.chosen)
    return url_for("chat.page", inspection=inspection, **chosen)


def list_address(filters: Filters, after: str | None = None) -> str:
    """Return the address of the queue with these filters."""
    asked = urlencode(({} if after is None else {"after": after}) | filters.chosen)
    return url_for("queue.index") + (f"?{asked}" if asked else "")


def address(filters: Filters, **changes: Any) -> str:
    """Return the address of the queue with these filters, changed; ``after``: the page behind this key."""
    after: Key | None = changes.pop("after", None)
    return list_address(filters._replace(**changes), after and f"{after.rank!r}_{after.inspection_id}")


# --- pieces ----------------------------------------------------------------------------------------------------------


def _key() -> Key | None:
    rank, _sign, inspection = request.args.get("after", "")[:_LONGEST_KEY].partition("_")
    try:
        key = Key(float(rank), int(inspection))
    except ValueError:
        return None
    return key if 0 <= key.inspection_id < 1 << 62 and -1_000 < key.rank < 1_000 else None  # noqa: PLR2004 - NaN too


def _inspection() -> int:
    """Return the inspection that the form names, if it is in the queue and within reach."""
    sent = whole(request.form.get("inspection"))
    if sent is None:
        abort(400)
    held = queueing.standing(engine(), sent, now())
    require(None if held is None else held.place)
    return sent


def _back() -> str:
    return safe_next(request.form.get("next")) or list_address(sent_filters())


def _page(filters: Filters, after: Key | None) -> str:
    leads = may(user(), "queue.assign", "POST")
    return render_template(
        "queue/index.html",
        listed=queueing.look(engine(), worker(), filters, after, now(), today(), POLICY[user().role]),
        filters=filters,
        chosen={name: value for name, value in filters.chosen.items() if name != "state"},
        states=STATES,
        names=FILTERS,
        values=_values(),
        words=words,
        counted=COUNTED,
        first_page=after is None,
        address=address,
        level=_level,
        links=_links(filters),
        tags=_tags(),
        reviewers=queueing.reviewers(engine(), scope()) if leads else [],
        most=queueing.MOST,
        longest=LONGEST,
    )


def _team_page() -> str:
    people = cut(queueing.team_day(engine(), worker(), now(), today()), asked_page())
    return render_template(
        "queue/team.html", people=people, day=today().day, most=queueing.MOST_A_DAY, to_page=_team_address,
        shown_page=people.number if people.pages > 1 else None,
    )  # fmt: skip


def _team_address(number: int | None) -> str:
    return url_for("queue.team", page=number)


def _refusal(refused: ClaimHeldError) -> str:
    if refused.until is not None:
        minutes = max(1, -(-(refused.until - now()) // (60 * MICROSECONDS)))
        return str(_("%(name)s is working on this chat (%(minutes)s min).", name=refused.holder, minutes=minutes))
    if refused.holder is not None:
        return str(_("This chat is assigned to %(name)s.", name=refused.holder))
    return str(_("This chat has been reviewed already."))


def _told(done: queueing.Assigned) -> str:
    told = [str(ngettext("%(num)d chat assigned.", "%(num)d chats assigned.", done.assigned))]
    if done.beyond:
        told.append(str(_("%(number)s are out of this person's reach.", number=done.beyond)))
    if done.left:
        told.append(str(_("%(number)s are done, or somebody works on them.", number=done.left)))
    return " ".join(told)


def _level(risk: float) -> str:
    return "high" if risk >= _HIGH else "medium" if risk >= _MEDIUM else "low"


class Links(NamedTuple):
    """Addresses that differ from line to line in one part only, which stands at their end (or before ``query``)."""

    chat: str
    query: str
    agent: str


def _links(filters: Filters) -> Links:
    chat = url_for("chat.page", inspection=0).removesuffix("0")
    query = "?" + filters.query if filters.query else ""
    rest = filters._replace(agent=None).query
    return Links(chat, query, url_for("queue.index") + "?" + (rest + "&" if rest else "") + "agent=")


def _tags() -> dict[str, Markup]:
    """Return the badges of a line: why it is flagged, and what the model thinks ill of it."""
    texts = {one.value: words.REASONS[one.value] for one in REASONS}
    texts |= {one: words.LABELS[one] for one in (RESOLUTIONS[0], RESOLUTIONS[1], SENTIMENTS[0])}
    form = Markup('<span class="tag tag-{}">{}</span>')
    return {name: form.format(_KINDS.get(name, "plain"), str(label)) for name, label in texts.items()}


def _values() -> dict[str, dict[str, Any]]:
    """Return what the values of filters are called."""
    return {
        "reason": {one.value: words.REASONS[one.value] for one in REASONS},
        "severity": {one.value: words.SEVERITIES[one.value] for one in reversed(SEVERITIES)},
        "sentiment": {one: words.LABELS[one] for one in SENTIMENTS},
        "resolution": {one: words.LABELS[one] for one in RESOLUTIONS},
    }
