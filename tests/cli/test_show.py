"""``qa show``: everything known of one chat, in every state a chat can be in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from qa.cli import main

DAY = "2026-11-20"
RUDE = "c-rude"


def message(role: str, clock: str, text: str, **more: object) -> dict[str, object]:
    return {"role": role, "at": f"{DAY}T{clock}+08:00", "text": text} | more


def chat(name: str, *messages: dict[str, object], **more: object) -> dict[str, object]:
    return {"id": name, "merchant": "acme", "agent": {"id": "a-1"}, "messages": list(messages)} | more


CHATS = [
    chat(
        RUDE,
        message("customer", "14:00:00", "什么时候发货"),
        message("agent", "14:02:00", "亲，加我ＶＸ：abc123细聊"),
        message("agent", "14:02:05", "草稿", withdrawn=True),
        message("system", "14:05:00", "会话结束", kind="closed"),
        csat=1,
        escalated=True,
    ),
    *(chat(f"c-{i}", message("customer", "14:00:00", "在吗"), message("agent", "14:00:09", "您好")) for i in range(9)),
    chat("c-open", message("customer", "14:00:00", "在吗"), status="open"),
    chat("c-later", {"role": "customer", "text": "在吗", "at": "2026-11-21T10:00:00+08:00"}),
]


Run = Callable[..., str]


def after_the_night(engine: Engine, folder: Path) -> Run:
    """Bring the chats in and run the night; returns ``qa`` on that store."""
    environment = {
        "QA_DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "QA_DATA_DIR": str(folder / "data"),
    }

    def call(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(main, words, env=environment)
        assert result.exit_code == code, result.output
        return result.output

    file = folder / "day.jsonl"
    file.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in CHATS), "utf-8")
    call("import", str(file))
    call("nightly", "--date", DAY)
    return call


@pytest.fixture(scope="module")
def night(module_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The store after the night, for tests that only look."""
    return after_the_night(module_engine, tmp_path_factory.mktemp("night"))


@pytest.fixture
def own_night(store_engine: Engine, tmp_path: Path) -> Run:
    """The same for a test that changes something."""
    return after_the_night(store_engine, tmp_path)


def test_a_failed_chat_shows_quotes_waits_and_a_sum_that_adds_up(night: Run) -> None:
    shown = night("show", RUDE)
    assert "【加我ＶＸ：a***】" in shown
    assert "turn 1, characters 2–11: 加我ＶＸ：a***" in shown
    assert "客服[撤回]: 草稿" in shown
    assert "系统[closed] +175s" in shown
    assert "targeted with certainty: red_line:red-off-platform, csat, escalated" in shown
    assert "first response 120 s" in shown
    points = [
        float(p) for p in re.findall(r"^(?:base|deduction|bonus|cap|red_line).* ([+-]\d+\.\d\d)$", shown, re.MULTILINE)
    ]
    total = float(re.findall(r"^total +(\S+)$", shown, re.MULTILINE)[0])
    assert round(sum(points), 2) == total == 0.0
    assert len(points) > 2


def test_what_a_rule_could_not_judge_is_told_with_the_reason(night: Run) -> None:
    assert "the source carries no follow-ups: followup-missing" in night("show", RUDE)


def test_an_absence_cites_the_turns_searched(night: Run) -> None:
    assert re.search(r"turn 1, searched in vain: 亲，加我", night("show", RUDE))


def test_chats_that_were_not_inspected_say_why(night: Run) -> None:
    shown = [night("show", f"c-{i}") for i in range(9)]
    assert sum("not inspected: in the frame of 2026-11-20, not drawn" in one for one in shown) == 6
    assert sum("drawn at random with probability 0.3333" in one for one in shown) == 3
    assert "not inspected: the chat is still open" in night("show", "c-open")
    assert "qa nightly --date 2026-11-21" in night("show", "c-later")


def test_rescored_chats_show_the_latest_and_name_the_others(own_night: Run) -> None:
    own_night("rescore", "--date", DAY)
    shown = own_night("show", RUDE)
    assert "run 2" in shown
    assert "also inspected by run 1 (night, revision 1): 0" in shown
    assert "also inspected by run 2 (rescore, revision 1)" in own_night("show", RUDE, "--run", "1")
    assert "runs that did: 1, 2" in own_night("show", RUDE, "--run", "7", code=2)


def test_a_changed_chat_is_shown_as_it_was_judged(own_night: Run, tmp_path: Path) -> None:
    changed = tmp_path / "changed.jsonl"
    changed.write_text(json.dumps(CHATS[0] | {"csat": 5}) + "\n", "utf-8")
    own_night("import", str(changed))
    assert "revision 1" in own_night("show", RUDE)
    assert "csat 1.0" in own_night("show", RUDE)


def test_unknown_chats_are_told_in_one_line(night: Run) -> None:
    assert night("show", "nobody", code=2) == "error: there is no chat 'nobody'\n"


def test_the_same_id_of_two_merchants_needs_a_name(own_night: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps(CHATS[0] | {"merchant": "blue"}) + "\n", "utf-8")
    own_night("import", str(other))
    assert "acme, blue" in own_night("show", RUDE, code=2)
    assert "merchant blue" in own_night("show", RUDE, "--merchant", "blue")


def test_personal_data_is_hidden_unless_asked_for(night: Run) -> None:
    shown, whole = night("show", RUDE), night("show", RUDE, "--unmasked")
    assert "abc1" not in shown
    assert "【加我ＶＸ：abc1】" in whole
    assert "turn 1, characters 2–11: 加我ＶＸ：abc1" in whole
    assert len(shown.splitlines()) == len(whole.splitlines())
