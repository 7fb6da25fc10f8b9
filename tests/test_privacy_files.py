"""Where files and screens leave the program: personal data is hidden there, and nowhere before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from qa.cli import main

DAY = "2026-11-20"
PHONE, ACCOUNT = "13800138000", "zhangsan88"
HIDDEN_ACCOUNT = "*" * len(ACCOUNT)

PACK = """\
pack: own
version: "1"
name: {zh: 自有, en: Own}
extends: house
rules:
  - id: own-rule
    name: {zh: 留下联系方式, en: Leaves a contact}
    dimension: process
    severity: minor
    deduct: 5
    message: {zh: "说了“{quote}”", en: "Said “{quote}”"}
    when: {regex: {pattern: 微信zhang}}
"""


def say(role: str, clock: str, text: str) -> dict[str, str]:
    return {"role": role, "at": f"{DAY}T{clock}+08:00", "text": text}


CHAT = {
    "id": "c-1",
    "merchant": "acme",
    "agent": {"id": "a-1"},
    "messages": [
        say("customer", "14:00:00", f"我电话{PHONE}，什么时候发货"),
        say("agent", "14:09:00", f"加我微信{ACCOUNT}细聊，或者打{PHONE}"),
        say("customer", "14:10:00", "好吧"),
    ],
    "csat": 1,
}


@pytest.fixture
def run(store_engine: Engine, db_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert store_engine
    monkeypatch.setenv("QA_DATABASE_URL", db_url)
    monkeypatch.setenv("QA_DATA_DIR", str(tmp_path / "data"))
    file = tmp_path / "day.jsonl"
    file.write_text(json.dumps(CHAT, ensure_ascii=False) + "\n", "utf-8")

    def call(*words: str | Path, code: int = 0) -> str:
        result = CliRunner().invoke(main, [str(word) for word in words])
        assert result.exit_code == code, result.output
        return result.output

    call("import", file)
    return call


def test_the_report_of_a_night_is_raw_unless_masked(run, tmp_path: Path) -> None:
    raw, masked = tmp_path / "raw.json", tmp_path / "masked.json"
    run("nightly", "--date", DAY, "--json", raw)
    run("nightly", "--date", DAY, "--json", masked, "--masked")
    plain, hidden = (json.loads(file.read_bytes())["merchants"][0]["inspections"][0] for file in (raw, masked))
    assert PHONE in raw.read_text("utf-8")
    for secret in (PHONE, "1380013", ACCOUNT, ACCOUNT[:5]):
        assert secret not in masked.read_text("utf-8")
    places = 0
    for one, other in zip(plain["findings"], hidden["findings"], strict=True):
        assert {key: one[key] for key in one if key not in ("message", "evidence")} == {
            key: other[key] for key in other if key not in ("message", "evidence")
        }
        for was, now in zip(one["evidence"], other["evidence"], strict=True):
            assert (was["turn"], was["start"], was["end"]) == (now["turn"], now["start"], now["end"])
            assert len(was["quote"]) == len(now["quote"]) == now["end"] - now["start"]
            places += was["quote"] != now["quote"]
    assert places


def test_masked_without_a_file_is_refused(run) -> None:
    assert "--masked is about the file of --json" in run("nightly", "--date", DAY, "--masked", code=2)


def test_a_backtest_quotes_no_personal_data(run, tmp_path: Path) -> None:
    pack = tmp_path / "own.yaml"
    pack.write_text(PACK, "utf-8")
    files = (tmp_path / "b.json", tmp_path / "b.html")
    period = ("--from", DAY, "--to", DAY)
    shown = run("rules", "backtest", pack, *period, "--all", "--json", files[0], "--html", files[1])
    rules = {one["rule"]: one for one in json.loads(files[0].read_bytes())["rules"]}
    (example,) = rules["own-rule"]["newly_examples"]
    (quote,) = example["quotes"]
    assert example["message"] == "说了“微信*****”"
    assert (quote["quote"], quote["before"]) == ("微信*****", "加我")
    assert quote["after"].startswith(HIDDEN_ACCOUNT[5:] + "细聊")
    for text in (shown, *(file.read_text("utf-8") for file in files)):
        assert PHONE not in text
        assert "zhang" not in text


def test_show_hides_by_default(run) -> None:
    assert "138****8000" in run("show", "c-1")
    run("nightly", "--date", DAY)
    shown = run("show", "c-1")
    assert PHONE not in shown
    assert ACCOUNT not in shown
    assert PHONE in run("show", "c-1", "--unmasked")
