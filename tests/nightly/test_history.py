from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import night_kit as kit
import pytest
from sqlalchemy import Engine
from store_dump import dump

from qa.backtest import BacktestOptions, backtest
from qa.nightly.standard import standard_for
from qa.policy import Policy
from qa.progress import Quiet
from qa.rules.inspector import Inspector, Standard
from qa.store import inspections
from qa.store.history import earlier_chats, offences
from qa.store.nights import RunKind
from qa.store.session import read_tx, write_tx
from qa.store.tables import runs

PACK = """\
pack: again
version: "1"
name: {zh: 重犯, en: Repeat}
rules:
  - id: rude
    name: {zh: 失礼, en: Rude}
    dimension: professionalism
    severity: major
    deduct: 4
    repeat: {within_days: 7, deduct: [10, 20]}
    message: {zh: "“{quote}”", en: "“{quote}”"}
    when: {keywords: {any: [烦死了]}}
  - id: calm
    name: {zh: 冷静, en: Calm}
    dimension: professionalism
    severity: minor
    deduct: 20
    message: {zh: "“{quote}”", en: "“{quote}”"}
    when: {keywords: {any: [从来没有的话]}}
  - id: back-again
    name: {zh: 重复咨询, en: Repeat contact}
    dimension: process
    severity: minor
    deduct: 5
    message: {zh: "{value}", en: "{value}"}
    when: {earlier_chats: {within_hours: 72, at_least: 2}}
"""
FIRST = date(2026, 11, 1)


@pytest.fixture
def standard(tmp_path: Path) -> Standard:
    path = tmp_path / "again.yaml"
    path.write_text(PACK, "utf-8")
    return standard_for(path, None)


def at(day: int) -> str:
    return (FIRST + timedelta(days=day)).isoformat()


def chat(name: str, day: int, *, rude: bool = False, agent: str | None = "a-1", customer: str | None = None) -> Any:
    begun = f"{at(day)}T10:00:00+08:00"
    record: dict[str, Any] = {
        "id": name, "merchant": "acme", "started_at": begun,
        "messages": [
            {"role": "customer", "text": "在吗", "at": begun},
            {"role": "agent", "text": "烦死了" if rude else "您好", "at": f"{at(day)}T10:00:09+08:00"},
        ],
    }  # fmt: skip
    return record | ({"agent": {"id": agent}} if agent else {}) | ({"customer": {"id": customer}} if customer else {})


def night(engine: Engine, standard: Standard, day: int) -> None:
    kit.night(engine, day=at(day), standard=standard, policy=kit.policy(rate=1.0))


def nights(engine: Engine, folder: Path, standard: Standard, records: list[Any], days: int) -> None:
    kit.bring_in(engine, folder / "in", records)
    for day in range(days):
        night(engine, standard, day)


def findings(engine: Engine) -> dict[str, tuple[float, str]]:
    """Chat id → points and message of its finding of ``rude``."""
    chats = {row["id"]: row["chat_id"] for row in kit.rows(engine, "chats", "id")}
    of = {row["id"]: chats[row["chat_pk"]] for row in kit.rows(engine, "inspections", "id")}
    with read_tx(engine) as connection:
        told = inspections.details(connection, list(of))
    return {
        of[pk]: (finding.points, finding.message)
        for pk, one in told.items()
        for finding in one.findings
        if finding.rule == "rude"
    }


def test_a_repeated_offence_takes_more_and_names_the_one_before(
    store_engine: Engine, standard: Standard, tmp_path: Path
) -> None:
    records = [
        chat("first", 0, rude=True), chat("same-day", 0, rude=True), chat("second", 1, rude=True),
        chat("third", 2, rude=True), chat("fourth", 3, rude=True), chat("long-after", 12, rude=True),
        chat("other-agent", 3, rude=True, agent="a-2"), chat("nobody", 3, rude=True, agent=None),
    ]  # fmt: skip
    nights(store_engine, tmp_path, standard, records, 13)
    found = findings(store_engine)
    # professionalism holds 40 item points here, and with process unknown it is worth all 100
    assert {name: points for name, (points, _) in found.items()} == {
        "first": -10, "same-day": -10, "second": -25, "third": -50, "fourth": -50, "long-after": -10,
        "other-agent": -10, "nobody": -10,
    }  # fmt: skip
    assert found["first"][1] == "“烦死了”"
    assert found["second"][1] == "“烦死了”（7 天内第 2 次，上次 2026-11-01 会话 first）"
    assert found["fourth"][1] == "“烦死了”（7 天内第 4 次，上次 2026-11-03 会话 third）"


def test_a_night_taken_up_again_counts_the_same_offences(
    store_engine: Engine, standard: Standard, tmp_path: Path
) -> None:
    records = [chat(f"c-{day}-{i}", day, rude=i % 2 == 0, agent=f"a-{i % 3}") for day in range(3) for i in range(6)]
    nights(store_engine, tmp_path, standard, records, 3)
    before = dump(store_engine)
    for day in range(3):
        night(store_engine, standard, day)
    assert dump(store_engine) == before


def test_only_what_finished_nights_told_counts(store_engine: Engine, standard: Standard, tmp_path: Path) -> None:
    nights(store_engine, tmp_path, standard, [chat("first", 0, rude=True)], 1)
    with read_tx(store_engine) as connection:
        assert offences(connection, "acme", at(1), {"rude": 7})["a-1"]["rude"].last_chat == "first"
        assert offences(connection, "acme", at(0), {"rude": 7}) == {}
        assert offences(connection, "acme", at(8), {"rude": 7}) == {}
        assert offences(connection, "other", at(1), {"rude": 7}) == {}
    for change in ({"state": "inspecting"}, {"state": "done", "kind": RunKind.RESCORE.value}):
        with write_tx(store_engine) as connection:
            connection.execute(runs.update().values(**change))
        with read_tx(store_engine) as connection:
            assert offences(connection, "acme", at(1), {"rude": 7}) == {}


def test_repeat_contacts_of_a_customer(store_engine: Engine, standard: Standard, tmp_path: Path) -> None:
    records = [chat(f"c-{day}", day, customer="u-1") for day in (0, 1, 2, 6)] + [chat("unknown", 2)]
    nights(store_engine, tmp_path, standard, records, 7)
    ids = {row["chat_id"]: row["id"] for row in kit.rows(store_engine, "chats", "id")}
    with read_tx(store_engine) as connection:
        found = earlier_chats(connection, ids.values(), 72)
    assert {name: len(found[pk]) for name, pk in ids.items() if pk in found} == {"c-0": 0, "c-1": 1, "c-2": 2, "c-6": 0}
    assert found[ids["c-2"]] == tuple(sorted(found[ids["c-2"]]))
    values = [row["value"] for row in kit.rows(store_engine, "findings", "id") if row["rule"] == "back-again"]
    assert values == [2.0]


def test_a_backtest_knows_the_past_as_the_nights_did(store_engine: Engine, standard: Standard, tmp_path: Path) -> None:
    records = [chat(f"c-{day}", day, rude=True, customer="u-1") for day in range(4)]
    nights(store_engine, tmp_path, standard, records, 4)
    options = BacktestOptions(
        new=standard, old=lambda _: standard, policy=lambda *_: (Policy(), kit.ZONE), first=at(0), last=at(3)
    )
    result = backtest(store_engine, options, Quiet())
    scores = [row["score"] for row in kit.rows(store_engine, "inspections", "id")]
    assert result.score.old is not None
    assert result.score.old == pytest.approx(sum(scores) / len(scores))


def test_a_pack_says_how_far_it_looks_back(standard: Standard) -> None:
    inspector = Inspector(standard, Policy(), kit.ZONE)
    assert inspector.lookback == (72, {"rude": 7})
