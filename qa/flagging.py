"""Which inspected chats a person should look at, why, and in what order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from qa.types import FlagReason, Severity

_SEVERITY_RISK = {Severity.CRITICAL: 80.0, Severity.MAJOR: 60.0, Severity.MINOR: 20.0, Severity.INFO: 5.0}
_FLAGGED = (Severity.CRITICAL, Severity.MAJOR)
_RED_LINE_RISK, _BROKEN_RISK, _LOW_SCORE_RISK, _EXCELLENT_RISK, _AUDIT_RISK = 100.0, 95.0, 50.0, 10.0, 5.0
_MORE_RISK = 2.0  # each further serious finding
_MOST_RISK = 90.0  # of a chat with no red line


class Flag(msgspec.Struct, frozen=True):
    """A named reason. ``risk`` (0–100) sorts the queue; ``detail`` names the rule or the figure behind it."""

    reason: FlagReason
    risk: float
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed rule, as far as flagging cares."""

    rule: str
    severity: Severity
    red_line: bool = False


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores (points of 100) below and from which a chat is flagged."""

    low: float
    excellent: float


def flag(
    total: float | None,
    failures: Sequence[Failure],
    bonuses: Sequence[str],
    broken: str | None,
    thresholds: Thresholds,
) -> tuple[Flag, ...]:
    """Return the flags of one chat, the riskiest first; an empty tuple means clean.

    Excellent needs more than the absence of mistakes: a bonus rule hit, no serious failure, and a high score.

    >>> flag(55.0, [Failure("rude", Severity.MAJOR)], [], None, Thresholds(60, 95))[0].reason.value
    'rule_failed'
    """
    flags = []
    voiding = [failure.rule for failure in failures if failure.red_line]
    serious = [failure for failure in failures if not failure.red_line and failure.severity in _FLAGGED]
    if voiding:
        flags.append(Flag(FlagReason.RED_LINE, _RED_LINE_RISK, ",".join(voiding)))
    if broken is not None:
        flags.append(Flag(FlagReason.BROKEN, _BROKEN_RISK, broken))
    if serious:
        worst = max(_SEVERITY_RISK[failure.severity] for failure in serious)
        risk = min(_MOST_RISK, worst + _MORE_RISK * (len(serious) - 1))
        flags.append(Flag(FlagReason.RULE_FAILED, risk, ",".join(failure.rule for failure in serious)))
    if total is not None and total < thresholds.low and not voiding:
        risk = _LOW_SCORE_RISK + (thresholds.low - total) / 4
        flags.append(Flag(FlagReason.LOW_SCORE, round(risk, 2), f"{total:g}"))
    if total is not None and total >= thresholds.excellent and bonuses and not (serious or voiding or broken):
        flags.append(Flag(FlagReason.EXCELLENT, _EXCELLENT_RISK, ",".join(bonuses)))
    return tuple(sorted(flags, key=lambda item: (-item.risk, item.reason.value)))


def audit_flag() -> Flag:
    """Return the flag of a clean chat drawn for blind review."""
    return Flag(FlagReason.AUDIT, _AUDIT_RISK)
