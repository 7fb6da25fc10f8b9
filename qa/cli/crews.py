"""Who does the tasks of a night: the options that ``qa nightly`` and ``qa rescore`` share, and what they choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

import click

from qa.cli.common import say
from qa.config import Settings
from qa.errors import ConfigError
from qa.nightly.pools import Local, Pool
from qa.nightly.roster import LONGEST_PATIENCE_S, PATIENCE_S

BACKENDS = ("joblib", "dask")
F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--workers", type=click.IntRange(1, 512), metavar="N", help="Processes; default: as many as pay."),
    click.option(
        "--backend",
        type=click.Choice(BACKENDS),
        default=BACKENDS[0],
        show_default=True,
        help="Processes of this machine, or your Dask cluster.",
    ),
    click.option("--scheduler", metavar="ADDRESS", help="The cluster's: tcp://HOST:PORT or tls://HOST:PORT."),
    click.option(
        "--task-timeout",
        type=click.FloatRange(1, LONGEST_PATIENCE_S),
        metavar="S",
        default=PATIENCE_S,
        show_default=True,
        help="Seconds a worker of the cluster may owe an answer; others then get its tasks.",
    ),
)


class Wanted(NamedTuple):
    """The options as they were given."""

    workers: int | None
    backend: str
    scheduler: str | None
    task_timeout: float


def crew_options(command: F) -> F:
    """Give a command the options of ``Wanted``, by their names."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@contextmanager
def chosen_pool(settings: Settings, wanted: Wanted) -> Iterator[Pool]:
    """Give who does the tasks; ConfigError where the options contradict each other."""
    address = wanted.scheduler or settings.dask_scheduler
    if wanted.backend == "joblib":
        if wanted.scheduler is not None:
            raise ConfigError("--scheduler is about --backend dask")
        yield Local()
        return
    if address is None:
        raise ConfigError("--backend dask needs --scheduler tcp://HOST:PORT, or dask_scheduler in the settings")
    if wanted.workers is not None:
        raise ConfigError("--workers is about processes here; a cluster has the workers it has")
    from qa.nightly.dasking import dask_pool  # noqa: PLC0415 - reads the whole program to compare it

    with dask_pool(address, partial(say, "cluster"), wanted.task_timeout) as pool:
        yield pool
