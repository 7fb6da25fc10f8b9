"""Collections of the case library: made, filled, put in order, printed, and handed out as files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from flask import abort, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from qa import casebook
from qa.casebook import CaseError, collecting
from qa.store.session import read_tx
from qa.web import case_labels as labels
from qa.web import chat_words as words
from qa.web.cases import blueprint, case_page, curates, library_scope
from qa.web.context import act, engine, now, scope
from qa.web.paging import asked_page, cut
from qa.web.permissions import require
from qa.web.safety import safe_next

__all__ = ["blueprint"]

_HANDOUT_CSS = Path(__file__).resolve().parent / "static" / "handout.css"
_LONGEST_KEY = 18


@blueprint.get("/collections")
def collections() -> ResponseReturnValue:
    """Show the collections."""
    return _list()


@blueprint.post("/collections")
def new_collection() -> ResponseReturnValue:
    """Make a collection."""
    form = request.form
    try:
        key = collecting.create_collection(
            engine(), act(), scope(), form.get("name", ""), form.get("about"), form.get("merchant")
        )
    except CaseError as problem:
        return _list(labels.problem(problem)), problem.status
    return redirect(url_for("cases.collection", collection=key), 303)


@blueprint.get("/collections/<int:collection>")
def collection(collection: int) -> ResponseReturnValue:
    """Show the cases of a collection in their order."""
    return _page(collection)


@blueprint.get("/collections/<int:collection>/print")
def printed(collection: int) -> ResponseReturnValue:
    """Show a collection as it is printed: all its cases, one after the other."""
    return render_template("cases/printed.html", **_whole(collection))


@blueprint.post("/collections/<int:collection>/name")
def rename_collection(collection: int) -> ResponseReturnValue:
    """Give a collection another name."""
    try:
        collecting.rename_collection(
            engine(), act(), collection, request.form.get("name", ""), request.form.get("about")
        )  # fmt: skip
    except CaseError as problem:
        return _page(collection, labels.problem(problem)), problem.status
    return redirect(url_for("cases.collection", collection=collection), 303)


@blueprint.post("/collections/<int:collection>/dropped")
def drop_collection(collection: int) -> ResponseReturnValue:
    """Remove a collection; its cases stay in the library."""
    if "sure" not in request.form:
        abort(400)
    collecting.drop_collection(engine(), act(), collection)
    flash(_("The collection is gone; its cases are still in the library."), "success")
    return redirect(url_for("cases.collections"), 302)


@blueprint.post("/collections/<int:collection>/removed")
def discard(collection: int) -> ResponseReturnValue:
    """Take a case out of a collection."""
    collecting.discard(engine(), act(), collection, _case_key())
    return redirect(url_for("cases.collection", collection=collection), 303)


@blueprint.post("/collections/<int:collection>/moved")
def move(collection: int) -> ResponseReturnValue:
    """Move a case up or down."""
    key = _case_key()
    collecting.move(engine(), act(), collection, key, -1 if request.form.get("to") == "up" else 1)
    return redirect(url_for("cases.collection", collection=collection) + f"#case-{key}", 303)


@blueprint.post("/cases/<int:case>/collected")
def collect(case: int) -> ResponseReturnValue:
    """Put a case into a collection, which is made first where a new name was typed."""
    name = request.form.get("name", "").strip()
    key = request.form.get("collection", "")
    try:
        if name:
            chosen = collecting.create_collection(engine(), act(), scope(), name, None, _merchant_of(case))
        elif key.isdecimal() and len(key) <= _LONGEST_KEY:
            chosen = int(key)
            with read_tx(engine()) as connection:
                require(collecting.place_of(connection, chosen))
        else:
            abort(400)
        collecting.collect(engine(), act(), chosen, case)
    except CaseError as problem:
        flash(labels.problem(problem), "warning")
        return case_page(case), problem.status
    flash(_("Put into the collection."), "success")
    return redirect(safe_next(request.form.get("next")) or url_for("cases.show", case=case), 303)


@blueprint.post("/collections/<int:collection>/xlsx")
def export_xlsx(collection: int) -> ResponseReturnValue:
    """Send a collection as a workbook; the audit log says who took it."""
    gathered = collecting.gather(engine(), collection, curates=False)
    content = casebook.workbook(gathered, labels.headings())
    collecting.log_export(engine(), act(), collection, "xlsx", len(gathered.items))
    return send_file(BytesIO(content), as_attachment=True, download_name=f"{_file_name(gathered)}.xlsx")


@blueprint.post("/collections/<int:collection>/handout")
def export_handout(collection: int) -> ResponseReturnValue:
    """Send a collection as one page that needs nothing besides itself; the audit log says who took it."""
    whole = _whole(collection)
    page = render_template("cases/handout.html", css=_HANDOUT_CSS.read_text("utf-8"), made=now(), **whole)
    collecting.log_export(engine(), act(), collection, "html", len(whole["items"]))
    name = f"{_file_name(whole['gathered'])}.html"
    return send_file(BytesIO(page.encode()), as_attachment=True, download_name=name, mimetype="text/html")


def _list(said: str | None = None) -> str:
    found = cut(collecting.collections_of(engine(), scope()), asked_page())
    merchants = _merchants()
    return render_template(
        "cases/collections.html", found=found, merchants=merchants, said=said, curates=curates(),
        everything=scope().merchants is None,
        to_page=lambda number: url_for("cases.collections", page=number if number > 1 else None),
    )  # fmt: skip


def _page(collection: int, said: str | None = None) -> str:
    gathered = collecting.gather(engine(), collection, curates=curates())
    return render_template(
        "cases/collection.html", gathered=gathered, said=said, labels=labels, words=words, curates=curates()
    )  # fmt: skip


def _whole(collection: int) -> dict[str, Any]:
    """Return what a print or a handout shows: published cases with their lines and notes."""
    gathered = collecting.gather(engine(), collection, curates=False)
    items = [
        (one, [(line, casebook.spans(line, one.notes)) for line in one.transcript]) for one in gathered.items
    ]  # fmt: skip
    return {
        "gathered": gathered, "collection": gathered.collection, "items": items, "labels": labels, "words": words,
        "parts": casebook.STAR,
    }  # fmt: skip


def _merchants() -> list[str]:
    limited = scope().merchants
    return list(limited) if limited is not None else casebook.merchants_of(engine(), library_scope())


def _merchant_of(case: int) -> str | None:
    opened = casebook.open_case(engine(), scope(), case, curates=True)
    return opened.head.merchant


def _case_key() -> int:
    typed = request.form.get("case", "")
    if not typed.isdecimal() or len(typed) > _LONGEST_KEY:
        abort(400)
    return int(typed)


def _file_name(gathered: casebook.Gathered) -> str:
    """Return the name of a collection as a name of a file: letters, digits and blanks of any script."""
    kept = "".join(one if one.isalnum() or one in " -_" else "_" for one in gathered.collection.name)
    return kept.strip(" _")[:60] or "cases"
