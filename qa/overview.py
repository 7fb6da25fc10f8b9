"""Nights for people: what was drawn, what that says of all chats, what broke, how it compares with nights before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine

from qa.errors import NotFoundError
from qa.people import Scope
from qa.store import frames, inspections, night_pages, nights, operation
from qa.store.frames import StratumRow
from qa.store.night_pages import BrokenChat, NightLine, RunTimes
from qa.store.nights import RunKind
from qa.store.session import read_tx

PAGE = 30
"""Nights on one page of the list."""
EARLIER = 14
"""Nights in the comparison, the shown one included."""
BROKEN_SHOWN = 200


class Figure(NamedTuple):
    """An estimate about all chats of the frame; ``None`` is unknown. Rates are shares, scores points of 100."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    size: int
    missing: int
    notes: tuple[str, ...]

    @property
    def is_rate(self) -> bool:
        """Whether the figure is a share from 0 to 1."""
        return self.name.endswith("_rate")


class NightOf(NamedTuple):
    """One night of a course: its day, its key, and one figure of it."""

    night_id: int
    day: str
    figure: Figure


class Course(NamedTuple):
    """One figure with its course over the nights up to the shown one, and how the shown one differs."""

    figure: Figure
    nights: tuple[NightOf, ...]
    before: Figure | None
    """Of the night before; None: there is none, or it has no such figure."""
    apart: bool
    """Whether this night's interval and that of the night before do not overlap."""


class RuleCount(NamedTuple):
    """A rule that fired in a night: outcome (failed or bonus) and chats."""

    rule: str
    name: dict[str, str]
    outcome: str
    chats: int


class NightView(NamedTuple):
    """Everything a page says of one night."""

    night: NightLine
    runs: tuple[RunTimes, ...]
    strata: tuple[StratumRow, ...]
    courses: tuple[Course, ...]
    rules: tuple[RuleCount, ...]
    flags: tuple[tuple[str, int], ...]
    broken: tuple[BrokenChat, ...]
    stages: dict[str, float]
    """Seconds by stage, where they were noted; the longest first."""
    refused: str | None
    """Why the model gave no opinion; None: it did, or there was to be none."""

    @property
    def seconds(self) -> float | None:
        """From the beginning of the night to its end, in seconds."""
        if self.night.finished_at is None:
            return None
        return (self.night.finished_at - self.night.started_at) / 1_000_000


class NightPage(NamedTuple):
    """A page of the list; ``onward``: what ``before`` is for the next one, None at the end."""

    nights: tuple[NightLine, ...]
    merchants: tuple[str, ...]
    onward: str | None


def list_nights(engine: Engine, scope: Scope, merchant: str | None = None, before: str | None = None) -> NightPage:
    """Return a page of nights within reach, newest first; an unreadable ``before`` begins at the newest."""
    with read_tx(engine) as connection:
        known = night_pages.merchants_with_nights(connection, scope.merchants)
        chosen = merchant if merchant in known else None
        found = night_pages.list_nights(
            connection, scope.merchants, PAGE + 1, merchant=chosen, before=_key(before)
        )  # fmt: skip
    shown = found[:PAGE]
    onward = f"{shown[-1].day}.{shown[-1].id}" if len(found) > PAGE else None
    return NightPage(tuple(shown), tuple(known), onward)


def figures(summary: dict[str, Any] | None) -> dict[str, Figure]:
    """Return the estimates of a night's summary by name.

    >>> figures({"estimates": [{"name": "mean_score", "value": 90.0, "low": None, "high": None, "n": 3, "size": 9}]})[
    ...     "mean_score"
    ... ].value
    90.0
    """
    told = (summary or {}).get("estimates", [])
    return {
        one["name"]: Figure(
            one["name"], one["value"], one["low"], one["high"], one["n"], one["size"],
            one.get("missing", 0), tuple(one.get("notes", ())),
        )
        for one in told
    }  # fmt: skip


def courses(shown: NightLine, up_to: Sequence[NightLine]) -> tuple[Course, ...]:
    """Return each figure of a night with its course; ``up_to``: nights of the merchant, the shown one last."""
    told = [(night, figures(night.summary)) for night in up_to]
    found = []
    for name, figure in figures(shown.summary).items():
        over = tuple(NightOf(night.id, night.day, its[name]) for night, its in told if name in its)
        earlier = [one.figure for one in over if one.night_id != shown.id]
        before = earlier[-1] if earlier else None
        found.append(Course(figure, over, before, before is not None and _apart(figure, before)))
    return tuple(found)


def _apart(one: Figure, other: Figure) -> bool:
    """Whether two intervals do not overlap: a difference that is hardly chance."""
    ends = (one.low, one.high, other.low, other.high)
    if any(end is None for end in ends):
        return False
    low, high, other_low, other_high = (end for end in ends if end is not None)
    return high < other_low or other_high < low


def night_view(engine: Engine, night_id: int) -> NightView:
    """Return what is known of a night; NotFoundError where there is none."""
    with read_tx(engine) as connection:
        night = night_pages.night_by_id(connection, night_id)
        if night is None:
            raise NotFoundError(f"no night {night_id}")
        runs = night_pages.run_times(connection, night_id)
        own = [run.id for run in runs if run.kind is not RunKind.RESCORE]
        names = _names(nights.ruleset_content(connection, night.ruleset)) if night.ruleset else {}
        return NightView(
            night=night,
            runs=tuple(runs),
            strata=tuple(frames.strata_of(connection, night_id)),
            courses=courses(night, night_pages.up_to(connection, night.merchant, night.day, EARLIER)),
            rules=tuple(
                RuleCount(rule, names.get(rule, {}), outcome, number)
                for rule, outcome, number in inspections.rule_counts(connection, own)
            ),
            flags=tuple(inspections.flag_counts(connection, own)),
            broken=tuple(night_pages.broken_chats(connection, own, BROKEN_SHOWN)),
            stages=operation.stages_of(connection, night_id),
            refused=(night.summary or {}).get("model_refused"),
        )


def _names(standard: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Rule → its name in both languages, from a standard as it is stored."""
    return {rule["id"]: rule["name"] for rule in standard["pack"]["rules"]}


def _key(before: str | None) -> tuple[str, int] | None:
    day, _, number = (before or "").partition(".")
    return (day, int(number)) if number.isascii() and number.isdigit() and len(number) < 19 else None  # noqa: PLR2004 - digits of a key
