"""all, any, not, at_least, named, applies: Kleene's logic over hit, miss, not applicable."""

from __future__ import annotations

import itertools

import pytest

from qa.errors import PackError
from qa.rules.engine import compile_pack

HIT = {"field": {"field": "csat", "at_most": 5}}
MISS = {"field": {"field": "csat", "at_least": 5}}
UNKNOWN = {"field": {"field": "tier", "is": "vip"}}
CONDITIONS = {"hit": HIT, "miss": MISS, "n/a": UNKNOWN}
CHAT = "# c-1 csat=1\n客户: 在吗\n客服: 在"
ORDER = {"miss": 0, "n/a": 1, "hit": 2}
STATES = list(ORDER)


@pytest.mark.parametrize("states", list(itertools.product(STATES, repeat=3)), ids="-".join)
def test_truth_tables(judge, states: tuple[str, ...]) -> None:
    parts = [CONDITIONS[state] for state in states]
    ranked = sorted(states, key=ORDER.get)
    assert judge({"all": parts}, CHAT).state == ranked[0]
    assert judge({"any": parts}, CHAT).state == ranked[-1]
    for n in (1, 2, 3):
        assert judge({"at_least": {"n": n, "of": parts}}, CHAT).state == ranked[-n]


@pytest.mark.parametrize(("state", "opposite"), [("hit", "miss"), ("miss", "hit"), ("n/a", "n/a")])
def test_not(judge, state: str, opposite: str) -> None:
    assert judge({"not": CONDITIONS[state]}, CHAT).state == opposite
    assert judge({"not": {"not": CONDITIONS[state]}}, CHAT).state == state


@pytest.mark.parametrize(("applies", "expected"), [("hit", "hit"), ("miss", "n/a"), ("n/a", "n/a")])
def test_applies(judge, applies: str, expected: str) -> None:
    answer = judge(HIT, CHAT, applies=CONDITIONS[applies])
    assert answer.state == expected
    if expected == "n/a":
        assert answer.reason == {"miss": "condition 'applies' not met", "n/a": "tier unknown"}[applies]


@pytest.mark.parametrize("state", STATES)
def test_named(judge, state: str) -> None:
    assert judge({"named": "x"}, CHAT, let={"x": CONDITIONS[state]}).state == state


def test_a_named_condition_may_use_an_earlier_one(judge) -> None:
    let = {"a": HIT, "b": {"not": {"named": "a"}}}
    assert judge({"named": "b"}, CHAT, let=let).state == "miss"


def test_evidence_of_all_hits_together(judge) -> None:
    said = [{"keywords": {"any": ["好"]}}, {"keywords": {"any": ["在"]}}, {"keywords": {"none": ["滚"]}}]
    answer = judge({"all": said}, "客户: 在吗\n客服: 您好\n客服: 在的")
    assert answer.quotes == [(1, "好"), (2, "在")]
    assert answer.searched == [1, 2]
    assert answer.finding.hits == 2


def test_the_absence_of_any_cites_all_turns_searched(judge) -> None:
    said = [{"keywords": {"any": ["甲"], "role": "customer"}}, {"keywords": {"any": ["乙"]}}]
    assert judge({"not": {"any": said}}, "客户: 在吗\n客服: 您好").searched == [0, 1]


def test_a_figure_keeps_its_value(judge) -> None:
    assert judge({"not": MISS}, CHAT).finding.value == 1
    assert judge({"all": [{"keywords": {"any": ["在"]}}, HIT]}, CHAT).finding.value == 1


@pytest.mark.parametrize(
    ("when", "where", "reason"),
    [
        ([], "when", "exactly one key"),
        ({}, "when", "exactly one key"),
        ({"all": [], "any": []}, "when", "exactly one key"),
        ("csat", "when", "exactly one key"),
        ({"all": []}, "when.all", "one or more conditions"),
        ({"any": {}}, "when.any", "one or more conditions"),
        ({"all": [HIT, "x"]}, "when.all.1", "exactly one key"),
        ({"at_least": {"n": 1}}, "when.at_least", "exactly 'n' and 'of'"),
        ({"at_least": {"n": 3, "of": [HIT, HIT]}}, "when.at_least.n", "from 1 to 2"),
        ({"at_least": {"n": True, "of": [HIT]}}, "when.at_least.n", "from 1 to 1"),
        ({"named": 3}, "when.named", "the name of a condition"),
        ({"named": "x"}, "when.named", "no condition is named 'x'"),
        ({"keyword": {}}, "when.keyword", "unknown operator 'keyword'"),
        ({"not": {"field": {"field": "csat"}}}, "when.not.field", "give exactly one of"),
    ],
)
def test_mistakes_name_their_place(pack_of, when, where: str, reason: str) -> None:
    with pytest.raises(PackError) as caught:
        compile_pack(pack_of({"when": when}))
    assert str(caught.value).startswith(f"rule rule: {where}: ")
    assert reason in str(caught.value)


def test_a_condition_named_later_is_unknown(pack_of) -> None:
    with pytest.raises(PackError, match=r"no condition is named 'b' .*there: none"):
        compile_pack(pack_of({"when": HIT, "let": {"a": {"named": "b"}, "b": HIT}}))


def test_a_named_condition_is_asked_once_a_chat(pack_of, monkeypatch) -> None:
    from qa.rules.context import house_context
    from qa.rules.operators.keywords import Finder
    from qa.sources.plain import parse_plain

    calls = []
    original = Finder.__call__
    monkeypatch.setattr(Finder, "__call__", lambda self, *args: calls.append(1) or original(self, *args))
    pack = pack_of({
        "let": {"a": {"keywords": {"any": ["在"], "role": "customer"}}},
        "when": {"all": [{"named": "a"}, {"named": "a"}, {"keywords": {"none": ["滚"], "after": "a"}}]},
    })  # fmt: skip
    [chat] = parse_plain(CHAT)
    assert compile_pack(pack).judge(chat, house_context(pack), "2026-11-20").findings
    assert len(calls) == 1
