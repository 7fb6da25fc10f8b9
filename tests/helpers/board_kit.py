"""A small shop whose figures can be computed by hand: two teams, one night of acme's, one of somebody else's.

Acme, Tuesday 2026-11-17. Agent a-1 (red) served four chats of which two were drawn (c1, c2: each stands for two), and
one that was targeted (c4); a-2 (blue) one that was drawn (c3). Of other there is one chat (o1), of an a-1 as well.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import orjson
import queue_kit
from sqlalchemy import Connection, Engine, insert, select

from qa.boards.rollup import roll_up
from qa.store.account_tables import users
from qa.store.board_tables import board_sums
from qa.store.inspections import inspection_id
from qa.store.session import write_tx
from qa.store.tables import chats, findings, flags, frame, inspections, nights, rulesets, runs, strata
from qa.store.texts import Said, add_texts
from qa.types import Agent, Chat, Customer, Message, Outcome, Role

SECOND, HOUR, DAY_US = 1_000_000, 3_600_000_000, 86_400_000_000
DAY = "2026-11-17"
MIDNIGHT = 1_794_844_800_000_000
"""2026-11-17T00:00:00+08:00."""
ZONE = ZoneInfo("Asia/Shanghai")


def spec(name: str, agent: str, team: str, hour: int, **given: Any) -> dict[str, Any]:
    """Return one chat; ``waits``: seconds until each answer, None for a wait that nobody ended."""
    return {"name": name, "agent": agent, "team": team, "hour": hour, "waits": (), "score": 80.0} | given


ACME = (
    spec("c1", "a-1", "red", 9, waits=(30, 300), csat=5.0, escalated=False, resolved=True, failed=("slow",)),
    spec("c2", "a-1", "red", 9, waits=(10,), score=100.0, escalated=False, resolved=False),
    spec("c3", "a-2", "blue", 10, waits=(None,), score=50.0, csat=1.0, resolved=True, customer="k3"),
    spec("c4", "a-1", "red", 9, waits=(20,), score=60.0, escalated=True, targeted=True, failed=("insult",)),
    spec("u1", "a-1", "red", 9, drawn=False),
    spec("u2", "a-1", "red", 9, drawn=False, customer="k3", day_later=1),
)
"""The customer of c3 writes again a day later (u2), to another agent."""
OTHER = (spec("o1", "a-1", "red", 9, waits=(600,), score=10.0, csat=1.0, escalated=True, resolved=False),)
FIGURES = {
    "mean_score": (470 / 6, 4, 1),  # (2 × 180 + 50 + 60) / (4 + 1 + 1); c3 is below 60
    "response": (700 / 7, 3, 1),  # (2 × 340 + 20) s / (2 × 3 + 1) waits; c1 is slow
    "within_3": (5 / 8, 4, 2),  # (2 × 2 + 0 + 1) / (2 × 3 + 1 + 1); c1 and c3
    "fcr": (2 / 5, 3, 2),  # 2 × 1 / (2 × 2 + 1): c2 was not solved, c3 came back, nobody knows of c4
    "satisfaction": (200 / 3, 2, 1),  # (2 × 100 + 0) / (2 + 1)
    "escalation": (1 / 5, 3, 1),  # 1 / (2 × 2 + 1): the source says nothing of c3
}
"""Acme's figures: value, chats they rest on, chats to look at."""


def build(engine: Engine) -> None:
    """Write both nights and add them up."""
    with write_tx(engine) as connection:
        night(connection, "acme", ACME)
        night(connection, "other", OTHER)
    roll_up(engine, ZONE)


def night(connection: Connection, merchant: str, served: tuple[dict[str, Any], ...], day: int = 0) -> int:
    """Write a night that is done, so many days after ``DAY``; returns its key."""
    name = f"2026-11-{17 + day}"
    if connection.execute(rulesets.select()).first() is None:
        row = {"hash": "h", "pack": "house", "version": "1", "content": queue_kit._STANDARD, "published_at": 1}
        connection.execute(insert(rulesets), row)
    values: dict[str, Any] = {
        "merchant": merchant, "day": name, "state": "done", "salt": "s", "policy": queue_kit._POLICY, "waves": 1,
        "started_at": 1, "finished_at": 2, "summary": orjson.dumps({"inspected": len(served), "broken": 0}),
    }  # fmt: skip
    key = int(connection.execute(insert(nights).values(values).returning(nights.c.id)).scalar_one())
    values = {"night_id": key, "kind": "night", "wave": 0, "ruleset": "h", "state": "done", "started_at": 1}
    run = int(connection.execute(insert(runs).values(values).returning(runs.c.id)).scalar_one())
    sizes: dict[str, list[int]] = {}
    for place, one in enumerate(served):
        pk = _chat(connection, merchant, one, name, day)
        _draw(connection, key, pk, one)
        if not one.get("targeted"):
            size = sizes.setdefault(one["agent"], [0, 0])
            size[0] += 1
            size[1] += one.get("drawn", True)
        if one.get("drawn", True):
            _inspect(connection, key, run, pk, inspection_id(run, place), one)
    rows = [
        {"night_id": key, "wave": 0, "agent": agent, "channel": "", "size": size, "drawn": drawn}
        for agent, (size, drawn) in sizes.items()
    ]
    connection.execute(insert(strata), rows)
    return key


def _chat(connection: Connection, merchant: str, one: dict[str, Any], name: str, day: int) -> int:
    at = began = MIDNIGHT + (day + one.get("day_later", 0)) * DAY_US + one["hour"] * HOUR
    messages = []
    for wait in one["waits"]:
        messages.append(Message(Role.CUSTOMER, "请问什么时候发货", at))
        if wait is not None:
            messages.append(Message(Role.AGENT, "今天给您发出", at + wait * SECOND))
            at += (wait + 60) * SECOND
    customer = one.get("customer")
    chat = Chat(
        one["name"], tuple(messages), merchant=merchant, agent=Agent(one["agent"], None, one["team"]),
        customer=Customer(customer), started_at=began, csat=one.get("csat"), escalated=one.get("escalated"),
        outcome=Outcome(resolved=one.get("resolved")),
    )  # fmt: skip
    values = {
        "merchant": merchant, "chat_id": one["name"], "revision": 1, "current": True, "source": None, "day": name,
        "day_assumed": False, "status": "closed", "agent_id": one["agent"], "team": one["team"], "channel": None,
        "customer_id": customer, "started_at": began, "turns": len(messages), "content_hash": b"0" * 16,
        "imported_at": 1,
    }  # fmt: skip
    pk = int(connection.execute(insert(chats).values(values).returning(chats.c.id)).scalar_one())
    add_texts(connection, [Said(pk, merchant, name, msgspec.json.encode(chat))])
    return pk


def _draw(connection: Connection, night_id: int, pk: int, one: dict[str, Any]) -> None:
    row = {
        "night_id": night_id, "chat_pk": pk, "wave": 0, "agent": one["agent"], "channel": "", "draw_key": b"0" * 16,
        "reasons": b'["escalated"]' if one.get("targeted") else None, "drawn": one.get("drawn", True),
        "probability": None,
    }  # fmt: skip
    connection.execute(insert(frame), row)


def _inspect(connection: Connection, night_id: int, run: int, pk: int, key: int, one: dict[str, Any]) -> None:
    row = {
        "id": key, "run_id": run, "night_id": night_id, "chat_pk": pk, "ruleset": "h",
        "score": one["score"], "red_line": False, "failed": len(one.get("failed", ())), "broken": one.get("broken"),
        "dimensions": b"{}", "card": b"[]", "not_applicable": b"{}", "opinions": b"[]", "inspected_at": 1,
    }  # fmt: skip
    connection.execute(insert(inspections), row)
    for place, rule in enumerate(one.get("failed", ())):
        row = {
            "id": (key << 8) + place, "inspection_id": key, "rule": rule, "outcome": "failed", "severity": "major",
            "points": -5.0, "hits": 1, "value": None, "message": "不合规", "evidence": b"[]",
        }  # fmt: skip
        connection.execute(insert(findings), row)
    for reason in one.get("flags", ()):
        connection.execute(insert(flags), {"inspection_id": key, "reason": reason, "risk": 50.0, "detail": None})


def many_agents(engine: Engine, number: int) -> None:
    """Give acme more agents, who did as a-1 did or nearly."""
    c = board_sums.c
    with write_tx(engine) as connection:
        mine = select(board_sums).where(c.agent == "a-1", c.merchant == "acme", c.figure == "mean_score")
        (row,) = connection.execute(mine).mappings()
        rows = [dict(row) | {"agent": f"b-{one:03}", "y": row["y"] * (1 - one / 9 / number)} for one in range(number)]
        connection.execute(insert(board_sums), rows)


def many_accounts(engine: Engine, number: int) -> None:
    """Make accounts of acme's agents, who cannot log in."""
    row = {"shown_as": b'"Li"', "role": "agent", "merchants": b'["acme"]', "password": "x", "created_at": 1}
    with write_tx(engine) as connection:
        rows = [row | {"name": f"li{one:03}", "agent_id": f"b-{one:03}"} for one in range(number)]
        connection.execute(insert(users), rows)
