"""Where the objects lie that addresses name: nights, standards, backtests, versions of the model, accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from qa.backtest import kept
from qa.casebook import collecting, library
from qa.models.registry import Registry
from qa.models.shipping import SHIPPED_MODEL
from qa.people import Place
from qa.rulehealth import has_standard
from qa.store.accounts import find_user
from qa.store.night_pages import night_by_id
from qa.web.context import settings
from qa.web.keys import make_secret

BACKTESTS = kept.FOLDER
"""Folder of the data directory in which the results and pages of backtests are."""
_REPORTS_SHOWN = 50


def registry() -> Registry:
    """Return the versions of this installation's model."""
    s = settings()
    return Registry(s.data_dir, partial(make_secret, s), SHIPPED_MODEL)


def reports() -> list[Path]:
    """Return the pages of backtests, the newest first."""
    folder = settings().data_dir / BACKTESTS
    found = [path for path in folder.glob("*.html") if path.is_file()] if folder.is_dir() else []
    return sorted(found, key=lambda path: (-path.stat().st_mtime_ns, path.name))[:_REPORTS_SHOWN]


def _night(connection: Connection, number: int) -> Place | None:
    found = night_by_id(connection, number)
    return None if found is None else Place(found.merchant)


def _ruleset(connection: Connection, digest: str) -> Place | None:
    s = settings()
    return Place() if has_standard(connection, digest, s.packs, s.scorecard) else None


def _rule(_connection: Connection, _name: str) -> Place:
    return Place()  # of the standard that is named before it, which says whether it has such a rule


def _report(_connection: Connection, name: str) -> Place | None:
    return Place() if name in {path.name for path in reports()} else None


def _run(_connection: Connection, name: str) -> Place | None:
    return Place() if name in kept.names(settings().data_dir) else None


def _version(_connection: Connection, name: str) -> Place | None:
    return Place() if name in registry().versions() else None


def _account(connection: Connection, name: str) -> Place | None:
    found = None if "\0" in name else find_user(connection, name)
    return None if found is None else Place(user_id=found.id)


RESOLVERS: Mapping[str, Callable[[Connection, Any], Place | None]] = {
    "night": _night,
    "ruleset": _ruleset,
    "rule": _rule,
    "report": _report,
    "run": _run,
    "version": _version,
    "account": _account,
    "case": library.place_of,
    "collection": collecting.place_of,
}
"""By the name of the argument in the address. What is for the whole installation lies nowhere in particular."""
