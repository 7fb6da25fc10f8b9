"""Who does the tasks of a night: this process, worker processes of its own, or (dasking.py) somebody's cluster.

A pool is handed what to do as rows of the store and hands back rows for the store, in the order in which it was asked;
only the process that runs the night writes. Another kind of pool is one class more.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from joblib import Parallel, delayed

from qa.nightly.work import Assignment, Team
from qa.store.session import make_engine


class Task(StrEnum):
    """The methods of ``Team`` that are shared out."""

    SCREEN = "screen"
    INSPECT = "inspect"


class Crew(NamedTuple):
    """Who did a night: the backend, and how many workers of it (one: the process that ran the night)."""

    backend: str
    workers: int


Call = tuple[Any, ...]
"""The arguments of one task: numbers, texts and lists of numbers."""


class Pool(Protocol):
    """Does the tasks of nights, one night after the other."""

    def meet(self, assignment: Assignment) -> None:
        """Get ready for a night that this process has taken.

        Raises:
            ConfigError: somebody would do it differently; the text says who, and in what.
        """

    def each(
        self, assignment: Assignment, team: Callable[[], Team], task: Task, calls: Iterable[Call], most: int
    ) -> Iterator[Any]:
        """Yield what ``task`` gives for each call, in order; ``most``: processes of this machine that the work repays.

        ``team`` returns the team of this process.
        """

    def crew(self) -> Crew:
        """Return who has worked since ``meet``."""


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
        pool = Parallel(n_jobs=most, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)
        yield from pool(delayed(_do)(assignment, task.value, *call) for call in calls)

    def crew(self) -> Crew:
        """Return how many processes there were at most."""
        return Crew("joblib", self._used)


def _do(assignment: Assignment, task: str, *call: Any) -> Any:
    """One task in a worker process of ours."""
    return getattr(_team(assignment), task)(*call)


@lru_cache(maxsize=1)
def _team(assignment: Assignment) -> Team:
    """The team of a worker process; it stays for all tasks of the night."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    return Team(make_engine(assignment.url, read_only=True), assignment)


def _end_with(parent: int) -> None:
    """End this worker when its night was killed; joblib alone would keep it, idle, for five minutes."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
