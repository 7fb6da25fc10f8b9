"""The waits of a chat on a line, to scale, and the course of its sentiment: geometry, in thousandths of the width."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from qa.hours import contains
from qa.ledger import Ledger, Row, Wait, WaitKind
from qa.rules.view import Context
from qa.types import MICROSECONDS, Instant

WIDTH = 1000
FIRST_S, FIRST_PEAK_S = 30.0, 15.0
"""Within how many seconds a first answer is due, off peak and at peak hours (the four-step method)."""
NEXT_S = 180.0
"""… and any other answer."""
_IDLE_S = 300.0  # a silence in which nobody waits is cut from here on
_CUT_S = 45.0  # … to the width of so many seconds


class Tick(NamedTuple):
    """A message on the line."""

    x: float
    turn: int
    role: str


class Bar(NamedTuple):
    """A wait on the line. ``seconds`` None: unanswered; ``limit_s``: when an answer was due."""

    x: float
    width: float
    wait: Wait
    seconds: float | None
    limit_s: float
    late: bool


class Timeline(NamedTuple):
    """All of it. ``cuts``: silences that were shortened; ``scale_s``: the seconds that the width stands for."""

    ticks: tuple[Tick, ...]
    bars: tuple[Bar, ...]
    cuts: tuple[float, ...]
    scale_s: float


class Point(NamedTuple):
    """One turn in the sentiment's course: ``y`` from -1 (negative) to 1 (positive)."""

    x: float
    y: float
    turn: int
    label: str
    probability: float


def timeline(rows: Sequence[Row] | None, ledger: Ledger, context: Context) -> Timeline | None:
    """Return the line; None where no times are known. ``rows`` are those of ``qa.ledger.visible``."""
    if not rows:
        return None
    last = rows[-1][0]
    at_turn = {turn: at for at, turn, _ in rows}
    spans = [(one.opened_at, last if one.closed_turn is None else at_turn[one.closed_turn]) for one in ledger.waits]
    places, cuts, scale = _scale([at for at, _, _ in rows], spans)
    bars = []
    for wait, (start, end) in zip(ledger.waits, spans, strict=True):
        limit = _limit(wait, context)
        late = wait.unanswered or (wait.counted and wait.response_s is not None and wait.response_s > limit)
        x = places[start]
        bars.append(Bar(x, max(places[end] - x, 4.0), wait, wait.response_s, limit, late))
    ticks = tuple(Tick(places[at], turn, message.role.value) for at, turn, message in rows)
    return Timeline(ticks, tuple(bars), cuts, scale)


def _limit(wait: Wait, context: Context) -> float:
    if wait.kind is WaitKind.NEXT:
        return NEXT_S
    peak = context.peak is not None and contains(wait.opened_at, context.peak, context.zone)
    return FIRST_PEAK_S if peak else FIRST_S


def _scale(
    times: Sequence[Instant], waits: Sequence[tuple[Instant, Instant]]
) -> tuple[dict[Instant, float], tuple[float, ...], float]:
    """Instant → place, places of the cuts, seconds of the whole width."""
    at, seconds, cuts = times[0], 0.0, []
    reached = {at: 0.0}
    for following in times[1:]:
        gap = (following - at) / MICROSECONDS
        waited = any(start < following and end > at for start, end in waits)
        if gap > _IDLE_S and not waited:
            cuts.append(seconds + _CUT_S / 2)
            gap = _CUT_S
        seconds += gap
        reached[following] = seconds
        at = following
    whole = seconds or 1.0
    places = {at: round(x / whole * WIDTH, 1) for at, x in reached.items()}
    return places, tuple(round(x / whole * WIDTH, 1) for x in cuts), seconds


def course(opinions: Iterable[Mapping[str, Any]]) -> tuple[Point, ...]:
    """Return the sentiment of the customer's turns in order: probability of positive less that of negative."""
    turns = [one for one in opinions if one["of"] == "sentiment" and one["turn"] is not None]
    step = WIDTH / max(len(turns) - 1, 1)
    return tuple(
        Point(
            round(place * step, 1), round(one["probabilities"][2] - one["probabilities"][0], 3),
            one["turn"], one["label"], one["probability"],
        )
        for place, one in enumerate(sorted(turns, key=lambda one: one["turn"]))
    )  # fmt: skip
