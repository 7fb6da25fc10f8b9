"""The seconds of one chat, drawn so that exactly the planned rules of timeliness are broken.

Times are drawn, measured, and drawn again until the figures leave no doubt: nothing lies near a limit whose exact
reading (where a chat's answer is complete, whether a word is a courtesy) could decide between broken and kept.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qa.demo.compose import Line

FIRST_LIMIT, FIRST_LIMIT_PEAK = 30, 15
SUBSTANTIVE_LIMIT, COMPLETE_LIMIT, AVERAGE_LIMIT, GAP_LIMIT = 180, 600, 60, 300
HOLD_LIMIT, NEXT_LIMIT, NEXT_LIMIT_PEAK, TAKEOVER_LIMIT, CLOSE_LIMIT = 60, 180, 120, 60, 600
REPLY_RATE = 0.8
PEAK_HOURS = range(9, 12)
_TRIES = 60
_ONE_LATE = {"long-gap": (325, 900), "next-response-slow": (183, 296), "hold-missing": (63, 176)}
"""Seconds of the one late answer of these plans."""
_CHASED = (64, 150)
"""Seconds of a wait in which the customer writes again to ask whether anybody is there."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast this chat goes: seconds usually needed to answer, whether the first wait opens in peak hours."""

    seconds: float
    peak: bool
    timed: str
    second: int = 0
    """Local second of the day of the first line."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait of the customer, in turns (indexes of lines) and seconds."""

    opened: int
    closed: int | None
    response: int
    substantive_turn: int | None = None
    substantive: int | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds of each line after the first one, its waits, and the planted rules of timeliness with their turns."""

    at: tuple[int, ...]
    waits: tuple[Wait, ...]
    broken: dict[str, tuple[int, ...]]


class NoTimesError(RuntimeError):
    """The plan cannot be kept with these lines; the caller plans again."""


def clock(lines: Sequence[Line], pace: Pace, rng: random.Random) -> Clock:
    """Return times for ``lines`` that break ``pace.timed`` (and what follows from it), and nothing else."""
    for attempt in range(_TRIES):
        at = _draw(lines, pace, rng, shrink=0.94 ** max(0, attempt - 3))
        waits = _waits(lines, at)
        broken = _judge(lines, at, waits, peak=pace.peak)
        later = _judge_later(lines, at, waits, pace.second)
        if broken is not None and later is not None and _as_planned(broken, later, pace):
            return Clock(tuple(at), waits, broken | later)
    raise NoTimesError(pace.timed)


def _as_planned(broken: Mapping[str, object], later: Mapping[str, object], pace: Pace) -> bool:
    late = set(broken) - {"unanswered"}
    if pace.timed in {"hold-missing", "next-response-slow"}:
        return not late and pace.timed in later
    if not pace.timed:
        return not late
    wanted = f"{pace.timed}-peak" if pace.timed == "first-response-slow" and pace.peak else pace.timed
    follows = {"average-response-slow", "complete-answer-slow"}
    if pace.timed == "average-response-slow":
        follows |= {"long-gap"}
    return wanted in late and late - {wanted} <= follows


def _between(rng: random.Random, low: float, high: float) -> int:
    return int(low + (high - low) * rng.random() ** 1.5)


def _response(rng: random.Random, pace: Pace, order: int, slow: int) -> int:
    """Return the seconds of wait number ``order``; ``slow`` is the wait chosen for a long gap."""
    if order == 0:
        if pace.timed == "first-response-slow":
            return _between(rng, 18, 90) if pace.peak else _between(rng, 34, 160)
        return _between(rng, 2, 14) if pace.peak else _between(rng, 3, min(8 + pace.seconds, 28))
    if pace.timed == "average-response-slow":
        return _between(rng, 90, 240)
    if order == slow and pace.timed in _ONE_LATE:
        return _between(rng, *_ONE_LATE[pace.timed])
    return _between(rng, 4, min(10 + 1.6 * pace.seconds, 58))


def _draw(lines: Sequence[Line], pace: Pace, rng: random.Random, shrink: float) -> list[int]:
    at = [0] * len(lines)
    now, open_at, order = 0, -1, 0
    pending: list[int] = []
    last = -1
    slow = 1 + int(rng.random() * 2)
    for i, line in enumerate(lines):
        if line.role == "gap":
            now += _between(rng, 9_300, 15_000)
            at[i], last = now, -1
            continue
        if line.opens or _opens(line):
            if open_at >= 0:
                pending.append(i)
                continue
            now += 1 + (0 if i == 0 or line.role == "system" else _think(rng, line, lines, last, shrink))
            open_at, pending = now, []
        elif line.role == "agent" and line.visible and open_at >= 0:
            chased = any("W" in lines[k].marks for k in pending)
            now = open_at + (_between(rng, *_CHASED) if chased else _response(rng, pace, order, slow))
            _spread(at, pending, open_at, now)
            open_at, order, pending = -1, order + 1, []
        elif open_at >= 0:
            pending.append(i)
            continue
        else:
            now += (
                0 if i == 0 else _pause(rng, line, lines[last] if last >= 0 else None, timed=pace.timed, shrink=shrink)
            )
        at[i], last = now, i
    for i in pending:
        now += _between(rng, 300, 800) if lines[i].kind == "closed" else _between(rng, 3, 20)
        at[i] = now
    return at


def _opens(line: Line) -> bool:
    return line.role == "customer" and line.visible and not line.with_bot and "-" not in line.marks


def _spread(at: list[int], pending: list[int], opened: int, closed: int) -> None:
    for k, i in enumerate(pending, 1):
        at[i] = opened + (closed - opened) * k // (len(pending) + 1)


def _think(rng: random.Random, line: Line, lines: Sequence[Line], last: int, shrink: float) -> int:
    if last < 0:
        return 0
    if lines[last].role == "customer":
        return _between(rng, 2, 12)
    return max(1, int(_between(rng, 5, 18 + min(len(line.text), 25)) * shrink))


def _pause(rng: random.Random, line: Line, before: Line | None, *, timed: str, shrink: float) -> int:
    """Return the seconds before a line that ends no wait and opens none; ``before`` is the line spoken last."""
    low, high, least = 4.0, 22.0, 2
    if "L" in line.marks:
        low, high, shrink = 1_300, 5_400, 1
    elif "S" in line.marks:
        low, high, shrink = 50, 100, 1
    elif line.kind == "closed":
        low, high, shrink = 20, 200, 1
    elif line.role in {"bot", "system"}:
        low, high, shrink = 1, 3, 1
    elif line.role == "customer":
        high = 40
    elif before is not None and "H" in before.marks:
        low, high, shrink = (200, 420, 1) if timed == "substantive-response-slow" else (580, 900, 1)
    elif before is not None and "~" in before.marks:
        low, high, least = 12, 50, 6
    return max(least, int(_between(rng, low, high) * shrink))


def _waits(lines: Sequence[Line], at: Sequence[int]) -> tuple[Wait, ...]:
    found: list[Wait] = []
    opened = -1
    for i, line in enumerate(lines):
        if opened < 0 and (line.opens or _opens(line)):
            opened = i
        elif opened >= 0 and line.role == "agent" and line.visible:
            turn = _next_real(lines, i)
            seconds = None if turn is None else at[turn] - at[opened]
            found.append(Wait(opened, i, at[i] - at[opened], turn, seconds))
            opened = -1
    if opened >= 0:
        found.append(Wait(opened, None, 0))
    return tuple(found)


def _next_real(lines: Sequence[Line], start: int) -> int | None:
    turns = (i for i in range(start, len(lines)) if lines[i].role == "agent" and lines[i].visible)
    return next((i for i in turns if "~" not in lines[i].marks), None)


def _answer_ends(lines: Sequence[Line]) -> tuple[int, int]:
    """Return the earliest and the latest agent turn that may be called the end of the answer."""
    stop = next((i for i, line in enumerate(lines) if line.role == "gap"), len(lines))
    stop = next((i for i in range(stop) if "L" in lines[i].marks), stop)
    turns = [i for i in range(stop) if lines[i].role == "agent" and lines[i].visible]
    thanks = [i for i in range(turns[0], stop) if lines[i].role == "customer" and set("-M") & set(lines[i].marks)]
    early = [i for i in turns if not thanks or i < thanks[0]]
    return early[-1], turns[-1]


def _judge(
    lines: Sequence[Line], at: Sequence[int], waits: tuple[Wait, ...], *, peak: bool
) -> dict[str, tuple[int, ...]] | None:
    """Return the rules broken, or None where a figure is too near its limit to be sure."""
    broken: dict[str, tuple[int, ...]] = {}
    closed = [wait for wait in waits if wait.closed is not None]
    first = waits[0]
    unanswered = tuple(wait.opened for wait in waits if wait.closed is None)
    if unanswered:
        broken["unanswered"] = unanswered
    if first.closed is None or first.substantive is None or first.substantive_turn is None:
        return None
    limit, rule = (FIRST_LIMIT_PEAK, "first-response-slow-peak") if peak else (FIRST_LIMIT, "first-response-slow")
    if first.response > limit:
        broken[rule] = (first.opened, first.closed)
    if first.substantive > SUBSTANTIVE_LIMIT:
        broken["substantive-response-slow"] = (first.opened, first.substantive_turn)
    longest = max(closed, key=lambda wait: wait.response)
    if longest.response > GAP_LIMIT and longest.closed is not None:
        broken["long-gap"] = (longest.opened, longest.closed)
    certain = [wait for wait in closed if not set("Mm") & set(lines[wait.opened].marks)] or closed
    mean, other_mean = (sum(wait.response for wait in some) / len(some) for some in (closed, certain))
    early, late = _answer_ends(lines)
    spans = (at[early] - at[first.opened], at[late] - at[first.opened])
    doubtful = (
        _doubtful(mean, AVERAGE_LIMIT, 8),
        (mean > AVERAGE_LIMIT) != (other_mean > AVERAGE_LIMIT),
        (longest.response > GAP_LIMIT) != any(wait.response > GAP_LIMIT for wait in certain),
        (spans[0] <= COMPLETE_LIMIT + 10) != (spans[1] <= COMPLETE_LIMIT - 10),
    )
    if any(doubtful):
        return None
    if mean > AVERAGE_LIMIT:
        broken["average-response-slow"] = tuple(wait.closed for wait in closed if wait.closed is not None)
    if spans[0] > COMPLETE_LIMIT:
        broken["complete-answer-slow"] = (first.opened, early)
    return broken


def _judge_later(
    lines: Sequence[Line], at: Sequence[int], waits: tuple[Wait, ...], second: int
) -> dict[str, tuple[int, ...]] | None:
    """Return what is broken after the first answer, or None where a consent that may be a courtesy would decide it."""
    certain = tuple(wait for wait in waits if not set("Mm") & set(lines[wait.opened].marks))
    broken, other = (_broken_later(some, at, second) for some in (waits, certain))
    if broken.keys() != other.keys():
        return None
    return broken | _taken_over(lines, at) | _closed_early(lines, at, waits)


def _broken_later(waits: Sequence[Wait], at: Sequence[int], second: int) -> dict[str, tuple[int, ...]]:
    later = [wait for wait in waits[1:] if wait.closed is not None]
    peak = [wait for wait in later if (second + at[wait.opened]) % 86_400 // 3600 in PEAK_HOURS]
    longest = max((wait.response for wait in later), default=0)
    prompt = sum(wait.closed is not None and wait.response <= NEXT_LIMIT for wait in waits)
    found = {
        "hold-missing": [wait for wait in later if wait.response > HOLD_LIMIT],
        "next-response-slow": [w for w in later if w.response > NEXT_LIMIT] if longest <= GAP_LIMIT else [],
        "peak-response-slow": [w for w in peak if w.response > NEXT_LIMIT_PEAK] if longest <= NEXT_LIMIT else [],
        "reply-rate-low": [w for w in waits if w.closed is None or w.response > NEXT_LIMIT]
        if prompt < REPLY_RATE * len(waits)
        else [],
    }
    return {rule: tuple(wait.opened for wait in some) for rule, some in found.items() if some}


def _taken_over(lines: Sequence[Line], at: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Return the hand-overs from person to person after which nobody spoke in time."""
    handed = []
    for i in handed_over(lines):
        taker = next((k for k in range(i, len(lines)) if lines[k].role == "agent" and lines[k].visible), None)
        if taker is None or at[taker] - at[i] > TAKEOVER_LIMIT:
            handed.append(i)
    return {"handover-slow": tuple(handed)} if handed else {}


def handed_over(lines: Sequence[Line]) -> list[int]:
    """Return the lines that hand the chat on after a person has spoken."""
    spoken = next((i for i, line in enumerate(lines) if line.role == "agent" and line.visible), len(lines))
    return [i for i in range(spoken, len(lines)) if lines[i].kind == "transfer"]


def _closed_early(lines: Sequence[Line], at: Sequence[int], waits: Sequence[Wait]) -> dict[str, tuple[int, ...]]:
    """Return the question that was open when the chat was closed, within minutes of the last word."""
    if lines[-1].kind != "closed" or waits[-1].closed is not None:
        return {}
    last = max(i for i, line in enumerate(lines) if line.visible)
    return {"premature-close": (waits[-1].opened,)} if 0 < at[-1] - at[last] <= CLOSE_LIMIT else {}


def _doubtful(value: float, limit: float, margin: float) -> bool:
    return limit - margin <= value <= limit + margin
