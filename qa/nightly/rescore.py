"""Re-scoring: the same sampled chats judged again, by today's standard, as new inspections beside the old."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from qa.errors import NotFoundError, QaError
from qa.nightly.claiming import LEASE_SECONDS, Made, NightOptions, assignment, begun_with, meet
from qa.nightly.night import Job, inspect_sample, summarise
from qa.nightly.thinking import Choice
from qa.progress import Progress
from qa.store import frames, inspections, nights
from qa.store.dropping import refuse_dropped
from qa.store.nights import Lease, Night, Run, RunKind, State
from qa.store.session import read_tx, write_tx
from qa.types import MICROSECONDS


class Rescored(NamedTuple):
    """The finished run and the night it belongs to; its summary stands beside the night's own.

    ``worked``: this call did something.
    """

    night: Night
    run: Run
    worked: bool
    seconds: dict[str, float]
    refused: str | None = None
    """Why the model that should have given opinions gave none."""


def rescore(engine: Engine, options: NightOptions, progress: Progress) -> Rescored:
    """Judge a finished night's sample by ``options.standard``; a run that was killed is taken up where it stopped.

    A standard and a model by which the whole sample has been re-scored already give that run: judging is the same every
    time, and nobody can tell whether a killed ``rescore`` had just finished.

    Raises:
        NotFoundError: the night never ran.
        QaError: the night is not finished.
        LeaseHeldError: another living process works on it.
    """
    choice = options.models.chosen()
    _meet_before(engine, options, choice)
    night, run, pending, made = _claim(engine, options, choice)
    seconds: dict[str, float] = {}
    try:
        for unfinished in pending:
            theirs = begun_with(unfinished, options.models, choice)
            seconds = _work(engine, night, unfinished, theirs, options, progress, made)
    except QaError:
        with suppress(QaError):  # the database may be what is missing, or the night somebody else's by now
            _give_back(engine, night, options)
        raise
    _give_back(engine, night, options)
    with read_tx(engine) as connection:
        done = next(r for r in nights.runs_of(connection, night.id) if r.id == run.id)
    return Rescored(night, done, bool(pending), seconds, choice.refused)


def _meet_before(engine: Engine, options: NightOptions, choice: Choice) -> None:
    """Let the pool refuse before a run begins that would then stay unfinished."""
    with read_tx(engine) as connection:
        night = nights.find_night(connection, options.merchant, options.day)
    if night is not None:
        options.pool.meet(assignment(engine, night, options.standard.as_json(), choice.ref))


def _give_back(engine: Engine, night: Night, options: NightOptions) -> None:
    with write_tx(engine) as connection:
        nights.renew(connection, night.id, Lease(options.owner, options.clock()))
        nights.set_night(connection, night.id, lease_owner=None, lease_until=None)


def _claim(engine: Engine, options: NightOptions, choice: Choice) -> tuple[Night, Run, list[Run], Made | None]:
    """Take the night; the run by the standard, the runs to do, and the one that was made.

    Killed runs by other standards come first.
    """
    now, standard, made = options.clock(), options.standard, None
    with write_tx(engine) as connection:
        night = nights.find_night(connection, options.merchant, options.day)
        if night is None:
            raise NotFoundError(f"there is no night {options.day} of merchant {options.merchant!r}")
        if night.state is not State.DONE:
            raise QaError(f"the night {options.day} of {options.merchant!r} is not finished: run qa nightly first")
        refuse_dropped(connection, options.merchant, options.day)
        lease = Lease(options.owner, now + LEASE_SECONDS * MICROSECONDS)
        nights.take_lease(connection, night.id, lease, now, options.is_gone)
        runs = [run for run in nights.runs_of(connection, night.id) if run.kind is RunKind.RESCORE]
        pending = [run for run in runs if run.state is not State.DONE]
        wanted = (standard.hash, choice.ref.version if choice.ref is not None else None)
        mine = next((run for run in reversed(runs) if (run.ruleset, run.model) == wanted), None)
        if mine is None or (mine.state is State.DONE and not _covers(connection, mine)):
            pack = standard.pack
            kept = nights.keep_ruleset(connection, standard.hash, pack.id, pack.version, standard.as_json(), now)
            mine = nights.create_run(connection, night.id, RunKind.RESCORE, 0, standard.hash, now, wanted[1])
            made = Made(mine, kept)
            pending.append(mine)
        return night, mine, pending, made


def _covers(connection: Connection, run: Run) -> bool:
    """Whether a finished run judged all that is sampled now, and not only what was before an extension."""
    return inspections.count_inspected(connection, run.id) == frames.sampled(connection, run.night_id, None)


def _work(
    engine: Engine,
    night: Night,
    run: Run,
    choice: Choice,
    options: NightOptions,
    progress: Progress,
    made: Made | None,
) -> dict[str, float]:
    with read_tx(engine) as connection:
        standard = nights.ruleset_content(connection, run.ruleset)
    job = Job(engine, night, assignment(engine, night, standard, choice.ref), options, progress)
    meet(engine, options, job.assignment, made)
    inspect_sample(job, run, None)
    with job.stage("finish"), job.writing() as connection:
        summary = summarise(connection, night, [run.id], choice.ref)
        now = options.clock()
        nights.set_run(connection, run.id, state=State.DONE.value, summary=summary, finished_at=now)
    return job.seconds
