"""What a process of somebody's cluster does for a night: meet it, do its tasks, forget it.

Nothing here may end that process or wait for its parent: it is not ours. Its threads take turns, for rules and
model are of one thread, and Python runs one at a time anyway.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import orjson

from qa.config import Settings, load_settings
from qa.errors import QaError, StoreError
from qa.models.registry import Registry
from qa.models.shipping import SHIPPED_MODEL
from qa.nightly.facts import of_night, of_program
from qa.nightly.work import Assignment, Team
from qa.store.readers import close_engine
from qa.store.session import make_engine

MOST_NIGHTS = 4
"""Nights that a process keeps; those that nobody took leave of go in the end."""

UNREACHED = "unreached"
"""Among the facts of a process that could not reach its database: it differs in nothing, and may be asked again."""

_PROGRAM = "qa"
_turn = threading.Lock()
_teams: OrderedDict[str, Team] = OrderedDict()


class Answer(NamedTuple):
    """What a task gave. ``problem``: why this process could not do it; another one perhaps can."""

    value: Any
    problem: str | None = None


def who() -> dict[str, str]:
    """Return the facts of the program that runs here."""
    return {"host": socket.gethostname(), **of_program()}


def meet(token: str, sent: bytes) -> dict[str, str]:
    """Make ready for a night, and return what this machine makes of it; ``problem`` where it cannot be made ready."""
    host = {"host": socket.gethostname()}
    with _turn:
        try:
            assignment = _at_home(msgspec.json.decode(sent, type=Assignment), load_settings(None, os.environ))
            engine = make_engine(assignment.url, read_only=True)
            facts = of_night(assignment, engine)
            _keep(token, Team(engine, assignment))
        except StoreError as problem:
            return host | {"problem": str(problem), UNREACHED: "database"}
        except QaError as problem:
            return host | {"problem": str(problem)}
        except Exception as problem:  # noqa: BLE001 - Dask would log what was sent, and that may hold a password
            return host | {"problem": f"{type(problem).__name__}: {problem}"}
        return {**host, **of_program(), **facts}


def do(token: str, task: str, call: bytes) -> Answer:
    """Do one task of a night that was met here."""
    with _turn:
        team = _teams.get(token)
        if team is None:
            return Answer(None, "has never heard of this night: was it started anew?")
        try:
            return Answer(getattr(team, task)(*orjson.loads(call)))
        except QaError as problem:
            return Answer(None, str(problem))


def read(token: str, module: str, name: str, *call: Any) -> Answer:
    """Call a function of our program, given by its names, on the store of a night that was met here."""
    with _turn:
        team = _teams.get(token)
        if team is None:
            return Answer(None, "has never heard of this night: was it started anew?")
        try:
            return Answer(getattr(import_module(f"{_PROGRAM}.{module}"), name)(team.task.url, *call))
        except QaError as problem:
            return Answer(None, str(problem))


def leave(token: str) -> None:
    """Forget a night, and close its connections; called beside the tasks, so it does not wait for one."""
    if _turn.acquire(timeout=1):
        try:
            team = _teams.pop(token, None)
            if team is not None:
                team.engine.dispose()
                close_engine(team.task.url)
        finally:
            _turn.release()


def _keep(token: str, team: Team) -> None:
    old = _teams.pop(token, None)
    _teams[token] = team
    gone = [old] if old is not None else []
    while len(_teams) > MOST_NIGHTS:
        gone.append(_teams.popitem(last=False)[1])
    for one in gone:
        with suppress(Exception):
            one.engine.dispose()


def _at_home(assignment: Assignment, settings: Settings) -> Assignment:
    """The night with this machine's own database and folder of models, where it has them."""
    own_url = settings.database_url if "database_url" in settings.model_fields_set else assignment.url
    model = assignment.model
    if model is not None:
        folder = Registry(settings.data_dir, _no_secret, SHIPPED_MODEL).place(model.version)
        if folder.is_dir() or not Path(model.folder).is_dir():
            model = model._replace(folder=str(folder))
    return assignment._replace(url=own_url, model=model)


def _no_secret() -> bytes:
    raise AssertionError("a worker checks files by the hashes it was sent")


def host_of(facts: Mapping[str, str]) -> str:
    """Return the name of the machine that gave these facts."""
    return facts.get("host", "unknown host")
