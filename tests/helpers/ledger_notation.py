"""Chats for ledger tests in a line notation, and the settings they are read with."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from qa.hours import parse_hours
from qa.ledger import Ledger, LedgerSettings, build_ledger
from qa.types import Chat, Message, Role

ZONE = ZoneInfo("Asia/Shanghai")
SHOP = parse_hours([("09:00", "23:00")])
ROLES = {"客户": Role.CUSTOMER, "客服": Role.AGENT, "机器人": Role.BOT, "系统": Role.SYSTEM}
LINE = re.compile(r"(?:(\d{4}-\d\d-\d\d) )?(?:(\d\d:\d\d:\d\d) )?(客户|客服|机器人|系统)(?:\((\w+)\))?: (.*)")
PLAIN = LedgerSettings(
    zone=ZONE,
    courtesy=lambda text: text in {"谢谢", "好的", "再见"},
    holding=lambda text: text in {"请稍等", "正在为您查询"},
)
IN_HOURS = msgspec.structs.replace(PLAIN, business_hours=SHOP)


def parse(text: str) -> Chat:
    """A chat in the plain notation; ``客服(withdrawn):`` marks a message, ``系统(transfer):`` names its kind."""
    messages = []
    day = "2026-11-20"
    for line in text.strip().splitlines():
        found = LINE.fullmatch(line.strip())
        assert found, line
        day = found[1] or day
        moment = datetime.fromisoformat(f"{day} {found[2]}").replace(tzinfo=ZONE) if found[2] else None
        mark = found[4] or "text"
        messages.append(
            Message(
                ROLES[found[3]],
                found[5],
                at=round(moment.timestamp()) * 10**6 if moment else None,
                kind="text" if mark in {"withdrawn", "private"} else mark,
                withdrawn=mark == "withdrawn",
                private=mark == "private",
            )
        )
    return Chat("c-1", tuple(messages))


def ledger(text: str, how: LedgerSettings = PLAIN) -> Ledger:
    return build_ledger(parse(text), how)


def spans(found: Ledger) -> list[tuple[str, int, int | None, float | None]]:
    return [(wait.kind, wait.opened_turn, wait.closed_turn, wait.response_s) for wait in found.waits]
