from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import night_kit as kit
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from qa.cli import main
from qa.rules.base import Judge, Judgement, Operator, hit, miss
from qa.rules.bench import Bench
from qa.rules.engine import RuleSet
from qa.rules.registry import operators
from qa.rules.view import Context, View
from qa.store.frames import iter_frame
from qa.store.session import read_tx, write_tx
from qa.types import Chat


class Crash(Operator):
    """Crashes on chats in which an agent says one of the words; hits none."""

    name: ClassVar[str] = "crash"
    words: tuple[str, ...] = ("不知道",)

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002
        def judge(view: View) -> Judgement:
            said = [message.text for message in view.chat.messages if message.role.value == "agent"]
            if any(word in text for word in self.words for text in said):
                raise ZeroDivisionError(f"no {chr(0)} such thing")
            return hit() if not said else miss()

        return judge


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A settings file whose merchant acme has a rule that crashes."""
    monkeypatch.setitem(operators(), "crash", Crash)
    pack = kit.pack(tmp_path, "{crash: {}}", rule="crasher")
    settings = tmp_path / "zhijian.toml"
    settings.write_text(f'[packs]\nacme = "{pack.name}"\n', "utf-8")
    return settings


def qa(url: str, folder: Path, *arguments: str | Path) -> Result:
    environment = {"QA_DATABASE_URL": url, "QA_DATA_DIR": str(folder)}
    return CliRunner().invoke(main, [str(one) for one in arguments], env=environment, catch_exceptions=False)


def check_broken(result: Result, found: kit.Record, broken: set[str], reason: str) -> None:
    assert result.exit_code == 3
    assert f"BROKEN: {len(broken)} chats could not be judged" in result.stdout
    assert f", {len(broken)} broken" in result.stdout
    assert {one["id"] for one in found["broken"]} == broken
    assert all(reason in one["reason"] for one in found["broken"])
    for one in found["inspections"]:
        if one["id"] in broken:
            assert (one["score"], set(one["dimensions"].values())) == (None, set())
            assert one["flags"][0] in ("broken", "red_line")
            assert "broken" in one["flags"]
            assert "audit" not in one["flags"]
            assert all(finding["points"] == 0 for finding in one["findings"])
        else:
            assert one["score"] is not None
            assert "broken" not in one["flags"]
    assert {one["missing"] for one in found["estimates"]} == {len(broken)}
    mean = next(one for one in found["estimates"] if one["name"] == "mean_score")
    assert mean["n"] == len(found["inspections"]) - len(broken)


@pytest.mark.usefixtures("store_engine")
def test_a_rule_that_crashes(db_url: str, day: list[kit.Record], crash: Path, tmp_path: Path) -> None:
    file = tmp_path / "night.json"
    command = ("--config", crash, "nightly", "--date", kit.DAY, "--merchant", "acme", "--json", file)
    result = qa(db_url, tmp_path, *command)
    (found,) = json.loads(file.read_bytes())["merchants"]
    said = {
        one["id"]
        for one in day
        if any(message["role"] == "agent" and "不知道" in message["text"] for message in one["messages"])
    }
    broken = said & {one["id"] for one in found["inspections"]}
    assert 5 < len(broken) < len(found["inspections"]) - 5
    check_broken(result, found, broken, "rule crasher: ZeroDivisionError: no ␀ such thing (judge:")
    assert any(one["findings"] for one in found["inspections"] if one["id"] in broken), "what was found is kept"
    again = qa(db_url, tmp_path, *command)
    assert again.exit_code == 3, "asked again, it does not look whole"


@pytest.mark.usefixtures("day", "crash")
def test_a_red_line_rule_that_crashes_targets_the_chat(store_engine: Engine, tmp_path: Path) -> None:
    file = kit.pack(tmp_path, "{crash: {}}\n    red_line: true", rule="crasher", name="red")
    standard = kit.standard_for(Path(file), None)
    result = kit.night(store_engine, standard=standard)
    (found,) = kit.report(store_engine, [result], tmp_path)["merchants"]
    targeted = {one["id"] for one in found["targeted"] if "red_line:crasher" in one["reasons"]}
    assert len(targeted) > 20
    assert {one["id"] for one in found["broken"]} == targeted


@pytest.mark.usefixtures("day")
def test_a_stored_chat_that_cannot_be_read(store_engine: Engine, db_url: str, tmp_path: Path) -> None:
    bodies = {"c-1": b'{"id":"c-1","messages":[', "c-6": b'{"id":"c-6"}', "c-8": b"\xff\xfe"}
    with write_tx(store_engine) as connection:
        for name, body in bodies.items():
            kit.overwrite(connection, name, body)
    file = tmp_path / "night.json"
    result = qa(db_url, tmp_path, "nightly", "--date", kit.DAY, "--merchant", "acme", "--json", file)
    (found,) = json.loads(file.read_bytes())["merchants"]
    check_broken(result, found, set(bodies), "the chat cannot be judged: ")
    reasons = {one["id"]: one["reasons"] for one in found["targeted"] if one["id"] in bodies}
    assert reasons.keys() == bodies.keys()
    assert all(len(one) == 1 and one[0].startswith("unreadable: ") for one in reasons.values())


@pytest.mark.usefixtures("day")
def test_a_chat_on_which_the_engine_itself_crashes(store_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a rule but what all rules stand on: that chat is targeted and broken, the night goes on."""
    view = RuleSet.view

    def crash(self: RuleSet, chat: Chat, context: Context) -> View:
        if chat.id == "c-3":
            raise RuntimeError("no view\0")
        return view(self, chat, context)

    monkeypatch.setattr(RuleSet, "view", crash)
    result = kit.night(store_engine)
    assert result.night.summary is not None
    assert result.night.summary["broken"] == 1
    with read_tx(store_engine) as connection:
        (entry,) = (e for e in iter_frame(connection, result.night.id, targeted=True) if e.chat_id == "c-3")
    assert entry.reasons == ("unreadable: RuntimeError: no view␀",)
