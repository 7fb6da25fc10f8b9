"""Reading the store in several processes of this machine: a function and its arguments go there, values come back.

Each process reads through an engine of its own; only the process that asks writes.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, TypeVar

from joblib import Parallel, delayed
from sqlalchemy import Engine

from qa.store.session import make_engine

Call = tuple[Any, ...]
"""Arguments: numbers, texts and lists of numbers."""
T = TypeVar("T")


def shared(function: Callable[..., T], calls: Iterable[Call], processes: int) -> Iterator[T]:
    """Yield what a function of a module gives for each call, in their order; with one process it is this one.

    Few results wait for an earlier one, so that memory stays bounded. Processes stay for the next who asks for as many.
    """
    if processes == 1:
        for call in calls:
            yield function(*call)
        return
    pool = Parallel(n_jobs=processes, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)
    yield from pool(delayed(_there)(function, *call) for call in calls)


@lru_cache(maxsize=1)
def engine_of(url: str) -> Engine:
    """Return the engine by which this process reads a database for others; it is closed when the process ends."""
    return make_engine(url, read_only=True)


def address(engine: Engine) -> str:
    """Return what another process of this machine opens the same database by; it holds the password."""
    return engine.url.render_as_string(hide_password=False)


def _there(function: Callable[..., T], *call: Any) -> T:
    """Call a function in a worker process."""
    _end_with(os.getppid())
    return function(*call)


@lru_cache(maxsize=1)
def _end_with(parent: int) -> None:
    """End this process when the one that started it was killed; joblib alone would keep it, idle, for five minutes."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
