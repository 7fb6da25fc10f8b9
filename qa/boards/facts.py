"""What one inspected chat says for the figures of the boards, and which figures there are.

Definitions (product.md: targets of the KPI board; the timing ledger: everything in seconds; docs/boards.md in words):

* **response**, average response time: seconds of all counted waits over their number. Target: at most 60 s.
* **within_3**, 3-minute reply rate: counted waits answered within 180 s over counted and unanswered waits.
* **fcr**, first-contact resolution: chats that solved the matter and whose customer did not write again within 72 h,
  over chats of which it is known. Solved is what a reviewer said, else what the source says, else what the model
  thinks unless it abstains. Target: at least 75 %.
* **satisfaction**: the customers' ratings from 1 to 5 as points: 1 is 0, 5 is 100. Target: at least 90.
* **escalation**, escalation rate: escalated chats over chats whose source says whether they were. Target: at most 5 %.
* **mean_score**: mean of the total score.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from qa.ledger import Ledger

WITHIN_S = 180.0
"""Seconds of the 3-minute reply rate."""
BACK_HOURS = 72
"""Hours within which a customer who writes again was not helped at the first contact."""
LOW_SCORE = 60.0
"""Below it a score counts as low."""
_WORST, _BEST = 1.0, 5.0
_DISSATISFIED = 50.0  # points: a rating of 1 or 2


class Figure(StrEnum):
    """The figures of the boards, in the order in which they stand."""

    RESPONSE = "response"
    WITHIN_3 = "within_3"
    FCR = "fcr"
    SATISFACTION = "satisfaction"
    ESCALATION = "escalation"
    MEAN_SCORE = "mean_score"


class Kind(StrEnum):
    """What a figure is measured in, which decides its interval."""

    SECONDS = "seconds"
    RATE = "rate"
    POINTS = "points"


class About(NamedTuple):
    """What is wanted of a figure. ``target`` None: nothing is; ``up``: more is better."""

    kind: Kind
    target: float | None
    up: bool


ABOUT: dict[Figure, About] = {
    Figure.RESPONSE: About(Kind.SECONDS, 60.0, up=False),
    Figure.WITHIN_3: About(Kind.RATE, None, up=True),
    Figure.FCR: About(Kind.RATE, 0.75, up=True),
    Figure.SATISFACTION: About(Kind.POINTS, 90.0, up=True),
    Figure.ESCALATION: About(Kind.RATE, 0.05, up=False),
    Figure.MEAN_SCORE: About(Kind.POINTS, None, up=True),
}
RULE = "rule:"
"""Prefix of the sums of chats in which a rule failed; they are divided by those of ``CHATS``."""
CHATS = "chats"
"""The sums that count chats."""


class Fact(NamedTuple):
    """What one inspected chat says; None is unknown. A broken chat says nothing.

    ``waits`` and ``response_s``: counted waits and their seconds; ``due``: counted and unanswered waits; ``in_time``:
    those answered within 180 s. ``solved`` and ``escalated`` are 0 or 1, ``satisfaction`` points from 0 to 100.
    """

    score: float | None = None
    red_line: bool = False
    broken: bool = False
    waits: int = 0
    response_s: float = 0.0
    due: int = 0
    in_time: int = 0
    solved: int | None = None
    satisfaction: float | None = None
    escalated: int | None = None


class Share(NamedTuple):
    """What a chat adds to a figure: ``y`` above the line, ``x`` below it; ``bad``: a case to look at."""

    y: float
    x: float
    bad: bool


def shares(fact: Fact) -> dict[str, Share]:
    """Return what a chat adds to each figure that it says something about.

    >>> shares(Fact(score=80.0, waits=2, response_s=90.0, due=3, in_time=2))["within_3"]
    Share(y=2.0, x=3.0, bad=True)
    >>> sorted(shares(Fact(broken=True, escalated=1)))
    []
    """
    if fact.broken:
        return {}
    found: dict[str, Share] = {}
    if fact.waits:
        found[Figure.RESPONSE] = Share(fact.response_s, float(fact.waits), fact.response_s > 60.0 * fact.waits)
    if fact.due:
        found[Figure.WITHIN_3] = Share(float(fact.in_time), float(fact.due), fact.in_time < fact.due)
    if fact.solved is not None:
        found[Figure.FCR] = Share(float(fact.solved), 1.0, not fact.solved)
    if fact.satisfaction is not None:
        found[Figure.SATISFACTION] = Share(fact.satisfaction, 1.0, fact.satisfaction < _DISSATISFIED)
    if fact.escalated is not None:
        found[Figure.ESCALATION] = Share(float(fact.escalated), 1.0, bool(fact.escalated))
    if fact.score is not None:
        found[Figure.MEAN_SCORE] = Share(fact.score, 1.0, fact.score < LOW_SCORE)
    return found


def points(csat: float | None) -> float | None:
    """Return a rating from 1 to 5 as points; None for none, and for one on another scale.

    >>> points(5), points(4), points(1), points(10), points(None)
    (100.0, 75.0, 0.0, None, None)
    """
    if csat is None or not _WORST <= csat <= _BEST:
        return None
    return (csat - _WORST) / (_BEST - _WORST) * 100.0


def solved(*, said: str | None, source: bool | None, model: str | None, came_back: bool) -> int | None:
    """Return whether the first contact solved the matter (0 or 1), None where nobody knows.

    ``said``: the reviewer's label; ``model``: the model's, None where it abstains. Who came back was not helped.

    >>> solved(said="resolved", source=False, model="unresolved", came_back=False)
    1
    >>> solved(said=None, source=None, model="partly", came_back=False), solved(
    ...     said=None, source=True, model=None, came_back=True
    ... )
    (0, 0)
    >>> solved(said=None, source=None, model=None, came_back=True) is None
    True
    """
    if said is None and source is None and model is None:
        return None
    at_all = said == "resolved" if said is not None else source if source is not None else model == "resolved"
    return int(bool(at_all) and not came_back)


def timing(ledger: Ledger) -> dict[str, float]:
    """Return what the waits of a chat add up to, as the fields of ``Fact``.

    >>> timing(Ledger())
    {'waits': 0, 'response_s': 0.0, 'due': 0, 'in_time': 0}
    """
    counted = [one.response_s for one in ledger.waits if one.counted and one.response_s is not None]
    unanswered = sum(one.unanswered for one in ledger.waits)
    return {
        "waits": len(counted),
        "response_s": float(sum(counted)),
        "due": len(counted) + unanswered,
        "in_time": sum(one <= WITHIN_S for one in counted),
    }
