"""Re-scoring: the same sampled chats judged again, by today's standard, as new inspections beside the old."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Engine

from qa.errors import NotFoundError, QaError
from qa.nightly.night import LEASE_SECONDS, Job, NightOptions, Progress, assignment, inspect_sample, summarise
from qa.store import nights
from qa.store.nights import Lease, Night, Run, RunKind, State
from qa.store.session import read_tx, write_tx
from qa.types import MICROSECONDS


class Rescored(NamedTuple):
    """The finished run and the night it belongs to; its summary stands beside the night's own."""

    night: Night
    run: Run
    seconds: dict[str, float]


def rescore(engine: Engine, options: NightOptions, progress: Progress) -> Rescored:
    """Judge a finished night's sample by ``options.standard``; a run that was killed is taken up where it stopped.

    Raises:
        NotFoundError: the night never ran.
        QaError: the night is not finished.
        LeaseHeldError: another living process works on it.
    """
    night, run, before = _claim(engine, options)
    seconds: dict[str, float] = {}
    for unfinished in [*before, run]:
        seconds = _work(engine, night, unfinished, options, progress)
    with write_tx(engine) as connection:
        nights.set_night(connection, night.id, lease_owner=None, lease_until=None)
        done = next(r for r in nights.runs_of(connection, night.id) if r.id == run.id)
    return Rescored(night, done, seconds)


def _claim(engine: Engine, options: NightOptions) -> tuple[Night, Run, list[Run]]:
    """Take the night; the run to do, and killed runs by other standards that are to be finished first."""
    now, standard = options.clock(), options.standard
    with write_tx(engine) as connection:
        night = nights.find_night(connection, options.merchant, options.day)
        if night is None:
            raise NotFoundError(f"there is no night {options.day} of merchant {options.merchant!r}")
        if night.state is not State.DONE:
            raise QaError(f"the night {options.day} of {options.merchant!r} is not finished: run qa nightly first")
        lease = Lease(options.owner, now + LEASE_SECONDS * MICROSECONDS)
        nights.take_lease(connection, night.id, lease, now, options.is_gone)
        runs = nights.runs_of(connection, night.id)
        pending = [run for run in runs if run.kind is RunKind.RESCORE and run.state is not State.DONE]
        mine = next((run for run in pending if run.ruleset == standard.hash), None)
        if mine is None:
            pack = standard.pack
            nights.keep_ruleset(connection, standard.hash, pack.id, pack.version, standard.as_json(), now)
            mine = nights.create_run(connection, night.id, RunKind.RESCORE, 0, standard.hash, now)
        return night, mine, [run for run in pending if run.id != mine.id]


def _work(engine: Engine, night: Night, run: Run, options: NightOptions, progress: Progress) -> dict[str, float]:
    with read_tx(engine) as connection:
        standard = nights.ruleset_content(connection, run.ruleset)
    job = Job(engine, night, assignment(engine, night, standard), options, progress)
    inspect_sample(job, run, None)
    with job.stage("finish"), job.writing() as connection:
        summary = summarise(connection, night, [run.id])
        now = options.clock()
        nights.set_run(connection, run.id, state=State.DONE.value, summary=summary, finished_at=now)
    return job.seconds
