"""The demo month: chats in the canonical JSON form, each with its scenario and the truth about its faults."""

from __future__ import annotations

import random
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, timezone
from functools import cache
from typing import Any

from qa.demo import voice, volume
from qa.demo.compose import MAX_LINES, Line, Stage, asks_early, asks_twice, compose, looks_asking
from qa.demo.following import acknowledge, by_words, unacknowledged
from qa.demo.grammar import Speech, chance, pick
from qa.demo.plan import EXCELLENT, SOFT, Plan, draw, rates
from qa.demo.templates import AgentProfile, Library, Merchant, Scenario, library
from qa.demo.timing import PEAK_HOURS, Clock, NoTimesError, Pace, clock

LOCAL = timezone(timedelta(hours=8))
"""Asia/Shanghai; it has had no summer time since 1991."""
LOW_CSAT = 2
_PLANS = 40
_BOT_TRIES = 3
"""After so many plans that do not fit, the bot is left out."""
_REPEAT = timedelta(hours=72)
_ACKNOWLEDGED = 0.35
"""Share of chats in which the agent has a word for those whom the answer kept waiting long."""
_CONTRADICTED = {
    "empathy-missing": re.compile("理解|放心|别急|别担心|不着急|抱歉|对不起|消消气"),
    "refund-points-missing": re.compile("到账|原路|账户|工作日|退回|余额|卡上|银行"),
    "refund-no-term": re.compile("退款|退货|补发|补寄|换新|换货|换发|重发|退给|退您"),
    "escalation-vague": re.compile("转接"),
    "human-request-unmet": re.compile("转接"),
}
"""Words which, said by anybody but the customer elsewhere in the chat, would undo what is planted."""
_TIERS = ("普通", "普通", "普通", "普通", "银卡", "银卡", "金卡", "vip")


@dataclass(frozen=True, slots=True)
class PlantedItem:
    """A rule that this chat truly breaks (or earns), and the turns that show it; no turns for an absence."""

    rule: str
    turns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Planted:
    """A generated chat and the truth about it. What is not in ``planted`` is not in the chat."""

    chat: dict[str, Any]
    scenario: str
    planted: tuple[PlantedItem, ...]
    traps: tuple[str, ...]


@dataclass(slots=True)
class _Shop:
    """A merchant at work: who has written lately, and how many chats the day has had."""

    merchant: Merchant
    recent: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=150))
    customers: int = 0
    begun: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    """When the chats of each customer began."""


def _digits(count: int) -> Callable[[random.Random], str]:
    def make(rng: random.Random) -> str:
        return str(int(rng.random() * 9 * 10 ** (count - 1)) + 10 ** (count - 1))

    return make


_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"

_MAKERS: Mapping[str, Callable[[random.Random], str]] = {
    "d2": _digits(2),
    "d4": _digits(4),
    "d6": _digits(6),
    "n": lambda rng: str(2 + int(rng.random() * 8)),
    "day": lambda rng: str(1 + int(rng.random() * 28)),
    "hour": lambda rng: str(9 + int(rng.random() * 12)),
    "money": lambda rng: str(5 + int(rng.random() * 60)),
    "height": lambda rng: str(152 + int(rng.random() * 36)),
    "weight": lambda rng: str(84 + int(rng.random() * 90)),
    "surname": lambda rng: pick(rng, tuple(_SURNAMES)),
    "order": lambda rng: "26" + str(10**12 + int(rng.random() * 9 * 10**12)),
}


def generate(seed: int, start: date = date(2026, 10, 1), days: int = 30, chats: int = 6_300) -> Iterator[Planted]:
    """Yield ``chats`` chats of all merchants over ``days`` days from ``start``, in order of day, merchant and time.

    Pure: the same arguments give the same chats.
    """
    books = library()
    rng = random.Random(seed)  # noqa: S311 - a reproducible demo, not a secret
    plan = volume.counts(books.house.merchant, start, days, chats)
    shops = {merchant.id: _Shop(merchant) for merchant in books.house.merchant}
    for (day, merchant_id), count in plan.items():
        busy = day == volume.promotion_day(start, days)
        shop = shops[merchant_id]
        for number, second in enumerate(volume.starts(shop.merchant.hours, count, rng), 1):
            chat_id = f"{shop.merchant.prefix}-{day:%Y%m%d}-{number:04d}"
            yield _one(books, shop, chat_id, day, second, busy=busy, rng=rng)


def is_clean(planted: Planted) -> bool:
    """Return whether nothing but soft rules (see ``plan.SOFT``) is planted."""
    return all(item.rule in SOFT for item in planted.planted)


def _one(
    books: Library, shop: _Shop, chat_id: str, day: date, second: int, *, busy: bool, rng: random.Random
) -> Planted:
    """Return one chat: draw a scenario and a plan until the lines and the seconds can carry it."""
    merchant = shop.merchant
    opens, closes = volume.open_seconds(merchant.hours)
    night = not opens <= second < closes
    second = second if night else _off_the_edge(second)
    agent = _agent(merchant, opens if night else second, rng)
    odds = rates(books.house, agent, busy=busy)
    kind = books.house.archetype[agent.kind]
    peak = night or second // 3600 in PEAK_HOURS
    for attempt in range(_PLANS):
        scenario = _scenario(merchant, second, rng, night=night, busy=busy)
        skeleton = pick(rng, scenario.skeletons)
        plan = draw(
            rng,
            odds=odds if attempt < _PLANS // 2 else {},
            scenario=scenario,
            skeleton=skeleton,
            library=books,
            merchant=merchant,
        )
        if attempt > _BOT_TRIES and not scenario.bot:
            plan = replace(plan, bot=False)
        stage = _stage(books, merchant, agent, scenario=scenario, plan=plan, rng=rng)
        lines = compose(stage, skeleton)
        if not _fits(lines, plan):
            continue
        try:
            times = clock(lines, Pace(kind.seconds * (1.3 if busy else 1.0), peak, plan.timed, second), rng)
        except NoTimesError:
            continue
        if chance(rng, _ACKNOWLEDGED):
            acknowledge(stage, lines, times)
        if unacknowledged(lines, times) is None:
            continue
        return _finish(shop, _Case(chat_id, day, second, scenario, agent, plan, lines, times), rng)
    raise NoTimesError(f"no plan fits {chat_id}")


def _fits(lines: Sequence[Line], plan: Plan) -> bool:
    if len(lines) > MAX_LINES or ("repeated-question" not in plan.inserted and asks_twice(lines)):
        return False
    if any(_CONTRADICTED[rule].search(line.text) for rule in _undoable(plan) for line in _others(lines, rule)):
        return False
    if "needs-not-confirmed" in plan.omitted:
        return not looks_asking(lines)
    return asks_early(lines)


def _undoable(plan: Plan) -> list[str]:
    return [rule for rule in plan.inserted if rule in _CONTRADICTED]


def _others(lines: Sequence[Line], rule: str) -> Iterator[Line]:
    """Yield the lines by anybody but the customer that do not show ``rule`` themselves."""
    started = False
    for line in lines:
        started = started or line.role == "agent"
        if started and line.role in {"agent", "system"} and rule not in line.rules:
            yield line


def _off_the_edge(second: int) -> int:
    """Move a start that would let the first wait open on either side of a peak hour's edge."""
    minutes = second // 60
    near = any(edge * 60 - 6 <= minutes < edge * 60 for edge in (PEAK_HOURS.start, PEAK_HOURS.stop))
    return second + 360 if near else second


def _agent(merchant: Merchant, second: int, rng: random.Random) -> AgentProfile:
    hour = second // 3600
    shift = "night" if hour < 8 or hour >= 23 else "day" if hour < 17 else "late"  # noqa: PLR2004 - hours of a day
    on_duty = tuple(agent for agent in merchant.agents if shift in agent.shift.split())
    return pick(rng, on_duty or merchant.agents)


def _scenario(merchant: Merchant, second: int, rng: random.Random, *, night: bool, busy: bool) -> Scenario:
    options, weights = _menu(merchant.id, 9 <= second // 3600 < 15, night, busy)  # noqa: PLR2004 - room to return
    return rng.choices(options, cum_weights=weights)[0]


@cache
def _menu(merchant: str, early: bool, night: bool, busy: bool) -> tuple[tuple[Scenario, ...], tuple[float, ...]]:
    allowed = {"night"} if night else {"any", "early"} if early else {"any"}
    options = tuple(
        s for s in library().scenarios if s.start in allowed and (not s.merchants or merchant in s.merchants)
    )
    total, edges = 0.0, []
    for scenario in options:
        total += scenario.weight * (scenario.promotion if busy else 1.0)
        edges.append(total)
    return options, tuple(edges)


def _stage(
    books: Library, merchant: Merchant, agent: AgentProfile, *, scenario: Scenario, plan: Plan, rng: random.Random
) -> Stage:
    facts = {name: pick(rng, values) for name, values in merchant.facts.items()}
    facts |= {"shop": merchant.name, "agent": agent.name, "p": pick(rng, agent.particles)}
    facts["number"] = _MAKERS["order"](rng)
    silenced = frozenset({"sorry"}) if plan.silenced else frozenset()
    speech = Speech(rng, scenario.pools, facts, _MAKERS, silenced)
    return Stage(speech, books, merchant, agent, plan, rng, pick(rng, voice.STYLES))


@dataclass(frozen=True, slots=True)
class _Case:
    """All that is decided about one chat before it is written down."""

    chat_id: str
    day: date
    second: int
    scenario: Scenario
    agent: AgentProfile
    plan: Plan
    lines: Sequence[Line]
    times: Clock


def _finish(shop: _Shop, case: _Case, rng: random.Random) -> Planted:
    merchant, scenario, agent, plan, lines = shop.merchant, case.scenario, case.agent, case.plan, case.lines
    instants = _instants(merchant, case)
    customer, earlier = _customer(shop, case.day, instants[0], rng)
    turns = [i for i, line in enumerate(lines) if line.role != "gap"]
    planted = _planted(plan, lines, case.times, turns)
    csat = _csat(planted, scenario, rng)
    ended = instants[turns[-1]]
    followups, missing = _followups(ended, plan, rng)
    planted = planted | missing | ({"low-csat": ()} if csat is not None and csat <= LOW_CSAT else {})
    planted = planted | ({"repeat-contact": ()} if earlier else {})
    bad = sum(rule not in SOFT for rule in planted)
    resolved = rng.random() < scenario.resolved - 0.15 * bad
    chat: dict[str, Any] = {
        "id": case.chat_id,
        "merchant": merchant.id,
        "channel": rng.choices(tuple(merchant.channels), tuple(merchant.channels.values()))[0],
        "agent": {"id": agent.id, "name": agent.name, "team": agent.team},
        "customer": customer,
        "started_at": instants[turns[0]].isoformat(),
        "ended_at": ended.isoformat(),
        "escalated": rng.random() < 0.01 + 0.05 * bad - 0.08 * scenario.mood,
        "category": scenario.category,
        "tags": [tag for tag in scenario.tags if chance(rng, 0.8)],
        "outcome": _outcome(scenario, plan, rng, resolved=resolved),
        "followups": followups,
        "messages": [_message(i, lines[k], instants[k]) for i, k in enumerate(turns, 1)],
    }
    if csat is not None:
        chat["csat"] = csat
    items = tuple(PlantedItem(rule, planted[rule]) for rule in sorted(planted))
    traps = dict.fromkeys((*scenario.traps, *((plan.trap,) if plan.trap else ())))
    return Planted(chat, scenario.id, items, tuple(traps))


def _instants(merchant: Merchant, case: _Case) -> list[datetime]:
    """Return the local instant of every line; what a customer leaves at night waits for the opening hour."""
    times, lines = case.times, case.lines
    midnight = datetime.combine(case.day, time(), LOCAL)
    left = midnight + timedelta(seconds=case.second)
    if case.scenario.start != "night":
        return [left + timedelta(seconds=at) for at in times.at]
    opens, _ = volume.open_seconds(merchant.hours)
    opening = midnight + timedelta(seconds=opens, days=0 if case.second < opens else 1)
    first_agent = next(i for i, line in enumerate(lines) if line.role == "agent")
    opening -= timedelta(seconds=times.at[times.waits[0].opened])
    return [(left if i < first_agent else opening) + timedelta(seconds=at) for i, at in enumerate(times.at)]


def _planted(plan: Plan, lines: Sequence[Line], times: Clock, turns: Sequence[int]) -> dict[str, tuple[int, ...]]:
    index = {k: i for i, k in enumerate(turns)}
    found: dict[str, tuple[int, ...]] = dict.fromkeys(plan.omitted - {"apology-missing"}, ())
    for rule, where in (times.broken | by_words(lines) | (unacknowledged(lines, times) or {})).items():
        found[rule] = tuple(index[k] for k in where)
    for k in turns:
        for rule in lines[k].rules:
            found[rule] = tuple(sorted({*found.get(rule, ()), index[k]}))
    return found


def _csat(planted: Mapping[str, object], scenario: Scenario, rng: random.Random) -> int | None:
    """Return the rating, or None: half of the customers do not rate."""
    bad = sum(rule not in SOFT for rule in planted)
    red = any(rule.startswith("red-") for rule in planted)
    if rng.random() < 0.55 - 0.1 * (bad > 0):
        return None
    if any(rule in planted for rule in EXCELLENT):
        return 5
    mood = 4.75 - 0.75 * bad - 1.2 * red + scenario.mood + rng.gauss(0, 0.55)
    return max(1, min(5, round(mood)))


def _followups(
    ended: datetime, plan: Plan, rng: random.Random
) -> tuple[list[dict[str, str]], dict[str, tuple[int, ...]]]:
    if not plan.followup_missing:
        after = timedelta(seconds=300 + int(rng.random() ** 2 * 70_000))
        kinds: tuple[str, ...] = ("survey", "survey", "survey", "call")
        if "callback-missing" in plan.inserted:
            kinds = ("survey",)
        elif plan.trap == "callback-kept":
            kinds = ("call",)
        return [{"at": (ended + after).isoformat(), "kind": pick(rng, kinds)}], {}
    late = timedelta(seconds=90_000 + int(rng.random() * 120_000))
    followups = [{"at": (ended + late).isoformat(), "kind": "survey"}] if chance(rng, 0.3) else []
    return followups, {"followup-missing": ()}


def _customer(shop: _Shop, day: date, now: datetime, rng: random.Random) -> tuple[dict[str, str], bool]:
    """Return a customer, and whether this one has written within three days; one in seven has written lately."""
    known = [(who, tier) for who, tier in shop.recent if shop.begun[who][-1] < now] if chance(rng, 0.14) else []
    if known:
        who, tier = pick(rng, known)
    else:
        shop.customers += 1
        who, tier = f"{shop.merchant.prefix}u{day:%m}{shop.customers:05d}", pick(rng, _TIERS)
    earlier = any(now - begun <= _REPEAT for begun in shop.begun[who])
    shop.recent.append((who, tier))
    shop.begun[who].append(now)
    return {"id": who, "tier": tier}, earlier


def _outcome(scenario: Scenario, plan: Plan, rng: random.Random, *, resolved: bool) -> dict[str, Any]:
    outcome: dict[str, Any] = {"resolved": resolved}
    if scenario.converts:
        converted = rng.random() < scenario.converts * (0.5 if plan.faulty else 1.0)
        outcome["converted"] = converted
        if converted:
            outcome["order_amount"] = round(39 + rng.random() ** 2 * 900, 2)
    return outcome


def _message(number: int, line: Line, at: datetime) -> dict[str, Any]:
    message: dict[str, Any] = {"id": f"m{number}", "role": line.role, "at": at.isoformat(), "text": line.text}
    if line.kind != "text":
        message["kind"] = line.kind
    if line.withdrawn:
        message["withdrawn"] = True
    if line.private:
        message["private"] = True
    return message
