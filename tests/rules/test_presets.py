"""The presets beside the house pack: their own rules (others: test_house_pack.py), and how a pack extends one."""

from __future__ import annotations

import re
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from qa.config import load_settings
from qa.errors import PackError
from qa.rules.advice import warnings
from qa.rules.context import house_context
from qa.rules.engine import compile_pack
from qa.rules.examples import branches, check_examples, outcome
from qa.rules.pack import Located, Rule, house_wordlists, load_house, load_pack, load_shipped, shipped_names
from qa.rules.reference import rule_reference, spliced
from qa.sources.plain import parse_plain
from qa.text import Level, fold

PRESETS = ("finance", "medical", "platform-presets")
PREFIXES = {"finance": {"fin"}, "medical": {"med"}}
PLATFORMS = {"jd", "pdd", "douyin", "kuaishou", "taobao", "any"}
HOUSE = {rule.id for rule in load_house().pack.rules}
EXPECTED = {"bad": "fires", "good": "passes", "na": "not applicable"}
SETS = YAML(typ="safe").load((Path(__file__).parent / "data" / "presets.yaml").read_text(encoding="utf-8"))
LISTS = {name: words for name, words in house_wordlists().items() if name.startswith(("finance_", "medical_"))}
HEAD = 'pack: acme\nversion: "1"\nname: {zh: 某店, en: Acme}\n'


def own(name: str) -> Located:
    located = load_shipped(name)
    return located.reduced(tuple(rule for rule in located.pack.rules if rule.id not in HOUSE))


OWN = {name: own(name) for name in PRESETS}
RULES = [pytest.param(name, rule, id=rule.id) for name in PRESETS for rule in OWN[name].pack.rules]


def test_the_shipped_packs() -> None:
    assert shipped_names() == ("house", *PRESETS)
    assert load_shipped("house") is load_house()


@pytest.mark.parametrize(("name", "rule"), RULES)
def test_examples(name: str, rule: Rule) -> None:
    located = OWN[name]
    compiled, context = compile_pack(located, only=[rule.id]), house_context(located.pack)
    for kind, expected in EXPECTED.items():
        for text in getattr(rule.examples, kind):
            [chat] = parse_plain(text, context.zone)
            assert (outcome(compiled, chat, context, rule), text) == (expected, text)


@pytest.mark.parametrize("name", PRESETS)
def test_the_command_agrees_and_every_condition_is_tried(name: str) -> None:
    assert list(check_examples(OWN[name])) == []
    assert branches(OWN[name]).untried == ()


@pytest.mark.parametrize(("name", "rule"), RULES)
def test_a_rule_is_whole(name: str, rule: Rule) -> None:
    assert rule.id.split("-", 1)[0] in PREFIXES.get(name, PLATFORMS)
    assert len(rule.examples.bad) >= 2
    assert len(rule.examples.good) >= 2
    assert rule.examples.na
    assert rule.suggestion is not None
    assert (rule.severity == "critical" and not rule.deduct) if rule.red_line else rule.deduct > 0
    assert (rule.name.zh.startswith("红线·"), rule.name.en.startswith("Red line:")) == (rule.red_line, rule.red_line)
    shown = rule.message.zh + rule.message.en
    assert "{quote}" in shown or "{value}" in shown or rule.id == "fin-recording-notice-missing"


@pytest.mark.parametrize(("name", "most"), [("finance", 1), ("medical", 0)])
def test_what_an_industry_pack_adds(name: str, most: int) -> None:
    rules = OWN[name].pack.rules
    assert len(rules) >= 12
    assert sum(rule.red_line for rule in rules) >= 5
    assert sum(rule.experimental for rule in rules) == most


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_leaves_the_house_as_it_is(name: str) -> None:
    whole = load_shipped(name).pack
    assert [rule for rule in whole.rules if rule.id in HOUSE] == list(load_house().pack.rules)
    assert [line for line in warnings(whole, load_house().pack) if "red line" in line] == []
    compile_pack(load_shipped(name))


def test_no_platform_judges_until_it_is_switched_on() -> None:
    rules = OWN["platform-presets"].pack.rules
    assert all(rule.experimental for rule in rules)
    assert {rule.id.split("-", 1)[0] for rule in rules} == PLATFORMS
    assert load_shipped("platform-presets").pack.active == load_house().pack.active


def test_every_platform_rule_has_its_arithmetic_above_it() -> None:
    text = resources.files("qa.rules").joinpath("packs", "platform-presets.yaml").read_text(encoding="utf-8")
    above = re.findall(r"((?:  #.*\n)+)  - id: (\S+)", text)
    assert [name for _, name in above] == [rule.id for rule in OWN["platform-presets"].pack.rules]
    assert [name for comment, name in above if "# Example: " not in comment] == []


# ------------------------------------------------------------------ how a merchant's pack uses them


def test_a_merchants_pack_switches_its_platform_on(pack_file) -> None:
    text = HEAD + "extends: platform-presets\nchange:\n  jd-first-30s: {experimental: false}\n"
    pack = load_pack(pack_file(text)).pack
    assert {rule.id for rule in pack.active} - {rule.id for rule in load_house().pack.active} == {"jd-first-30s"}
    compiled, context = compile_pack(pack), house_context(pack)
    [chat] = parse_plain("14:00:00 客户: 有货吗\n14:00:31 客服: 您好，有的", context.zone)
    found = {finding.rule for finding in compiled.judge(chat, context, "2026-11-20").findings}
    assert "jd-first-30s" in found
    assert not {rule for rule in found if rule.split("-")[0] in PLATFORMS - {"jd"}}


def test_a_merchants_pack_on_a_preset(pack_file, mistake) -> None:
    text = HEAD + "extends: finance\noff: [fin-identity-check]\nwordlists:\n  finance_absolute: [宇宙第一]\n"
    located = load_pack(pack_file(text))
    ids = {rule.id for rule in located.pack.rules}
    assert ids >= HOUSE
    assert {"fin-promised-returns"} == ids & {"fin-promised-returns", "fin-identity-check"}
    assert located.pack.wordlists["finance_absolute"] == ("宇宙第一",)
    assert located.where("fin-promised-returns", ()).startswith("finance.yaml:")
    said = mistake(HEAD + "extends: finanz\n")
    assert said == (
        "4:1: extends: only a shipped pack can be extended, and none is called 'finanz'; did you mean 'finance'?"
    )


def test_a_shipped_pack_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_pack(Path("preset:finance")) is load_shipped("finance")
    with pytest.raises(PackError, match="no shipped pack 'finanz'; did you mean 'finance'"):
        load_pack(Path("preset:finanz"))
    with pytest.raises(PackError, match="no shipped pack 'scorecard'"):
        load_pack(Path("preset:scorecard"))
    monkeypatch.chdir(tmp_path)
    Path("preset:finance").write_text(HEAD + "extends: house\n", encoding="utf-8")
    assert load_pack(Path("preset:finance")).pack.id == "acme"


def test_the_settings_name_a_preset_and_a_file_of_that_name_wins(tmp_path: Path) -> None:
    file = tmp_path / "zhijian.toml"
    file.write_text('[packs]\nbank = "preset:finance"\nacme = "finance"\n', encoding="utf-8")
    packs = load_settings(file, {}).packs
    assert packs == {"bank": Path("preset:finance"), "acme": tmp_path / "finance"}
    assert load_pack(packs["bank"]).pack.id == "finance"
    (tmp_path / "preset:finance").write_text(HEAD, encoding="utf-8")
    assert load_settings(file, {}).packs["bank"] == tmp_path / "preset:finance"


# ------------------------------------------------------------------ sentences and word lists


def quotes(name: str) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
    """What the preset's own rules quote in each sentence of its set, and the sentences each rule must catch."""
    located = OWN[name]
    compiled, context = compile_pack(located), house_context(located.pack)
    sets = SETS[name]

    def told(sentence: str) -> dict[str, str]:
        [chat] = parse_plain(f"客户: 您好\n客服: {sentence}", context.zone)
        findings = compiled.judge(chat, context, "2026-11-20").findings
        return {finding.rule: finding.evidence[0].quote for finding in findings}

    sentences = [*sets["innocent"], *(one for some in sets["caught"].values() for one in some)]
    return {sentence: told(sentence) for sentence in sentences}, sets["caught"]


@pytest.mark.parametrize("name", ["finance", "medical"])
def test_sentences(name: str) -> None:
    told, caught = quotes(name)
    innocent = SETS[name]["innocent"]
    assert len(set(innocent)) == len(innocent) >= 60
    assert {sentence: told[sentence] for sentence in innocent if told[sentence]} == {}
    assert [(rule, one) for rule, some in caught.items() for one in some if rule not in told[one]] == []
    assert caught.keys() <= {rule.id for rule in OWN[name].pack.rules}


@pytest.mark.parametrize("name", LISTS)
def test_a_word_list_is_used_and_says_what_it_is(name: str) -> None:
    pack = name.split("_", maxsplit=1)[0]
    packs = resources.files("qa.rules").joinpath("packs")
    assert re.search(rf"\b{name}\b", packs.joinpath(f"{pack}.yaml").read_text(encoding="utf-8"))
    text = resources.files("qa.rules").joinpath("wordlists", f"{name}.txt").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert [word for word, times in Counter(LISTS[name]).items() if times > 1] == []


@pytest.mark.parametrize("name", [name for name in LISTS if name.endswith("_ordinary")])
def test_an_exception_contains_what_it_excepts(name: str) -> None:
    wanted = [fold(word, Level.SQUASH) for word in LISTS[name.removesuffix("_ordinary")]]
    assert [one for one in LISTS[name] if not any(word in fold(one, Level.SQUASH) for word in wanted)] == []


# ------------------------------------------------------------------ docs/presets.md


@pytest.fixture(scope="module")
def document(root: Path) -> str:
    return (root / "docs" / "presets.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PRESETS)
def test_the_tables_are_current(document: str, name: str) -> None:
    table = rule_reference(OWN[name].pack)
    assert spliced(document, name, table) == document, f"in docs/presets.md, part {name}, should stand:\n{table}"


def test_every_platform_rule_has_a_worked_example(document: str) -> None:
    worked = set(re.findall(r"^\| `(\S+)` \| .* \| (?:against|for|not applicable)", document, re.MULTILINE))
    assert worked == {rule.id for rule in OWN["platform-presets"].pack.rules}


def test_the_packs_of_the_document_load(document: str, pack_file) -> None:
    packs = re.findall(r"```yaml\n(.*?)```", document, re.DOTALL)
    assert len(packs) == 2
    for text in packs:
        compile_pack(load_pack(pack_file(text)))
