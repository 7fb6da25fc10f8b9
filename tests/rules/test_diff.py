from __future__ import annotations

import json

import orjson
from hypothesis import given
from hypothesis import strategies as st

from qa.rules.diff import FieldChange, diff_packs, lists_named
from qa.rules.pack import Pack, load_house, load_shipped, resolve
from qa.rules.yamlfile import parse_yaml

HEAD = 'pack: own\nversion: "1"\nname: {zh: 本店, en: Own}\nextends: house\n'
SLANG = """\
rules:
  - id: slang
    name: {zh: 俚语, en: Slang}
    dimension: process
    severity: minor
    deduct: 2
    message: {zh: 俚, en: Slang}
    when: {keywords: {list: [slang]}}
wordlists: {slang: [老铁, 家人们]}
"""
HOUSE = load_house().pack


def own(text: str) -> Pack:
    return resolve(parse_yaml(HEAD + text, "own.yaml"), load_shipped).pack


def test_a_pack_is_the_same_as_itself_under_another_name() -> None:
    found = diff_packs(HOUSE, own(""))
    assert found.same
    assert (found.old.pack, found.new.pack) == ("house", "own")
    assert found.old.hash != found.new.hash


def test_rules_added_and_removed_are_given_whole() -> None:
    found = diff_packs(HOUSE, own("off: [red-insult]\n" + SLANG))
    assert [rule.id for rule in found.added] == ["slang"]
    assert [rule.id for rule in found.removed] == ["red-insult"]
    assert found.changed == ()
    assert not found.reordered
    assert [(one.wordlist, one.added, one.removed, one.rules) for one in found.wordlists] == [
        ("slang", ("老铁", "家人们"), (), ("slang",))
    ]
    assert json.loads(orjson.dumps(found.as_json()))["added"][0]["when"] == {"keywords": {"list": ["slang"]}}


def test_changes_are_told_field_by_field() -> None:
    changed = own("change: {low-csat: {deduct: 1, message: {zh: 低分, en: The customer rated {value}.}}}".replace(
        "{value}.", "low"
    ))  # fmt: skip
    (change,) = diff_packs(HOUSE, changed).changed
    before = next(rule for rule in HOUSE.rules if rule.id == "low-csat")
    assert change.rule == "low-csat"
    assert change.fields == (
        FieldChange("deduct", before.deduct, 1.0),
        FieldChange("max_deduct", before.weight, 1.0),
        FieldChange("message.zh", before.message.zh, "低分"),
        FieldChange("message.en", before.message.en, "The customer rated low"),
    )


def test_a_condition_is_one_field() -> None:
    (change,) = diff_packs(HOUSE, own("change: {low-csat: {when: {field: {field: csat, at_most: 1}}}}")).changed
    assert [one.field for one in change.fields] == ["when"]
    assert change.fields[0].new == {"field": {"field": "csat", "at_most": 1}}


def test_a_condition_written_in_another_order_is_the_same() -> None:
    a = own("change: {low-csat: {when: {field: {field: csat, at_most: 1}}}}")
    b = own("change: {low-csat: {when: {field: {at_most: 1, field: csat}}}}")
    assert diff_packs(a, b).same


def test_word_lists_are_sets() -> None:
    a = own(SLANG)
    assert diff_packs(a, own(SLANG.replace("老铁, 家人们", "家人们, 老铁"))).same
    (words,) = diff_packs(a, own(SLANG.replace("老铁, 家人们", "家人们, 宝子"))).wordlists
    assert (words.added, words.removed) == (("宝子",), ("老铁",))


def test_another_order_of_rules_is_told() -> None:
    turned = HOUSE.model_copy(update={"rules": HOUSE.rules[::-1]})
    found = diff_packs(HOUSE, turned)
    assert found.reordered
    assert (found.added, found.removed, found.changed) == ((), (), ())


def test_lists_are_found_wherever_conditions_stand() -> None:
    used = {name for rule in HOUSE.rules for name in lists_named(rule)}
    assert {"greeting", "apology"} <= used <= set(HOUSE.wordlists)


@given(st.sets(st.sampled_from([rule.id for rule in HOUSE.rules])), st.sets(st.sampled_from(sorted(HOUSE.wordlists))))
def test_back_is_the_mirror(off: set[str], emptied: set[str]) -> None:
    other = HOUSE.model_copy(
        update={
            "rules": tuple(rule for rule in HOUSE.rules if rule.id not in off),
            "wordlists": {n: words[1:] if n in emptied else words for n, words in HOUSE.wordlists.items()},
        }
    )
    there, back = diff_packs(HOUSE, other), diff_packs(other, HOUSE)
    assert {rule.id for rule in there.removed} == off == {rule.id for rule in back.added}
    assert {one.wordlist for one in there.wordlists} == emptied == {one.wordlist for one in back.wordlists}
    assert there.same == (not off and not emptied)
