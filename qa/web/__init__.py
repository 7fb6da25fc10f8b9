"""The workbench: server-rendered pages over the use cases. ``docs/web.md`` says how to add a family of pages.

A view parses the request, calls one function of the domain, renders. Who may call it stands in ``permissions``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, request
from flask_wtf.csrf import generate_csrf
from sqlalchemy import Engine

from qa import __version__
from qa.config import Settings
from qa.store.session import make_engine
from qa.types import Instant
from qa.web import (
    about,
    agents,
    assets,
    audit,
    auth,
    backtests,
    case_collections,
    chat,
    chat_index,
    failures,
    home,
    i18n,
    measures,
    models,
    nights,
    operation,
    preferences,
    queue,
    rules,
    security,
    stars,
    users,
)
from qa.web.context import Workbench, attach, visitor
from qa.web.keys import web_key
from qa.web.navigation import is_current, menu_of
from qa.web.permissions import may
from qa.web.safety import current_path

BLUEPRINTS = (
    agents.blueprint,
    auth.blueprint,
    preferences.blueprint,
    about.blueprint,
    queue.blueprint,
    chat.blueprint,
    chat_index.blueprint,
    case_collections.blueprint,
    stars.blueprint,
    nights.blueprint,
    rules.blueprint,
    backtests.blueprint,
    models.blueprint,
    users.blueprint,
    audit.blueprint,
    operation.blueprint,
)


def _clock() -> Instant:
    return time.time_ns() // 1_000


class _Application(Flask):
    """Flask, with the addresses of pages that take no argument built once: the menu alone has ten on every page."""

    def url_for(self, endpoint: str, **values: Any) -> str:
        """Return the address of an endpoint."""
        if values or not request or endpoint.startswith("."):
            return super().url_for(endpoint, **values)
        known: dict[tuple[str, str], str] = self.extensions.setdefault("zhijian-addresses", {})
        key = (request.script_root, endpoint)
        if key not in known:
            known[key] = super().url_for(endpoint)
        return known[key]


def create_app(settings: Settings, engine: Engine | None = None, clock: Callable[[], Instant] = _clock) -> Flask:
    """Return the application. Raises ``ConfigError`` where there is no strong secret (``qa init`` makes one)."""
    app = _Application(__name__)
    app.logger.setLevel(logging.INFO)
    attach(app, Workbench(settings, engine or make_engine(settings.database_url), clock))
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "autoescape": True}
    measures.provide(app)  # before all others, so that it measures them too
    security.secure(app, settings, web_key(settings))
    i18n.speak(app)
    assets.provide(app)
    failures.answer_failures(app)
    app.context_processor(_common)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def _common() -> dict[str, Any]:
    """Return what every template knows: who looks, what is allowed, where we are."""
    who = visitor()
    return {
        "visitor": who,
        "menu": menu_of(who),
        "is_current": is_current,
        "may": lambda endpoint, method="GET": may(who, endpoint, method),
        "roles": home.ROLES,
        "theme": preferences.theme(),
        "here": current_path(),
        "csrf_token": generate_csrf,
        "version": __version__,
    }
