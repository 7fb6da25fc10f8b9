"""Rules: the standards there are, each rule with its examples and its health, and a place to try it."""

from __future__ import annotations

from flask import Blueprint, render_template, request, send_from_directory
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from qa import rulehealth, trying
from qa.backtest.kept import runs
from qa.errors import NotFoundError, QaError
from qa.people import Reach, scope_of, within
from qa.privacy import POLICY
from qa.rules.diff import lists_named
from qa.rules.inspector import Standard
from qa.rules.pack import Rule
from qa.rules.why import one_line
from qa.store.session import read_tx
from qa.trying import Judges, Tried
from qa.web.context import engine, settings, user
from qa.web.permissions import may
from qa.web.places import BACKTESTS, reports
from qa.web.problems import ToldError, said
from qa.web.safety import plain

blueprint = Blueprint("rules", __name__)

DAYS = (7, 30, 90, 366)
USUAL_DAYS = 30
_UNFIT = 422

DIMENSIONS = {
    "timeliness": _l("Timeliness"),
    "professionalism": _l("Professionalism"),
    "satisfaction": _l("Customer satisfaction"),
    "process": _l("Process"),
}
SEVERITIES = {"info": _l("remark"), "minor": _l("minor"), "major": _l("major"), "critical": _l("critical")}
blueprint.add_app_template_filter(one_line, "one_line")
STATES = {"hit": _l("hit"), "miss": _l("not hit"), "not applicable": _l("not applicable")}
REMARKS = {
    "disguise": _l("in disguise (match: squash finds it)"),
    "role": _l("by somebody else (role)"),
    "scope": _l("outside the messages in scope"),
    "order": _l("in another order (ordered)"),
    "asked": _l("left out by asked"),
    "lacks": _l("beside a word of lacks"),
    "said": _l("said before by the one unless_said_by names"),
    "except": _l("within a longer phrase of except"),
    "quoted": _l("quoted or reported (quoted: true counts it)"),
    "negated": _l("denied or warned of (negated: true counts it)"),
    "at_least": _l("too few (at_least, different)"),
    "limit": _l("beyond the limit"),
}
"""Why a condition passed something over (``qa.rules.nearly``)."""
ROLES = {"customer": _l("Customer"), "agent": _l("Agent"), "bot": _l("Bot"), "system": _l("System")}


@blueprint.get("/rules")
def index() -> ResponseReturnValue:
    """Show the standards, publications and backtests."""
    s = settings()
    shelf = rulehealth.shelf(engine(), s.packs, s.scorecard)
    listed = [(one, rulehealth.hash_of(one.standard)) for one in shelf.in_force]
    files = [(path.name, path.stat().st_mtime_ns // 1_000) for path in reports()]
    backtests = runs(s.data_dir) if may(user(), "backtests.show") else []
    return render_template(
        "rules/index.html", shelf=shelf, in_force=listed, reports=files, folder=BACKTESTS, runs=backtests
    )


@blueprint.get("/rules/changes")
def changes() -> ResponseReturnValue:
    """Show what is different between two standards; without them, ask which."""
    s = settings()
    shelf = rulehealth.shelf(engine(), s.packs, s.scorecard)
    choices = _choices(shelf)
    old, new = plain(request.args.get("old")), plain(request.args.get("new"))
    diff = rulehealth.changes(engine(), old, new, s.packs, s.scorecard) if old and new else None
    return render_template("rules/changes.html", choices=choices, old=old, new=new, diff=diff)


@blueprint.get("/rules/backtests/<report>")
def backtest(report: str) -> ResponseReturnValue:
    """Hand out the page of a backtest as a file: it has styles of its own, and quotes chats."""
    folder = (settings().data_dir / BACKTESTS).absolute()
    return send_from_directory(folder, report, as_attachment=True, mimetype="text/html")


@blueprint.get("/rules/<ruleset>")
def show(ruleset: str) -> ResponseReturnValue:
    """Show the rules of a standard with their health."""
    standard = _standard(ruleset)
    days = _days()
    health = rulehealth.health(engine(), standard, days)
    return render_template(
        "rules/show.html", standard=standard, ruleset=ruleset, health=health, days=days, windows=DAYS,
        dimensions=DIMENSIONS, severities=SEVERITIES,
    )  # fmt: skip


@blueprint.get("/rules/<ruleset>/<rule>")
def rule(ruleset: str, rule: str) -> ResponseReturnValue:
    """Show one rule: what it means, its conditions, its examples, its health."""
    standard = _standard(ruleset)
    return _rule_page(standard, ruleset, rulehealth.rule_of(standard, rule))


@blueprint.post("/rules/<ruleset>/<rule>/try")
def try_out(ruleset: str, rule: str) -> ResponseReturnValue:
    """Try the rule on a text or on a stored chat, and say what each condition answers."""
    standard = _standard(ruleset)
    found = rulehealth.rule_of(standard, rule)
    text = request.form.get("text", "").replace("\r\n", "\n")
    merchant, chat = plain(request.form.get("merchant")), plain(request.form.get("chat"))
    try:
        tried = _try(standard, found, text, merchant, chat)
    except QaError as problem:
        return _rule_page(standard, ruleset, found, text, (merchant, chat), problem=said(problem)), _UNFIT
    return _rule_page(standard, ruleset, found, text, (merchant, chat), tried=tried)


def _try(standard: Standard, rule: Rule, text: str, merchant: str, chat: str) -> list[Tried]:
    s = settings()
    judges = Judges(s.policy_mapping(), s.zone)
    if not chat:
        if not text.strip():
            raise ToldError(_("Write a chat, or name one."))
        return trying.try_text(standard.pack, rule, text, judges)
    me = user()
    try:
        tried, place = trying.try_chat(engine(), standard.pack, rule, (merchant, chat), judges, POLICY[me.role])
    except NotFoundError:
        place = None
    if place is None or not within(scope_of(me, Reach.TEAM), place):
        raise ToldError(_("There is no such chat within your reach."))
    return [tried]


@blueprint.app_template_filter("taken")
def taken(rule: Rule) -> str:
    """Write what a rule takes or gives."""
    if rule.red_line:
        return str(_("score 0"))
    if rule.bonus:
        return str(_("+%(points)s of 100", points=f"{rule.bonus:g}"))
    each = "/".join(f"{step:g}" for step in (rule.deduct, *(rule.repeat.deduct if rule.repeat else ())))
    said = _("−%(points)s a hit", points=each) if rule.per == "hit" else f"−{each}"
    if rule.repeat is not None:
        return str(_("%(points)s, repeated within %(days)s days", points=said, days=rule.repeat.within_days))
    if rule.weight != rule.deduct:
        return str(_("%(points)s, at most −%(most)s", points=said, most=f"{rule.weight:g}"))
    return str(said)


def _rule_page(
    standard: Standard,
    ruleset: str,
    rule: Rule,
    text: str = "",
    chat: tuple[str, str] = ("", ""),
    *,
    tried: list[Tried] | None = None,
    problem: str | None = None,
) -> str:
    days = _days()
    health = rulehealth.health(engine(), standard, days)
    mine = next((one for one in health.rules if one.rule.id == rule.id), None) if health else None
    lists = [(name, standard.pack.wordlists.get(name, ())) for name in sorted(lists_named(rule))]
    return render_template(
        "rules/rule.html", standard=standard, ruleset=ruleset, rule=rule, health=health, mine=mine, days=days,
        lists=lists, conditions=trying.conditions_text(rule), tried=tried, problem=problem, text=text, chat=chat,
        dimensions=DIMENSIONS, severities=SEVERITIES, states=STATES, roles_of_turns=ROLES,
        remarks=REMARKS,
    )  # fmt: skip


def _standard(digest: str) -> Standard:
    s = settings()
    with read_tx(engine()) as connection:
        return rulehealth.find_standard(connection, digest, s.packs, s.scorecard)


def _days() -> int:
    """Return the window that was asked for, of those that are offered."""
    asked = request.args.get("days", type=int)
    return asked if asked in DAYS else USUAL_DAYS


def _choices(shelf: rulehealth.Shelf) -> list[tuple[str, str]]:
    """Return the standards to choose from: hash and what it is called."""
    found = {rulehealth.hash_of(one.standard): _label(one.standard.pack.id, one.standard.pack.version)
             for one in shelf.in_force}  # fmt: skip
    for kept in shelf.kept:
        found.setdefault(kept.hash, _label(kept.pack, kept.version))
    return [(digest, f"{label} · {digest[:8]}") for digest, label in found.items()]


def _label(pack: str, version: str) -> str:
    return f"{pack} {version}"
