"""Judging a chat: findings, evidence, not applicable, broken, in force."""

from __future__ import annotations

from collections import Counter
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.demo.generate import generate
from qa.policy import Policy
from qa.rules.context import house_context
from qa.rules.drafts import PLACES_LIMIT, QUOTE_LIMIT
from qa.rules.engine import compile_pack
from qa.rules.inspector import RED_LINE, Compiled, Inspector, Standard, load_scorecard
from qa.rules.operators.shape import TurnCount
from qa.rules.pack import load_house
from qa.sources.canonical import to_chat
from qa.sources.plain import parse_plain
from qa.types import Chat, FlagReason, Message, Result, Role

SAID = {"keywords": {"any": ["甲"]}}
ZONE = ZoneInfo("Asia/Shanghai")


def inspector(pack=None) -> Inspector:
    return Inspector(Standard(pack=pack or load_house().pack, scorecard=load_scorecard(None)), Policy(), ZONE)


def test_a_finding_says_all(judge) -> None:
    message = {"zh": "说了“{quote}”{count}次，{value}。", "en": "{quote}"}
    finding = judge(SAID, "客户: 在\n客服: 甲，甲", message=message).finding
    assert (finding.rule, finding.outcome, finding.hits, finding.value) == ("rule", Result.FAILED, 2, None)
    assert finding.message == "说了“甲”2次，。"


def test_a_bonus_is_not_a_failure(judge) -> None:
    assert judge(SAID, "客户: 在\n客服: 甲", deduct=0, bonus=2).finding.outcome is Result.BONUS


def test_a_quote_that_looks_like_a_placeholder_stays_as_it_is(judge) -> None:
    message = {"zh": "{quote} {count}", "en": "x"}
    answer = judge({"keywords": {"any": ["{count}"]}}, "客户: 在\n客服: {count}", message=message)
    assert answer.finding.message == "{count} 1"


def test_a_nul_in_a_message_is_shown(judge) -> None:
    chat = Chat("c", (Message(Role.AGENT, "甲\0乙"),))
    answer = judge({"keywords": {"any": ["甲乙"]}}, chat, message={"zh": "{quote}", "en": "x"})
    assert (answer.finding.message, answer.quotes) == ("甲␀乙", [(0, "甲\0乙")])


def test_long_places_are_quoted_from_their_start_and_many_are_counted(judge) -> None:
    chat = Chat("c", tuple(Message(Role.AGENT, "长" * 1000) for _ in range(50)))
    answer = judge({"repeated": {"times": 2}}, chat)
    assert {len(place.quote) for place in answer.evidence} == {QUOTE_LIMIT}
    assert (len(answer.evidence), answer.finding.hits) == (PLACES_LIMIT, 50)
    absent = judge({"keywords": {"none": ["甲"]}}, chat)
    assert len(absent.searched) == PLACES_LIMIT


def test_a_figure_points_to_the_customers_last_turn(judge) -> None:
    low = {"field": {"field": "csat", "at_most": 2}}
    assert judge(low, "# c csat=1\n客户: 一\n客户: 二\n客服: 三").quotes == [(1, "二")]
    assert judge(low, "# c csat=1\n客服: 三").quotes == [(0, "三")]
    assert judge(low, Chat("c", (), csat=1)).evidence == ()


def test_a_rule_that_crashes_is_named_and_the_others_stay(pack_of, monkeypatch) -> None:
    def crash(_self, _bench):
        def judge(_view):
            raise ZeroDivisionError("by\0zero")

        return judge

    monkeypatch.setattr(TurnCount, "compile", crash)
    bad = {"id": "bad", "severity": "info", "when": {"turns": {"at_least": 1}}}
    red = {"id": "red", "red_line": True, "deduct": 0, "when": {"turns": {"at_least": 1}}}
    pack = pack_of({"when": SAID}, bad, red)
    [chat] = parse_plain("客户: 在\n客服: 甲")
    opinion = compile_pack(pack).judge(chat, house_context(pack), "2026-11-20")
    assert [finding.rule for finding in opinion.findings] == ["rule"]
    assert [text.split(" (")[0] for text in opinion.broken] == [
        "rule bad: ZeroDivisionError: by␀zero", "rule red: ZeroDivisionError: by␀zero",
    ]  # fmt: skip
    inspected = inspector(pack).inspect(chat, "2026-11-20")
    assert (inspected.score, [finding.rule for finding in inspected.findings]) == (None, ["rule"])
    assert "rule bad" in str(inspected.broken)
    assert inspected.flags[0].reason is FlagReason.BROKEN
    assert inspector(pack).targeted(chat, "2026-11-20") == (RED_LINE + "red",)


@pytest.mark.parametrize(
    ("dates", "day", "state"),
    [
        ({"effective_from": "2026-11-20"}, "2026-11-19", "not in force"),
        ({"effective_from": "2026-11-20"}, "2026-11-20", "hit"),
        ({"effective_until": "2026-11-20"}, "2026-11-20", "hit"),
        ({"effective_until": "2026-11-20"}, "2026-11-21", "not in force"),
        ({"effective_from": "2026-11-11", "effective_until": "2026-11-11"}, "2026-11-11", "hit"),
    ],
)
def test_effective_dates(pack_of, dates: dict, day: str, state: str) -> None:
    pack = pack_of({"when": SAID, "red_line": True, "deduct": 0, **dates})
    [chat] = parse_plain("客户: 在\n客服: 甲")
    compiled = compile_pack(pack)
    opinion = compiled.judge(chat, house_context(pack), day)
    assert opinion.not_applicable.get("rule", "hit") == state
    assert bool(opinion.findings) is (state == "hit")
    assert bool(compiled.fired(chat, house_context(pack), day)) is (state == "hit")


def test_only_some_rules(pack_of) -> None:
    pack = pack_of({"when": SAID}, {"id": "other", "when": SAID})
    assert [one.rule.id for one in compile_pack(pack, only=["other"]).rules] == ["other"]


@pytest.mark.parametrize(
    "chat",
    [
        Chat("empty", ()),
        Chat("empty texts", (Message(Role.CUSTOMER, ""), Message(Role.AGENT, ""), Message(Role.AGENT, "\0\u200b"))),
        Chat("invisible", (Message(Role.AGENT, "加我微信", withdrawn=True), Message(Role.CUSTOMER, "x", private=True))),
        Chat("pictures", (Message(Role.CUSTOMER, "", kind="image"), Message(Role.AGENT, "", kind="image"))),
        Chat("half", (Message(Role.CUSTOMER, "\ud83d在吗\udfff"), Message(Role.AGENT, "加我\ud800微信"))),
        Chat("known", (), csat=1, escalated=True, followups=(), ended_at=7),
    ],
    ids=lambda chat: chat.id,
)
def test_odd_chats_are_judged(chat: Chat) -> None:
    inspected = inspector().inspect(chat, "2026-11-20")
    assert inspected.broken is None
    fired = inspector().targeted(chat, "2026-11-20")
    assert (RED_LINE + "red-off-platform" in fired) is (chat.id == "half")


@pytest.mark.slow
def test_ten_thousand_turns() -> None:
    texts = ("您好，这款多少钱呢", "亲，您好，这款九十九元", "能便宜吗，质量太差了", "抱歉，不能哦")
    messages = tuple(
        Message(Role.AGENT if n % 2 else Role.CUSTOMER, texts[n % 4] + str(n), at=n * 1_000_000) for n in range(10_000)
    )
    inspected = inspector().inspect(Chat("long", messages), "1970-01-01")
    assert inspected.broken is None
    assert inspected.score is not None


texts = st.text(
    st.one_of(
        st.sampled_from("加我微信薇VXＶ您好不能转账给我好评返现“”，。？㎏½ﬁ\u200b\n\0\u001e\u2028😀謝"), st.characters()
    ),
    max_size=25,
)
messages = st.builds(
    Message,
    role=st.sampled_from(list(Role)),
    text=texts,
    at=st.one_of(st.none(), st.integers(0, 10**11)),
    kind=st.sampled_from(["text", "text", "image", "transfer", "closed"]),
    withdrawn=st.booleans(),
    private=st.booleans(),
)


@pytest.mark.slow
@settings(max_examples=200)
@given(st.lists(messages, max_size=8), st.sampled_from([None, 1.0, 5.0]))
def test_the_house_pack_breaks_on_nothing_and_quotes_exactly(
    house_rules, many: list[Message], csat: float | None
) -> None:
    chat = Chat("c", tuple(many), csat=csat)
    opinion = house_rules.judge(chat, house_context(load_house().pack), "2026-11-20")
    assert opinion.broken == ()
    for finding in opinion.findings:
        for place in finding.evidence:
            assert chat.messages[place.turn].text[place.start : place.end] == place.quote
            assert 0 <= place.start <= place.end


def test_per_hit_and_per_chat_are_clamped(pack_of) -> None:
    rules = [
        {"id": "chat", "dimension": "timeliness", "deduct": 2, "max_deduct": 8, "when": SAID},
        {"id": "hit", "dimension": "process", "deduct": 2, "max_deduct": 8, "per": "hit", "when": SAID},
        {"id": "many", "dimension": "satisfaction", "deduct": 5, "max_deduct": 8, "per": "hit", "when": SAID},
    ]
    [chat] = parse_plain("客户: 在\n客服: 甲，甲，甲")
    card = inspector(pack_of(*rules)).inspect(chat, "2026-11-20").score
    assert card is not None
    assert card.dimensions == {"timeliness": 75, "process": 25, "satisfaction": 0, "professionalism": None}


def test_the_unreadable_is_broken() -> None:
    inspected = inspector().unreadable("not a chat")
    assert (inspected.broken, inspected.failed, inspected.flags[0].reason) == ("not a chat", 0, FlagReason.BROKEN)


def test_why_a_chat_is_targeted() -> None:
    [chat] = parse_plain("# c csat=1\n客户: 在\n客服: 加我微信")
    assert inspector().targeted(chat, "2026-11-20") == (RED_LINE + "red-off-platform", "csat")
    [chat] = parse_plain("客户: 在\n客服: 在")
    assert inspector().targeted(chat, "2026-11-20") == ()


def test_a_red_line_scores_zero_and_is_flagged_first() -> None:
    [chat] = parse_plain("客户: 在\n客服: 您好，加我微信")
    inspected = inspector().inspect(chat, "2026-11-20")
    assert inspected.score is not None
    assert (inspected.score.total, inspected.score.red_line, inspected.flags[0].reason) == (
        0,
        True,
        FlagReason.RED_LINE,
    )
    assert inspected.failed == len(inspected.findings)
    taken = {finding.rule: finding.points for finding in inspected.findings}
    assert taken["red-off-platform"] < 0


def test_the_screen_passes_over_no_chat_that_a_full_judgement_would_hit() -> None:
    """Rules none of whose words occur are not asked; that must never change an answer."""
    pack = load_house().pack
    rules, context = compile_pack(pack), house_context(pack)
    assert sum(compiled.silence is not None for compiled in rules.rules) >= 10
    assert next(c for c in rules.rules if c.rule.id == "greeting-missing").silence is None
    seen: Counter[str] = Counter()
    for planted in generate(7, date(2026, 10, 1), 3, 400):
        chat = to_chat(planted.chat, merchant="default", zone=context.zone)
        hit = {finding.rule for finding in rules.judge(chat, context, "2026-10-01").findings}
        assert set(rules.fired(chat, context, "2026-10-01")) == hit
        seen.update(hit)
    assert sum(rule.startswith("red-") for rule in seen) >= 4


def test_inspectors_under_several_policies_share_what_is_compiled() -> None:
    standard = Standard(pack=load_house().pack, scorecard=load_scorecard(None))
    compiled = Compiled(standard)
    policies = [Policy(), Policy(low_score=75)]
    [chat] = parse_plain("客户: 在吗\n客服: 不知道，自己看")
    apart = [Inspector(standard, policy, ZONE).inspect(chat, "2026-11-20") for policy in policies]
    shared = [Inspector(compiled, policy, ZONE) for policy in policies]
    assert [one.inspect(chat, "2026-11-20") for one in shared] == apart
    assert apart[0].flags != apart[1].flags
