"""Language, and light or dark: kept with the account, before logging in with the browser."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from qa.signing_in import prefer
from qa.web.context import engine, settings, visitor
from qa.web.i18n import LANGUAGE_COOKIE, LANGUAGES
from qa.web.safety import safe_next
from qa.web.sessions import is_https

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "theme"
_YEAR = 31_536_000

blueprint = Blueprint("preferences", __name__)


def theme() -> str:
    """Return ``light``, ``dark``, or ``auto``: as the device says."""
    who = visitor()
    chosen = (who.theme if who else None) or request.cookies.get(THEME_COOKIE)
    return chosen if chosen in THEMES else THEMES[0]


@blueprint.post("/preferences/language")
def language() -> ResponseReturnValue:
    """Change the language and go back."""
    chosen = request.form.get("language", "")
    if chosen not in LANGUAGES:
        abort(400)
    who = visitor()
    if who is not None:
        prefer(engine(), who, language=chosen)
    return _back(LANGUAGE_COOKIE, chosen)


@blueprint.post("/preferences/theme")
def change_theme() -> ResponseReturnValue:
    """Change between light, dark and the device's choice, and go back."""
    chosen = request.form.get("theme", "")
    if chosen not in THEMES:
        abort(400)
    who = visitor()
    if who is not None:
        prefer(engine(), who, theme=chosen)
    return _back(THEME_COOKIE, chosen)


def _back(cookie: str, value: str) -> ResponseReturnValue:
    response = redirect(safe_next(request.form.get("next")) or url_for("home.index"), 303)
    response.set_cookie(
        cookie, value, max_age=_YEAR, httponly=True, samesite="Lax", secure=is_https(settings()), path="/"
    )
    return response
