"""A day of chats with something of everything, and nights over it with a clock that stands still."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, func, select, update

from qa.errors import NotFoundError, QaError
from qa.intake import ImportOptions, import_files
from qa.models.registry import Registry
from qa.models.shipping import SHIPPED_MODEL
from qa.nightly import NightOptions, NightResult, run_night
from qa.nightly.report import write_report
from qa.nightly.standard import standard_for
from qa.nightly.thinking import RegistryModels
from qa.policy import Policy
from qa.progress import Quiet
from qa.rules.inspector import Standard
from qa.store.session import read_tx
from qa.store.tables import Base, chat_bodies, chats

DAY = "2026-11-20"
NOW = 1_795_190_400_000_000  # 2026-11-21T00:00:00+08:00
ZONE = ZoneInfo("Asia/Shanghai")
ME = "here:1:1"

_RED = ("亲，加我微信给您优惠", "您把差价转账给我个人就行", "五星好评截图返现5元哦", "您把短信验证码发我一下")
_ASKED = (
    "这件什么时候发货？",
    "尺码偏大吗 😀",
    "我要退款，投诉你们！",
    "在吗\0在吗",
    "怎么还没到，太慢了",
    "谢谢，很好",
)
_ANSWERED = (
    "您好，请问有什么可以帮您？",
    "亲，已经为您登记，请稍等",
    "抱歉给您添麻烦了，马上处理",
    "不知道",
    "感谢您的支持，再见",
)

__all__ = ["NotFoundError", "QaError"]

Record = dict[str, Any]


def chat(name: str, number: int, *, merchant: str = "acme", day: str = DAY, seed: int = 7) -> Record:
    """Return one chat as canonical JSON, decided by its name and number alone."""
    rng = random.Random(f"{seed}:{name}")
    begun = datetime.fromisoformat(f"{day}T08:00:00+08:00") + timedelta(seconds=rng.randrange(11 * 3600))
    timed = number % 9 != 4
    messages, at = [], begun
    for turn in range(rng.randrange(1, 5)):
        for role, texts in (("customer", _ASKED), ("agent", _ANSWERED)):
            text = rng.choice(texts)
            if role == "agent" and number % 13 == 5 and not turn:
                text = rng.choice(_RED)
            messages.append({"role": role, "text": text} | ({"at": at.isoformat()} if timed else {}))
            at += timedelta(seconds=rng.choice((4, 20, 70, 400)))
    record = {"id": name, "merchant": merchant, "messages": messages, "customer": {"id": f"u-{number % 40}"}}
    record |= {"started_at": begun.isoformat(), "ended_at": at.isoformat()} if timed else {}
    if number % 17:
        record["agent"] = {"id": f"a-{min(rng.randrange(1, 9), rng.randrange(1, 9))}", "team": "售后"}
    if number % 3:
        record["channel"] = rng.choice(("web", "app"))
    if number % 5 == 0:
        record["csat"] = rng.choice((1, 2, 3, 4, 5))
    if number % 29 == 3:
        record["escalated"] = True
    if number % 31 == 2:
        record["customer"]["tier"] = "VIP"
    if number % 23 == 7:
        record["status"] = "open"
    return record


def day_of_chats(
    count: int, *, merchant: str = "acme", day: str = DAY, prefix: str = "c", seed: int = 7
) -> list[Record]:
    """Return chats ``c-0`` … of one merchant's day: targeted, clean, open, without agent, without times."""
    return [chat(f"{prefix}-{i}", i, merchant=merchant, day=day, seed=seed) for i in range(count)]


def write_chats(path: Path, records: Iterable[Record]) -> Path:
    """Write chats as JSON Lines."""
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), "utf-8")
    return path


def bring_in(engine: Engine, folder: Path, records: Sequence[Record], day: str = DAY) -> None:
    """Import chats; all of them must be let in."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ImportOptions(zone=ZONE, now=NOW, day=day, data_dir=folder)
    report = import_files([write_chats(folder / "chats.jsonl", records)], engine, options)
    assert report.total.rejected == 0
    assert report.total.read == len(records)


HOUSE = standard_for(None, None)


def overwrite(connection: Connection, chat_id: str, body: bytes) -> None:
    """Put other bytes in the place of what was said in a chat."""
    of_it = select(chats.c.id).where(chats.c.chat_id == chat_id)
    connection.execute(update(chat_bodies).where(chat_bodies.c.chat_pk.in_(of_it)).values(body=body))


def options(merchant: str = "acme", day: str = DAY, **changes: Any) -> NightOptions:
    """Return night options: the house standard and policy, one worker, a clock that stands still."""
    policy = changes.pop("policy", None) or Policy()
    given: dict[str, Any] = {
        "merchant": merchant, "day": day, "standard": HOUSE, "policy": policy, "zone": ZONE, "owner": ME,
        "clock": lambda: NOW, "is_gone": lambda _owner: False, "workers": 1,
    }  # fmt: skip
    return NightOptions(**(given | changes))


def shipped(folder: Path) -> RegistryModels:
    """Return where a night finds the shipped model."""
    return RegistryModels(Registry(folder, lambda: b"k" * 32, SHIPPED_MODEL))


def night(engine: Engine, merchant: str = "acme", day: str = DAY, **changes: Any) -> NightResult:
    """Run a night."""
    return run_night(engine, options(merchant, day, **changes), Quiet())


def policy(**fields: Any) -> Policy:
    """Return the house policy with changes, as a settings file would give them."""
    return Policy.model_validate(fields)


def report(engine: Engine, results: Iterable[NightResult], folder: Path) -> dict[str, Any]:
    """Return the ``--json`` document of these nights."""
    path = folder / "night.json"
    write_report(engine, results, path)
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def rows(engine: Engine, table: str, *order: str) -> list[dict[str, Any]]:
    """Return the rows of a table as dictionaries."""
    found = Base.metadata.tables[table]
    with read_tx(engine) as connection:
        query = select(found).order_by(*(found.c[name] for name in order))
        return [dict(row) for row in connection.execute(query).mappings()]


def count(engine: Engine, table: str) -> int:
    """Return how many rows a table has."""
    with read_tx(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(Base.metadata.tables[table])).scalar_one())


PACK = """\
pack: {name}
version: "{version}"
name: {{zh: 商家标准, en: Merchant standard}}
extends: house
rules:
  - id: {rule}
    name: {{zh: 测试规则, en: Test rule}}
    dimension: process
    severity: major
    deduct: 5
    message: {{zh: "“{{quote}}”", en: "“{{quote}}”"}}
    when: {when}
"""


def pack(folder: Path, when: str = "{keywords: {any: [不知道]}}", *, rule: str = "own-rule", name: str = "own") -> Path:
    """Write a merchant's pack: the house standard and one rule more."""
    path = folder / f"{name}.yaml"
    path.write_text(PACK.format(name=name, version="1", rule=rule, when=when), "utf-8")
    return path


def standard(folder: Path, when: str = "{keywords: {any: [不知道]}}", **names: str) -> Standard:
    """Return the standard of such a pack."""
    return standard_for(pack(folder, when, **names), None)
