"""What a page needs of the application that serves it: settings, database, clock, and who asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from flask import Flask, current_app, g
from sqlalchemy import Engine

from qa.config import Settings
from qa.people import Scope, User
from qa.store.audit import Act
from qa.types import Instant

_KEY = "zhijian"


class Workbench(NamedTuple):
    """The parts that ``create_app`` was given. ``clock`` is the only one that pages ask for the time."""

    settings: Settings
    engine: Engine
    clock: Callable[[], Instant]


def attach(app: Flask, parts: Workbench) -> None:
    """Make the parts known to the application."""
    app.extensions[_KEY] = parts


def here() -> Workbench:
    """Return the parts of the application that serves this request."""
    parts = current_app.extensions[_KEY]
    assert isinstance(parts, Workbench)
    return parts


def engine() -> Engine:
    """Return the database."""
    return here().engine


def settings() -> Settings:
    """Return the settings in force."""
    return here().settings


def now() -> Instant:
    """Return the current instant."""
    return here().clock()


def visitor() -> User | None:
    """Return who is logged in, None for a stranger."""
    found: User | None = g.get("user")
    return found


def user() -> User:
    """Return who is logged in, in a view that strangers cannot reach."""
    found = visitor()
    assert found is not None, "the permission table lets nobody in here without a user"
    return found


def scope() -> Scope:
    """Return what this user's rows are limited to in this view, as the permission table says. Queries apply it."""
    found = g.scope
    assert isinstance(found, Scope)
    return found


def act() -> Act:
    """Return who does something now, for the audit log."""
    return Act(user().name, now())
