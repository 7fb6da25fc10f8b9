"""Reading the store in several processes of this machine: a function and its arguments go there, values come back.

Each process reads through an engine of its own; only the process that asks writes.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import Any, TypeVar

from joblib import Parallel, delayed
from sqlalchemy import Engine

from qa.store.session import make_engine

Call = tuple[Any, ...]
"""Arguments: numbers, texts and lists of numbers."""
T = TypeVar("T")
Sharing = Callable[[Callable[..., Any], Iterable[Call]], Iterator[Any]]
"""Has a function of a module called elsewhere, and yields in order what it gives.

It gets the address of the database, as it is there, before the arguments; these are anything that can be pickled.
"""
_WAITING = 8
"""Results for each process that may wait to be taken."""
_SELDOM = 20_000
"""Objects made and not yet gone after which Python looks for cycles among the newest; by default 700."""


def shared(function: Callable[..., T], calls: Iterable[Call], processes: int) -> Iterator[T]:
    """Yield what a function of a module gives for each call, in their order; with one process it is this one.

    Few results wait for an earlier one, or for whoever takes them, so that memory stays bounded. Processes stay for the
    next who asks for as many.
    """
    if processes == 1:
        for call in calls:
            yield function(*call)
        return
    waiting = _Waiting(calls, _WAITING * processes)
    while not waiting.over:
        pool = Parallel(n_jobs=processes, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)
        with closing(pool(delayed(_there)(function, *call) for call in waiting.some())) as results:
            for result in results:
                waiting.taken += 1
                yield result


class _Waiting:
    """Hands calls out, and stops where too many results wait to be taken.

    joblib goes on with the next call whenever a result is there, taken or not: of a night that is written more slowly
    than it is judged all would lie in memory.
    """

    def __init__(self, calls: Iterable[Call], most: int) -> None:
        self._left, self._most = iter(calls), most
        self.given = self.taken = 0  # the one counted by joblib's thread, the other by ours
        self.over = False

    def some(self) -> Iterator[Call]:
        """Yield calls; it is ``over`` when there are no more."""
        for call in self._left:
            self.given += 1
            yield call
            if self.given - self.taken >= self._most:
                return
        self.over = True


@contextmanager
def few_collections() -> Iterator[None]:
    """Let Python look for cycles of dead objects seldom, until the end.

    A night leaves hardly any, and each thorough look goes through rules, dictionary and model: a tenth of its time.
    """
    before = gc.get_threshold()
    gc.set_threshold(_SELDOM, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@lru_cache(maxsize=1)
def engine_of(url: str) -> Engine:
    """Return the engine by which this process reads a database for others; it is closed when the process ends."""
    return make_engine(url, read_only=True)


def close_engine(url: str) -> None:
    """Close the connections of ``engine_of``: in a process that is not ours, and stays."""
    if engine_of.cache_info().currsize:
        engine_of(url).dispose()
        engine_of.cache_clear()


def address(engine: Engine) -> str:
    """Return what another process of this machine opens the same database by; it holds the password."""
    return engine.url.render_as_string(hide_password=False)


def _there(function: Callable[..., T], *call: Any) -> T:
    """Call a function in a worker process."""
    _settle(os.getppid())
    return function(*call)


@lru_cache(maxsize=1)
def _settle(parent: int) -> None:
    """Look for dead objects seldom, and end this process when the one that started it was killed.

    joblib alone would keep it, idle, for five minutes.
    """
    gc.set_threshold(_SELDOM, *gc.get_threshold()[1:])
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
