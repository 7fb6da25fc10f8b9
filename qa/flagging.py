"""Which inspected chats a person should look at, why, and in what order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from qa.types import ChatOpinion, FlagReason, Severity

_SEVERITY_RISK = {Severity.CRITICAL: 80.0, Severity.MAJOR: 60.0, Severity.MINOR: 20.0, Severity.INFO: 5.0}
_WORST = {"satisfaction": "dissatisfied", "resolution": "unresolved"}
_FLAGGED = (Severity.CRITICAL, Severity.MAJOR)
_RED_LINE_RISK, _BROKEN_RISK, _LOW_SCORE_RISK, _EXCELLENT_RISK, _AUDIT_RISK = 100.0, 95.0, 50.0, 10.0, 5.0
_MODEL_RISK, _MODEL_UNSURE_RISK = 30.0, 15.0
_MODEL_RISK_SHARE = 25.0  # times the probability
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
    """Scores (points of 100) below and from which a chat is flagged, and the model's probability from which it is."""

    low: float
    excellent: float
    model_risk: float = 0.8


def flag(
    total: float | None,
    failures: Sequence[Failure],
    bonuses: Sequence[str],
    broken: str | None,
    thresholds: Thresholds,
    opinion: ChatOpinion | None = None,
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
    if opinion is not None:
        flags += _by_the_model(opinion, thresholds.model_risk)
    return tuple(sorted(flags, key=lambda item: (-item.risk, item.reason.value)))


def _by_the_model(opinion: ChatOpinion, threshold: float) -> list[Flag]:
    """Flag what the model is sure is bad, or else what it thinks is bad without being sure.

    >>> from qa.types import Opinion
    >>> bad = ChatOpinion(satisfaction=Opinion("dissatisfied", 0.9, (0.9, 0.06, 0.04)))
    >>> _by_the_model(bad, 0.8)[0].detail
    'satisfaction dissatisfied 0.90'
    """
    sure: list[tuple[float, str]] = []
    unsure: list[tuple[float, str]] = []
    for what, one in (("satisfaction", opinion.satisfaction), ("resolution", opinion.resolution)):
        if one is not None and one.label == _WORST[what]:
            told = (one.probability, f"{what} {one.label} {one.probability:.2f}")
            (unsure if one.abstains or one.probability < threshold else sure).append(told)
    if sure:
        risk = _MODEL_RISK + _MODEL_RISK_SHARE * max(sure)[0]
        return [Flag(FlagReason.MODEL_RISK, round(risk, 2), ", ".join(text for _, text in sure))]
    return [Flag(FlagReason.MODEL_UNSURE, _MODEL_UNSURE_RISK, ", ".join(text for _, text in unsure))] if unsure else []


def audit_flag() -> Flag:
    """Return the flag of a clean chat drawn for blind review."""
    return Flag(FlagReason.AUDIT, _AUDIT_RISK)
