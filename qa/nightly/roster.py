"""Who of several workers has which task, and who owes an answer for too long. Pure: times are told, in seconds."""

from __future__ import annotations

PATIENCE_S = 120.0
"""Seconds without an answer after which a worker's tasks are given to others, unless told otherwise."""
LONGEST_PATIENCE_S = 240.0
"""A night that waited longer for one answer would not write, and lose its lease."""
EACH = 2
"""Tasks that a worker has at a time: one in hand, and one more so that it need not wait for us."""


class Roster:
    """The workers that may be given tasks, and the tasks (by number) that they have.

    >>> roster = Roster(patience=60)
    >>> roster.add("a")
    >>> roster.give("a", 1, now=0)
    >>> roster.silent(now=59), roster.silent(now=61)
    ([], ['a'])
    >>> roster.remove("a"), roster.free()
    ([1], None)
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._has: dict[str, list[int]] = {}
        self._since: dict[str, float] = {}

    def __contains__(self, worker: str) -> bool:
        return worker in self._has

    def __len__(self) -> int:
        return len(self._has)

    @property
    def workers(self) -> list[str]:
        """Those who may be given tasks."""
        return list(self._has)

    def add(self, worker: str) -> None:
        """Let a worker take part."""
        self._has.setdefault(worker, [])

    def remove(self, worker: str) -> list[int]:
        """Let a worker go; return the tasks that somebody else must do now."""
        self._since.pop(worker, None)
        return self._has.pop(worker, [])

    def free(self) -> str | None:
        """Return the worker with the fewest tasks, if one can take another."""
        worker = min(self._has, key=lambda one: len(self._has[one]), default=None)
        return worker if worker is not None and len(self._has[worker]) < EACH else None

    def give(self, worker: str, task: int, now: float) -> None:
        """Note that a worker has a task; its time begins now, or when the one before it is answered."""
        if not self._has[worker]:
            self._since[worker] = now
        self._has[worker].append(task)

    def tasks(self, worker: str) -> tuple[int, ...]:
        """Return what a worker has in hand, and what comes after."""
        return tuple(self._has.get(worker, ()))

    def answered(self, worker: str, task: int, now: float) -> None:
        """Note an answer; the time of the next task begins."""
        self._has[worker].remove(task)
        self._since[worker] = now

    def silent(self, now: float) -> list[str]:
        """Return the workers that have a task and gave no answer for longer than our patience."""
        return [one for one, tasks in self._has.items() if tasks and now - self._since[one] > self._patience]
