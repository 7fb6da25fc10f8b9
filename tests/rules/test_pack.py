"""The pack loader: every mistake is told with file, line and column; packs laid over the house pack."""

from __future__ import annotations

from pathlib import Path

import pytest

from qa.errors import PackError
from qa.rules.advice import warnings
from qa.rules.context import house_context
from qa.rules.engine import compile_pack
from qa.rules.examples import check_examples
from qa.rules.inspector import load_scorecard
from qa.rules.pack import load_house, load_pack, resolve
from qa.rules.yamlfile import parse_yaml
from qa.sources.plain import parse_plain
from qa.types import Dimension

HEAD = 'pack: acme\nversion: "1"\nname: {zh: 某店, en: Acme}\n'
RULE = """\
rules:
  - id: one
    name: {zh: 一, en: One}
    dimension: process
    severity: minor
    deduct: 2
    message: {zh: 一, en: One}
    when: {keywords: {any: [甲]}}
"""
EXTENDS = HEAD + "extends: house\n"


def test_a_pack_of_ones_own(pack_file) -> None:
    located = load_pack(pack_file(HEAD + RULE))
    assert [rule.id for rule in located.pack.rules] == ["one"]
    assert "courtesy" in located.pack.wordlists
    assert located.where("one", ("when", "keywords", "any", 0)).endswith("pack.yaml:11:29")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("deduct: 2", "deduct: two", "9:5: rules.0.deduct: 'two' is not a number"),
        ("deduct: 2", "deduct: true", "9:5: rules.0.deduct: must be a number, neither true nor false"),
        ("deduct: 2", "deduct: 1:30", "9:5: rules.0.deduct: '1:30' is not a number"),
        ("deduct: 2", "deduct: 200", "9:5: rules.0.deduct: must be less than or equal to 100"),
        ("deduct: 2", "deduct: 1e400", "9:5: rules.0.deduct: "),
        ("deduct: 2", "deduct: 5\n    max_deduct: 2", "5:5: rules.0: max_deduct is less than deduct"),
        ("deduct: 2", "deduct: 2\n    bonus: 2", "5:5: rules.0: a rule either gives a bonus or takes points"),
        ("deduct: 2", "red_line: true\n    bonus: 2", "5:5: rules.0: a rule either gives a bonus or takes points"),
        ("deduct: 2", "bonus: 2\n    max_deduct: 2", "5:5: rules.0: a rule that gives a bonus has no max_deduct"),
        ("deduct: 2", "deduct: 2\n    deduct: 3", "10:5: 'deduct' is given twice"),
        ("deduct: 2", "dedukt: 2", "9:5: rules.0.dedukt: unknown field 'dedukt'; did you mean 'deduct'?"),
        ("deduct: 2", "zzz: 2", "9:5: rules.0.zzz: unknown field 'zzz' (known: id, name, "),
        ("id: one", "id: One", "5:5: rules.0.id: 'One' is not an id: small letters, digits and hyphens"),
        ("id: one", "id: [one]", "5:5: rules.0.id: a rule needs an id"),
        ("- id: one\n    name", "- name", "5:5: rules.0.id: a rule needs an id"),
        ("severity: minor", "severity: bad", "8:5: rules.0.severity: 'bad' is not one of its values (known: info, "),
        ("dimension: process", "dimension: speed", "7:5: rules.0.dimension: 'speed' is not one of its values (known: "),
        ("{zh: 一, en: One}\n    dimension", "一\n    dimension", "6:5: rules.0.name: must be a mapping"),
        ("{zh: 一, en: One}\n    dimension", "{zh: 一}\n    dimension", "6:5: rules.0.name.en: 'en' is missing"),
        ("message: {zh: 一,", 'message: {zh: "{quot}",', "10:5: rules.0.message: {quot} is not one of {quote}"),
        ("deduct: 2", "effective_from: 2026-13-01", "9:5: rules.0.effective_from: '2026-13-01' is not a day"),
        ("deduct: 2", "effective_from: 20261101", "9:5: rules.0.effective_from: "),
        ("deduct: 2", "effective_from: '20261101'", "9:5: rules.0.effective_from: '20261101' is not a day"),
        (
            "deduct: 2", "effective_from: 2026-11-02\n    effective_until: 2026-11-01",
            "5:5: rules.0: effective_until lies before effective_from",
        ),
        ("deduct: 2", "repeat: {within_days: 30, deduct: [3]}", "5:5: rules.0: repeat is for a rule that takes points"),
        (
            "deduct: 2", "deduct: 2\n    repeat: {within_days: 30, deduct: [3, 1]}",
            "5:5: rules.0: repeat: an offence takes no less",
        ),
        ("deduct: 2", "deduct: 2\n    repeat: {within_days: 0, deduct: [3]}", "10:14: rules.0.repeat.within_days: "),
        (
            "deduct: 2", "deduct: 2\n    max_deduct: 4\n    repeat: {within_days: 9, deduct: [5]}",
            "5:5: rules.0: max_deduct is less than repeat takes",
        ),
        (
            "any: [甲]", "any: [甲], role: agnet",
            "11:33: rules.0.when.keywords.role: 'agnet' is not one of its values; did you mean 'agent'?",
        ),
        (
            "any: [甲]", "any: [甲], after: a, hit: evry",
            "11:43: rules.0.when.keywords.hit: 'evry' is not one of its values; did you mean 'every'?",
        ),
        (
            "any: [甲]", "any: [甲], after: a, hit: 0",
            "11:43: rules.0.when.keywords.hit: must be greater than or equal to 1, or be one of last, any, ",
        ),
        ("any: [甲]", "any: 甲", "11:23: rules.0.when.keywords.any: must be a list"),
        ("any: [甲]", "anny: [甲]", "11:23: rules.0.when.keywords.anny: unknown field 'anny'; did you mean 'any'?"),
        ("any: [甲]", "list: [nowhere]", "11:12: rules.0.when.keywords: no word list is named 'nowhere'"),
        ("keywords: {any: [甲]}", "regex: {pattern: '('}", "11:12: rules.0.when.regex: regular expression '('"),
        ("keywords:", "keyword:", "11:12: rules.0.when.keyword: unknown operator 'keyword'; did you mean 'keywords'?"),
        ("{keywords: {any: [甲]}}", "{all: [{keywords: {any: [甲]}}, {x: 1}]}", "11:43: rules.0.when.all.1.x: unknown"),
        ("when:", "let: {a: {x: 1}}\n    when:", "11:15: rules.0.let.a.x: unknown operator 'x'"),
        ("when:", "applies: {x: 1}\n    when:", "11:15: rules.0.applies.x: unknown operator 'x'"),
        ("rules:", "rules: &r", "4:8: anchors and aliases are not allowed"),
        ("when: {", "when: !x {", "11:11: tags (!x) are not allowed"),
    ],
)  # fmt: skip
def test_mistakes_in_a_rule(mistake, old: str, new: str, message: str) -> None:
    text = HEAD + RULE
    assert text.count(old) == 1
    assert mistake(text.replace(old, new)).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + RULE + RULE.removeprefix("rules:\n"), "12:5: rules.1.id: rule 'one' is there already"),
        (HEAD + "extends: other\n", "4:1: extends: only a shipped pack can be extended, and none is called 'other'"),
        (HEAD.replace("acme", "Ac me"), "1:1: pack: 'Ac me' is not an id"),
        (HEAD.replace('"1"', "1.0"), "2:1: version: must be a text: put it in quotation marks"),
        (HEAD.replace("version", "verzion"), "2:1: verzion: unknown field 'verzion'; did you mean 'version'?"),
        (HEAD.replace('version: "1"\n', ""), "1:1: version: 'version' is missing"),
        (HEAD + "colour: red", "4:1: colour: unknown field 'colour' (known: pack"),
        ("- a\n", "1:1: must be a mapping"),
        (HEAD + "rules: {a: 1}", "4:1: rules: must be a list"),
        (HEAD + "wordlists: {w: []}", "4:13: wordlists.w: must have at least 1 item"),
        (HEAD + "wordlists: {w: 甲}", "4:13: wordlists.w: must be a list"),
        (EXTENDS + "off: [nothing]", "5:7: off.0: no rule 'nothing' to switch off"),
        (EXTENDS + "off: [unanswered, unanswered]", "5:19: off.1: no rule 'unanswered' to switch off"),
        (EXTENDS + "off: unanswered", "5:1: off: must be a list"),
        (EXTENDS + "change: {nothing: {deduct: 1}}", "5:10: change.nothing: no rule 'nothing' to change"),
        (EXTENDS + "change: {unanswered: {id: other}}", "5:23: change.unanswered.id: a rule keeps its id"),
        (
            EXTENDS + "change: {unanswered: {deduct: x}}",
            "5:23: change.unanswered.deduct: ",
        ),
        (EXTENDS + "change: {unanswered: {when: {x: 1}}}", "5:30: change.unanswered.when.x: unknown operator 'x'"),
        (EXTENDS + "change: {unanswered: {max_deduct: 1}}", "5:10: change.unanswered: max_deduct is less than deduct"),
        (EXTENDS + RULE.replace("one", "unanswered"), "6:5: rules.0.id: rule 'unanswered' is there already"),
    ],
)
def test_mistakes_in_a_pack(mistake, text: str, message: str) -> None:
    assert mistake(text).startswith(message)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"nowhere.yaml: cannot be read"):
        load_pack(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a: 1\nb: \xff", ":2:1: cannot be read: not UTF-8: save it as UTF-8"),
        ("pack: a\nname: 某店".encode("gbk"), ":2:1: cannot be read: not UTF-8 but GB18030 or GBK"),
        ("pack: a".encode("utf-16"), ":1:1: cannot be read: not UTF-8 but UTF-16"),
        (b"#" * (2 * 1024**2 + 1), ": larger than 2 MiB, which no file of rules is"),
    ],
)
def test_files_of_another_encoding_or_size(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(data)
    with pytest.raises(PackError) as caught:
        load_pack(path)
    assert str(caught.value).startswith(f"{path}{reason}")


def test_the_house_pack_extends_nothing() -> None:
    with pytest.raises(PackError, match="the house pack extends nothing"):
        resolve(parse_yaml(EXTENDS, "house.yaml"), None)


MERCHANT = (
    EXTENDS
    + """\
off: [one-word-reply]
change:
  first-response-slow: {deduct: 9, when: {figure: {figure: first_response, over: 45}}}
  red-insult: {message: {zh: 不可以, en: Never}}
wordlists:
  greeting: [欢迎光临某店]
  slang: [老铁]
"""
    + RULE.replace("any: [甲]", "list: [slang]")
)


def test_a_pack_laid_over_the_house_pack(pack_file) -> None:
    path = pack_file(MERCHANT)
    located = load_pack(path)
    rules = {rule.id: rule for rule in located.pack.rules}
    house = {rule.id: rule for rule in load_house().pack.rules}
    assert set(rules) == set(house) - {"one-word-reply"} | {"one"}
    assert (rules["first-response-slow"].deduct, house["first-response-slow"].deduct) == (9, 6)
    assert rules["first-response-slow"].name == house["first-response-slow"].name
    assert rules["unanswered"] == house["unanswered"]
    assert located.pack.wordlists["greeting"] == ("欢迎光临某店",)
    assert located.where("unanswered", ()).startswith("house.yaml:")
    assert located.where("first-response-slow", ("deduct",)) == f"{path}:7:25"
    assert located.where("first-response-slow", ("name",)) == f"{path}:7:3"
    assert "red line red-insult of the house is changed" in list(warnings(located.pack, load_house().pack))
    [chat] = parse_plain("客户: 在\n客服: 您好老铁")
    opinion = compile_pack(located).judge(chat, house_context(located.pack), "2026-11-20")
    assert {"one", "greeting-missing"} <= {finding.rule for finding in opinion.findings}


def test_a_changed_rule_must_fit_its_examples(pack_file) -> None:
    path = pack_file(MERCHANT)
    wrong = [found for found in check_examples(load_pack(path)) if found.rule == "first-response-slow"]
    assert wrong
    assert all(found.where.startswith(f"{path}:7:") for found in wrong)
    assert [found.expected for found in wrong if found.got == "passes"]


def test_two_packs_of_one_content_have_one_hash(pack_file) -> None:
    first = load_pack(pack_file(HEAD + RULE)).pack
    second = load_pack(pack_file(HEAD + RULE.replace("{any: [甲]}", "{any: [ 甲 ]}"))).pack
    third = load_pack(pack_file(HEAD + RULE.replace("甲", "乙"))).pack
    assert first.hash == second.hash != third.hash


@pytest.mark.parametrize(
    ("examples", "expected", "got"),
    [
        ("{}", "a bad and a good example", "none of one kind"),
        ("{bad: ['客服: 甲'], good: ['客服: 甲']}", "passes", "fires"),
        ("{bad: ['客服: 乙'], good: ['客服: 乙']}", "fires", "passes"),
        ("{bad: ['客服: 甲'], good: ['客户: 乙']}", "passes", "not applicable"),
        ("{bad: ['客服: 甲'], good: ['客服: 乙'], na: ['客服: 乙']}", "not applicable", "passes"),
        ("{bad: ['谁: 甲'], good: ['客服: 乙']}", "a chat in plain notation", "line 1: not a message"),
        ("{bad: ['客服: 甲'], good: ['']}", "a chat in plain notation", "an empty text"),
    ],
)
def test_examples_that_disappoint(pack_file, examples: str, expected: str, got: str) -> None:
    located = load_pack(pack_file(HEAD + RULE + f"    examples: {examples}\n"))
    [wrong] = list(check_examples(located))
    assert (wrong.rule, wrong.expected) == ("one", expected)
    assert wrong.got.startswith(got)
    assert bool(wrong.why) == (got in {"fires", "passes", "not applicable"})
    assert ":12:" in wrong.where if examples != "{}" else ":5:" in wrong.where


def test_examples_of_a_rule_that_breaks_or_has_dates(pack_file, monkeypatch) -> None:
    examples = "    examples: {bad: ['客服: 甲'], good: ['客服: 乙']}\n"
    dated = RULE.replace("deduct: 2", "effective_from: 2020-01-01\n    effective_until: 2020-01-02")
    assert list(check_examples(load_pack(pack_file(HEAD + dated + examples)))) == []
    monkeypatch.setattr("qa.rules.operators.keywords.Finder.__call__", lambda *_: 1 / 0)
    wrong = list(check_examples(load_pack(pack_file(HEAD + RULE + examples))))
    assert {found.got.split(":")[0] for found in wrong} == {"breaks"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "dimensions: {timeliness: 1, professionalism: 1, satisfaction: 1}",
            "1:1: dimensions: needs a weight for process",
        ),
        (
            "dimensions: {timeliness: 0, professionalism: 0, satisfaction: 0, process: 0}",
            "1:1: dimensions: needs a weight for at least one dimension",
        ),
        ("dimensions: {speed: 1}", "1:14: dimensions.speed"),
        ("dimensions: {timeliness: -1}", "1:14: dimensions.timeliness: must be "),
        ("dimension: {}", "1:1: dimension: unknown field 'dimension'; did you mean 'dimensions'?"),
        ("full: {}", "1:1: dimensions: 'dimensions' is missing"),
        ("dimensions: 3", "1:1: dimensions: must be a mapping"),
    ],
)
def test_scorecard_mistakes(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(text)
    with pytest.raises(PackError) as caught:
        load_scorecard(path)
    assert str(caught.value).removeprefix(f"{path}:").startswith(message)


def test_scorecards(tmp_path: Path) -> None:
    assert load_scorecard(None).dimensions == dict(zip(Dimension, (25, 35, 25, 15), strict=True))
    path = tmp_path / "card.yaml"
    path.write_text("dimensions: {timeliness: 1, professionalism: 1, satisfaction: 1, process: 0}")
    assert load_scorecard(path).dimensions[Dimension.PROCESS] == 0


def test_warnings(pack_file) -> None:
    own = list(warnings(load_pack(pack_file(HEAD + RULE)).pack, load_house().pack))
    assert own[0] == "no red line: nothing voids a score"
    assert "dimension timeliness has no rule that takes points: its weight goes to the others" in own
    assert "no bad example: one" in own
    off = load_pack(pack_file(EXTENDS + "off: [red-insult]\n" + RULE.replace("deduct: 2", "deduct: 0")))
    assert list(warnings(off.pack, load_house().pack))[:2] == [
        "red line red-insult of the house is switched off", "neither points nor red line, only shown: one",
    ]  # fmt: skip


def test_an_experimental_rule_is_tested_but_judges_nothing_until_a_pack_says_so(pack_file) -> None:
    trial = RULE.replace("    when:", "    experimental: true\n    when:")
    example = '    examples: {bad: ["客服: 甲"], good: ["客服: 乙"]}\n'
    located = load_pack(pack_file(HEAD + trial + example))
    assert (len(located.pack.rules), located.pack.active) == (1, ())
    assert list(check_examples(located)) == []
    assert compile_pack(located).rules == ()
    [wrong] = check_examples(load_pack(pack_file(HEAD + trial + example.replace("客服: 乙", "客服: 甲"))))
    assert (wrong.expected, wrong.got) == ("passes", "fires")
    shipped = next(rule.id for rule in load_house().pack.rules if rule.experimental)
    own = load_pack(pack_file(EXTENDS + f"change: {{{shipped}: {{experimental: false}}}}\n"))
    assert {rule.id for rule in own.pack.active} - {rule.id for rule in load_house().pack.active} == {shipped}


def test_a_repeated_offence_raises_the_weight_of_its_item() -> None:
    rule = next(rule for rule in load_house().pack.rules if rule.repeat is not None)
    assert rule.repeat is not None
    assert rule.weight == rule.repeat.deduct[-1] >= rule.deduct


def test_capitals_that_no_folded_text_has_are_told(pack_file) -> None:
    written = r"""
  - id: shouted
    name: {zh: 大写, en: Shouted}
    dimension: process
    severity: minor
    deduct: 1
    message: {zh: 大写, en: Shouted}
    when: {any: [{regex: {pattern: 'VX\S|\p{L}'}}, {regex: {pattern: 'vx', except: '(?i)AVX'}}]}
"""
    told = list(warnings(load_pack(pack_file(HEAD + RULE + written)).pack, load_house().pack))
    assert [line for line in told if "lower case" in line] == [
        "rule shouted: V, X in an expression is never found, texts are in lower case"
    ]
