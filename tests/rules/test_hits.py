"""Rules asked before the model and after it say together what they say at once; the model is told the first ones."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from qa.policy import Policy
from qa.rules.context import house_context
from qa.rules.drafts import Opinion
from qa.rules.engine import RuleSet, compile_pack
from qa.rules.hits import HitFinder, found_by, parted, reads_opinion
from qa.rules.inspector import Case, Inspector, Standard, load_scorecard
from qa.rules.pack import Pack, load_house
from qa.rules.view import Context
from qa.types import Chat, ChatOpinion, Message, Role
from qa.types import Opinion as Thought

DAY = "2026-10-01"
BAD = Thought("dissatisfied", 0.95, (0.95, 0.04, 0.01))
NEGATIVE = Thought("negative", 0.97, (0.97, 0.02, 0.01))
THOUGHT = ChatOpinion(sentiment=NEGATIVE, satisfaction=BAD, resolution=Thought("resolved", 0.9, (0.05, 0.05, 0.9)))
CHATS = [
    Chat("a", (Message(Role.CUSTOMER, "太差了，投诉"), Message(Role.AGENT, "哦"), Message(Role.CUSTOMER, "算了"))),
    Chat("b", (Message(Role.CUSTOMER, "几点发货"), Message(Role.AGENT, "您好，今天下午发货，感谢您的支持"))),
    Chat("c", ()),
]


@pytest.fixture(scope="module")
def house() -> Pack:
    """A part of the house pack, with the rules that read the opinion between others."""
    pack = load_house().pack
    kept = [rule for rule in pack.active if reads_opinion(rule)] + list(pack.active[:12]) + list(pack.active[-12:])
    places = {rule.id: i for i, rule in enumerate(pack.active)}
    rules = tuple(sorted({rule.id: rule for rule in kept}.values(), key=lambda rule: places[rule.id]))
    return pack.model_copy(update={"rules": rules})


@pytest.fixture(scope="module")
def inspector(house: Pack) -> Inspector:
    return Inspector(Standard(pack=house, scorecard=load_scorecard(None)), Policy(), ZoneInfo("Asia/Shanghai"))


def test_rules_that_read_the_opinion_are_known(house: Pack) -> None:
    first, reading = parted(house.rules)
    assert reading == ("model-dissatisfied",)
    assert sorted((*first, *reading)) == sorted(rule.id for rule in house.rules)


def test_two_steps_say_what_one_says(house: Pack, inspector: Inspector) -> None:
    cases = [Case(chat, thought=THOUGHT) for chat in CHATS]
    first = inspector.first_many([Case(chat) for chat in CHATS], DAY)
    told = [case._replace(first=one) for case, one in zip(cases, first, strict=True) if isinstance(one, Opinion)]
    at_once = inspector.inspect_many(cases, DAY)
    assert inspector.inspect_many(told, DAY) == at_once
    assert [inspector.inspect(case.chat, DAY, thought=THOUGHT) for case in cases] == at_once
    rules, context = compile_pack(house), replace(house_context(house), opinion=THOUGHT)
    for chat, one in zip(CHATS, at_once, strict=True):
        whole = rules.judge(chat, context, DAY)
        assert not isinstance(one, Exception)
        assert [found.rule for found in one.findings] == [found.rule for found in whole.findings]
        assert list(one.not_applicable.items()) == list(whole.not_applicable.items())
    assert any(found.rule == "model-dissatisfied" for found in at_once[0].findings)  # type: ignore[union-attr]


def test_what_the_model_is_told_knows_nothing_of_what_it_thinks(house: Pack, inspector: Inspector) -> None:
    first = inspector.first_many([Case(chat, thought=THOUGHT) for chat in CHATS], DAY)
    found = [found_by(one) for one in first if isinstance(one, Opinion)]
    assert not any(rule.startswith("model-") for one in found for rule in one)
    assert [set(one) for one in HitFinder(house).find(CHATS)] == [set(one) for one in found]


def test_one_odd_chat_keeps_the_others_from_nothing(inspector: Inspector, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = RuleSet.judge_many

    def fails(self: RuleSet, chats: list[tuple[Chat, Context]], day: str) -> list[Opinion]:
        if any(chat.id == "b" for chat, _ in chats):
            raise FloatingPointError("no")
        return judge(self, chats, day)

    monkeypatch.setattr(RuleSet, "judge_many", fails)
    first = inspector.first_many([Case(chat) for chat in CHATS], DAY)
    assert [isinstance(one, Exception) for one in first] == [False, True, False]
