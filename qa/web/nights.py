"""Nights: what was drawn, what it says of all chats, what broke, how it compares with the nights before."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from qa import overview
from qa.overview import Course, Figure
from qa.web.context import engine, scope
from qa.web.paging import asked_name, asked_page, cut, named_like
from qa.web.plots import Plot, Point, interval_plot

blueprint = Blueprint("nights", __name__)

STRATA = 100
"""Strata of a page."""
FIGURES = {
    "mean_score": _l("Mean score"),
    "failed_rate": _l("Chats with a failed rule"),
    "red_line_rate": _l("Chats with a red line"),
    "timeliness_score": _l("Timeliness"),
    "professionalism_score": _l("Professionalism"),
    "satisfaction_score": _l("Customer satisfaction"),
    "process_score": _l("Process"),
}
"""What the figures of a night are called."""
STATES = {"screening": _l("screening"), "inspecting": _l("inspecting"), "done": _l("done")}
STAGES = {
    "screen": _l("Red lines and risks looked for in all chats"),
    "draw": _l("Sample drawn"),
    "inspect": _l("Sample inspected by all rules and the model"),
    "finish": _l("Audit drawn, figures estimated"),
}
KINDS = {"night": _l("Night"), "extend": _l("Late chats"), "rescore": _l("Re-scoring")}
NOTES = {
    "collapsed": _l("Some agents have one inspected chat only; their spread is that of similar agents."),
    "reweighted": _l("Some strata have no inspected chat; the others stand for them."),
    "uncovered": _l("A whole part of the chats was not observed; the figure is about the rest."),
    "no_variation": _l("All observed values are equal; the interval is the exact limit."),
}
REASONS = {
    "rule_failed": _l("Rule failed"),
    "red_line": _l("Red line"),
    "model_risk": _l("Model: risk"),
    "model_unsure": _l("Model: unsure"),
    "low_score": _l("Low score"),
    "excellent": _l("Excellent candidate"),
    "audit": _l("Audit"),
    "calibration": _l("Calibration"),
    "appeal": _l("Appeal"),
    "broken": _l("Broken"),
}
HEADS = {
    "resolution": _l("Resolution"),
    "satisfaction": _l("Expected satisfaction"),
    "sentiment": _l("Sentiment"),
    "words": _l("Words"),
}
"""What drifts."""
LEVELS = {"none": _l("no change"), "moderate": _l("moderate"), "large": _l("large")}
OUTCOMES = {"failed": _l("Failed"), "bonus": _l("bonus")}


@blueprint.app_template_filter("estimate")
def written(value: float | None, rate: bool) -> str:
    """Write an estimate: a share in percent, a score with one decimal; a dash for what is not known."""
    return "–" if value is None else f"{value:.1%}" if rate else f"{value:.1f}"


@blueprint.app_template_filter("share")
def share(part: float | None, whole: float | None = 1) -> str:
    """Write a part of a whole in percent; a dash where there is no whole."""
    return f"{part / whole:.1%}" if part is not None and whole else "–"


@blueprint.get("/nights")
def index() -> ResponseReturnValue:
    """List the nights."""
    merchant = request.args.get("merchant") or None
    page = overview.list_nights(engine(), scope(), merchant, request.args.get("before"))
    told = [(night, overview.figures(night.summary)) for night in page.nights]
    return render_template("nights/index.html", page=page, told=told, merchant=merchant, states=STATES)


@blueprint.get("/nights/<int:night>")
def show(night: int) -> ResponseReturnValue:
    """Show one night."""
    view = overview.night_view(engine(), night)
    plots = [(course, _plot(course)) for course in view.courses]
    asked = asked_name()
    strata = [row for row in view.strata if named_like(asked, *row.stratum)] if asked else view.strata
    remarks = dict.fromkeys(note for course in view.courses for note in course.figure.notes)
    return render_template(
        "nights/show.html", view=view, plots=plots, names=FIGURES, states=STATES, kinds=KINDS, notes=NOTES,
        stages=STAGES, remarks=list(remarks), reasons=REASONS, outcomes=OUTCOMES,
        heads=HEADS, levels=LEVELS, asked=asked, strata=cut(strata, asked_page(), STRATA), fewest=STRATA,
        to_page=lambda number: url_for("nights.show", night=night, name=asked or None, page=number, _anchor="strata"),
    )  # fmt: skip


def _plot(course: Course) -> Plot | None:
    def value(figure: Figure, number: float | None) -> float | None:
        return None if number is None else number * 100 if figure.is_rate else number

    last = course.nights[-1].night_id if course.nights else None
    return interval_plot(
        [
            Point(
                label=one.day,
                value=value(one.figure, one.figure.value),
                low=value(one.figure, one.figure.low),
                high=value(one.figure, one.figure.high),
                href=url_for("nights.show", night=one.night_id),
                current=one.night_id == last,
            )
            for one in course.nights
        ]
    )
