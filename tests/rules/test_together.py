"""Chats judged together, and shortcuts taken, say what each rule says of each chat when it is asked in full."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from qa.demo.generate import generate
from qa.policy import Policy
from qa.rules import engine, logic
from qa.rules.context import house_context
from qa.rules.engine import RuleSet, compile_pack, red_lines
from qa.rules.inspector import Case, Inspector, Standard, load_scorecard
from qa.rules.logic import denies_named
from qa.rules.operators.shape import TurnCount
from qa.rules.pack import Pack, load_house
from qa.sources.canonical import to_chat
from qa.sources.plain import parse_plain
from qa.types import Chat, Message, Role

DAY = "2026-10-01"
ZONE = ZoneInfo("Asia/Shanghai")
ADDED = (
    "\n第二行",
    "加我薇 信",
    "Ｖ❤Ｘ 13800138000",
    "亻言力口",
    "重5㎏",
    "\ud800",
    "",
    "退款多久到账？",
    "谢谢",
    "嗯",
)
"""What folding drops, makes longer or shorter, or may not choke on; and words that wake rules."""


@pytest.fixture(scope="module")
def house() -> Pack:
    return load_house().pack


@pytest.fixture(scope="module")
def in_full(house: Pack) -> RuleSet:
    """The house pack without any shortcut: every condition is asked, and cites what it searched."""
    with pytest.MonkeyPatch.context() as patch:
        for shortcut in ("unless_silent", "silent", "_seen"):
            patch.setattr(logic, shortcut, lambda judge, _known, _bench: judge)
        return compile_pack(house)


def _changed(message: Message, rng: random.Random) -> Message:
    change = rng.random()
    if change < 0.07:
        return msgspec.structs.replace(message, text=message.text + rng.choice(ADDED))
    if change < 0.1:
        return msgspec.structs.replace(message, kind=rng.choice(["image", "transfer", "closed"]))
    if change < 0.12:
        return msgspec.structs.replace(message, withdrawn=True)
    return msgspec.structs.replace(message, at=None) if change < 0.125 else message


def _altered(chat: Chat, rng: random.Random) -> Chat:
    """The chat with some messages lost, lengthened, withdrawn, made something else, or without time."""
    messages = tuple(_changed(message, rng) for message in chat.messages if rng.random() > 0.05)
    return msgspec.structs.replace(chat, messages=messages)


def _demo() -> list[Chat]:
    rng = random.Random(3)
    chats = [to_chat(planted.chat, merchant="default", zone=ZONE) for planted in generate(7, date(2026, 10, 1), 2, 70)]
    return [*chats, *(_altered(chat, rng) for chat in chats), Chat("empty", ())]


def _assert_same(rules: RuleSet, in_full: RuleSet, chats: Sequence[Chat], pack: Pack) -> None:
    context = house_context(pack)
    together = rules.judge_many([(chat, context) for chat in chats], DAY)
    for chat, opinion in zip(chats, together, strict=True):
        assert opinion == in_full.judge(chat, context, DAY)
        assert list(opinion.not_applicable) == [r.rule.id for r in rules.rules if r.rule.id in opinion.not_applicable]


def test_together_and_with_shortcuts_the_same_is_found(
    house_rules: RuleSet, in_full: RuleSet, house: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BATCH", 60)
    chats = _demo()
    assert len(chats) > 2 * engine.BATCH
    assert not any(rule.silence or rule.glance for rule in in_full.rules)
    _assert_same(house_rules, in_full, chats, house)


def test_in_real_chats_too(house_rules: RuleSet, in_full: RuleSet, house: Pack, shared_dir: Path) -> None:
    file = shared_dir / "data" / "jddc_dev.jsonl.gz"
    if not file.exists():
        pytest.skip("jddc_dev is not here")
    with gzip.open(file) as lines:
        chats = [to_chat(json.loads(line), zone=ZONE) for line in list(lines)[::4]]
    _assert_same(house_rules, in_full, chats, house)


def test_the_sweep_of_many_is_the_sweep_of_each(house: Pack) -> None:
    sweep, context, chats = compile_pack(house, only=red_lines(house)), house_context(house), _demo()
    fired = sweep.fired_many([(chat, context) for chat in chats], DAY)
    assert fired == [sweep.fired(chat, context, DAY) for chat in chats]
    assert any(fired)


@pytest.fixture(scope="module")
def inspector(house: Pack) -> Inspector:
    return Inspector(Standard(pack=house, scorecard=load_scorecard(None)), Policy(), ZONE)


def test_many_are_inspected_and_targeted_as_each_is(inspector: Inspector) -> None:
    chats = _demo()[::4]
    assert inspector.inspect_many([Case(chat) for chat in chats], DAY) == [inspector.inspect(c, DAY) for c in chats]
    targeted = [inspector.targeted(chat, DAY, repeat_contact=i % 2 == 0) for i, chat in enumerate(chats)]
    assert inspector.targeted_many([(chat, i % 2 == 0) for i, chat in enumerate(chats)], DAY) == targeted


def test_a_chat_that_cannot_be_read_leaves_the_others_alone(inspector: Inspector) -> None:
    good, odd = parse_plain("客户: 在吗\n客服: 在的", ZONE)[0], Chat("odd", None)  # type: ignore[arg-type]
    inspected = inspector.inspect_many([Case(good), Case(odd), Case(good)], DAY)
    assert isinstance(inspected[1], TypeError)
    assert inspected[0] == inspected[2] == inspector.inspect(good, DAY)
    targeted = inspector.targeted_many([(good, False), (odd, False)], DAY)
    assert (targeted[0], type(targeted[1])) == ((), TypeError)


def test_a_text_that_cannot_be_folded_breaks_its_own_chat_only(pack_of: Callable[..., Pack]) -> None:
    pack = pack_of({"when": {"not": {"keywords": {"any": ["甲"]}}}})
    good, odd = Chat("a", (Message(Role.AGENT, "乙"),)), Chat("b", (Message(Role.AGENT, None),))  # type: ignore[arg-type]
    opinions = compile_pack(pack).judge_many([(chat, house_context(pack)) for chat in (good, odd, good)], DAY)
    assert [len(opinion.broken) for opinion in opinions] == [0, 1, 0]
    assert [len(opinion.findings) for opinion in opinions] == [1, 0, 1]


def test_a_rule_that_crashes_on_one_chat_is_asked_of_the_others(pack_of, monkeypatch: pytest.MonkeyPatch) -> None:
    def fragile(_self, _bench):
        return lambda view: logic.MISSED if view.chat.id != "b" else 1 / 0

    monkeypatch.setattr(TurnCount, "compile", fragile)
    pack = pack_of({"when": {"turns": {"at_least": 1}}})
    chats = [Chat(name, (Message(Role.AGENT, "乙"),)) for name in "abc"]
    rules, asked = compile_pack(pack), [(chat, house_context(pack)) for chat in chats]
    assert [opinion.broken[:1] for opinion in rules.judge_many(asked, DAY)] == [
        (),
        (f"rule rule: ZeroDivisionError: division by zero (<lambda>:{fragile.__code__.co_firstlineno + 1})",),
        (),
    ]
    assert rules.fired_many(asked, DAY) == [(), ("rule",), ()]


@pytest.mark.parametrize(
    ("condition", "denies"),
    [
        ({"named": "x"}, False),
        ({"not": {"named": "x"}}, True),
        ({"any": [{"not": {"all": [{"keywords": {"any": ["甲"]}}, {"named": "x"}]}}]}, True),
        ({"all": [{"not": {"keywords": {"any": ["甲"]}}}, {"named": "x"}]}, False),
        (None, False),
    ],
)
def test_a_named_condition_that_is_denied_is_known(condition: object, denies: bool) -> None:
    assert denies_named(condition) is denies


def test_what_a_denied_named_condition_searched_is_cited(judge) -> None:
    let = {"said": {"any": [{"keywords": {"any": ["甲"]}}, {"keywords": {"any": ["乙"]}}]}}
    answer = judge({"not": {"named": "said"}}, "客户: 在\n客服: 在\n客服: 好", let=let)
    assert answer.searched == [1, 2]
