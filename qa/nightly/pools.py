"""Who does the tasks of a night: this process, worker processes of its own, or (dasking.py) somebody's cluster.

A pool is handed what to do as rows of the store and hands back rows for the store, in the order in which it was asked;
only the process that runs the night writes. Another kind of pool is one class more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from qa.nightly.work import Assignment, Team
from qa.store.readers import Call, Sharing, engine_of, shared

LOCAL = "joblib"


class Task(StrEnum):
    """The methods of ``Team`` that are shared out."""

    SCREEN = "screen"
    INSPECT = "inspect"


class Crew(NamedTuple):
    """Who did a night: the backend, and how many workers of it (one: the process that ran the night)."""

    backend: str
    workers: int


class Pool(Protocol):
    """Does the tasks of nights, one night after the other."""

    def meet(self, assignment: Assignment) -> None:
        """Get ready for a night that this process has taken.

        Raises:
            ConfigError: somebody would do it differently; the text says who, and in what.
            StoreError: somebody cannot reach the database.
        """

    def each(
        self, assignment: Assignment, team: Callable[[], Team], task: Task, calls: Iterable[Call], most: int
    ) -> Iterator[Any]:
        """Yield what ``task`` gives for each call, in order; ``most``: processes of this machine that the work repays.

        ``team`` returns the team of this process.
        """

    def crew(self) -> Crew:
        """Return who has worked since ``meet``."""

    def share(self) -> Sharing | None:
        """Return what lets others read the store for what follows a night; None: processes of this machine may."""


class Local:
    """This process, and worker processes where they pay."""

    def __init__(self) -> None:
        self._used = 1

    def meet(self, assignment: Assignment) -> None:  # noqa: ARG002 - all are this very program
        """Begin a night."""
        self._used = 1

    def each(
        self, assignment: Assignment, team: Callable[[], Team], task: Task, calls: Iterable[Call], most: int
    ) -> Iterator[Any]:
        """Yield the results in order."""
        if most == 1:
            for call in calls:
                yield getattr(team(), task)(*call)
            return
        self._used = max(self._used, most)
        yield from shared(_do, ((assignment, task.value, *call) for call in calls), most)

    def crew(self) -> Crew:
        """Return how many processes there were at most."""
        return Crew(LOCAL, self._used)

    def share(self) -> Sharing | None:
        """Return nothing: joblib's processes are there for whoever asks for as many."""
        return None


def _do(assignment: Assignment, task: str, *call: Any) -> Any:
    """One task in a worker process of ours."""
    return getattr(_team(assignment), task)(*call)


@lru_cache(maxsize=1)
def _team(assignment: Assignment) -> Team:
    """The team of a worker process; it stays for all tasks of the night."""
    return Team(engine_of(assignment.url), assignment)
