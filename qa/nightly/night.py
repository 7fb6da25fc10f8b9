"""One night of one merchant: claim, screen, draw, inspect, finish; each step can be killed and taken up again."""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Engine

from qa.errors import QaError
from qa.flagging import audit_flag
from qa.nightly.claiming import LEASE_SECONDS, NightOptions, assignment_of, claim, meet, meet_before
from qa.nightly.drifting import night_drift
from qa.nightly.figures import Tally, as_json
from qa.nightly.pools import LOCAL, Crew, Task
from qa.nightly.thinking import ModelRef
from qa.nightly.work import Assignment, Team
from qa.policy import Policy
from qa.progress import Progress
from qa.sampling import audit_sample, design, take
from qa.store import frames, inspections, nights
from qa.store.chats import frame_ranges
from qa.store.nights import Lease, Night, Run, RunKind, State
from qa.store.readers import Call
from qa.store.session import read_tx, write_tx
from qa.types import MICROSECONDS

SCREEN_CHUNK = 500
INSPECT_CHUNK = 500
WRITE_BATCH = 2000
"""Rows of the frame written in one transaction, about; of inspections, which hold much more, half as many."""

WORTH_A_WORKER = 30_000
"""Chats to screen that repay the 2 s and more which a worker process takes to start (benchmarks/scale.py)."""
INSPECTION_COST = 16
"""Screenings that one inspection costs, about; the classifier is half of it."""


class NightResult(NamedTuple):
    """How it went. ``worked``: this call did something; ``late``: closed chats outside the frame at the end.

    ``refused``: why the model that should have given opinions gave none; None: it did, or there was to be none.
    ``crew``: who worked; None: nobody had to.
    """

    night: Night
    worked: bool
    late: int
    seconds: dict[str, float]
    refused: str | None = None
    crew: Crew | None = None

    @property
    def processes(self) -> int:
        """How many processes of this machine it has left behind for what comes next; 1: this one only."""
        return self.crew.workers if self.crew is not None and self.crew.backend == LOCAL else 1


@dataclass(slots=True)
class Job:
    """A night while this process holds it."""

    engine: Engine
    night: Night
    assignment: Assignment
    options: NightOptions
    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    refused: str | None = None
    _team: Team | None = None
    _processes: int = 1

    @property
    def team(self) -> Team:
        """This process's own rules, compiled when first needed."""
        if self._team is None:
            self._team = Team(self.engine, self.assignment)
        return self._team

    def each(self, task: Task, calls: Iterable[Call], chats: int) -> Iterator[Any]:
        """Return what a task gives for each call, in their order; ``chats``: the work, in chats screened."""
        return self.options.pool.each(self.assignment, lambda: self.team, task, calls, self.workers(chats))

    def lease(self) -> Lease:
        """Return the lease from now on."""
        return Lease(self.options.owner, self.options.clock() + LEASE_SECONDS * MICROSECONDS)

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Open a write transaction that holds only while the lease does."""
        with write_tx(self.engine) as connection:
            nights.renew(connection, self.night.id, self.lease())
            yield connection

    def give_back(self) -> None:
        """End the lease."""
        with self.writing() as connection:
            nights.set_night(connection, self.night.id, lease_owner=None, lease_until=None)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[None]:
        """Tell and time a stage."""
        self.progress.stage(f"{self.night.merchant} {self.night.day} {name}", total)
        begun = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun

    def workers(self, chats: int) -> int:
        """Return how many processes the screening of so many chats repays; those that are there stay."""
        wanted = self.options.workers or os.cpu_count() or 1
        self._processes = max(self._processes, min(wanted, chats // WORTH_A_WORKER))
        return self._processes


def run_night(engine: Engine, options: NightOptions, progress: Progress) -> NightResult:
    """Run, finish or (with ``extend``) extend the night of a merchant's day.

    A night that is done is left alone. An unfinished one goes on with the policy and the standard it began with.

    Raises:
        LeaseHeldError: another living process works on it.
    """
    choice = options.models.chosen()
    meet_before(engine, options, choice)
    begun = claim(engine, options, choice)
    if begun is None:
        return _result(engine, options, worked=False, seconds={})
    night, pending, made = begun
    task, choice = assignment_of(engine, night, options.models, choice)
    job = Job(engine, night, task, options, progress, refused=choice.refused)
    try:
        meet(engine, options, task, made)
        for run in pending:
            _work(job, run)
        if options.extend:
            extension = _extension(job)
            if extension is not None:
                _work(job, extension)
    except QaError:
        with suppress(QaError):  # the database may be what is missing, or the night somebody else's by now
            job.give_back()
        raise
    job.give_back()
    crew = options.pool.crew() if job.seconds else None
    return _result(engine, options, worked=bool(job.seconds), seconds=job.seconds, refused=choice.refused, crew=crew)


def _extension(job: Job) -> Run | None:
    """Begin a wave for the chats that arrived since; None when there are none."""
    night = job.night
    with job.writing() as connection:
        if not frames.count_late(connection, night.id, night.merchant, night.day):
            return None
        runs = nights.runs_of(connection, night.id)
        wave = 1 + max(run.wave for run in runs)
        nights.set_night(connection, night.id, state=State.SCREENING.value, waves=wave + 1)
        return nights.create_run(
            connection, night.id, RunKind.EXTEND, wave, runs[0].ruleset, job.options.clock(), runs[0].model
        )


def _work(job: Job, run: Run) -> None:
    """Bring one run from wherever it stands to its end."""
    if run.state is State.SCREENING:
        _screen(job, run)
        _draw(job, run)
    inspect_sample(job, run, run.wave)
    _finish(job, run)


def _screen(job: Job, run: Run) -> None:
    """Put every closed chat of the day (of a later wave: every late one) into the frame, red lines looked for."""
    night = job.night
    with read_tx(job.engine) as connection:
        after = frames.last_screened(connection, night.id, run.wave)
        ranges = frame_ranges(connection, night.merchant, night.day, SCREEN_CHUNK, after_id=after)
        total = frames.count_frame(connection, night.merchant, night.day)
    late = run.wave > 0 or after > 0
    calls = [(*span, late) for span in ranges]
    to_come = 1 if late else 1 + job.assignment.terms.rate * INSPECTION_COST  # who screens will inspect as well
    with job.stage("screen", total):
        batch: list[frames.Screened] = []
        for screened in job.each(Task.SCREEN, calls, round(SCREEN_CHUNK * len(ranges) * to_come)):
            batch += screened
            job.progress.advance(len(screened))
            if len(batch) >= WRITE_BATCH:
                _write_frame(job, run, batch)
                batch = []
        _write_frame(job, run, batch)


def _write_frame(job: Job, run: Run, batch: list[frames.Screened]) -> None:
    if batch:
        with job.writing() as connection:
            frames.add_frame(connection, job.night.id, run.wave, batch)


def _draw(job: Job, run: Run) -> None:
    """Draw the random part of the wave and record the design; one transaction."""
    night, policy = job.night, job.assignment.terms
    with job.stage("draw"), job.writing() as connection:
        plan = _design(frames.rest_sizes(connection, night.id, run.wave), policy)
        allocation: dict[tuple[str, ...], int] = {stratum: drawn for stratum, (_, drawn) in plan.items()}
        chosen = take(frames.iter_rest(connection, night.id, run.wave), allocation)
        frames.save_draw(connection, night.id, run.wave, chosen, plan)
        nights.set_run(connection, run.id, state=State.INSPECTING.value)
        nights.set_night(connection, night.id, state=State.INSPECTING.value)


def _design(sizes: Mapping[frames.Stratum, int], policy: Policy) -> dict[frames.Stratum, tuple[int, int]]:
    """(size, drawn) by stratum."""
    named: dict[tuple[str, ...], int] = {stratum: size for stratum, size in sizes.items()}  # noqa: C416 - a wider key
    lines = design(named, policy.rate, policy.per_agent_minimum)
    return {(line.stratum[0], line.stratum[1]): (line.size, line.drawn) for line in lines}


def inspect_sample(job: Job, run: Run, wave: int | None) -> None:
    """Inspect the sampled chats (of a wave, or of all) that the run has not inspected, in the order of their keys."""
    with read_tx(job.engine) as connection:
        rank = inspections.count_inspected(connection, run.id)
        pks = array("q", frames.to_inspect(connection, job.night.id, wave, run.id))
    at = job.options.clock()
    calls = (
        (run.id, run.ruleset, list(pks[start : start + INSPECT_CHUNK]), rank + start, at)
        for start in range(0, len(pks), INSPECT_CHUNK)
    )
    with job.stage("inspect", len(pks)):
        batch = inspections.Rows([], [], [], [])
        for rows in job.each(Task.INSPECT, calls, len(pks) * INSPECTION_COST):
            for part, more in zip(batch, rows, strict=True):
                part.extend(more)
            job.progress.advance(len(rows.inspections))
            if 2 * len(batch.inspections) >= WRITE_BATCH:
                _write_inspections(job, batch)
                batch = inspections.Rows([], [], [], [])
        _write_inspections(job, batch)


def _write_inspections(job: Job, batch: inspections.Rows) -> None:
    if batch.inspections:
        with job.writing() as connection:
            inspections.write(connection, batch)


def _finish(job: Job, run: Run) -> None:
    """Draw the blind audit, estimate, and close the run; one transaction."""
    night, policy = job.night, job.assignment.terms
    with job.stage("finish"), job.writing() as connection:
        flag = audit_flag()
        unflagged = inspections.count_inspected(connection, run.id) - inspections.count_flagged(connection, [run.id])
        clean = (chat_id for chat_id, _ in inspections.clean_ids(connection, run.id))
        chosen = audit_sample(night.salt, clean, policy.audit_rate, unflagged)
        rows = [
            {"inspection_id": pk, "reason": flag.reason.value, "risk": flag.risk, "detail": flag.detail}
            for chat_id, pk in inspections.clean_ids(connection, run.id)
            if chat_id in chosen
        ]
        inspections.add_flags(connection, rows)
        done = [r.id for r in nights.runs_of(connection, night.id) if r.kind is not RunKind.RESCORE]
        summary = summarise(connection, night, done, job.assignment.model)
        summary |= {} if job.refused is None else {"model_refused": job.refused}
        now = job.options.clock()
        nights.set_run(connection, run.id, state=State.DONE.value, summary=summary, finished_at=now)
        nights.set_night(connection, night.id, state=State.DONE.value, summary=summary, finished_at=now)


def summarise(connection: Any, night: Night, run_ids: list[int], model: ModelRef | None = None) -> dict[str, Any]:
    """Return the figures of a night over these runs: sizes, counts and estimates, as plain values."""
    tally = Tally()
    for found in inspections.iter_found(connection, run_ids):
        tally.add(found)
    frame_size, targeted = frames.frame_size(connection, night.id)
    sizes = {(row.wave, *row.stratum): row.size for row in frames.strata_of(connection, night.id)}
    return {
        "frame_size": frame_size,
        "targeted": targeted,
        "inspected": tally.inspected,
        "broken": tally.broken,
        "flagged": inspections.count_flagged(connection, run_ids),
        "estimates": as_json(tally.estimates(sizes, targeted)),
        "drift": night_drift(connection, night, model, run_ids),
    }


def _result(
    engine: Engine,
    options: NightOptions,
    *,
    worked: bool,
    seconds: dict[str, float],
    refused: str | None = None,
    crew: Crew | None = None,
) -> NightResult:
    with read_tx(engine) as connection:
        night = nights.find_night(connection, options.merchant, options.day)
        assert night is not None, "claimed before"
        late = frames.count_late(connection, night.id, night.merchant, night.day)
    return NightResult(night, worked, late, seconds, refused, crew)
