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
from qa.policy import PolicyBook
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

Rows = list[tuple[LazyString | str, Any]]


class Group(NamedTuple):
    """Settings that belong together; a value None means: not set, the default holds."""

    label: LazyString
    rows: Rows


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
        Group(_l("Standards"), [(_l("Scorecard"), s.scorecard), *sorted(s.packs.items())]),
        Group(_l("Sampling policy of the house"), _policy(s)),
    ]
    return render_template("settings.html", groups=groups)


@cache
def packages() -> tuple[Package, ...]:
    """Return the vendored packages that pages load."""
    versions = json.loads((STATIC / "vendor" / "manifest.json").read_text("utf-8"))["packages"]
    return tuple(Package(name, versions[name], licence) for name, licence in _LICENCES.items())


def _installation(s: Settings) -> Rows:
    return [
        (_l("Version"), __version__),
        (_l("Settings file"), s.file),
        (_l("Data directory"), s.data_dir),
        (_l("Database"), describe(engine())),
        (_l("Schema version"), head_revision()),
        (_l("Time zone"), s.timezone),
        (_l("Processes of the night"), s.workers),
    ]


def _workbench(s: Settings) -> Rows:
    return [
        (_l("Address"), s.public_url),
        (_l("Trusted proxies"), s.trusted_proxies),
        (_l("Longest session, hours"), s.session_hours),
        (_l("Signed out after idle minutes"), s.idle_minutes),
    ]


def _policy(s: Settings) -> Rows:
    book = PolicyBook.from_mapping(s.policy_mapping(), where=str(s.file or "settings"))
    today = datetime.fromtimestamp(now() / MICROSECONDS, s.zone).date()
    fields = _flat(book.resolve("", today).model_dump(mode="json"))
    return [(FIELDS.get(name, name), _written(value)) for name, value in fields.items() if name not in SECRET]


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
