"""The audit log: who did what to what, and whether the chain holds."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from qa import auditing
from qa.errors import QaError
from qa.web.context import engine

blueprint = Blueprint("audit", __name__)

_UNFIT = 422


@blueprint.get("/audit")
def index() -> ResponseReturnValue:
    """Show a page of the log, newest first; with ``check`` its chain is walked."""
    wanted = {name: request.args.get(name, "").strip() for name in ("actor", "action", "subject")}
    page = auditing.read_page(
        engine(), before=request.args.get("before", type=int), **{name: value or None for name, value in wanted.items()}
    )
    known = request.args.get("known", "").strip()
    found = problem = None
    if request.args.get("check"):
        try:
            found = auditing.verify(engine(), known or None)
        except QaError as error:
            problem = str(error)
    shown = render_template(
        "audit/index.html", page=page, wanted=wanted, known=known, found=found, problem=problem
    )  # fmt: skip
    return (shown, _UNFIT) if problem else shown
