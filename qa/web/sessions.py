"""Sessions: a random token in a cookie, everything else in the database, where it can die."""

from __future__ import annotations

import secrets

from flask import Response, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from qa.config import Settings
from qa.signing_in import Ticket, find_session
from qa.types import MICROSECONDS
from qa.web.context import engine, now, settings
from qa.web.safety import current_path

TOKEN_BYTES = 32
_LONGEST_COOKIE = 64


def cookie_name(chosen: Settings) -> str:
    """Return the name of the session cookie; ``__Host-`` makes browsers refuse it from any other host or path."""
    return "__Host-zhijian" if is_https(chosen) else "zhijian"


def is_https(chosen: Settings) -> bool:
    """Whether browsers reach the workbench by https."""
    return (chosen.public_url or "").startswith("https:")


def new_ticket() -> Ticket:
    """Return a session to be: 256 random bits, and the longest life the settings allow."""
    return Ticket(secrets.token_urlsafe(TOKEN_BYTES), settings().session_hours * 3600 * MICROSECONDS)


def token() -> str | None:
    """Return the token the browser sent."""
    sent = request.cookies.get(cookie_name(settings()))
    return sent if sent and len(sent) <= _LONGEST_COOKIE else None


def load_user() -> None:
    """Find out who asks, before anything else is decided."""
    g.user = None
    sent = token()
    if sent is None or request.endpoint == "static":
        return
    found = find_session(engine(), sent, now(), settings().idle_minutes * 60 * MICROSECONDS)
    g.user = None if found is None else found.user


def give(response: Response, ticket: Ticket) -> Response:
    """Put the token into the browser. What the form cookie held belonged to nobody, and is forgotten."""
    session.clear()
    response.set_cookie(
        cookie_name(settings()), ticket.token, httponly=True, samesite="Lax", secure=is_https(settings()), path="/"
    )
    return response


def take(response: Response) -> Response:
    """Remove the token from the browser, and what the browser kept of our pages."""
    session.clear()
    response.delete_cookie(
        cookie_name(settings()), httponly=True, samesite="Lax", secure=is_https(settings()), path="/"
    )
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def to_login() -> ResponseReturnValue:
    """Send a stranger to the login page, and from there back to where a look was wanted.

    A part of a page that htmx asks for is answered 401: sending away would lose what was typed around it.
    """
    if request.headers.get("HX-Request") == "true":
        return Response(status=401, headers={"HX-Trigger": "qa:signed-out"})
    back = current_path() if request.method in {"GET", "HEAD"} else None
    return redirect(url_for("account.login", next=None if back == url_for("home.index") else back), 303)
