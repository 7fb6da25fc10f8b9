from __future__ import annotations

from qa.demo.compare import compare, markdown, percent, summary
from qa.demo.generate import PlantedItem
from qa.demo.write import Truth


def truth(name: str, *rules: str, scenario: str = "s1", traps: tuple[str, ...] = ()) -> Truth:
    return Truth(("m", name), scenario, tuple(PlantedItem(rule, ()) for rule in rules), traps)


TRUTHS = [
    truth("c1", "greeting-missing", "long-gap"),
    truth("c2", "greeting-missing", scenario="s2"),
    truth("c3", scenario="s2", traps=("quotes-best",)),
    truth("c4", "long-gap"),
]


def test_found_missed_false_and_not_inspected_are_told_apart():
    observed = {("m", "c1"): {"greeting-missing"}, ("m", "c2"): {"greeting-missing"}, ("m", "c3"): {"absolute-terms"}}
    result = compare(TRUTHS, observed, {("m", "c1"), ("m", "c2"), ("m", "c3")})
    total = result.total
    assert (total.chats, total.planted, total.found, total.missed, total.false, total.not_inspected) == (
        3,
        3,
        2,
        1,
        1,
        1,
    )
    assert result.rules["greeting-missing"].recall == 1.0
    assert result.rules["long-gap"].recall == 0.0
    assert result.rules["long-gap"].precision is None
    assert result.rules["absolute-terms"].recall is None
    assert result.scenarios["s2"].false == 1
    assert [(d.rule, d.key[1]) for d in result.missed] == [("long-gap", "c1")]
    assert [(d.rule, d.key[1], d.traps) for d in result.false] == [("absolute-terms", "c3", ("quotes-best",))]
    assert (result.traps["quotes-best"].chats, result.traps["quotes-best"].false) == (1, 1)


def test_totals_are_the_sums_of_the_tables():
    observed = {("m", f"c{i}"): {"long-gap", "x"} for i in range(1, 5)}
    result = compare(TRUTHS, observed, {t.key for t in TRUTHS})
    for name in ("planted", "found", "missed", "false"):
        for table in (result.rules, result.scenarios):
            assert sum(getattr(tally, name) for tally in table.values()) == getattr(result.total, name)


def test_the_comparison_can_be_limited_to_rules():
    result = compare(TRUTHS, {("m", "c1"): {"x"}}, {t.key for t in TRUTHS}, rules={"long-gap"})
    assert set(result.rules) == {"long-gap"}
    assert result.total.false == 0
    assert result.unplanted == {"x": 1}
    assert "| x | 1 |" in markdown(result)


def test_chats_without_truth_are_named_and_left_out():
    result = compare(TRUTHS, {("m", "zz"): {"x"}}, {("m", "zz")})
    assert result.unknown == [("m", "zz")]
    assert result.total.false == 0


def test_nothing_inspected_is_unknown_and_not_a_percentage():
    text = markdown(compare(TRUTHS, {}, set()))
    assert "%" not in text
    assert "| greeting-missing | 0 | 0 | 0 | 0 | – | – | 2 |" in text


def test_markdown_lists_every_difference_with_its_chat():
    result = compare(TRUTHS, {("m", "c3"): {"x"}}, {t.key for t in TRUTHS}, None)
    text = markdown(result, {"s1": "催单"})
    assert "| greeting-missing | s1 | c1 |" in text
    assert "| x | s2 | c3 |" in text
    assert "s1 催单" in text
    assert summary(result).startswith("4 chats inspected: 0 of 4 planted items found (0 %)")


def test_a_rate_is_rounded_to_all_only_when_it_is_all():
    assert percent(0.99999) == "99.9 %"
