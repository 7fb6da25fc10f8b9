"""The night on somebody's Dask cluster: who does what, and what happens when a worker or the scheduler is lost.

A worker takes part once it says the same about program, rules, model, dictionary and database as this process does.
Each task is given to one such worker by name; one that leaves, or gives no answer in time, loses its tasks to the
others, and is asked again before it gets new ones. Why not by joblib: docs/decisions/0011-dask-without-joblib.md.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import orjson
from sqlalchemy.engine import URL

from qa.errors import ClusterError, ConfigError, StoreError
from qa.nightly import hands
from qa.nightly.cluster import Cluster, Gone, Heard, connected
from qa.nightly.facts import of_night, of_program
from qa.nightly.members import Members
from qa.nightly.pools import Crew, Task
from qa.nightly.roster import EACH, PATIENCE_S
from qa.nightly.work import Assignment, Team
from qa.store.readers import Call, Sharing, close_engine
from qa.store.session import normalise_url, opened

TICK_S = 0.25
TRIES = 5
"""Workers that may be lost over one task."""
WAITING = 3
"""Results a worker that may wait for an earlier one, so that memory stays bounded."""


@contextmanager
def dask_pool(address: str, tell: Callable[[str], None], patience: float = PATIENCE_S) -> Iterator[DaskPool]:
    """Connect to a cluster whose scheduler runs this program; ``tell`` is told of workers that are lost or refused.

    Raises:
        ConfigError: Dask is not installed, or the scheduler runs another program.
        ClusterError: there is no scheduler, or no worker.
    """
    with connected(address) as cluster:
        cluster.check_scheduler()
        if not cluster.workers():
            raise _no_worker(cluster)
        pool = DaskPool(cluster, tell, patience)
        try:
            yield pool
        finally:
            pool.leave()


class DaskPool:
    """The workers of a cluster."""

    def __init__(self, cluster: Cluster, tell: Callable[[str], None], patience: float = PATIENCE_S) -> None:
        self._cluster, self._tell, self._patience = cluster, tell, patience
        self._members: Members | None = None
        self._url = ""
        self._nights = itertools.count()

    def meet(self, assignment: Assignment) -> None:
        """Compare what every worker makes of this night with what this process does.

        Raises:
            ConfigError: a worker would do it differently; the text names its host, what differs, and both values.
            StoreError: a worker cannot reach the database.
            ClusterError: no worker answers.
        """
        self.leave()
        with opened(assignment.url, read_only=True) as engine:
            ours = {**of_program(), **of_night(assignment, engine)}
        sent = packed(assignment, self._cluster.address)
        members = Members(
            self._cluster, f"{self._cluster.name}-{next(self._nights)}", sent, ours, self._patience, self._tell
        )
        self._members, self._url = members, assignment.url
        there = members.gather()
        if members.refused:
            down = members.refused.keys() <= members.unreached.keys()
            raise (StoreError if down else ConfigError)("\n".join(members.refused.values()))
        if not there:
            raise _no_worker(self._cluster)
        if not members.roster:
            raise ClusterError(
                f"none of the {there} workers could be asked within {self._patience:.0f} s: are they hung?"
            )
        for worker in members.awaited:
            self._tell(f"worker {worker} gave no answer within {self._patience:.0f} s: the night begins without it")

    def each(
        self, assignment: Assignment, team: Callable[[], Team], task: Task, calls: Iterable[Call], most: int
    ) -> Iterator[Any]:
        """Yield the results in order; ``most`` is about processes of this machine."""
        del assignment, team, most
        assert self._members is not None, "met before"
        sent = ((task.value, orjson.dumps(call)) for call in calls)
        return _Shift(self._members, hands.do, sent).results()

    def crew(self) -> Crew:
        """Return how many workers did something."""
        return Crew("dask", len(self._members.worked) if self._members is not None else 0)

    def share(self) -> Sharing | None:
        """Return what lets the members of the last night read the store for what follows; None: there are none."""
        if self._members is None or not self._members.roster:
            return None
        self._members.close()
        return self._read

    def _read(self, function: Callable[..., Any], calls: Iterable[Call]) -> Iterator[Any]:
        """Yield what a function gives for each call, in order; once nobody is left, it is called here."""
        members, here = self._members, [*calls]
        done = 0
        if members is not None:
            module = function.__module__.partition(".")[2]
            sent = ((module, function.__name__, *call) for call in here)
            try:
                for result in _Shift(members, hands.read, sent).results():
                    done += 1
                    yield result
            except ClusterError as lost:
                self._tell(f"queue and boards are prepared here: {lost}")
                self.leave()
                self._members = None
        try:
            for call in here[done:]:
                yield function(self._url, *call)
        finally:
            close_engine(self._url)

    def leave(self) -> None:
        """Let the workers forget the last night."""
        if self._members is not None:
            self._members.leave()


class _Shift:
    """The tasks of one stage, shared out among the members. ``hand``: what they do with what they are ``sent``."""

    def __init__(self, members: Members, hand: Callable[..., hands.Answer], sent: Iterable[Call]) -> None:
        self._members, self._cluster, self._roster = members, members.cluster, members.roster
        self._hand, self._calls = hand, enumerate(sent)
        self._open: dict[int, Call] = {}
        self._again: list[int] = []
        self._done: dict[int, Any] = {}
        self._tickets: dict[int, int] = {}
        self._lost: Counter[int] = Counter()
        self._all_given = False
        self._alone_since: float | None = None

    def results(self) -> Iterator[Any]:
        """Yield what the calls give, in their order."""
        first = 0
        while True:
            while first in self._done:
                yield self._done.pop(first)
                first += 1
            self._hand_out()
            if self._all_given and not self._open:
                return
            for heard in self._cluster.hear(TICK_S):
                if not self._members.heard(heard):
                    self._heard(heard)
            self._check()

    def _hand_out(self) -> None:
        while (worker := self._roster.free()) is not None and (number := self._next()) is not None:
            ticket = self._cluster.give(worker, self._hand, self._members.token, *self._open[number])
            self._tickets[ticket] = number
            self._roster.give(worker, number, time.monotonic())

    def _next(self) -> int | None:
        """The task to be given away next: one that was lost before a new one."""
        if self._again:
            return heapq.heappop(self._again)
        if len(self._open) + len(self._done) >= len(self._roster) * (EACH + WAITING):
            return None
        number, call = next(self._calls, (None, ()))
        if number is None:
            self._all_given = True
            return None
        self._open[number] = call
        return number

    def _heard(self, heard: Heard) -> None:
        number = self._tickets.pop(heard.ticket, None)
        if number is None or number not in self._roster.tasks(heard.worker):
            return  # of a worker that was given up
        answer = heard.answer
        if isinstance(answer, Gone) or answer.problem is not None:
            self._lose(heard.worker, answer.why if isinstance(answer, Gone) else answer.problem, number)
            return
        self._roster.answered(heard.worker, number, time.monotonic())
        self._members.worked.add(heard.worker)
        del self._open[number]
        self._done[number] = answer.value

    def _check(self) -> None:
        """See who is gone, who is silent, and whether anybody is left."""
        for worker in self._members.look():
            self._lose(worker, "it left the cluster")
        now = time.monotonic()
        for worker in self._roster.silent(now):
            self._lose(worker, f"no answer for {self._members.patience:.0f} s")
        if self._roster:
            self._alone_since = None
            return
        self._alone_since = self._alone_since or now
        if self._members.closed:
            raise ClusterError(f"the cluster at {self._cluster.address} has no worker of the night any more")
        if now - self._alone_since > self._members.patience:
            raise ClusterError(
                f"the cluster at {self._cluster.address} had no worker for {self._members.patience:.0f} s: the night "
                "stops here; start workers, then the night again: it goes on where it stopped"
            )

    def _lose(self, worker: str, why: str, blamed: int | None = None) -> None:
        """Give a worker's tasks to others; one may be to blame: that in hand, where nothing else is known."""
        numbers = self._roster.remove(worker)
        self._cluster.forget(worker)
        self._members.tell(f"worker {worker} is given up: {why}; its tasks go to others")
        for number in numbers:
            heapq.heappush(self._again, number)
        guilty = blamed if blamed is not None else next(iter(numbers), None)
        if guilty is not None:
            self._lost[guilty] += 1
            if self._lost[guilty] >= TRIES:
                raise ClusterError(f"{TRIES} workers were lost over the same task, the last one: {why}")


def packed(assignment: Assignment, address: str) -> bytes:
    """Return the night as workers are told of it.

    A path becomes a full one. A password stays here where the connection to the cluster can be listened to: workers
    then have their own.
    """
    url = normalise_url(assignment.url)
    if url.get_backend_name() == "sqlite":
        url = url.set(database=str(Path(url.database or "").resolve()))
    elif not address.startswith("tls://"):
        public = url.difference_update_query(["password"])  # and URL.set leaves a password that is set to None
        url = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, public.query)
    return msgspec.json.encode(assignment._replace(url=url.render_as_string(hide_password=False)))


def _no_worker(cluster: Cluster) -> ClusterError:
    return ClusterError(f"the scheduler at {cluster.address} has no worker: start some, then the night")
