"""The chat page: facts, transcript and scorecard of one inspection, and the review of it."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from qa.errors import NotFoundError, QaError
from qa.judging import (
    Draft,
    Given,
    Missing,
    Page,
    ReviewError,
    StaleError,
    Viewer,
    open_page,
    preview,
    reveal,
    submit,
    written,
)
from qa.models.opinions import LABELS, Task
from qa.models.reviews import Word
from qa.people import UserRole
from qa.privacy import ALL, POLICY, MaskPolicy
from qa.queueing import ClaimHeldError, Worker, claim, claim_next, release, standing
from qa.rules.pack import Bilingual
from qa.scoring import Score
from qa.store.queue_filters import parse_filters
from qa.store.reviews import Verdict
from qa.web import chat_words as words
from qa.web.context import act, engine, now, scope, settings, user
from qa.web.permissions import may
from qa.web.safety import whole

blueprint = Blueprint("chat", __name__)

MOST_FINDINGS = 300
_TOKEN_BYTES = 16
_UNMASKED = MaskPolicy(shown=ALL, customer=True)


blueprint.add_app_template_filter(words.circled, "circled")
blueprint.add_app_template_filter(words.targeted, "targeted_reason")


@blueprint.app_template_filter("verdict_counts")
def verdict_counts(verdicts: Iterable[Verdict]) -> list[tuple[str, int]]:
    """Return how many of each verdict there are."""
    return list(Counter(one.verdict for one in verdicts).items())


class Place(NamedTuple):
    """Where a missed finding was seen, with the words that stand there."""

    turn: int
    start: int
    end: int
    quote: str


class Shown(NamedTuple):
    """A missed finding as the form shows it again; ``value`` is what the form sends."""

    rule: str
    name: str
    places: tuple[Place, ...]
    note: str
    value: str


@blueprint.get("/chats/<int:inspection>")
def page(inspection: int) -> ResponseReturnValue:
    """Show the chat that this inspection judged."""
    return _render(inspection)


@blueprint.post("/chats/<int:inspection>/revealed")
def unmask(inspection: int) -> ResponseReturnValue:
    """Show the chat as it was written; the audit log says who saw it."""
    if not POLICY[user().role].may_reveal:
        abort(403)
    reveal(engine(), act(), inspection)
    return _render(inspection, policy=_UNMASKED)


@blueprint.get("/chats/<int:inspection>/score")
def score(inspection: int) -> ResponseReturnValue:
    """Show what the score would be with some findings overturned and some added."""
    overturned = [key for key in map(whole, request.args.getlist("o")) if key is not None][:MOST_FINDINGS]
    missed = dict(_counted(one) for one in request.args.getlist("m")[:MOST_FINDINGS])
    seen = preview(engine(), inspection, _viewer(), overturned, missed)
    return render_template(
        "chat/score.html", before=seen.before, after=seen.after, words=words, rule_name=_naming(seen.names)
    )


@blueprint.post("/chats/<int:inspection>/review")
def review(inspection: int) -> ResponseReturnValue:
    """Add a review, then show the next chat, or this one again."""
    draft = _draft()
    try:
        _refuse_held(inspection)
        submit(engine(), act(), inspection, _viewer(), draft)
    except (ReviewError, StaleError, ClaimHeldError) as problem:
        return _refused(inspection, draft, problem)
    following = _next() if request.form.get("then") == "next" else None
    target = url_for("chat.page", inspection=inspection) if following is None else following
    if _by_htmx():
        return Response(status=204, headers={"HX-Redirect": target})
    return redirect(target, 303)


@blueprint.post("/chats/<int:inspection>/skipped")
def skip(inspection: int) -> ResponseReturnValue:
    """Give this chat back and show the next one."""
    following = _next()
    if following is not None:
        with suppress(ClaimHeldError, NotFoundError):  # it was not ours to give back
            release(engine(), act(), _worker(), inspection)
    return redirect(following or url_for("chat.page", inspection=inspection), 302)


@blueprint.post("/chats/<int:inspection>/claimed")
def hold(inspection: int) -> ResponseReturnValue:
    """Claim the chat for whoever begins to judge it, or prolong the claim; one that is in no queue needs none."""
    try:
        claim(engine(), act(), _worker(), inspection)
    except ClaimHeldError as problem:
        if problem.holder is None:
            return "", 204  # done: a second review of it is a correction
        return render_template("chat/refused.html", said=_said(problem), stale=False), 409
    except NotFoundError:
        pass
    return "", 204


def _next() -> str | None:
    """Claim the next chat and return its page; None: nothing is waiting."""
    filters = parse_filters(dict(parse_qsl(request.form.get("queue", ""))))
    found = claim_next(engine(), act(), _worker(), filters)
    if found is None:
        flash(_("Nothing is waiting here any more."), "success")
        return None
    page_of = url_for("chat.page", inspection=found.inspection_id)
    return f"{page_of}?{filters.query}" if filters.query else page_of


def _worker() -> Worker:
    return Worker(user(), scope())


def _refuse_held(inspection: int) -> None:
    """Raise ClaimHeldError where somebody else works on the chat."""
    held = standing(engine(), inspection, now())
    if held is not None and held.done_at is None and held.holder not in {None, user().id}:
        raise ClaimHeldError("somebody else works on this chat", held.holder_name, held.lease_until)


def _refused(inspection: int, draft: Draft, problem: QaError) -> ResponseReturnValue:
    """Say why nothing was stored; a browser without scripts gets the page again with everything that was typed."""
    said = _said(problem)
    if _by_htmx():
        return render_template("chat/refused.html", said=said, stale=isinstance(problem, StaleError)), problem.status
    return _render(inspection, draft=draft, said=said), problem.status


def _said(problem: QaError) -> str:
    if isinstance(problem, ReviewError):
        text = words.PROBLEMS[problem.problem.value]
        return str(text) % {"about": problem.about}
    if isinstance(problem, ClaimHeldError):
        return str(_("%(holder)s is working on this chat.", holder=problem.holder))
    by = problem.reviewer if isinstance(problem, StaleError) else None
    if by is not None:
        return str(_("%(reviewer)s has reviewed this chat since you opened it. Nothing was saved yet.", reviewer=by))
    return str(_("This chat was inspected or imported anew since you opened it. Nothing was saved yet."))


def _by_htmx() -> bool:
    return request.headers.get("HX-Request") == "true"


def _viewer(policy: MaskPolicy | None = None) -> Viewer:
    who = user()
    judges = may(who, "chat.review", "POST")
    return Viewer(who.name, policy or POLICY[who.role], judges, oversees=who.role is UserRole.LEAD)


def _render(
    inspection: int, *, policy: MaskPolicy | None = None, draft: Draft | None = None, said: str | None = None
) -> str:
    viewer = _viewer(policy)
    shown = open_page(engine(), inspection, viewer, settings().zone)
    mine = shown.last_of(viewer.name) if viewer.judges else None
    told = mine if viewer.judges else shown.last_verdicts
    answers = draft or (_draft_of(told, shown) if told is not None else Draft("", ""))
    return render_template(
        "chat/page.html",
        page=shown,
        chat=shown.chat,
        viewer=viewer,
        inside=user().role not in {UserRole.AGENT, UserRole.MERCHANT_VIEWER},
        may_reveal=POLICY[user().role].may_reveal and policy is None,
        revealed=policy is not None,
        answers=answers,
        given={one.finding: one for one in answers.given},
        missing=[_shown(one, shown) for one in answers.missing],
        mine=mine,
        told=None if viewer.judges else told,
        said=said,
        held=standing(engine(), inspection, now()) if viewer.judges else None,
        queue=request.form.get("queue") or parse_filters(request.args).query,
        token=secrets.token_urlsafe(_TOKEN_BYTES),
        state=written(shown.state),
        words=words,
        labels={task.value: LABELS[task] for task in Task},
        before=shown.machine.card if shown.machine else None,
        after=_final(shown, answers),
        rule_name=_naming({rule.id: rule.name for rule in shown.standard.pack.rules}),
    )


def _naming(names: Mapping[str, Bilingual]) -> Callable[[str], str]:
    """What writes a rule's name in the language of the page; its id where it has none."""
    return lambda rule: words.in_language(names[rule]) if rule in names else rule


def _final(shown: Page, answers: Draft) -> Score | None:
    """The score with what was answered before; the server's own when it is stored."""
    if shown.machine is None or shown.machine.card is None:
        return None
    overturned = [one.finding for one in answers.given if one.word == Word.OVERTURN]
    missed = {one.rule: max(len(one.places), 1) for one in answers.missing}
    if not overturned and not missed:
        return shown.machine.card
    return preview(engine(), shown.id, _viewer(), overturned, missed).after


def _counted(text: str) -> tuple[str, int]:
    rule, _colon, often = text.rpartition(":")
    return rule, min(whole(often) or 1, MOST_FINDINGS)


# --- the form --------------------------------------------------------------------------------------------------------


class _Sent(msgspec.Struct):
    """One missed finding as the page's script sends it."""

    rule: str
    places: list[tuple[int, int, int]] = []
    note: str = ""


def _draft() -> Draft:
    """Read the form; a field that is not there was not answered."""
    form = request.form
    return Draft(
        token=form.get("token", ""),
        state=form.get("state", ""),
        given=tuple(_given()),
        missing=tuple(_missing(one) for one in form.getlist("missed")[:MOST_FINDINGS]),
        sentiment=form.get("sentiment") or None,
        satisfaction=form.get("satisfaction") or None,
        resolution=form.get("resolution") or None,
        comment=form.get("comment") or None,
        excellent="excellent" in form,
        typical="typical" in form,
    )


def _given() -> list[Given]:
    found = []
    for name, word in list(request.form.items()):
        prefix, _dash, finding = name.partition("-")
        if prefix == "verdict" and finding.isdecimal() and word:
            found.append(Given(int(finding), word, request.form.get(f"reason-{finding}") or None))
    return found


def _missing(text: str) -> Missing:
    try:
        one = msgspec.json.decode(text, type=_Sent)
    except msgspec.DecodeError:
        abort(400)
    return Missing(one.rule, tuple(one.places), one.note or None)


def _draft_of(last: Any, shown: Page) -> Draft:
    """What this person said last, so that it can be corrected; a finding is known by its rule."""
    ids = {one.rule.id: one.id for one in (shown.machine.findings if shown.machine else ())}
    given = [Given(ids[one.rule], one.verdict, one.reason) for one in last.verdicts if one.rule in ids]
    missing = [
        Missing(one.rule, tuple((place.turn, place.start, place.end) for place in one.evidence), one.reason)
        for one in last.verdicts
        if one.rule not in ids
    ]
    return Draft(
        "", "", tuple(given), tuple(missing), last.sentiment, last.satisfaction, last.resolution, last.comment,
        excellent=bool(last.excellent), typical=bool(last.typical),
    )  # fmt: skip


def _shown(one: Missing, shown: Page) -> Shown:
    """A missed finding with the (masked) words of its places; places that the chat does not have are left out."""
    texts = [message.text for message in shown.chat.messages]
    places = tuple(
        Place(turn, start, end, texts[turn][start:end].replace("\0", "␀"))
        for turn, start, end in one.places
        if 0 <= turn < len(texts)
    )
    name = next((words.in_language(rule.name) for rule in shown.standard.pack.rules if rule.id == one.rule), one.rule)
    sent = _Sent(one.rule, [(place.turn, place.start, place.end) for place in places], one.note or "")
    return Shown(one.rule, name, places, one.note or "", msgspec.json.encode(sent).decode())
