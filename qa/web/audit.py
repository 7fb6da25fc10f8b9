"""The audit log: who did what to what, and whether the chain holds."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from qa import auditing
from qa.errors import QaError
from qa.web.context import engine
from qa.web.i18n import instant
from qa.web.problems import said
from qa.web.safety import plain, whole

blueprint = Blueprint("audit", __name__)

_UNFIT = 422
_INSTANTS = {"until"}
"""Facts that are instants."""


@blueprint.get("/audit")
def index() -> ResponseReturnValue:
    """Show a page of the log, newest first; with ``check`` its chain is walked."""
    wanted = {name: plain(request.args.get(name)) for name in ("actor", "action", "subject")}
    page = auditing.read_page(
        engine(), before=whole(request.args.get("before")), **{name: value or None for name, value in wanted.items()}
    )
    known = request.args.get("known", "").strip()
    found = problem = None
    if request.args.get("check"):
        try:
            found = auditing.verify(engine(), known or None)
        except QaError as error:
            problem = said(error)
    shown = render_template(
        "audit/index.html", page=page, wanted=wanted, known=known, found=found, problem=problem
    )  # fmt: skip
    return (shown, _UNFIT) if problem else shown


@blueprint.app_template_filter("audit_fact")
def fact(value: Any, name: str) -> str:
    """Write a fact to be read: a text as it is, an instant as time of day, anything else as JSON."""
    if name in _INSTANTS and isinstance(value, int):
        return instant(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@blueprint.app_template_filter("audit_chat")
def chat_of(subject: str) -> str | None:
    """Return the page of the chat that a row is about; None: it is about something else."""
    kind, _colon, key = subject.partition(":")
    number = whole(key) if kind == "inspection" else None
    return None if number is None else url_for("chat.page", inspection=number)
