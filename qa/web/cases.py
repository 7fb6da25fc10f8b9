"""The case library: search, a case and what resembles it, candidates, and making a case of a chat."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from qa import casebook
from qa.casebook import CaseDraft, CaseError, CaseNote, Problem, StaleCaseError, candidates, library
from qa.people import Place, Reach, Scope, scope_of, within
from qa.store.case_candidates import Source
from qa.store.case_filters import LONGEST, CaseFilters, CaseKind, CaseState, parse_case_filters
from qa.store.cases import COUNTED, CaseHead
from qa.types import MICROSECONDS
from qa.web import case_labels as labels
from qa.web import chat_words as words
from qa.web.context import act, engine, now, scope, settings, user
from qa.web.permissions import may, reaches

blueprint = Blueprint("cases", __name__)

DAYS_BACK = 60
"""Days of chats among which candidates are looked for unless somebody says otherwise."""
_LONGEST_KEY = 18


@blueprint.get("/cases")
def index() -> ResponseReturnValue:
    """Show a page of the library."""
    filters = parse_case_filters(request.args)
    if not curates():
        filters = filters._replace(state=None)
    return render_template(
        "cases/index.html",
        listed=library.look(engine(), scope(), filters, after()),
        filters=filters,
        chosen={name: value for name, value in filters.chosen.items() if name != "state"},
        names=labels.FILTERS,
        values={"kind": labels.KINDS},
        counted=COUNTED,
        longest=LONGEST,
        first_page=after() is None,
        address=address,
        **_pieces(),
    )


@blueprint.get("/cases/<int:case>")
def show(case: int) -> ResponseReturnValue:
    """Show one case."""
    return case_page(case)


@blueprint.get("/cases/candidates")
def propose() -> ResponseReturnValue:
    """Show chats that would make a case."""
    source = request.args.get("source", "")
    chosen = Source(source) if source in set(Source) else Source.ALL
    kind = request.args.get("kind", "")
    days = _days()
    page = candidates.look(
        engine(), scope(), chosen, days, after(), CaseKind(kind) if kind in set(CaseKind) else None
    )  # fmt: skip
    return render_template(
        "cases/candidates.html",
        page=page,
        source=chosen.value,
        kind=kind if kind in set(CaseKind) else "",
        days=days,
        first_page=after() is None,
        most=candidates.MOST_LOOKED_AT,
        **_pieces(),
    )


@blueprint.get("/chats/<int:inspection>/case")
def draft(inspection: int) -> ResponseReturnValue:
    """Show the form that makes a case of a chat."""
    wanted = request.args.get("kind", "")
    kind = wanted if wanted in set(CaseKind) else CaseKind.EXCELLENT.value
    try:
        return _new_form(inspection, CaseDraft(kind=kind))
    except CaseError as problem:
        flash(labels.problem(problem), "warning")
        return redirect(url_for("chat.page", inspection=inspection), 302)


@blueprint.post("/chats/<int:inspection>/case")
def create(inspection: int) -> ResponseReturnValue:
    """Make a case of a chat; with “publish” it is published at once."""
    sent = _sent()
    try:
        key = casebook.create(engine(), act(), inspection, sent)
    except CaseError as problem:
        if problem.problem is Problem.BLIND:
            return render_template("cases/refused.html", said=labels.problem(problem), inspection=inspection), 422
        return _new_form(inspection, sent, labels.problem(problem)), problem.status
    if "publish" in request.form:
        casebook.set_state(engine(), act(), key, CaseState.PUBLISHED)
    return redirect(url_for("cases.show", case=key), 302)


@blueprint.get("/cases/<int:case>/edit")
def edit(case: int) -> ResponseReturnValue:
    """Show a case as a form."""
    return _edit_form(case)


@blueprint.post("/cases/<int:case>/edit")
def change(case: int) -> ResponseReturnValue:
    """Change a case; where somebody was faster, the form comes back with what was typed."""
    sent = _sent()
    try:
        casebook.change(engine(), act(), case, sent)
    except StaleCaseError as problem:
        return _edit_form(case, sent._replace(version=problem.version), labels.stale(problem.by)), problem.status
    except CaseError as problem:
        return _edit_form(case, sent, labels.problem(problem)), problem.status
    if "publish" in request.form:
        casebook.set_state(engine(), act(), case, CaseState.PUBLISHED)
    return redirect(url_for("cases.show", case=case), 302)


@blueprint.post("/cases/<int:case>/state")
def set_state(case: int) -> ResponseReturnValue:
    """Publish a case, or withdraw it."""
    state = request.form.get("state", "")
    if state not in set(CaseState):
        return case_page(case), 400
    casebook.set_state(engine(), act(), case, CaseState(state))
    return redirect(url_for("cases.show", case=case), 302)


@blueprint.post("/cases/<int:case>/folded")
def fold(case: int) -> ResponseReturnValue:
    """Let another case represent this one; 0: it stands for itself again."""
    into = request.form.get("into", "")
    if not into.isdecimal() or len(into) > _LONGEST_KEY:
        return case_page(case), 400
    try:
        casebook.fold(engine(), act(), scope(), case, int(into) or None)
    except CaseError as problem:
        flash(labels.problem(problem), "warning")
        return case_page(case), problem.status
    return redirect(url_for("cases.show", case=case), 302)


@blueprint.post("/chats/<int:inspection>/nominated")
def nominate(inspection: int) -> ResponseReturnValue:
    """Propose a chat for the library."""
    try:
        casebook.nominate(engine(), act(), inspection, request.form.get("kind", ""), request.form.get("note"))
    except CaseError as problem:
        return render_template("cases/nominated.html", said=labels.problem(problem), done=False), problem.status
    if request.headers.get("HX-Request") == "true":
        return render_template("cases/nominated.html", said=_("Nominated; a trainer will see it."), done=True)
    flash(_("Nominated; a trainer will see it."), "success")
    return redirect(url_for("chat.page", inspection=inspection), 302)


@blueprint.get("/chats/<int:inspection>/similar-cases")
def beside(inspection: int) -> ResponseReturnValue:
    """Show the cases that resemble a chat, as a part of its page."""
    found = casebook.similar_to_chat(engine(), library_scope(), inspection)
    return render_template("cases/beside.html", similar=found, **_pieces())


# --- what the other modules of the library use too -------------------------------------------------------------------


def curates() -> bool:
    """Whether whoever looks may change cases, and so sees drafts and withdrawn ones."""
    return may(user(), "cases.change", "POST")


def library_scope() -> Scope:
    """Return what the library is limited to for this person, in a view about a chat too."""
    who = user()
    return scope_of(who, (reaches("cases.index", "GET") or {}).get(who.role, Reach.MERCHANT))


def after() -> int | None:
    """Return the key behind which the page begins, from the address."""
    typed = request.args.get("after", "")
    return int(typed) if typed.isdecimal() and len(typed) <= _LONGEST_KEY else None


def address(filters: CaseFilters, **changes: Any) -> str:
    """Return the address of the library with these filters, changed; ``after``: the page behind this key."""
    behind = changes.pop("after", None)
    chosen: dict[str, Any] = dict(filters._replace(**changes).chosen)
    return url_for("cases.index", after=behind, **chosen)


def chat_link(head: CaseHead) -> str | None:
    """Return the address of the chat a case was made of, where this person may open it."""
    who = user()
    reach = (reaches("chat.page", "GET") or {}).get(who.role)
    if head.inspection_id is None or reach is None or reach is Reach.SELF:
        return None
    there = within(scope_of(who, reach), Place(head.merchant, head.team, head.agent_id))
    return url_for("chat.page", inspection=head.inspection_id) if there else None


def _pieces() -> dict[str, Any]:
    return {"labels": labels, "words": words, "curates": curates(), "parts": casebook.STAR}


def case_page(case: int) -> str:
    """Return the page of a case."""
    opened = casebook.open_case(engine(), scope(), case, curates=curates())
    return render_template(
        "cases/show.html",
        opened=opened,
        case=opened.head,
        lines=[(one, casebook.spans(one, opened.notes)) for one in opened.transcript],
        origin=chat_link(opened.head),
        **_pieces(),
    )


def _new_form(inspection: int, shown: CaseDraft, said: str | None = None) -> str:
    origin = casebook.read_origin(engine(), inspection)
    similar = casebook.similar_to(engine(), library_scope(), origin.transcript)
    if not shown.question_type and origin.stored.chat.category and said is None:
        shown = shown._replace(question_type=origin.stored.chat.category)
    return _form(shown, origin.transcript, said, origin=origin, similar=similar, case=None)


def _edit_form(case: int, shown: CaseDraft | None = None, said: str | None = None) -> str:
    opened = casebook.open_case(engine(), scope(), case, curates=True)
    given = shown or casebook.draft_of(opened.head)
    return _form(given, opened.transcript, said, origin=None, similar=[], case=opened.head)


def _form(shown: CaseDraft, transcript: Any, said: str | None, **given: Any) -> str:
    with_notes = [(one, [note for note in shown.notes if note.turn == one.turn]) for one in transcript]
    choices = library.look(engine(), library_scope(), CaseFilters(), None).choices
    return render_template(
        "cases/form.html", draft=shown, lines=with_notes, said=said, choices=choices, **given, **_pieces()
    )  # fmt: skip


def _sent() -> CaseDraft:
    """Read the form: fields that are not there were left empty; notes come as rows of equal length."""
    form = request.form
    version = form.get("version", "")
    rows = zip(*(form.getlist(f"note-{part}") for part in ("turn", "good", "text", "start", "end")), strict=False)
    notes = tuple(
        CaseNote(int(turn), good == "1", text, *_place(start, end))
        for turn, good, text, start, end in rows
        if turn.isdecimal() and len(turn) <= _LONGEST_KEY
    )
    return CaseDraft(
        form.get("title", ""), form.get("kind", ""), form.get("tags", ""), form.get("scenario", ""),
        form.get("question_type", ""), {part: form.get(part, "") for part in casebook.STAR}, notes,
        int(version) if version.isdecimal() and len(version) <= _LONGEST_KEY else 0,
    )  # fmt: skip


def _place(start: str, end: str) -> tuple[int | None, int | None]:
    known = start.isdecimal() and end.isdecimal() and max(len(start), len(end)) <= _LONGEST_KEY
    return (int(start), int(end)) if known else (None, None)


def _days() -> tuple[str, str]:
    """Return the local days of the address, else the last ``DAYS_BACK``."""
    today = datetime.fromtimestamp(now() / MICROSECONDS, settings().zone).date()
    given = parse_case_filters(request.args)
    first = given.since or (date.fromisoformat(given.until) if given.until else today) - timedelta(days=DAYS_BACK)
    return str(first), given.until or str(today)
