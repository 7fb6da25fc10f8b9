"""Health, readiness and figures, for machines: plain text, no login, no details."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST

from qa.errors import StoreError
from qa.operating import figures, is_ready
from qa.web.context import engine, now, settings
from qa.web.measures import exposition

blueprint = Blueprint("operation", __name__)

_NOT_READY = 503


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Say that this process lives; nothing else is touched."""
    return _plain("ok\n")


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Say whether the database answers and has the schema of this program."""
    return _plain("ready\n") if is_ready(engine()) else _plain("not ready\n", _NOT_READY)


@blueprint.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Give the figures to who shows ``metrics_token``; to all others, and where none is set, there is no such page."""
    wanted = settings().metrics_token
    shown = request.headers.get("Authorization", "")
    if wanted is None or not hmac.compare_digest(shown.encode(), f"Bearer {wanted.get_secret_value()}".encode()):
        abort(404)
    try:
        found = figures(engine(), now(), settings().zone)
    except StoreError:
        found = None
    return Response(exposition(found, now()), content_type=CONTENT_TYPE_LATEST)


def _plain(said: str, status: int = 200) -> Response:
    return Response(said, status, mimetype="text/plain")
