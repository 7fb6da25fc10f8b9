"""Rules that are not asked where nothing of what they wait for occurs: the answer written down for them is right."""

from __future__ import annotations

import random
from datetime import date

import msgspec
import pytest

from qa.demo.generate import generate
from qa.rules.base import State
from qa.rules.context import house_context
from qa.rules.engine import CompiledRule, compile_pack
from qa.rules.pack import load_house
from qa.sources.canonical import to_chat
from qa.types import Chat, Message, Role

DAY = "2026-10-01"
WORD = {"keywords": {"any": ["退款"]}}
CUSTOMER = {"keywords": {"any": ["投诉"], "role": "customer", "from": 2}}
ABSENT = {"keywords": {"none": ["您好"]}}
FIGURE = {"figure": {"figure": "first_response", "over": 30}}
HANDED = {"transfers": {"at_least": 1}}


def _rule(pack_of, when, **fields) -> CompiledRule:
    [rule] = compile_pack(pack_of({"when": when, **fields})).rules
    return rule


@pytest.mark.parametrize(
    ("when", "state"),
    [
        (WORD, State.MISS),
        (ABSENT, None),
        (FIGURE, None),
        (HANDED, State.MISS),
        ({"not": WORD}, None),
        ({"any": [WORD, CUSTOMER]}, State.MISS),
        ({"any": [WORD, ABSENT]}, None),
        ({"all": [FIGURE, WORD]}, State.MISS),
        ({"all": [FIGURE, ABSENT]}, None),
        ({"at_least": {"n": 2, "of": [WORD, CUSTOMER]}}, State.MISS),
        ({"regex": {"pattern": "退", "except": "退货"}}, State.MISS),
        ({"near": {"a": ["退"], "b": ["钱"], "chars": 3}}, State.MISS),
        ({"repeated": {"times": 2}}, None),
        ({"emoji": {"at_most": 1}}, None),
        ({"emoji": {"at_least": 1}}, State.MISS),
    ],
)
def test_what_a_condition_says_where_it_finds_nothing(pack_of, when, state: State | None) -> None:
    silence = _rule(pack_of, when).silence
    assert (silence and silence.answer and silence.answer.state) is state


@pytest.mark.parametrize(
    ("when", "fields", "reason"),
    [
        ({"not": {"keywords": {"any": ["抱歉"], "after": "said"}}}, {"let": {"said": WORD}}, "no said"),
        ({"keywords": {"none": ["抱歉"], "around": "said", "reach": 1}}, {"let": {"said": HANDED}}, "no said"),
        (FIGURE, {"applies": WORD}, "condition 'applies' not met"),
        (FIGURE, {"let": {"said": WORD}, "applies": {"named": "said"}}, "condition 'applies' not met"),
        (
            FIGURE,
            {"let": {"s": WORD}, "applies": {"turns": {"after": "s", "at_least": 1}}},
            "condition 'applies' not met",
        ),
    ],
)
def test_what_has_nothing_to_stand_beside_is_not_applicable(pack_of, when, fields, reason: str) -> None:
    silence = _rule(pack_of, when, **fields).silence
    assert silence is not None
    assert silence.answer is not None
    assert (silence.answer.state, silence.answer.reason) == (State.NOT_APPLICABLE, reason)


@pytest.mark.parametrize(
    ("when", "fields"),
    [
        (WORD, {"applies": FIGURE}),
        ({"keywords": {"any": ["抱歉"], "after": "late"}}, {"let": {"late": {"wait": {"over": 60}}}}),
        ({"turns": {"after": "said", "at_most": 3}}, {"let": {"said": WORD}}),
    ],
)
def test_what_depends_on_the_chat_is_asked(pack_of, when, fields) -> None:
    assert _rule(pack_of, when, **fields).silence is None


def test_of_several_words_that_must_all_be_said_the_rarest_is_waited_for(pack_of) -> None:
    rare = {"keywords": {"any": ["七天无理由退货"]}}
    both = _rule(pack_of, {"all": [{"keywords": {"any": ["好", "您"]}}, rare]}).silence
    [alone] = compile_pack(pack_of({"when": rare})).rules
    assert both is not None
    assert alone.silence is not None
    assert both.often == alone.silence.often


def test_an_exception_alone_wakes_nothing(pack_of) -> None:
    silence = _rule(pack_of, {"keywords": {"any": ["苹果"], "except": ["苹果汁", "果汁"]}}).silence
    assert silence is not None
    assert len(silence.slots) == 1


def _changed(message: Message, rng: random.Random) -> Message:
    change = rng.random()
    if change < 0.05:
        return msgspec.structs.replace(message, role=rng.choice(list(Role)))
    if change < 0.1:
        return msgspec.structs.replace(message, kind=rng.choice(["image", "transfer", "closed"]))
    if change < 0.13:
        return msgspec.structs.replace(message, text="", withdrawn=rng.random() < 0.5)
    return msgspec.structs.replace(message, at=None) if change < 0.135 else message


def _altered(chat: Chat, rng: random.Random) -> Chat:
    """The chat with some messages lost, given to others, emptied or without time."""
    messages = [_changed(message, rng) for message in chat.messages if rng.random() > 0.05]
    if rng.random() < 0.2:
        lost = rng.choice([Role.AGENT, Role.CUSTOMER])
        messages = [message for message in messages if message.role is not lost]
    return msgspec.structs.replace(chat, messages=tuple(messages))


def test_every_rule_says_unasked_what_it_says_when_it_is_asked() -> None:
    pack = load_house().pack
    rules, context, rng = compile_pack(pack), house_context(pack), random.Random(3)
    assert sum(rule.silence is not None for rule in rules.rules) > len(rules.rules) / 2
    asked = 0
    for planted in generate(7, date(2026, 10, 1), 2, 150):
        chat = _altered(to_chat(planted.chat, merchant="default", zone=context.zone), rng)
        opinion = rules.judge(chat, context, DAY)
        hits = {finding.rule for finding in opinion.findings}
        view = rules.view(chat, context)
        for rule in rules.rules:
            answer = rule.judge(view)
            assert (answer.state is State.HIT) == (rule.rule.id in hits)
            assert opinion.not_applicable.get(rule.rule.id, "") == answer.reason
            asked += 1
        assert not opinion.broken
    assert asked > 10_000
