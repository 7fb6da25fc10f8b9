"""The workers of a cluster that may take part in a night: asked what they make of it, let in, refused, lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from qa.nightly import hands
from qa.nightly.cluster import PROBE, Cluster, Gone, Heard, strange
from qa.nightly.facts import Facts, differences
from qa.nightly.roster import Roster

LOOK_S = 1.0
"""Seconds between two looks at who is there."""
AGAIN_S = 30.0
"""Seconds after which a worker is asked again that could not reach the database."""


class Members:
    """Who takes part in one night. ``sent``: the night as workers are told of it; ``ours``: what we make of it."""

    def __init__(
        self, cluster: Cluster, token: str, sent: bytes, ours: Facts, patience: float, tell: Callable[[str], None]
    ) -> None:
        self.cluster, self.token, self.patience, self.tell = cluster, token, patience, tell
        self.roster = Roster(patience)
        self.refused: dict[str, str] = {}
        self.unreached: dict[str, float] = {}
        """Of those refused: who could not reach the database, and when."""
        self.worked: set[str] = set()
        self._sent, self._ours = sent, ours
        self._asked: dict[str, int] = {}
        self._probes: set[int] = set()
        self._looked = 0.0
        self._begun = False
        self._closed = False

    def gather(self) -> int:
        """Ask all workers, and wait until they have answered or our patience ends; return how many there were."""
        there = self.cluster.workers()
        for worker in sorted(there):
            self._ask(worker)
        deadline = time.monotonic() + self.patience
        while self._asked and not self.refused and time.monotonic() < deadline:
            for heard in self.cluster.hear(LOOK_S):
                self.heard(heard)
            self.look()
        self._begun = True
        return len(there)

    @property
    def awaited(self) -> list[str]:
        """Those who were asked and have not answered yet."""
        return [*self._asked]

    def heard(self, heard: Heard) -> bool:
        """Take an answer to our question; False where it is one to something else."""
        if self._asked.get(heard.worker) != heard.ticket:
            return False
        worker = heard.worker
        if isinstance(heard.answer, Gone):
            del self._asked[worker]
        elif heard.ticket in self._probes:
            self._probes.remove(heard.ticket)
            found = strange(heard.answer)
            if found is None:
                self._asked[worker] = self.cluster.give(worker, hands.meet, self.token, self._sent)
            else:
                self._refuse(worker, [f"worker {worker} {found}"])
        else:
            where = f"worker {worker} ({hands.host_of(heard.answer)})"
            found_all = [f"{where}: {line}" for line in self._compared(heard.answer)]
            if found_all:
                if hands.UNREACHED in heard.answer:
                    self.unreached[worker] = time.monotonic()
                self._refuse(worker, found_all)
            else:
                del self._asked[worker]
                self.roster.add(worker)
        return True

    def _refuse(self, worker: str, lines: list[str]) -> None:
        del self._asked[worker]
        self.refused[worker] = "\n".join(lines)
        if self._begun:  # the night does not stop for a newcomer
            self.tell(f"not let in: {self.refused[worker]}")

    def _admit(self, worker: str) -> None:
        """Let a worker that was refused be asked again."""
        del self.refused[worker]
        self.unreached.pop(worker, None)

    def look(self) -> list[str]:
        """See now and then who is there: return members that are gone, and ask those that are new."""
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return []
        self._looked = now
        there = self.cluster.workers()
        for worker in self._asked.keys() - there:
            del self._asked[worker]
            self.cluster.forget(worker)
            self.tell(f"worker {worker} left the cluster before it took part")
        for worker in self.refused.keys() - there:
            self._admit(worker)
        for worker in [worker for worker, since in self.unreached.items() if now - since >= AGAIN_S]:
            self._admit(worker)
        for worker in sorted(there - self._asked.keys() - self.refused.keys()):
            if worker not in self.roster and not self._closed:
                self._ask(worker)
        return [worker for worker in self.roster.workers if worker not in there]

    def close(self) -> None:
        """Let nobody in any more: the night is over, and who is new would find it otherwise than we did."""
        self._closed = True

    @property
    def closed(self) -> bool:
        """Whether nobody is let in any more."""
        return self._closed

    def leave(self) -> None:
        """Let all forget the night."""
        for worker in (*self.roster.workers, *self._asked):
            self.cluster.forget(worker)
        if self.roster:
            self.cluster.tell(self.roster.workers, hands.leave, self.token)

    def _ask(self, worker: str) -> None:
        self._asked[worker] = ticket = self.cluster.give(worker, eval, PROBE)
        self._probes.add(ticket)

    def _compared(self, facts: dict[str, Any]) -> list[str]:
        if "problem" in facts:
            return [facts["problem"]]
        return differences(self._ours, {name: value for name, value in facts.items() if name != "host"})
