from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qa.cli import main
from qa.rules.pack import load_house

CHATS = """\
# c-1 merchant=acme csat=2
2026-11-20 14:00:00 客户: 质量太差了，我要投诉
14:01:00 客服: 加我微信 [bold]abc12345[/bold]
# c-2
客户: 在吗
"""
PACK = """\
pack: acme
version: "1"
name: {zh: 某店, en: Acme}
extends: house
off: [red-insult]
rules:
  - id: slang
    name: {zh: 俚语, en: Slang}
    dimension: process
    severity: minor
    deduct: 2
    message: {zh: "“{quote}”", en: Slang}
    when: {keywords: {any: [老铁, abc12345]}}
    examples:
      bad: ["客服: 老铁"]
      good: ["客服: 您好"]
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """``qa rules`` with the given arguments."""
    environment = {"QA_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "200"}

    def invoke(*arguments: str | Path, config: Path | None = None, given: str | None = None) -> Result:
        head = ["--config", str(config)] if config else []
        line = [*head, "rules", *(str(one) for one in arguments)]
        return CliRunner().invoke(main, line, env=environment, input=given, catch_exceptions=False)

    return invoke


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    path = tmp_path / "chats.txt"
    path.write_text(CHATS, encoding="utf-8")
    return path


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "acme.yaml"
    path.write_text(PACK, encoding="utf-8")
    return path


def test_check_the_house_pack(run: Run) -> None:
    result = run("check")
    assert result.exit_code == 0
    assert result.stdout.startswith("house ")
    assert "item points by dimension: timeliness " in result.stdout
    assert "\nred lines " in result.stdout
    assert "warning: no na example: " in result.stdout


def test_check_a_merchants_pack(run: Run, pack: Path) -> None:
    result = run("check", pack)
    assert result.exit_code == 0
    assert "warning: red line red-insult of the house is switched off" in result.stdout


def test_a_mistake_exits_2_with_its_place(run: Run, pack: Path, chats: Path) -> None:
    pack.write_text(PACK.replace("keywords:", "keyword:"), encoding="utf-8")
    for arguments in (("check", pack), ("test", pack), ("try", pack, chats)):
        result = run(*arguments)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"error: {pack}:13:12: rules.0.when.keyword: unknown operator 'keyword'")


def test_test(run: Run, pack: Path) -> None:
    assert run("test").exit_code == 0
    result = run("test", pack, "--rule", "slang")
    assert result.exit_code == 0
    assert result.stdout == (
        "acme: 1 rules, 2 examples, all as expected\n"
        "branches 2 of 2: conditions that examples have hit, and have not hit\n"
    )


def test_test_prints_each_disappointment(run: Run, pack: Path) -> None:
    pack.write_text(PACK.replace("客服: 您好", "客服: 老铁"), encoding="utf-8")
    result = run("test", pack)
    assert result.exit_code == 1
    first, why, verdict, _ = result.stdout.splitlines()
    assert first == f"{pack}:16:14: rule slang: expected passes, got fires"
    assert why == "    keywords {any: [老铁, abc12345]}: hit, “老铁” in turn 0"
    assert verdict.endswith("1 not as expected")
    untried = run("test", pack, "--rule", "slang", "--untried").stdout.splitlines()[-1]
    assert untried.startswith(f"{pack}:13:")
    assert untried.endswith("rule slang: no example has not hit keywords {any: [老铁, abc12345]}")


def test_an_unknown_rule_is_told(run: Run, chats: Path) -> None:
    for arguments in (("test", "--rule", "nothing"), ("try", chats, "--rule", "nothing")):
        result = run(*arguments)
        assert result.exit_code == 2
        assert result.stderr.startswith("error: no rule 'nothing' in pack 'house'")


def test_try(run: Run, chats: Path) -> None:
    result = run("try", chats)
    assert result.exit_code == 0
    for line in (
        "chat c-1  merchant acme  day 2026-11-20  pack house ",
        "    turn 1, characters 0–10: 加我微信 [bold",
        "    turn 1, searched in vain: 加我微信 [bold]abc12345[/bold]",
        "   +100.00  base",
        "      0.00  score",
        "  flags: red_line (risk 100), rule_failed (risk ",
        "  not applicable (no times): first-response-slow, ",
    ):
        assert line in result.stdout


def test_try_as_json_adds_up(run: Run, chats: Path) -> None:
    one, two = [json.loads(line) for line in run("try", chats, "--json").stdout.splitlines()]
    assert (one["chat"], one["score"], one["red_line"], one["broken"]) == ("c-1", 0, True, None)
    assert round(sum(line["points"] for line in one["lines"]), 2) == 0
    texts = ["质量太差了，我要投诉", "加我微信 [bold]abc12345[/bold]"]
    places = [place for finding in one["findings"] for place in finding["evidence"]]
    assert places
    assert all(texts[place["turn"]][place["start"] : place["end"]] == place["quote"] for place in places)
    assert two["not_applicable"]["low-csat"] == "csat unknown"


def test_try_one_rule(run: Run, chats: Path) -> None:
    result = run("try", chats, "--rule", "transfers-many")
    assert result.stdout.count("  passed transfers-many 多次转接: transfers {at_least: 3}: not hit, figure 0\n") == 2
    assert "    when: transfers {at_least: 3}: not hit, figure 0" in result.stdout
    assert "score" not in result.stdout
    one, two = [json.loads(line) for line in run("try", chats, "--rule", "low-csat", "--json").stdout.splitlines()]
    assert ([finding["rule"] for finding in one["findings"]], one["score"]) == (["low-csat"], None)
    assert (two["findings"], two["not_applicable"]) == ([], {"low-csat": "csat unknown"})


def test_try_tells_why_the_others_passed(run: Run, chats: Path) -> None:
    shown = run("try", chats).stdout
    assert "  passed copy-paste 复制粘贴: repeated {times: 3, min_length: 15}: not hit, nothing in turn" in shown
    one = json.loads(run("try", chats, "--json").stdout.splitlines()[0])
    fired = {finding["rule"] for finding in one["findings"]}
    everything = {rule.id for rule in load_house().pack.active}
    assert fired | one["not_applicable"].keys() | one["passed"].keys() == everything
    assert len(fired) + len(one["not_applicable"]) + len(one["passed"]) == len(everything)


def test_try_reads_standard_input_and_a_pack_before_it(run: Run, pack: Path) -> None:
    result = run("try", pack, "-", "--rule", "slang", given="客户: 在吗\n客服: 老铁，有货的\n")
    assert "  failed slang " in result.stdout
    assert "turn 1, characters 0–2: 老铁" in result.stdout
    assert run("try", "house", "-", given="客户: 在吗\n客服: 在\n").exit_code == 0
    unclear = "说话的人没有写\n"
    assert "name one (--format): " in run("try", "house", "-", given=unclear).stderr
    assert "standard input:1: rejected: " in run("try", "house", "-", "--format", "plain", given=unclear).stderr
    nothing = run("try", "house", "-", given="")
    assert nothing.exit_code == 2
    assert nothing.stderr.startswith("error: standard input: is empty: chats are expected")
    assert run("try", pack, pack, pack).exit_code == 2


def test_try_by_the_merchants_pack_and_policy(run: Run, chats: Path, pack: Path, tmp_path: Path) -> None:
    config = tmp_path / "zhijian.toml"
    config.write_text(
        f'[packs]\nacme = "{pack.name}"\n[merchants.acme]\npeak_hours = ["13:00-15:00"]\n', encoding="utf-8"
    )
    one, two = [json.loads(line) for line in run("try", chats, "--json", config=config).stdout.splitlines()]
    rules = {finding["rule"] for finding in one["findings"]}
    assert {"slang", "first-response-slow-peak"} <= rules
    assert "first-response-slow" not in rules
    assert "slang" not in two["not_applicable"]
    [_, mine] = [
        json.loads(x) for x in run("try", chats, "--json", "--merchant", "acme", config=config).stdout.splitlines()
    ]
    assert (mine["merchant"], mine["not_applicable"]["slang"]) == ("acme", "no agent turn")


def test_try_shows_what_is_broken(run: Run, chats: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.rules.operators.outcome.Metadata._compare", lambda _: lambda _value: 1 / 0)
    result = run("try", chats)
    assert "BROKEN, no score: rule low-csat: ZeroDivisionError" in result.stdout
    assert "failed red-off-platform" in result.stdout


def test_ledger(run: Run, chats: Path) -> None:
    result = run("ledger", chats)
    assert result.exit_code == 0
    assert "2026-11-20 14:00:00" in result.stdout
    assert "first response 60 s" in result.stdout
    assert "not applicable: no times" in result.stdout


def test_ledger_marks_holding_and_unanswered(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "c.chat"
    path.write_text(
        "14:00:00 客户: 在吗\n14:00:10 客服: 请稍等\n14:01:00 客服: 有的\n14:02:00 客户: 什么颜色\n", "utf-8"
    )
    shown = run("ledger", path).stdout
    assert "60 s (turn 2)" in shown
    assert "unanswered" in shown
    assert "within 180 s 50.0%" in shown


def test_ledger_as_json(run: Run, chats: Path) -> None:
    one, two = [json.loads(line) for line in run("ledger", chats, "--json").stdout.splitlines()]
    assert list(one) == [
        "chat", "waits", "first_response_s", "first_substantive_s", "average_response_s", "longest_wait_s",
        "within_180_rate", "unanswered", "complete_answer_s", "not_applicable",
    ]  # fmt: skip
    assert one["waits"] == [{
        "kind": "first", "opened_turn": 0, "opened_at": "2026-11-20T14:00:00+08:00", "closed_turn": 1,
        "response_s": 60.0, "substantive_turn": 1, "substantive_s": 60.0, "counted": True, "left_out": None,
        "unanswered": False,
    }]  # fmt: skip
    assert two["not_applicable"] == "no times"


def test_rejected_records_are_told_and_a_file_of_nothing_else_fails(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"id": "a"}\n{"id": "b", "messages": [{"role": "agent", "text": "您好"}]}\n', "utf-8")
    result = run("try", path)
    assert (result.exit_code, result.stderr.startswith(f"{path}:1: rejected: messages")) == (0, True)
    path.write_text('{"id": "a"}\n', "utf-8")
    result = run("ledger", path)
    assert result.exit_code == 2
    assert f"error: {path}: no chat in it" in result.stderr


def test_a_missing_file_is_told(run: Run, tmp_path: Path) -> None:
    assert run("try", tmp_path / "nowhere.txt").exit_code == 2


def test_docs(run: Run, root: Path, tmp_path: Path) -> None:
    assert "### `keywords`" in run("docs").stdout
    text = (root / "docs" / "rules.md").read_text(encoding="utf-8")
    copy = tmp_path / "rules.md"
    copy.write_text(text, encoding="utf-8")
    assert run("docs", "--write", copy).exit_code == 0
    assert copy.read_text(encoding="utf-8") == text
    copy.write_text("nothing", encoding="utf-8")
    result = run("docs", "--write", copy)
    assert (result.exit_code, "the document has no part" in result.stderr) == (2, True)


def test_a_rule_that_is_nearly_named_is_suggested(run: Run, chats: Path) -> None:
    for arguments in (("test", "--rule", "red-insutl"), ("try", chats, "--rule", "red-insutl")):
        assert "did you mean 'red-insult'?" in run(*arguments).stderr
