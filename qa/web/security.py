"""What every response carries and every request must satisfy: policy for content, limits, tokens against forgery."""

from __future__ import annotations

import secrets

from flask import Flask, Response, abort, g, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from qa.config import Settings
from qa.web import permissions, sessions
from qa.web.safety import trusted_hosts

MAX_BODY = 1024 * 1024
"""Bytes of a request; a view that takes files raises ``request.max_content_length`` for itself."""
MAX_FIELDS = 1_000

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",  # Bootstrap's stylesheet holds small pictures
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
CSP = "; ".join(f"{directive} {sources}" for directive, sources in _POLICY.items())

HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Robots-Tag": "noindex, nofollow",
}
_YEAR = 31_536_000

csrf = CSRFProtect()


def secure(app: Flask, settings: Settings, key: bytes) -> None:
    """Configure the application and hang the guard before every request, in this order.

    Who asks → may they → does the form come from a page of ours.
    """
    app.config.update(
        SECRET_KEY=key,
        SESSION_COOKIE_NAME="__Host-zhijian-form" if sessions.is_https(settings) else "zhijian-form",
        SESSION_COOKIE_PATH="/",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=sessions.is_https(settings),
        TRUSTED_HOSTS=trusted_hosts(settings),
        PROVIDE_AUTOMATIC_OPTIONS=False,
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        MAX_FORM_PARTS=MAX_FIELDS,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the cookie: a review may lie open over lunch
        WTF_CSRF_CHECK_DEFAULT=False,  # the guard calls it, after it knows that the view may be reached at all
    )
    csrf.init_app(app)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies
        )
    app.before_request(_name_request)
    app.before_request(sessions.load_user)
    app.before_request(_guard)
    app.after_request(_protect)


def _name_request() -> None:
    """Give the request a name that log and error page share; one that comes from outside is not believed."""
    g.request_id = secrets.token_hex(6)


def _guard() -> ResponseReturnValue | None:
    if any("\0" in value for value in (request.view_args or {}).values() if isinstance(value, str)):
        abort(404)  # nothing is called so, and PostgreSQL does not even look
    answer = permissions.guard(sessions.to_login)
    if answer is None and request.endpoint is not None:
        csrf.protect()
    return answer


def _protect(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers[name] = value
    if request.is_secure:  # as the trusted proxy says, or waitress
        response.headers["Strict-Transport-Security"] = f"max-age={_YEAR}"
    if request.endpoint == "static" and "v" in request.args and response.status_code in {200, 304}:
        response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    elif request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    response.headers["X-Request-ID"] = g.get("request_id", "")
    return response
