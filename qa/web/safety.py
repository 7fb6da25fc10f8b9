"""Paths of our own: where a ``next`` may lead, and addresses for links that leave the browser."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from qa.config import Settings

_MOST_DIGITS = 18
"""Of a number that every database takes: below 2^63."""

LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
_NOWHERE_TO_RETURN = {"account.login", "account.link", "static"}


def safe_next(target: str | None) -> str | None:
    r"""Return ``target`` if it is a page of ours that can be looked at, else None.

    Browsers drop tabs and line ends in a URL and read ``\`` as ``/``, so ``/<tab>/evil`` and ``/\evil`` would leave;
    therefore no such character passes, and the path must be one that our router knows.
    """
    if not target or len(target) > 2_000 or not _PATH.fullmatch(target):  # noqa: PLR2004 - longer than any link of ours
        return None
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return None
    try:
        endpoint, _ = current_app.create_url_adapter(request).match(parts.path, method="GET")  # type: ignore[union-attr]
    except (HTTPException, RequestRedirect):
        return None
    return None if endpoint in _NOWHERE_TO_RETURN else target


def whole(typed: str | None) -> int | None:
    """Return a whole number that somebody sent, such as a key of the database; None where it is none or too large.

    >>> whole("17"), whole("-1"), whole("²"), whole("9" * 19)
    (17, None, None, None)
    """
    fits = typed is not None and typed.isascii() and typed.isdecimal() and len(typed) <= _MOST_DIGITS
    return int(typed) if typed is not None and fits else None


def plain(typed: str | None) -> str:
    r"""Return what somebody typed into a search, trimmed and without NUL, which PostgreSQL takes in no text.

    >>> plain(" a\0b "), plain(None)
    ('ab', '')
    """
    return (typed or "").replace("\0", "").strip()


def current_path() -> str:
    """Return path and query of this request, as ``next``."""
    return request.full_path.rstrip("?")


def trusted_hosts(settings: Settings) -> list[str]:
    """Return the hosts a request may name; any other is answered 400."""
    named = urlsplit(settings.public_url).hostname if settings.public_url else None
    return [*([named] if named else []), *LOCAL_HOSTS]


def public_address(settings: Settings, host: str, port: int) -> str:
    """Return the address of the workbench for links that are printed; never taken from a request."""
    return settings.public_url or f"http://{host}:{port}"
