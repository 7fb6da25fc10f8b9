"""What this installation is, and what it runs with. Read-only: settings are changed in the file, by the operator."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from qa import __version__
from qa.config import Settings
from qa.policy import Policy, PolicyBook
from qa.store.migrate import head_revision
from qa.store.session import describe
from qa.types import MICROSECONDS
from qa.web.assets import STATIC
from qa.web.context import engine, now, settings

blueprint = Blueprint("about", __name__)

FIELDS = {
    "rate": _l("Share of chats drawn"),
    "per_agent_minimum": _l("At least so many of each agent"),
    "stratify": _l("Strata"),
    "risk.csat_at_most": _l("Targeted: rating at most"),
    "risk.escalated": _l("Targeted: escalated"),
    "risk.tiers": _l("Targeted: customer tiers"),
    "risk.repeat_contact_hours": _l("Targeted: came back within hours"),
    "peak_hours": _l("Peak hours"),
    "business_hours": _l("Business hours"),
    "reopen_after_s": _l("Silence that ends a sitting, seconds"),
    "low_score": _l("Flagged below score"),
    "excellent_score": _l("Excellent from score"),
    "model_risk": _l("Flagged from model probability"),
    "audit_rate": _l("Share of clean chats reviewed blind"),
    "joint_review": _l("Joint review by two"),
    "timezone": _l("Time zone"),
}
"""What the fields of a policy are called; one that is not here stands under its name in the settings file."""
SECRET = {"salt"}
"""Fields of a policy that stay unsaid: whoever knows the salt can foresee the draw."""
_LICENCES = {
    "bootstrap": "vendor/bootstrap/LICENSE",
    "@popperjs/core": "vendor/bootstrap/LICENSE-popper",
    "bootstrap-icons": "vendor/bootstrap-icons/LICENSE",
    "htmx.org": "vendor/htmx/LICENSE",
}

UNSET = {
    "business_hours": _l("all hours count"),
    "timezone": _l("that of the installation"),
    "risk.csat_at_most": _l("no rating is targeted"),
    "risk.tiers": _l("no tier is targeted"),
    "risk.repeat_contact_hours": _l("nobody is targeted for it"),
    "peak_hours": _l("no hours are a peak"),
}
"""What holds where a field of a policy is empty."""


class Row(NamedTuple):
    """One setting. ``value`` None: nothing is set, and ``usual`` holds; else ``usual`` is what would hold, if told."""

    label: LazyString | str
    value: Any
    usual: LazyString | str | None = None


class Group(NamedTuple):
    """Settings that belong together; ``merchant``: whose they are, where the label leaves it open."""

    label: LazyString
    rows: list[Row]
    merchant: str | None = None


class Package(NamedTuple):
    """Something of other people's that our pages load; ``licence`` is a file below ``static``."""

    name: str
    version: str
    licence: str


@blueprint.get("/about")
def show() -> ResponseReturnValue:
    """Show version and licences."""
    return render_template("about.html", packages=packages())


@blueprint.get("/settings")
def settings_in_force() -> ResponseReturnValue:
    """Show what is set, without what is secret."""
    s = settings()
    groups = [
        Group(_l("Installation"), _installation(s)),
        Group(_l("Workbench"), _workbench(s)),
        Group(_l("Standards"), _standards(s)),
        Group(_l("Sampling policy of the house"), _policy(s)),
        *_policies_of_merchants(s),
    ]
    return render_template("settings.html", groups=groups)


@cache
def packages() -> tuple[Package, ...]:
    """Return the vendored packages that pages load."""
    versions = json.loads((STATIC / "vendor" / "manifest.json").read_text("utf-8"))["packages"]
    return tuple(Package(name, versions[name], licence) for name, licence in _LICENCES.items())


def _installation(s: Settings) -> list[Row]:
    return [
        Row(_l("Version"), __version__),
        Row(_l("Settings file"), s.file, _l("none: environment and defaults")),
        Row(_l("Data directory"), s.data_dir),
        Row(_l("Database"), describe(engine())),
        Row(_l("Schema version"), head_revision()),
        Row(_l("Time zone"), s.timezone, _usual(s, "timezone")),
        Row(_l("Processes of the night"), s.workers, _l("as many as pay")),
        Row(_l("Days for which texts are kept"), s.retention_days, _l("for ever")),
        *(Row(name, days) for name, days in sorted(s.retention.items())),
    ]


def _workbench(s: Settings) -> list[Row]:
    return [
        Row(_l("Address"), s.public_url, _l("the one that was asked for")),
        Row(_l("Trusted proxies"), s.trusted_proxies, _usual(s, "trusted_proxies")),
        Row(_l("Longest session, hours"), s.session_hours, _usual(s, "session_hours")),
        Row(_l("Signed out after idle minutes"), s.idle_minutes, _usual(s, "idle_minutes")),
    ]


def _standards(s: Settings) -> list[Row]:
    return [
        Row(_l("Scorecard"), s.scorecard, _l("the house's")),
        Row(_l("Merchants without a pack of their own"), None, _l("the house's")),
        *(Row(merchant, pack) for merchant, pack in sorted(s.packs.items())),
    ]


def _usual(s: Settings, field: str) -> str | None:
    """Return the default of a setting where another value is in force."""
    usual = Settings.model_fields[field].default
    return None if getattr(s, field) == usual else _written(usual)


def _policy(s: Settings) -> list[Row]:
    """Return the policy that holds today, with the defaults of the fields that differ."""
    return _rows(_resolved(s, ""), _flat(Policy().model_dump(mode="json")))


def _policies_of_merchants(s: Settings) -> list[Group]:
    """Return what differs for merchants from the policy of the house, today."""
    house = _resolved(s, "")
    found = []
    for merchant in sorted({*s.merchants, *(one["merchant"] for one in s.periods if "merchant" in one)}):
        own = {name: value for name, value in _resolved(s, merchant).items() if value != house[name]}
        if own:
            found.append(Group(_l("Sampling policy of a merchant"), _rows(own, house), merchant))
    return found


def _resolved(s: Settings, merchant: str) -> dict[str, Any]:
    book = PolicyBook.from_mapping(s.policy_mapping(), where=str(s.file or "settings"))
    today = datetime.fromtimestamp(now() / MICROSECONDS, s.zone).date()
    return _flat(book.resolve(merchant, today).model_dump(mode="json"))


def _rows(fields: dict[str, Any], usual: dict[str, Any]) -> list[Row]:
    """Return fields of a policy; ``usual`` is what would hold if they were not set."""
    return [_row(name, value, usual[name]) for name, value in fields.items() if name not in SECRET]


def _row(name: str, value: Any, usual: Any) -> Row:
    shown = _written(value)
    if shown is None:
        return Row(FIELDS.get(name, name), None, UNSET.get(name))
    return Row(FIELDS.get(name, name), shown, None if value == usual else _written(usual) or UNSET.get(name))


def _flat(fields: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested tables as dotted names."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def _written(value: Any) -> str | None:
    """Write a value to be read: a list with commas, whole numbers without a point; None for what is not set."""
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, list):
        return ", ".join(map(str, value)) or None
    return None if value is None else f"{value:g}" if isinstance(value, float) else str(value)
