"""Whether an installation works, and the figures by which that is watched; none of them names a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from qa.errors import StoreError
from qa.store import migrate, operation
from qa.store.operation import LastNight
from qa.store.session import read_tx, write_tx
from qa.types import MICROSECONDS, Instant

ATTEMPTS_MINUTES = 15
"""How far back attempts to log in are counted: as long as the throttle remembers them."""


class Drift(NamedTuple):
    """How far a merchant's last night is from what the model learned from; ``psi``: population stability index.

    ``unusual``: far also for this merchant, whose nights may be far every night.
    """

    merchant: str
    what: str
    psi: float
    unusual: bool


class Backlog(NamedTuple):
    """Open items of a merchant's queue, and seconds since the day of the oldest chat began."""

    merchant: str
    items: int
    oldest_s: float


class Figures(NamedTuple):
    """Everything that is watched and stands in the database."""

    nights: tuple[LastNight, ...]
    unfinished: Mapping[str, int]
    backlog: tuple[Backlog, ...]
    drift: tuple[Drift, ...]
    failed_logins: int
    open_attempts: int


def is_ready(engine: Engine) -> bool:
    """Whether the database answers and has the schema of this program."""
    try:
        return migrate.current_revision(engine) == migrate.HEAD
    except StoreError:
        return False


def note_stages(engine: Engine, night_id: int, seconds: Mapping[str, float]) -> None:
    """Keep how long the stages of a night took, for those who watch."""
    if seconds:
        with write_tx(engine) as connection:
            operation.note_stages(connection, night_id, seconds)


def figures(engine: Engine, now: Instant, zone: ZoneInfo) -> Figures:
    """Return what is watched, as of now. Raises ``StoreError``."""
    with read_tx(engine) as connection:
        nights = operation.last_nights(connection)
        return Figures(
            tuple(nights),
            operation.unfinished_nights(connection),
            tuple(
                Backlog(one.merchant, one.items, (now - _begin(one.oldest_day, zone)) / MICROSECONDS)
                for one in operation.waiting(connection)
            ),
            tuple(
                Drift(one.merchant, str(moved["what"]), float(moved["value"]), bool(moved.get("unusual")))
                for one in nights
                for moved in one.summary.get("drift", ())
            ),
            operation.failed_logins(connection),
            operation.open_attempts(connection, now - ATTEMPTS_MINUTES * 60 * MICROSECONDS),
        )


def _begin(day: str, zone: ZoneInfo) -> Instant:
    """Return when a local day begins.

    >>> _begin("2026-11-20", ZoneInfo("Asia/Shanghai"))
    1795104000000000
    """
    return int(datetime.combine(date.fromisoformat(day), time(), zone).timestamp()) * MICROSECONDS
