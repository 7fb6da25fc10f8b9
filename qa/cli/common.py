"""What every command needs: settings, consoles, progress, and the only clock."""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from qa.config import Settings, load_settings
from qa.progress import Progress
from qa.types import Instant

P = ParamSpec("P")
R = TypeVar("R")

LINE_SECONDS = 5.0
"""Seconds between two progress lines where there is no terminal to draw on."""

JSON_LOG = "qa.log_json"
"""Under this name click's context knows that the log is JSON, one object a line."""

_PIPE_WIDTH = 240  # columns where nobody's terminal sets a limit: no table is cut short in a file

_SPEED_SECONDS = 0.001  # below this a speed says nothing


def now() -> Instant:
    """Return the current instant. Commands pass it down; nothing below the command line asks for the time."""
    return time.time_ns() // 1_000


def pass_settings(command: Callable[Concatenate[Settings, P], R]) -> Callable[P, R]:
    """Give a command its ``Settings`` as first argument, read when it runs (so ``--help`` needs none)."""

    @functools.wraps(command)
    def with_settings(*args: P.args, **kwargs: P.kwargs) -> R:
        return command(current_settings(), *args, **kwargs)

    return with_settings


def current_settings() -> Settings:
    """Return the settings of the running command; raises ``ConfigError``."""
    return load_settings(click.get_current_context().find_root().obj, os.environ)


def out() -> Console:
    """Return the console for results: stdout, coloured only on a terminal, never wrapped when piped."""
    return _console(stderr=False)


def err() -> Console:
    """Return the console for progress and remarks: stderr."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.soft_wrap = True
        console.width = _PIPE_WIDTH
    return console


def say(event: str, text: str, level: int = logging.INFO) -> None:
    """Write a line to stderr: as it is, or as this event where the log is JSON and nothing else belongs into it."""
    context = click.get_current_context(silent=True)
    if context is not None and context.meta.get(JSON_LOG):
        logging.getLogger("qa.cli").log(level, event, extra={"facts": {"said": text}})
    else:
        click.echo(text, err=True)


@contextmanager
def progress() -> Iterator[Progress]:
    """Show progress on stderr: a live bar on a terminal, else a plain line now and then."""
    console = err()
    if not console.is_terminal:
        lines = PlainProgress(functools.partial(say, "progress"), time.monotonic)
        yield lines
        lines.finish()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=console) as bars:
        yield _BarProgress(bars)


class PlainProgress:
    """Progress as log lines: one at most every ``LINE_SECONDS``, and one at the end of each stage."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._write, self._clock = write, clock
        self._name: str | None = None
        self._total: int | None = None
        self._done = 0
        self._begun = self._told = 0.0

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage; the line of the one before is written."""
        self.finish()
        self._name, self._total, self._done = name, total, 0
        self._begun = self._told = self._clock()

    def advance(self, steps: int = 1) -> None:
        """Count, and write a line when the last one is old."""
        self._done += steps
        if self._clock() - self._told >= LINE_SECONDS:
            self._told = self._clock()
            self._write(self._line())

    def finish(self) -> None:
        """Write the last line of the stage, if there is one."""
        if self._name is not None:
            self._write(self._line())
            self._name = None

    def _line(self) -> str:
        seconds = self._clock() - self._begun
        of = "" if self._total is None else f" of {self._total:,}"
        speed = f", {self._done / seconds:,.0f}/s" if self._done and seconds > _SPEED_SECONDS else ""
        return f"{self._name}: {self._done:,}{of} ({seconds:.1f} s{speed})"


class _BarProgress:
    """Progress as bars of rich, one a stage."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def stage(self, name: str, total: int | None = None) -> None:
        self._end()
        self._task = self._bars.add_task(name, total=total)

    def advance(self, steps: int = 1) -> None:
        if self._task is not None:
            self._bars.advance(self._task, steps)

    def _end(self) -> None:
        """Fill a bar whose total was never known."""
        if self._task is None:
            return
        task = self._bars.tasks[self._bars.task_ids.index(self._task)]
        if task.total is None:
            self._bars.update(self._task, total=task.completed)
