"""The ledgers of many chats in columns are those that ``ledger_of`` makes of each, and glances tell what they say."""

from __future__ import annotations

import random
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_bench import make_pack

from qa.hours import DAY, WEEK, contains, parse_hours
from qa.ledger import NO_TIMES, ONE_SIDED, Ledger, LedgerSettings, WaitKind, build_ledger, visible
from qa.rules.base import Judgement, State
from qa.rules.clock import inside
from qa.rules.engine import RuleSet, compile_pack
from qa.rules.reasons import ASK, IS_HIT, MISSED
from qa.rules.timeline import Timeline
from qa.rules.view import Context, View
from qa.rules.waits import Waits
from qa.types import MICROSECONDS, Chat, Followup, Message, Role

ZONE = ZoneInfo("Asia/Shanghai")
PLAIN = LedgerSettings(zone=ZONE, courtesy={"谢谢", "好的"}.__contains__, holding={"稍等", "查询中"}.__contains__)
SHOP = msgspec.structs.replace(PLAIN, business_hours=parse_hours([("09:00", "12:00"), ("13:00", "23:00")]))
BEGUN = 1_790_812_800 * MICROSECONDS  # 2026-10-01 08:00 in Shanghai
PEAK = parse_hours([("08:00", "09:00"), ("13:00", "14:00")])
CONTEXTS = [
    Context(PLAIN, PEAK, ZONE),
    Context(PLAIN, PEAK, ZONE, earlier_chats=(BEGUN - 1,)),
    Context(PLAIN, None, ZONE),
    Context(SHOP, PEAK, ZONE),
]
CONDITIONS = [
    *({"figure": {"figure": name, "over": 30}} for name in ("first_response", "first_substantive", "longest_wait")),
    *({"figure": {"figure": "average_response", "under": 30, "opened": when}} for when in ("any", "peak", "off_peak")),
    {"figure": {"figure": "complete_answer", "over": 180}},
    {"figure": {"figure": "within_rate", "seconds": 30, "under": 0.8}},
    *({"wait": {"over": 30, "hours": when}} for when in ("all", "peak", "off_peak", "business")),
    {"wait": {"over": 60, "first": False, "until": "substantive"}},
    {"unanswered": {"at_least": 1}},
    {"unanswered": {"at_least": 2, "hours": "peak"}},
    {"reopened_wait": {"over": 60}},
    *({"handover": {"over": 60, "by": who}} for who in ("agent", "bot", "any")),
    {"handover": {"unanswered": True}},
    {"left_holding": {}},
    *({"silence_before_end": {"over": 60, "role": who}} for who in ("customer", "agent", "bot", "any")),
    {"premature_close": {}},
    {"premature_close": {"within": 60, "unanswered": False}},
    {"followup": {"within_hours": 1}},
    {"followup": {"within_hours": 24, "kinds": ["survey"], "kind": "call"}},
    {"field": {"field": "csat", "at_most": 2}},
    {"field": {"field": "csat", "known": True}},
    {"earlier_chats": {"within_hours": 72, "at_least": 1}},
    {"opinion": {"of": "resolution", "is": "unresolved"}},
]

TEXTS = {Role.CUSTOMER: ["在吗", "谢谢", "好的"], Role.AGENT: ["在的", "稍等", "查询中"], Role.BOT: ["您好"]}
ROLES = [Role.CUSTOMER] * 4 + [Role.AGENT] * 4 + [Role.BOT, Role.SYSTEM]
STEPS = [0, 0, 5, 30, 60, 180, 1800, 7200, 7201, 50_000, -5]
KINDS = ["text"] * 9 + ["image", "sticker", "transfer"]
ODD = [""] * 30 + ["withdrawn", "private", "untimed"]


def make_messages(rng: random.Random) -> tuple[Message, ...]:
    """Mostly text in order, now and then everything that a ledger has to mind."""
    at, said, steps = BEGUN, [], STEPS if rng.random() < 0.5 else STEPS[:6]
    for _ in range(rng.choice((0, 1, 2, 4, 7, 12))):
        role, odd, at = rng.choice(ROLES), rng.choice(ODD), at + rng.choice(steps) * MICROSECONDS
        kind = rng.choice(["transfer", "closed", "text"] if role is Role.SYSTEM else KINDS)
        text, time = rng.choice(TEXTS.get(role, [""])), None if odd == "untimed" else at
        said.append(Message(role, text, time, kind, withdrawn=odd == "withdrawn", private=odd == "private"))
    return tuple(said)


def make_chat(rng: random.Random) -> Chat:
    """A chat with messages and with what the source may know of its end and after."""
    said = make_messages(rng)
    last = max((message.at or BEGUN for message in said), default=BEGUN)
    ended_at = rng.choice([None, last, *(last + seconds * MICROSECONDS for seconds in (-60, 60, 90))])
    survey = Followup(last + 3600 * MICROSECONDS, rng.choice(["survey", "sms"]))
    followups = rng.choice([None, (), (Followup(None, "call"),), (Followup(), survey)])
    return Chat("c", said, ended_at=ended_at, followups=followups, csat=rng.choice([None, 1, 5]))


def of_columns(waits: Waits, lines: Timeline, which: int) -> Ledger:
    """A chat's ledger, put together from the columns."""
    if lines.untimed[which]:
        return Ledger(not_applicable=NO_TIMES)
    figures = {name: _known(getattr(waits, name)[which]) for name in Ledger.__struct_fields__ if name.endswith("_s")}
    return Ledger(
        **figures,
        within_180_rate=_known(waits.within_rate(180)[which]),
        unanswered=int(waits.unanswered[which]),
        not_applicable=ONE_SIDED if waits.one_sided[which] else None,
    )


def waits_of_chat(waits: Waits, lines: Timeline, chat: Chat, which: int) -> list[tuple[object, ...]]:
    """A chat's waits, as the columns have them."""
    rows = visible(chat.messages) or []
    found = []
    for wait in range(waits.first[which], waits.first[which + 1]):
        opened, closed, full = (
            int(of[wait]) - int(lines.first[which]) for of in (waits.opened, waits.closed, waits.substantive)
        )
        end = int(waits.end[wait]) - int(lines.first[which])
        kind = WaitKind.REOPENED if waits.reopened[wait] else WaitKind.FIRST if waits.is_first[wait] else WaitKind.NEXT
        found.append(
            (
                kind,
                rows[opened][1],
                waits.opened_at[wait],
                rows[closed][1] if closed < end else None,
                _known(waits.response_s[wait]),
                rows[full][1] if full < end else None,
                _known(waits.substantive_s[wait]),
                bool(waits.counted[wait]),
                not waits.answered[wait],
            )
        )
    return found


def _known(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


@pytest.mark.parametrize("how", [PLAIN, SHOP], ids=["all hours", "business hours"])
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 32))
def test_the_columns_say_what_each_ledger_says(how: LedgerSettings, seed: int) -> None:
    rng = random.Random(seed)
    chats = [make_chat(rng) for _ in range(30)]
    context = Context(how, None, ZONE)
    lines = Timeline([View(chat, {}, context) for chat in chats])
    waits = Waits(lines, how)
    for which, chat in enumerate(chats):
        ledger = build_ledger(chat, how)
        if not waits.understood[which]:
            continue
        assert waits_of_chat(waits, lines, chat, which) == [
            (
                w.kind,
                w.opened_turn,
                w.opened_at,
                w.closed_turn,
                w.response_s,
                w.substantive_turn,
                w.substantive_s,
                w.counted,
                w.unanswered,
            )
            for w in ledger.waits
        ]
        assert of_columns(waits, lines, which) == msgspec.structs.replace(ledger, waits=(), complete_turn=None)
        assert _known(waits.within_rate(30)[which]) == ledger.within_rate(30)


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    return compile_pack(make_pack(*({"id": f"rule-{i}", "when": when} for i, when in enumerate(CONDITIONS))))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_a_glance_says_what_the_judge_says(rules: RuleSet, seed: int) -> None:
    rng = random.Random(seed)
    contexts = [rng.choice(CONTEXTS)] * 9 + CONTEXTS
    asked = [(make_chat(rng), rng.choice(contexts)) for _ in range(30)]
    batch = rules._together([rules.view(chat, context) for chat, context in asked])
    assert batch is not None
    for rule in rules.rules:
        if rule.glance is None:
            continue
        for (chat, context), state, alone in zip(asked, rule.glance(batch).states, batch.alone, strict=True):
            if not alone and state != ASK:
                said = _as_judged(rules, rule.judge(rules.view(chat, context)))
                assert state == said, (rule.rule.when, chat, rules._reasons.texts.get(state))


def _as_judged(rules: RuleSet, answer: Judgement) -> int:
    if answer.state is State.NOT_APPLICABLE:
        return rules._reasons(answer.reason)
    return IS_HIT if answer.state is State.HIT else MISSED


def test_one_merchants_ledgers_are_told_and_not_asked(rules: RuleSet) -> None:
    said = (Message(Role.CUSTOMER, "在吗", BEGUN), Message(Role.AGENT, "在的", BEGUN + 40 * MICROSECONDS))
    others = [CONTEXTS[1], CONTEXTS[3]]
    batch = rules._together([rules.view(Chat("c", said), context) for context in [CONTEXTS[0]] * 5 + others])
    assert batch is not None
    [first, *_] = rules.rules
    assert first.glance is not None
    assert first.glance(batch).states.tolist() == [IS_HIT] * 6 + [ASK]


@pytest.mark.parametrize("name", ["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"])
@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 60 * WEEK), max_size=20))
def test_many_instants_lie_inside_where_each_does(name: str, after: list[int]) -> None:
    at, zone = [BEGUN + step for step in after], ZoneInfo(name)
    assert inside(np.array(at, np.int64), PEAK, zone).tolist() == [contains(one, PEAK, zone) for one in at]


def test_the_hour_of_a_day_with_two_offsets() -> None:
    zone, night = ZoneInfo("America/New_York"), 1_793_505_600 * MICROSECONDS  # 2026-11-01 00:00, back at 02:00
    at, hours = [night + hour * DAY // 24 for hour in range(5)], parse_hours([("01:00", "02:00")])
    assert inside(np.array(at), hours, zone).tolist() == [False, True, True, False, False]
