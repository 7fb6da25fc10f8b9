"""What will go wrong (or very right) in one chat: drawn from the agent's rates before a word is written."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from qa.demo.grammar import chance, pick
from qa.demo.templates import AgentProfile, Archetype, Dialogue, House, Insert, Library, Merchant, Scenario

TIMED = (
    "first-response-slow",
    "substantive-response-slow",
    "complete-answer-slow",
    "average-response-slow",
    "long-gap",
    "next-response-slow",
    "hold-missing",
)
OMITTED = ("greeting-missing", "closing-missing", "rate-invitation-missing", "needs-not-confirmed", "apology-missing")
EXCELLENT = (
    *("excellent-care", "excellent-praise"),
    *("excellent-ownership", "excellent-steps", "excellent-turned-round"),
)
ENDINGS = frozenset({"never-came-back", "unresolved-end", "negative-end", "anger-unanswered", "excellent-turned-round"})
"""Exchanges that are the last words of a chat before the closing words."""
FOLLOWING = frozenset(
    {
        *("first-response-slow-peak", "peak-response-slow", "reply-rate-low", "long-wait-unacknowledged"),
        *("handover-slow", "premature-close", "self-introduction-missing", "plain-you", "addressing-missing"),
        *("low-csat", "repeat-contact", "bare-answer", "thanks-missing"),
    }
)
"""Rules that nobody plans: they follow from the times, the words and the days of what was planned."""
STRUCTURAL_TRAPS = ("late-tip", "sticker-only", "courtesy-after-answer")
"""Traps made of timing and order, not of authored exchanges."""
SOFT = frozenset(
    {
        *("rate-invitation-missing", "followup-missing", "needs-not-confirmed", *EXCELLENT),
        *("repeat-contact", "plain-you", "self-introduction-missing", "repeat-contact-said", "customer-corrects"),
        *("vague-promise", "over-familiar", "internal-jargon"),
    }
)
"""Rules whose firing does not make a chat a problem chat."""
_MAX_INSERTS = 2
_NEVER_BACK = {"apology-missing", "closing-missing", "rate-invitation-missing"}
"""What may be missing even at night when nobody comes back to say goodbye."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The faults, traps and ornaments of one chat. Rule ids name what is planted; all else must stay clean."""

    timed: str = ""
    omitted: frozenset[str] = frozenset()
    inserted: tuple[str, ...] = ()
    unanswered: bool = False
    followup_missing: bool = False
    trap: str = ""
    bot: bool = False
    transfer_event: bool = True
    sides: int = 0

    @property
    def last_words(self) -> str:
        """The exchange that ends this chat; empty where it ends as usual."""
        return next((rule for rule in self.inserted if rule in ENDINGS), "")

    @property
    def silenced(self) -> bool:
        """Whether the agent never says sorry."""
        return "apology-missing" in self.omitted or "empathy-missing" in self.inserted

    @property
    def faulty(self) -> bool:
        """Whether anything but an ornament is planted."""
        bad = self.timed or self.omitted or self.unanswered or self.followup_missing
        return bool(bad) or any(rule not in EXCELLENT for rule in self.inserted)


def rates(house: House, agent: AgentProfile, *, busy: bool) -> dict[str, float]:
    """Return the probability of each rule for this agent; on a ``busy`` day haste counts double."""
    kind = house.archetype[agent.kind]
    return {rule: min(rate * _factor(kind, house.group[rule], busy=busy), 0.9) for rule, rate in house.rates.items()}


def _factor(kind: Archetype, group: str, *, busy: bool) -> float:
    factors: Mapping[str, float] = {
        "haste": kind.haste * (1.8 if busy else 1.0),
        "script": kind.script,
        "temper": kind.temper,
        "sales": kind.sales,
        "care": kind.care,
    }
    return factors[group]


def draw(
    rng: random.Random,
    *,
    odds: Mapping[str, float],
    scenario: Scenario,
    skeleton: Dialogue,
    library: Library,
    merchant: Merchant,
) -> Plan:
    """Return a plan whose parts can live together in ``skeleton``."""
    hit = [rule for rule, rate in odds.items() if rng.random() < rate]
    rng.shuffle(hit)
    complaint = any("!" in line.marks for line in skeleton)
    plan = Plan(
        timed=next((rule for rule in hit if rule in TIMED), ""),
        omitted=frozenset(rule for rule in hit if rule in OMITTED and (rule != "apology-missing" or complaint)),
        inserted=_insertable([rule for rule in hit if rule in library.plants and rule not in EXCELLENT], complaint),
        unanswered="unanswered" in hit,
        followup_missing="followup-missing" in hit,
        bot=scenario.bot or chance(rng, 0.3),
        transfer_event=chance(rng, 0.8),
        sides=pick(rng, (0, 0, 1, 1, 1, 2, 2, 3)),
    )
    plan = _reconcile(_last_words(plan), scenario, skeleton)
    if not plan.faulty:
        merits = _insertable([rule for rule in EXCELLENT if rule in hit], complaint)
        trap = _trap(rng, library, merchant, scenario)
        plan = replace(plan, inserted=merits, trap=trap)
        if plan.last_words and trap in STRUCTURAL_TRAPS:
            plan = replace(plan, trap="")
    return plan


def _insertable(hit: Sequence[str], complaint: bool) -> tuple[str, ...]:
    """Return the exchanges to insert: few, and only one that ends the chat.

    Distress that nobody answers cannot be told from anger that nobody answers, so a ``complaint`` leaves it out.
    """
    chosen: list[str] = []
    for rule in hit:
        ends = rule in ENDINGS and not ENDINGS.isdisjoint(chosen)
        if not ends and not (complaint and rule == "empathy-missing"):
            chosen.append(rule)
    return tuple(chosen[:_MAX_INSERTS])


def _last_words(plan: Plan) -> Plan:
    """Return the plan with what follows from the way in which the chat ends."""
    omitted, timed = set(plan.omitted), plan.timed
    if plan.last_words == "never-came-back":
        omitted |= {"closing-missing", "rate-invitation-missing"}
        timed = timed if timed in {"", "first-response-slow"} else ""
    elif {"begging-for-rating", "red-review-bribe"} & set(plan.inserted):  # whoever asks for stars invites to rate
        omitted -= {"closing-missing", "rate-invitation-missing"}
    if plan.last_words == "anger-unanswered":
        omitted.add("apology-missing")
    unanswered = plan.unanswered and not plan.last_words
    return replace(plan, omitted=frozenset(omitted), timed=timed, unanswered=unanswered)


def _reconcile(plan: Plan, scenario: Scenario, skeleton: Dialogue) -> Plan:
    """Drop what cannot be told apart from something else in the same chat."""
    omitted = set(plan.omitted)
    timed, unanswered = plan.timed, plan.unanswered
    if any(line.speaker == "G" for line in skeleton) or scenario.start == "night":
        omitted &= {"apology-missing"} if plan.last_words != "never-came-back" else _NEVER_BACK
        timed, unanswered = "", False
    if unanswered:
        omitted -= {"closing-missing", "rate-invitation-missing"}
        timed = timed if timed in {"", "first-response-slow"} else ""
    if "closing-missing" in omitted:
        omitted.add("rate-invitation-missing")
    if timed == "substantive-response-slow":
        omitted -= {"greeting-missing", "needs-not-confirmed"}
    if not any("?" in line.marks for line in skeleton):
        omitted -= {"needs-not-confirmed"}
    bot = plan.bot and scenario.start == "any" and "needs-not-confirmed" not in omitted
    sides = 0 if timed == "complete-answer-slow" else plan.sides
    return replace(plan, omitted=frozenset(omitted), timed=timed, unanswered=unanswered, bot=bot, sides=sides)


def _trap(rng: random.Random, library: Library, merchant: Merchant, scenario: Scenario) -> str:
    if chance(rng, 0.05) and scenario.start == "any":
        return pick(rng, STRUCTURAL_TRAPS)
    if chance(rng, 0.13):
        fitting: tuple[Insert, ...] = tuple(t for t in library.traps if not t.merchants or merchant.id in t.merchants)
        return pick(rng, fitting).name
    return ""
