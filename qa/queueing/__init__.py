"""The queue: flagged chats wait by risk, everybody gets a different one, and a lead sees to it that all are read.

A claim is a lease: it ends by itself after ``LEASE_MINUTES`` unless it is prolonged, by a review, or when it is given
back. A chat is done when somebody has reviewed it; the database notes that itself (a trigger on ``reviews``).
"""

from __future__ import annotations

from qa.queueing.claims import (
    LEASE_MINUTES,
    Claim,
    ClaimHeldError,
    Worker,
    claim,
    claim_next,
    extend,
    release,
    standing,
)
from qa.queueing.filling import Filled, fill
from qa.queueing.leading import (
    MOST,
    MOST_A_DAY,
    REVIEWING,
    Assigned,
    QuotaError,
    assign,
    assign_first,
    reviewers,
    set_quota,
    team_day,
)
from qa.queueing.looking import PAGE, Line, Listed, Row, Today, days_progress, look
from qa.queueing.recutting import Recut, recut
from qa.queueing.saved import FilterNameError, forget, keep

__all__ = [
    "LEASE_MINUTES",
    "MOST",
    "MOST_A_DAY",
    "PAGE",
    "REVIEWING",
    "Assigned",
    "Claim",
    "ClaimHeldError",
    "Filled",
    "FilterNameError",
    "Line",
    "Listed",
    "QuotaError",
    "Recut",
    "Row",
    "Today",
    "Worker",
    "assign",
    "assign_first",
    "claim",
    "claim_next",
    "days_progress",
    "extend",
    "fill",
    "forget",
    "keep",
    "look",
    "recut",
    "release",
    "reviewers",
    "set_quota",
    "standing",
    "team_day",
]
