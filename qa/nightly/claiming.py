"""What a night is run with, and taking it: by which rules and model it goes on, whoever began it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Engine

from qa.errors import QaError
from qa.nightly.pools import Local, Pool
from qa.nightly.thinking import Choice, ModelRef, Models, NoModels
from qa.nightly.work import Assignment
from qa.policy import Policy
from qa.rules.inspector import Standard
from qa.sampling import night_salt
from qa.store import nights
from qa.store.dropping import refuse_dropped
from qa.store.nights import Lease, Night, Run, RunKind, State
from qa.store.session import read_tx, write_tx
from qa.types import MICROSECONDS, Instant

LEASE_SECONDS = 300
"""A night whose process gives no sign of life for so long may be taken over from another machine."""


@dataclass(frozen=True, slots=True)
class NightOptions:
    """What a night is run with. ``clock`` and ``is_gone`` are the edge's: the time, and whether a lease owner died."""

    merchant: str
    day: str
    standard: Standard
    policy: Policy
    zone: ZoneInfo
    owner: str
    clock: Callable[[], Instant]
    is_gone: Callable[[str], bool]
    workers: int | None = None
    extend: bool = False
    models: Models = field(default_factory=NoModels)
    pool: Pool = field(default_factory=Local)

    def judged_by(self, standard: Standard) -> NightOptions:
        """Return the same options with another standard."""
        return replace(self, standard=standard)


class Made(NamedTuple):
    """What a claim has made: a run, with its night where that was new; ``ruleset``: whether its standard was, too."""

    run: Run
    ruleset: bool


def meet_before(engine: Engine, options: NightOptions, choice: Choice) -> None:
    """Let the pool refuse a new night before anything of it is written.

    Raises:
        ConfigError: somebody would do it differently.
    """
    with read_tx(engine) as connection:
        known = nights.find_night(connection, options.merchant, options.day) is not None
    if not known:
        options.pool.meet(assignment(engine, _new(options), options.standard.as_json(), choice.ref))


def _new(options: NightOptions) -> Night:
    """Return a night as it would be, were it to begin now."""
    salt = night_salt(options.policy.salt, options.merchant, date.fromisoformat(options.day))
    policy = options.policy.snapshot() | {"timezone": options.zone.key}
    return Night(0, options.merchant, options.day, State.SCREENING, salt, policy, 1, None, None, None)


def meet(engine: Engine, options: NightOptions, task: Assignment, made: Made | None) -> None:
    """Let the pool refuse what was claimed: only now somebody with a copy of the database can be told from us.

    What the claim has made is taken back then; the next night begins by its own standard and model.

    Raises:
        QaError: somebody would do it differently, or nobody answers.
    """
    try:
        options.pool.meet(task)
    except QaError:
        if made is not None:
            with suppress(QaError), write_tx(engine) as connection:
                nights.renew(connection, made.run.night_id, Lease(options.owner, options.clock()))
                nights.unmake(connection, made.run, ruleset=made.ruleset)
        raise


def claim(engine: Engine, options: NightOptions, choice: Choice) -> tuple[Night, list[Run], Made | None] | None:
    """Take the night; which runs are unfinished, and which one was made for it. None when there is nothing to do."""
    now, made = options.clock(), None
    with write_tx(engine) as connection:
        night = nights.find_night(connection, options.merchant, options.day)
        if night is None:
            new = _new(options)
            night = nights.create_night(connection, new.merchant, new.day, new.salt, new.policy, now)
        elif night.state is State.DONE and not options.extend:
            return None
        refuse_dropped(connection, options.merchant, options.day)
        lease = Lease(options.owner, now + LEASE_SECONDS * MICROSECONDS)
        nights.take_lease(connection, night.id, lease, now, options.is_gone)
        runs = [run for run in nights.runs_of(connection, night.id) if run.kind is not RunKind.RESCORE]
        if not runs:
            standard = options.standard
            pack = standard.pack
            kept = nights.keep_ruleset(connection, standard.hash, pack.id, pack.version, standard.as_json(), now)
            model = choice.ref.version if choice.ref is not None else None
            runs = [nights.create_run(connection, night.id, RunKind.NIGHT, 0, standard.hash, now, model)]
            made = Made(runs[0], kept)
        return night, [run for run in runs if run.state is not State.DONE], made


def assignment_of(engine: Engine, night: Night, models: Models, choice: Choice) -> tuple[Assignment, Choice]:
    """The task of this night, by the policy, the standard and the model that it began with."""
    with read_tx(engine) as connection:
        first = nights.runs_of(connection, night.id)[0]
        standard = nights.ruleset_content(connection, first.ruleset)
    choice = begun_with(first, models, choice)
    return assignment(engine, night, standard, choice.ref), choice


def begun_with(run: Run, models: Models, choice: Choice) -> Choice:
    """Return the model that a run began with; one that is not to be had any more leaves the rest to the rules."""
    if run.model is None:
        return Choice(None, choice.refused)
    if choice.ref is not None and choice.ref.version == run.model:
        return choice
    return models.again(run.model)


def assignment(engine: Engine, night: Night, standard: dict[str, Any], model: ModelRef | None = None) -> Assignment:
    """Return the task of judging a night's chats by a standard (as JSON) and a model."""
    return Assignment(
        url=engine.url.render_as_string(hide_password=False),
        night_id=night.id,
        merchant=night.merchant,
        day=night.day,
        salt=night.salt,
        standard=orjson.dumps(standard).decode(),
        policy=orjson.dumps(night.policy).decode(),
        zone=night.policy["timezone"],
        model=model,
    )
