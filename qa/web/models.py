"""Models: versions with their cards, a candidate against the current one, training, promotion and rollback."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from qa import learning, training, versions
from qa.errors import QaError
from qa.models.opinions import ModelError
from qa.models.registry import Registry
from qa.people import Reach, scope_of, within
from qa.store.chat_places import chat_places
from qa.store.reviews import count_reviews
from qa.store.session import read_tx
from qa.training import JobState
from qa.versions import Comparison
from qa.web.context import act, engine, settings, user
from qa.web.places import registry
from qa.web.plots import reliability_plot
from qa.web.problems import ToldError, said

blueprint = Blueprint("models", __name__)

TRAINING_FILES = "TRAINING_FILES"
"""Key of the application's configuration: labelled files that a training run uses instead of our authored ones."""
USUAL_NAME = "reviews"
_UNFIT = 422
_DOUBTS_SHOWN = 50
MAIN_HEADS = ("chat satisfaction", "chat resolution", "turn sentiment")
"""Heads whose figures stand in the list."""

HEADS = {
    "turn sentiment": _l("Sentiment of turns"),
    "turn satisfaction": _l("Satisfaction of turns"),
    "chat sentiment": _l("Sentiment of chats"),
    "chat satisfaction": _l("Satisfaction of chats"),
    "chat resolution": _l("Resolution of chats"),
}
FIGURES = {
    "accuracy": _l("Accuracy"),
    "macro_f1": _l("Macro-F1"),
    "uar": _l("Mean recall"),
    "kappa": _l("Kappa"),
    "spearman": _l("Rank correlation"),
    "auc": _l("AUC of the worst label"),
    "ap": _l("Average precision of the worst label"),
    "coverage": _l("Answers given"),
    "accuracy_when_sure": _l("Accuracy where it answers"),
    "ece": _l("Calibration error"),
}
LABELS = {
    "negative": _l("negative"), "neutral": _l("neutral"), "positive": _l("positive"),
    "dissatisfied": _l("dissatisfied"), "satisfied": _l("satisfied"),
    "unresolved": _l("unresolved"), "partly": _l("partly resolved"), "resolved": _l("resolved"),
}  # fmt: skip
TASKS = {"sentiment": _l("Sentiment"), "satisfaction": _l("Satisfaction"), "resolution": _l("Resolution")}
SLOTS = {
    "own": _l("in the message itself"), "reply before": _l("in the reply before"),
    "reply after": _l("in the reply after"), "customer before": _l("in the customer's message before"),
    "customer after": _l("in the customer's message after"), "customer": _l("said by the customer"),
    "service": _l("said by the service"),
}  # fmt: skip
"""Where a word stands (``qa.models.features.Slot``)."""
KINDS = {"word": _l("word"), "run": _l("characters")}
SETS = {"frozen": _l("Frozen reviews"), "audit": _l("Audit chats")}
ACTS = {"promote": _l("promoted"), "rollback": _l("rolled back")}
STATES = {
    JobState.RUNNING: _l("running"), JobState.DONE: _l("done"), JobState.FAILED: _l("failed"),
    JobState.KILLED: _l("was ended"),
}  # fmt: skip
WORDS = {"heads": HEADS, "figures": FIGURES, "labels": LABELS, "tasks": TASKS, "sets": SETS, "acts": ACTS,
         "slots": SLOTS, "kinds": KINDS,
         "states": STATES}  # fmt: skip


@blueprint.get("/models")
def index() -> ResponseReturnValue:
    """List the versions, who put which in force, and the last training run."""
    return _index()


@blueprint.post("/models/rollback")
def rollback() -> ResponseReturnValue:
    """Undo the last promotion."""
    try:
        done = versions.rollback(
            engine(), registry(), act(), request.form.get("why", ""), request.form.get("current", "")
        )  # fmt: skip
    except QaError as problem:
        return _index(said(problem)), _status(problem)
    flash(_("%(version)s judges again, from the next night on.", version=done.version), "success")
    return redirect(url_for("models.index"), 303)


@blueprint.get("/models/training")
def watch() -> ResponseReturnValue:
    """Show the last training run; the page asks again while it goes on."""
    return _training()


@blueprint.post("/models/training")
def train() -> ResponseReturnValue:
    """Start a training run."""
    files: list[Path] = current_app.config.get(TRAINING_FILES, [])
    try:
        training.start(engine(), settings(), act(), request.form.get("name", "").strip(), files)
    except QaError as problem:
        return _training(said(problem)), _status(problem)
    return redirect(url_for("models.watch"), 303)


@blueprint.get("/models/<version>")
def show(version: str) -> ResponseReturnValue:
    """Show the card of a version beside that of the current one."""
    models = registry()
    try:
        card, problem = models.read(version).card, None
    except ModelError as error:
        card, problem = None, str(error)
    current = _current(models)
    now = versions.list_versions(models)
    other = next((one.card for one in now.all if one.name == current and current != version), None)
    rows = {head: versions.figure_rows(card, other, head) for head in card.metrics} if card else {}
    plots = {head: reliability_plot(report.reliability) for head, report in card.metrics.items()} if card else {}
    return render_template(
        "models/show.html", version=version, card=card, problem=problem, current=current, other=other, rows=rows,
        plots=plots, before=now.before, **WORDS,
    )  # fmt: skip


@blueprint.get("/models/<version>/comparison")
def comparison(version: str) -> ResponseReturnValue:
    """Let this version and the current one judge the same chats, and show what is different."""
    return _comparison(version)


@blueprint.post("/models/<version>/promotion")
def promote(version: str) -> ResponseReturnValue:
    """Put a version in force; refused where it is worse, unless somebody takes that on with a reason."""
    why, forced = request.form.get("why", ""), request.form.get("forced") == "1"
    try:
        versions.checked_reason(why)
        found = _compared(version)
        if request.form.get("current", "") != found.current:
            raise ToldError(_("Another version is in force by now; compare again."), versions.MovedOnError.status)
        done = versions.promote(engine(), registry(), act(), found, why, forced=forced)
    except QaError as problem:
        return _comparison(version, said(problem), why), _status(problem)
    flash(_("%(version)s judges from the next night on.", version=done.version), "success")
    return redirect(url_for("models.index"), 303)


def _status(problem: QaError) -> int:
    return problem.status if problem.status != QaError.status else _UNFIT


def _index(problem: str | None = None) -> str:
    found = versions.list_versions(registry())
    job = training.latest(settings().data_dir)
    return render_template(
        "models/index.html", found=found, job=job, problem=problem, main=MAIN_HEADS, **WORDS
    )  # fmt: skip


def _training(problem: str | None = None) -> str:
    folder = settings().data_dir
    jobs = training.history(folder)
    doubts = training.doubts(folder)[:_DOUBTS_SHOWN]
    with read_tx(engine()) as connection:
        reviews = count_reviews(connection)
        places = chat_places(connection, [(one.merchant, one.chat) for one in doubts])
    reach = scope_of(user(), Reach.TEAM)
    pages = {key: one.inspection for key, one in places.items() if within(reach, one.place)}
    return render_template(
        "models/training.html", job=jobs[0] if jobs else None, earlier=jobs[1:], problem=problem, reviews=reviews,
        doubts=doubts, pages=pages, usual=USUAL_NAME, **WORDS,
    )  # fmt: skip


def _comparison(version: str, problem: str | None = None, why: str = "") -> str:
    current, found = _current(registry()), None
    try:
        found = _compared(version) if version != current else None
    except ModelError as error:
        problem = problem or said(error)
    return render_template(
        "models/comparison.html", version=version, current=current, found=found, problem=problem, why=why, **WORDS
    )  # fmt: skip


def _compared(version: str) -> Comparison:
    with read_tx(engine()) as connection:
        gathered = learning.gather(connection)
        reviews = count_reviews(connection)
    return versions.compared(registry(), version, gathered.sets(), learning.in_doubt, reviews)


def _current(models: Registry) -> str | None:
    try:
        return models.current()
    except ModelError:
        return None
