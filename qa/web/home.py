"""The page everybody starts from."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from qa.people import UserRole
from qa.web.context import user
from qa.web.navigation import menu_of

blueprint = Blueprint("home", __name__)

ROLES = {
    UserRole.SPECIALIST: _l("QA specialist"),
    UserRole.LEAD: _l("QA lead"),
    UserRole.TRAINER: _l("Trainer"),
    UserRole.AGENT: _l("Agent"),
    UserRole.MERCHANT_VIEWER: _l("Merchant viewer"),
    UserRole.ADMIN: _l("Administrator"),
}
"""What each role is called."""


@blueprint.get("/")
def index() -> ResponseReturnValue:
    """Show where this person can go."""
    cards = [entry for section in menu_of(user()) for entry in section.entries if entry.about is not None]
    return render_template("home.html", cards=cards)
