"""The workbench: server-rendered pages over the use cases. ``docs/web.md`` says how to add a family of pages.

A view parses the request, calls one function of the domain, renders. Who may call it stands in ``permissions``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask_wtf.csrf import generate_csrf
from sqlalchemy import Engine

from qa import __version__
from qa.config import Settings
from qa.store.session import make_engine
from qa.types import Instant
from qa.web import (
    about,
    assets,
    audit,
    auth,
    chat,
    failures,
    home,
    i18n,
    models,
    nights,
    preferences,
    queue,
    rules,
    security,
    users,
)
from qa.web.context import Workbench, attach, visitor
from qa.web.keys import web_key
from qa.web.navigation import is_current, menu_of
from qa.web.permissions import may
from qa.web.safety import current_path

BLUEPRINTS = (
    home.blueprint,
    auth.blueprint,
    preferences.blueprint,
    about.blueprint,
    queue.blueprint,
    chat.blueprint,
    nights.blueprint,
    rules.blueprint,
    models.blueprint,
    users.blueprint,
    audit.blueprint,
)


def _clock() -> Instant:
    return time.time_ns() // 1_000


def create_app(settings: Settings, engine: Engine | None = None, clock: Callable[[], Instant] = _clock) -> Flask:
    """Return the application. Raises ``ConfigError`` where there is no strong secret (``qa init`` makes one)."""
    app = Flask(__name__)
    app.logger.setLevel(logging.INFO)
    attach(app, Workbench(settings, engine or make_engine(settings.database_url), clock))
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "autoescape": True}
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
