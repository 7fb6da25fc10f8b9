from __future__ import annotations

import json
import re
import statistics
from collections import Counter, defaultdict
from datetime import date, datetime

import msgspec
import naive_rules
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.demo.generate import Planted, generate, is_clean
from qa.demo.plan import FOLLOWING, OMITTED, STRUCTURAL_TRAPS, TIMED
from qa.demo.templates import library
from qa.demo.volume import promotion_day

START, DAYS, CHATS = date(2026, 10, 1), 30, 6_300


@pytest.fixture(scope="module")
def month() -> list[Planted]:
    return list(generate(7, START, DAYS, CHATS))


ABSENT = {"addressing-missing", "self-introduction-missing", "repeat-contact"}
"""Rules that no line shows: what is missing, or what other chats say."""
CUSTOMERS = {
    *("unanswered", "repeated-question", "excellent-praise", "excellent-turned-round", "premature-close"),
    *("empathy-missing", "refund-points-missing", "human-request-unmet", "customer-chases", "customer-corrects"),
    *("repeat-contact-said", "promise-broken", "complaint-outside", "anger-unanswered", "unresolved-end"),
    *("negative-end", "thanks-missing"),
}
"""Rules that are shown by what the customer says."""
WAITS = {"hold-missing", "next-response-slow", "peak-response-slow", "reply-rate-low", "long-wait-unacknowledged"}


def rules(planted: Planted) -> set[str]:
    return {item.rule for item in planted.planted}


def test_the_month_is_as_large_as_asked_and_ids_are_unique(month):
    assert len(month) == CHATS
    assert len({chat.chat["id"] for chat in month}) == CHATS
    assert len({chat.chat["merchant"] for chat in month}) == 3
    days = {chat.chat["started_at"][:10] for chat in month}
    assert len(days) == DAYS
    assert min(days) == "2026-10-01"
    assert max(days) == "2026-10-30"


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    first, again = (json.dumps([p.chat for p in generate(3, START, 2, 60)]) for _ in range(2))
    assert first == again
    assert first != json.dumps([p.chat for p in generate(4, START, 2, 60)])


@pytest.mark.slow
def test_what_is_planted_is_there_and_nothing_else_is(month):
    differences = [
        (chat.chat["id"], chat.scenario, sorted(rules(chat) & naive_rules.JUDGED ^ naive_rules.judge(chat.chat)))
        for chat in month
        if rules(chat) & naive_rules.JUDGED != naive_rules.judge(chat.chat)
    ]
    assert differences == []


def test_who_comes_back_within_three_days_is_planted(month):
    back = {chat.chat["id"] for chat in month if "repeat-contact" in rules(chat)}
    assert back == naive_rules.repeat_contacts([chat.chat for chat in month])
    assert len(back) > 500


def test_a_promised_call_is_missing_only_where_it_was_not_made(month):
    calls = {chat.chat["id"] for chat in month if any(f["kind"] == "call" for f in chat.chat["followups"])}
    assert not [chat.chat["id"] for chat in month if "callback-missing" in rules(chat) and chat.chat["id"] in calls]
    assert all(chat.chat["id"] in calls for chat in month if "callback-kept" in chat.traps and chat.chat["followups"])


def test_the_new_red_lines_are_worded_in_many_ways(month):
    books = library()
    counts = Counter(rule for chat in month for rule in rules(chat))
    for rule in ("red-data-leak", "red-threat"):
        assert len(books.plants[rule].dialogues) >= 8
        assert counts[rule] >= 40


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.dates(date(2025, 1, 1), date(2027, 12, 1)))
def test_the_truth_holds_for_any_seed_and_start(seed, start):
    for chat in generate(seed, start, 3, 90):
        assert rules(chat) & naive_rules.JUDGED == naive_rules.judge(chat.chat), chat.chat["id"]


def test_every_rule_is_planted_several_times(month):
    house = library().house
    counts = Counter(rule for chat in month for rule in rules(chat))
    assert set(house.rates) | FOLLOWING == set(counts)
    assert min(counts[rule] for rule in house.rates) >= 10


def test_planted_turns_point_at_messages_of_the_right_role(month):
    absent = {*OMITTED, "low-csat", "followup-missing", *ABSENT}
    for chat in month:
        messages = chat.chat["messages"]
        for item in chat.planted:
            roles = {messages[turn]["role"] for turn in item.turns}
            if item.rule in absent:
                assert roles == set()
            elif item.rule in CUSTOMERS:
                assert roles == {"customer"}
            elif item.rule in {"transfers-many", "handover-slow"}:
                assert {messages[turn]["kind"] for turn in item.turns} == {"transfer"}
                assert len(item.turns) >= (3 if item.rule == "transfers-many" else 1)
            elif item.rule in WAITS:
                assert roles  # a wait opens where the customer asks, or where the bot hands over
            elif item.rule.removesuffix("-peak") not in TIMED:
                assert roles == {"agent"}


def test_scenarios_and_traps_are_many_and_all_used(month):
    books = library()
    assert len(books.scenarios) >= 30
    assert {s.id for s in books.scenarios} == {chat.scenario for chat in month}
    traps = Counter(trap for chat in month for trap in chat.traps)
    assert set(traps) == {*(t.name for t in books.traps), *STRUCTURAL_TRAPS, "night-message"}
    assert min(traps.values()) >= 5


def test_texts_are_not_five_sentences_in_a_loop(month):
    spoken = [m for chat in month for m in chat.chat["messages"] if m.get("kind", "text") == "text"]
    customer = {re.sub(r"\d", "", m["text"]) for m in spoken if m["role"] == "customer"}
    assert len(customer) >= 3_000
    agent = Counter(m["text"] for m in spoken if m["role"] == "agent")
    assert agent.most_common(1)[0][1] < 0.02 * agent.total()


def test_chats_have_six_to_thirty_messages_in_order_of_time(month):
    sizes = [len(chat.chat["messages"]) for chat in month]
    assert min(sizes) >= 6
    assert max(sizes) <= 30
    for chat in month:
        times = [datetime.fromisoformat(m["at"]) for m in chat.chat["messages"]]
        assert times == sorted(times)
        assert (chat.chat["started_at"], chat.chat["ended_at"]) == (times[0].isoformat(), times[-1].isoformat())


def test_the_month_has_the_shapes_of_real_logs(month):
    kinds = Counter(m.get("kind", "text") for chat in month for m in chat.chat["messages"])
    assert {"text", "image", "sticker", "transfer", "closed", "notice"} == set(kinds)
    flags = Counter(
        flag for chat in month for m in chat.chat["messages"] for flag in ("withdrawn", "private") if m.get(flag)
    )
    assert min(flags["withdrawn"], flags["private"]) > 20
    assert any(chat.chat["started_at"][:10] != chat.chat["ended_at"][:10] for chat in month)
    assert any(int(chat.chat["started_at"][11:13]) < 6 for chat in month)
    customers = Counter(chat.chat["customer"]["id"] for chat in month)
    assert sum(count > 1 for count in customers.values()) > 300
    bots = [chat for chat in month if any(m["role"] == "bot" for m in chat.chat["messages"])]
    assert 0.1 < len(bots) / len(month) < 0.5


def test_the_promotion_day_is_three_times_as_busy(month):
    days = Counter(date.fromisoformat(chat.chat["started_at"][:10]) for chat in month)
    usual = statistics.median(count for day, count in days.items() if day != promotion_day(START, DAYS))
    assert 2.5 < days[promotion_day(START, DAYS)] / usual < 3.7


def test_faults_are_as_frequent_as_in_life_and_agents_differ(month):
    assert 0.60 <= sum(map(is_clean, month)) / len(month) <= 0.75
    shares = defaultdict(list)
    for chat in month:
        shares[chat.chat["agent"]["id"]].append(is_clean(chat))
    means = [statistics.mean(values) for values in shares.values() if len(values) > 50]
    assert max(means) - min(means) > 0.3


def test_satisfaction_follows_what_happened(month):
    rated = [chat for chat in month if "csat" in chat.chat]
    assert 0.3 < len(rated) / len(month) < 0.6
    clean = statistics.mean(chat.chat["csat"] for chat in rated if is_clean(chat))
    faulty = statistics.mean(chat.chat["csat"] for chat in rated if not is_clean(chat))
    assert clean - faulty > 0.4


def test_every_chat_is_canonical(month):
    from qa.types import Agent, Customer, Outcome, Role

    for chat in month[::20]:
        assert {m["role"] for m in chat.chat["messages"]} <= set(Role)
        msgspec.convert(chat.chat["agent"], Agent, strict=True)
        msgspec.convert(chat.chat["customer"], Customer, strict=True)
        msgspec.convert(chat.chat["outcome"], Outcome, strict=True)
        assert datetime.fromisoformat(chat.chat["started_at"]).utcoffset() is not None
