"""What is told at a glance is what the judge says; and what is found in a batch is what each chat's view finds."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_bench import make_pack

from qa.rules import engine
from qa.rules.asking import asked
from qa.rules.base import Judgement, State
from qa.rules.batch import Batch
from qa.rules.columns import surely_said
from qa.rules.context import house_context
from qa.rules.engine import RuleSet, compile_pack
from qa.rules.mention import negated, quoted
from qa.rules.quiet import Known, nothing_known
from qa.rules.reasons import ASK, IS_HIT, MISSED, UNTOLD
from qa.rules.view import Context
from qa.text import Level
from qa.types import MICROSECONDS, Chat, Message, Role

DAY = "2026-10-01"
CUSTOMER_WORD = {"keywords": {"any": ["退款", "投诉"], "role": "customer", "negated": True}}
SAID = {"said": CUSTOMER_WORD}
LET = [
    {"turns": {"role": "agent", "after": "said", "at_least": 1}},
    {"turns": {"role": "agent", "after": "said", "at_most": 1}},
    {"keywords": {"any": ["抱歉"], "after": "said", "reach": 2}},
    {"keywords": {"none": ["抱歉"], "after": "said", "hit": "last", "first": 1}},
    {"keywords": {"any": ["抱歉", "您好"], "before": "said", "hit": 2, "last": 2}},
    {"keywords": {"any": ["好的"], "around": "said", "reach": 1, "role": "any"}},
    {"keywords": {"any": ["好的"], "after": "said", "hit": "every", "reach": 1}},
    {"regex": {"pattern": "退.?款", "after": "said", "hit": "any"}},
    {"all": [{"named": "said"}, {"not": {"keywords": {"any": ["抱歉"], "after": "said"}}}]},
    {"answer": {"on": "said", "max_chars": 4}},
    {"turns": {"after": "other", "at_least": 1}},
    {"keywords": {"any": ["您好"], "after": "late"}},
    {"similar": {"templates": ["抱歉让您久等了"], "after": "said"}},
]
NAMED = {
    **SAID,
    "other": {"any": [{"regex": {"pattern": "[0-9]{4,}", "role": "customer"}}, CUSTOMER_WORD]},
    "late": {"wait": {"over": 60}},
}
PLAIN = [
    {"keywords": {"any": ["退款", "好的"]}},
    {"keywords": {"any": ["退款", "好的"], "negated": True, "quoted": True, "at_least": 2}},
    {"keywords": {"any": ["退款"], "except": ["退款单", "不退款"], "role": "any"}},
    {"keywords": {"any": ["退款"], "asked": "skip", "role": "customer"}},
    {"keywords": {"any": ["退款"], "asked": "only", "role": "customer"}},
    {"keywords": {"any": ["vx", "ok"], "match": "squash", "role": "any"}},
    {"keywords": {"any": ["退款"], "turns": "every"}},
    {"keywords": {"all": ["退款", "好的"], "role": "any"}},
    {"keywords": {"none": ["您好"], "first": 2}},
    {"keywords": {"none": ["您好", "再见"], "last": 2, "from": 2}},
    {"keywords": {"none": ["您好"], "from": 2, "to": 3}},
    {"not": {"keywords": {"none": ["您好"], "first": 1, "role": "bot"}}},
    {"regex": {"pattern": "(退|换)(款|货)", "negated": True, "except": "换货"}},
    {"regex": {"pattern": "[0-9]{4,}", "role": "any", "quoted": True}},
    {"turns": {"role": "customer", "at_least": 2, "at_most": 4}},
    {"turns": {"role": "bot", "at_most": 0}},
    {"near": {"a": ["退款", "好的"], "b": ["抱歉", "您好"], "chars": 3, "role": "any"}},
    {"near": {"a": ["退款"], "b": ["抱歉", "您好"], "within": 1, "role": "any"}},
    {"repeated": {"role": "customer", "times": 2, "min_length": 2}},
    {"repeated": {"role": "any", "times": 3, "min_length": 1, "similarity": 70}},
    {"repeated": {"role": "customer", "times": 2, "min_length": 2, "similarity": 80, "answered_between": True}},
    {"short_replies": {"max_chars": 2, "at_least": 2}},
    {"length": {"over": 6}},
    {"length": {"under": 3}},
    {"entity": {"kinds": ["order_number", "phone"], "role": "customer"}},
    {"answer": {"to": "question", "max_chars": 2}},
    {"answer": {"has": ["好的"], "lacks": ["您好"], "at_least": 2}},
    {"figure": {"figure": "first_response", "over": 30}},
    {"figure": {"figure": "average_response", "under": 30, "opened": "peak"}},
    {"figure": {"figure": "within_rate", "under": 0.8, "opened": "off_peak"}},
    {"figure": {"figure": "longest_wait", "over": 30, "hours": "peak"}},
    {"wait": {"over": 60, "first": False}},
    {"wait": {"over": 60, "until": "substantive", "hours": "off_peak"}},
    {"unanswered": {"at_least": 1}},
    {"reopened_wait": {"over": 60}},
    {"handover": {"over": 60}},
    {"left_holding": {}},
    {"silence_before_end": {"over": 60}},
    {"premature_close": {"within": 60}},
    {"at_least": {"n": 2, "of": [CUSTOMER_WORD, {"turns": {"at_least": 3}}, {"wait": {"over": 60}}]}},
    {"any": [{"figure": {"figure": "longest_wait", "over": 60}}, {"keywords": {"any": ["抱歉"]}}]},
    {"all": [{"turns": {"at_least": 2}}, {"not": {"keywords": {"any": ["好的"]}}}, {"wait": {"over": 30}}]},
]
PIECES = (
    "退款", "投诉", "抱歉", "您好", "好的", "不退款", "退款单", "“退款”", "退款吗", "请稍等", "谢谢", "再见", "1234567",
    "订单号202611200012345", "138 0013 8000", "ＶＸ", "v.x", "avx", "[微笑]", "嗯", "亲", "换货", "有人让您退款",
    "，", "？", "。", "亻言", "重5㎏",
)  # fmt: skip


def _message(rng: random.Random, second: int) -> Message:
    role = rng.choices((Role.CUSTOMER, Role.AGENT, Role.BOT, Role.SYSTEM), (5, 6, 1, 1))[0]
    text = "".join(rng.choices(PIECES[:-2] if rng.random() < 0.97 else PIECES, k=rng.choice((0, 1, 1, 2, 3))))
    kinds = ["transfer", "closed"] if role is Role.SYSTEM else ["text"] * 9 + ["image", "sticker"]
    at = None if rng.random() < 0.004 else second * MICROSECONDS
    return Message(role, text, at=at, kind=rng.choice(kinds), withdrawn=rng.random() < 0.02)


def _chats(number: int) -> list[Chat]:
    rng = random.Random(11)
    made = []
    for n in range(number):
        second = rng.choice((1_760_000_000, 1_760_050_000))
        messages = []
        for _ in range(rng.choice((0, 1, 3, 6, 9, 12))):
            second += rng.choice((1, 5, 40, 70, 9000))
            messages.append(_message(rng, second))
        made.append(Chat(f"c-{n}", tuple(messages), ended_at=rng.choice((None, (second + 90) * MICROSECONDS))))
    return made


@lru_cache(maxsize=1)
def _context() -> Context:
    return house_context(make_pack({"when": CUSTOMER_WORD}))


@pytest.fixture(scope="module")
def chats() -> list[Chat]:
    return _chats(240)


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    fields = [{"when": when} for when in PLAIN] + [{"let": NAMED, "when": when} for when in LET]
    fields += [{"let": SAID, "applies": when, "when": PLAIN[0]} for when in (LET[0], PLAIN[14], {"named": "said"})]
    return compile_pack(make_pack(*({"id": f"rule-{i}", **rule} for i, rule in enumerate(fields))))


def _states(rules: RuleSet, chats: list[Chat]) -> list[list[int]]:
    """What the glances tell, a list a rule, of chats that the columns tell the truth of; ASK of the others."""
    context = _context()
    batch = rules._together([rules.view(chat, context) for chat in chats])
    assert batch is not None
    told = []
    for rule in rules.rules:
        batch.wanted = ~batch.alone
        states = (rule.glance or nothing_known)(batch).states
        told.append(np.where(batch.alone, ASK, states).tolist())
    return told


def _agrees(rules: RuleSet, state: int, answer: Judgement) -> bool:
    if state > UNTOLD:
        return (answer.state, answer.reason) == (State.NOT_APPLICABLE, rules._reasons.texts[state])
    return answer.state is {IS_HIT: State.HIT, MISSED: State.MISS, UNTOLD: State.NOT_APPLICABLE}[state]


def test_a_glance_says_what_the_judge_says(rules: RuleSet, chats: list[Chat]) -> None:
    context = _context()
    asked = 0
    for rule, states in zip(rules.rules, _states(rules, chats), strict=True):
        for chat, state in zip(chats, states, strict=True):
            if state == ASK:
                asked += 1
            else:
                answer = rule.judge(rules.view(chat, context))
                assert _agrees(rules, state, answer), (rule.rule.when, rule.rule.applies, chat, state, answer)
    assert asked < 0.4 * len(rules.rules) * len(chats)


def test_a_glance_knows_chats_by_themselves(rules: RuleSet, chats: list[Chat]) -> None:
    """What it says of a chat does not depend on the others but where it leaves some to be asked."""
    whole, half = _states(rules, chats), _states(rules, chats[::2])
    for all_of_them, every_second in zip(whole, half, strict=True):
        for state, again in zip(all_of_them[::2], every_second, strict=True):
            assert state == again or ASK in (state, again)


def test_a_batch_finds_what_each_view_finds(rules: RuleSet, chats: list[Chat]) -> None:
    context = _context()
    views = [rules.view(chat, context) for chat in chats]
    batch = Batch(views, rules._searchers, rules._slots)
    assert 0 < batch.alone.sum() < len(chats) / 2
    phrases = ~sum(1 << slot for index in rules.indexes for slot in index.of_pattern)
    for chat, view in zip(chats, views, strict=True):
        alone = rules.view(chat, context)
        assert view.occurring & phrases == alone.occurring & phrases
        for level, index in rules._index.items():
            for slot in index.groups:
                role = index.roles.get(index.of_pattern.get(slot, -1))
                there = [place for place in alone.found(level, slot) if role in (None, chat.messages[place[0]].role)]
                asked = view.turns_of(role)
                assert [place for place in view.found(level, slot) if place[0] in asked] == there
                assert not there or slot in index.unsought or view.occurring >> slot & 1
                assert view.turns_with(level, slot) & {*asked} == {place[0] for place in there}


def test_together_as_one_by_one(rules: RuleSet, chats: list[Chat]) -> None:
    context = _context()
    given = [(chat, context) for chat in chats]
    assert rules.judge_many(given, DAY) == [rules.judge(chat, context, DAY) for chat in chats]
    assert rules.fired_many(given, DAY) == [rules.fired(chat, context, DAY) for chat in chats]


def test_what_is_said_again_much_later_is_seen(rules: RuleSet) -> None:
    texts = [chr(0x4E00 + 7 * n) * 6 for n in range(60)]
    turns = [Message(role, text) for text in [*texts, texts[0]] for role in (Role.CUSTOMER, Role.AGENT)]
    given = [(Chat(f"c-{n}", tuple(turns)), _context()) for n in range(30)]
    fired = rules.fired_many(given, DAY)
    assert fired == [rules.fired(chat, context, DAY) for chat, context in given]
    repeated = {f"rule-{i}" for i, when in enumerate(PLAIN) if when.get("repeated", {}).get("times") == 2}
    assert repeated <= set(fired[0])


def test_a_glance_that_crashes_leaves_all_to_be_asked(rules: RuleSet, chats: list[Chat], monkeypatch) -> None:
    def crash(*_: object) -> Known:
        raise ValueError("odd")

    given = [(chat, _context()) for chat in chats[:50]]
    expected = rules.judge_many(given, DAY)
    monkeypatch.setattr(rules, "rules", tuple(replace(rule, glance=crash) for rule in rules.rules))
    assert rules.judge_many(given, DAY) == expected
    monkeypatch.setattr(engine, "Batch", crash)
    assert rules.judge_many(given, DAY) == expected


@settings(max_examples=60, deadline=None)
@given(st.text("退不请问说人客“”，。吗是什的指卡别", max_size=30), st.data())
def test_what_surely_counts_is_neither_denied_nor_quoted_nor_asked(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    turn = text[:start] + "转账" + text[start:]
    rules = _transfer_rules()
    context = _context()
    view = rules.view(Chat("c", (Message(Role.AGENT, "好"), Message(Role.AGENT, turn))), context)
    batch = Batch([view], rules._searchers, rules._slots)
    places = batch.found(Level.FOLD, 0)
    [sure] = surely_said(batch, places, negated=False, quoted=False, asked="skip").tolist()
    if sure:
        assert not negated(turn, start, start + 2)
        assert not quoted(turn, start, start + 2)
        assert not asked(turn, start, start + 2)


@lru_cache(maxsize=1)
def _transfer_rules() -> RuleSet:
    return compile_pack(make_pack({"when": {"keywords": {"any": ["转账"]}}}))
