from __future__ import annotations

import hashlib
import math
from collections import Counter
from pathlib import Path

import night_kit as kit
import pytest
from sqlalchemy import Engine

from qa.sampling import draw

RED_PHRASES = {
    "加我微信": "red-off-platform",
    "转账给我个人": "red-private-payment",
    "好评截图返现": "red-review-bribe",
    "验证码发我": "red-sensitive-info",
}


def expected_reasons(record: kit.Record) -> list[str]:
    """Why a chat is targeted, read off the record without any of the program's rules."""
    said = "\n".join(one["text"] for one in record["messages"] if one["role"] == "agent")
    reasons = [f"red_line:{rule}" for phrase, rule in RED_PHRASES.items() if phrase in said]
    if record.get("csat", 5) <= 2:
        reasons.append("csat")
    if record.get("escalated"):
        reasons.append("escalated")
    if record["customer"].get("tier", "").lower() == "vip":
        reasons.append("tier")
    return reasons


def stratum(record: kit.Record, by_channel: bool) -> tuple[str, str]:
    return record.get("agent", {}).get("id", ""), record.get("channel", "") if by_channel else ""


POLICIES = {
    "house": {},
    "half by channel": {"rate": 0.5, "stratify": ["agent", "channel"]},
    "three an agent": {"rate": 0.1, "per_agent_minimum": 3, "salt": "secret"},
    "all of it": {"rate": 1.0},
    "no minimum, nothing targeted but red lines": {
        "rate": 0.05,
        "per_agent_minimum": 0,
        "risk": {"csat_at_most": None, "escalated": False, "tiers": []},
    },
}


@pytest.mark.parametrize("name", POLICIES)
def test_the_sample_is_what_the_records_say(
    name: str, store_engine: Engine, day: list[kit.Record], tmp_path: Path
) -> None:
    fields = POLICIES[name]
    policy = kit.policy(**fields)
    by_channel = "channel" in policy.stratify
    result = kit.night(store_engine, policy=policy)
    (found,) = kit.report(store_engine, [result], tmp_path)["merchants"]

    closed = [one for one in day if one.get("status") != "open"]
    wanted = {one["id"]: expected_reasons(one) for one in closed}
    if "risk" in fields:
        wanted = {name: [r for r in reasons if r.startswith("red_line:")] for name, reasons in wanted.items()}
    rest = [one for one in closed if not wanted[one["id"]]]
    assert 5 < len(rest) < len(closed) < len(day)
    assert found["frame_size"] == len(closed)
    assert {one["id"]: one["reasons"] for one in found["targeted"]} == {k: v for k, v in wanted.items() if v}

    salt = hashlib.blake2b(f"{policy.salt}:acme:{kit.DAY}".encode(), digest_size=16).hexdigest()
    assert found["salt"] == salt
    assert "salt" not in found["policy"], "the policy's own salt is a secret"
    drawn = draw([(stratum(one, by_channel), one["id"]) for one in rest], salt, policy.rate, policy.per_agent_minimum)
    assert tuple(found["random"]) == drawn.ids
    assert [(one["agent"], one["channel"], one["size"], one["drawn"]) for one in found["strata"]] == [
        (*line.stratum, line.size, line.drawn) for line in drawn.strata
    ]
    minimums = sum(min(line.size, policy.per_agent_minimum) for line in drawn.strata)
    assert len(found["random"]) == max(math.ceil(round(policy.rate * 100) * len(rest) / 100), minimums)
    assert all(one["probability"] == one["drawn"] / one["size"] for one in found["strata"])
    assert all(one["wave"] == 0 for one in found["strata"])


def test_probabilities_strata_and_keys_are_stored(store_engine: Engine, day: list[kit.Record]) -> None:
    kit.night(store_engine, policy=kit.policy(stratify=["agent", "channel"]))
    by_pk = {row["id"]: row for row in kit.rows(store_engine, "chats", "id")}
    strata = {(row["agent"], row["channel"]): row for row in kit.rows(store_engine, "strata", "agent", "channel")}
    frame = kit.rows(store_engine, "frame", "chat_pk")
    (night,) = kit.rows(store_engine, "nights", "id")
    records = {one["id"]: one for one in day}
    for row in frame:
        chat = by_pk[row["chat_pk"]]
        record = records[chat["chat_id"]]
        assert (row["agent"], row["channel"]) == stratum(record, by_channel=True)
        message = f"{night['salt']}\n{record['id']}".encode()
        assert bytes(row["draw_key"]) == hashlib.blake2b(message, digest_size=16).digest()
        if row["reasons"]:
            assert (row["drawn"], row["probability"]) == (True, 1.0)
        elif row["drawn"]:
            mine = strata[row["agent"], row["channel"]]
            assert row["probability"] == mine["drawn"] / mine["size"]
        else:
            assert row["probability"] is None
    sizes = Counter((row["agent"], row["channel"]) for row in frame if not row["reasons"])
    assert {key: row["size"] for key, row in strata.items()} == sizes
    inspected = {row["chat_pk"] for row in kit.rows(store_engine, "inspections", "id")}
    assert inspected == {row["chat_pk"] for row in frame if row["drawn"]}


def test_a_repeat_contact_is_targeted(store_engine: Engine, tmp_path: Path) -> None:
    def contact(name: str, at: str, customer: str | None = "u-1", **more) -> kit.Record:
        who = {"id": customer} if customer else {}
        messages = [{"role": "customer", "text": "在吗", "at": at}]
        return {"id": name, "merchant": "acme", "customer": who, "started_at": at, "messages": messages} | more

    records = [
        contact("first", "2026-11-17T10:00:00+08:00"),
        contact("again", "2026-11-20T10:00:00+08:00"),
        contact("late", "2026-11-20T10:00:01+08:00", "u-2"),
        contact("too-long-ago", "2026-11-17T10:00:00+08:00", "u-2"),
        contact("nobody", "2026-11-20T11:00:00+08:00", None),
        contact("nobody-before", "2026-11-20T10:59:00+08:00", None),
        contact("elsewhere", "2026-11-20T09:00:00+08:00", "u-3", merchant="other"),
        contact("here", "2026-11-20T09:30:00+08:00", "u-3"),
    ]
    kit.bring_in(store_engine, tmp_path, records)
    result = kit.night(store_engine, policy=kit.policy(risk={"repeat_contact_hours": 72}))
    (found,) = kit.report(store_engine, [result], tmp_path)["merchants"]
    assert found["targeted"] == [{"id": "again", "reasons": ["repeat_contact"]}]
    assert found["frame_size"] == 5
    off = kit.night(store_engine, day="2026-11-17")
    assert kit.report(store_engine, [off], tmp_path)["merchants"][0]["targeted"] == []


def test_a_day_with_open_chats_only_is_a_night_without_a_frame(store_engine: Engine, tmp_path: Path) -> None:
    kit.bring_in(store_engine, tmp_path, [one | {"status": "open"} for one in kit.day_of_chats(3)])
    result = kit.night(store_engine)
    (found,) = kit.report(store_engine, [result], tmp_path)["merchants"]
    assert (found["frame_size"], found["targeted"], found["random"], found["strata"]) == (0, [], [], [])
    assert found["inspections"] == found["broken"] == []
    assert {one["value"] for one in found["estimates"]} == {None}
    assert {one["n"] for one in found["estimates"]} == {0}


def test_the_day_is_local(store_engine: Engine, tmp_path: Path) -> None:
    def at(name: str, instant: str) -> kit.Record:
        return {"id": name, "merchant": "acme", "messages": [{"role": "customer", "text": "在吗", "at": instant}]}

    edges = [
        at("eve", "2026-11-19T15:59:59.999Z"),
        at("first", "2026-11-19T16:00:00Z"),
        at("last", "2026-11-20T23:59:59.999+08:00"),
        at("next", "2026-11-20T16:00:00Z"),
    ]
    kit.bring_in(store_engine, tmp_path, edges)
    result = kit.night(store_engine, policy=kit.policy(rate=1.0))
    (found,) = kit.report(store_engine, [result], tmp_path)["merchants"]
    assert sorted(found["random"]) == ["first", "last"]
