"""A few inspected chats with known findings, for tests of the chat page: with findings, clean, blind, foreign.

The standard is small and the model's opinions are put in by hand, so that a test knows every figure.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import night_kit
from sqlalchemy import Engine, select, update

from qa.models.stored import encoded
from qa.nightly.standard import standard_for
from qa.rules.inspector import Standard
from qa.store.session import read_tx, write_tx
from qa.store.tables import chats, findings, flags, inspections
from qa.types import ChatOpinion, Opinion, TurnOpinion

PHONE = "13800138000"
OWN, FOREIGN = 1 << 24, 2 << 24
"""Keys of ``three`` and ``foreign``: the first inspections of the first two runs."""
PACK = """\
pack: small
version: "1"
name: {zh: 小标准, en: Small standard}
rules:
  - id: dont-know
    name: {zh: 推说不知道, en: Says he does not know}
    dimension: professionalism
    severity: major
    deduct: 10
    message: {zh: "说了“{quote}”", en: "said “{quote}”"}
    when: {keywords: {any: [不知道]}}
  - id: too-slow
    name: {zh: 客户嫌慢, en: Customer finds it slow}
    dimension: process
    severity: minor
    deduct: 5
    max_deduct: 10
    per: hit
    message: {zh: "客户嫌慢", en: "too slow"}
    when: {keywords: {role: customer, any: [太慢了]}}
  - id: add-wechat
    name: {zh: 加微信, en: Asks to be added}
    dimension: process
    severity: critical
    red_line: true
    message: {zh: "“{quote}”", en: "“{quote}”"}
    when: {keywords: {any: [加我微信]}}
  - id: rude
    name: {zh: 态度生硬, en: Rude}
    dimension: professionalism
    severity: minor
    deduct: 10
    message: {zh: "生硬", en: "rude"}
    when: {keywords: {any: [自己看]}}
  - id: polite
    name: {zh: 礼貌, en: Polite}
    dimension: satisfaction
    severity: info
    bonus: 2
    message: {zh: "礼貌", en: "polite"}
    when: {keywords: {any: [感谢您]}}
"""
CLEAN = (("customer", "在吗"), ("agent", "在的，请讲"), ("customer", "😀 怎么退货"), ("agent", "订单里点退货即可"))
TALKS: dict[str, tuple[tuple[str, str], ...]] = {
    "three": (
        ("customer", "在吗"), ("agent", "这个不知道"), ("customer", f"太慢了，电话{PHONE}"), ("agent", "您加我微信吧"),
    ),
    "two": (("customer", "太慢了"), ("agent", "不知道")),
    "clean": CLEAN,
    "clean-too": CLEAN,
}  # fmt: skip


class Chats(NamedTuple):
    """Inspections by chat; ``blind`` is the clean chat that was drawn for audit, ``clean`` the other one."""

    three: int
    two: int
    clean: int
    blind: int
    foreign: int


def standard(folder: Path) -> Standard:
    """Return the small standard."""
    path = folder / "small.yaml"
    path.write_text(PACK, "utf-8")
    return standard_for(path, None)


def record(name: str, talk: tuple[tuple[str, str], ...], merchant: str = "acme", **fields: Any) -> dict[str, Any]:
    """Return a chat as canonical JSON; a turn takes 40 seconds, the second answer 400."""
    seconds = (0, 40, 60, 460, 480, 500)
    messages = [
        {"role": role, "text": text, "at": f"2026-11-20T10:{at // 60:02}:{at % 60:02}+08:00"}
        for (role, text), at in zip(talk, seconds, strict=False)
    ]
    agent = {"id": "a-1", "team": "red", "name": "小王"} if merchant == "acme" else {"id": "a-2", "team": "blue"}
    return {
        "id": name, "merchant": merchant, "messages": messages, "agent": agent, "customer": {"id": "u-1"},
        "channel": "web", "csat": 1,
    } | fields  # fmt: skip


def put_in(engine: Engine, folder: Path, talks: dict[str, tuple[tuple[str, str], ...]] | None = None) -> Chats:
    """Import and inspect the chats; the model thinks ill of ``three`` and of the blind one."""
    chosen = standard(folder)
    records = [record(name, talk, csat=1 if len(name) < 5 else 4) for name, talk in {**TALKS, **(talks or {})}.items()]
    night_kit.bring_in(engine, folder / "acme", records)
    night_kit.bring_in(engine, folder / "other", [record("foreign", TALKS["two"], "other")])
    policy = night_kit.policy(rate=1.0)
    for merchant in ("acme", "other"):
        night_kit.night(engine, merchant, standard=chosen, policy=policy)
    known = ids(engine)
    with read_tx(engine) as connection:
        drawn = {*connection.execute(select(flags.c.inspection_id).where(flags.c.reason == "audit")).scalars()}
    clean = {known["clean"], known["clean-too"]}
    found = Chats(
        known["three"], known["two"], (clean - drawn).pop(), (clean & drawn).pop(), known["foreign"]
    )  # fmt: skip
    for inspection in (found.three, found.blind):
        think(engine, inspection)
    return found


def prepare(kit: Any) -> None:
    """Put the chats where ``OWN`` and ``FOREIGN`` are: of acme's team red, and of another merchant."""
    with tempfile.TemporaryDirectory() as folder:
        found = put_in(kit.engine, Path(folder))
    assert (found.three, found.foreign) == (OWN, FOREIGN)


def inspect(engine: Engine, folder: Path, records: list[dict[str, Any]]) -> dict[str, int]:
    """Import and inspect these chats of acme; chat id → inspection."""
    night_kit.bring_in(engine, folder / "chats", records)
    night_kit.night(engine, "acme", standard=standard(folder), policy=night_kit.policy(rate=1.0))
    return ids(engine)


def ids(engine: Engine) -> dict[str, int]:
    """Chat id → inspection."""
    with read_tx(engine) as connection:
        query = select(chats.c.chat_id, inspections.c.id).join(inspections, inspections.c.chat_pk == chats.c.id)
        return {row[0]: row[1] for row in connection.execute(query)}


def finding(engine: Engine, inspection: int, rule: str) -> int:
    """Return the key of a finding."""
    query = select(findings.c.id).where(findings.c.inspection_id == inspection, findings.c.rule == rule)
    with read_tx(engine) as connection:
        return int(connection.execute(query).scalar_one())


def think(engine: Engine, inspection: int) -> None:
    """Let the model be sure that the customer of this chat is dissatisfied, because of two characters."""
    bad, fine = (0.9, 0.06, 0.04), (0.1, 0.6, 0.3)

    def of(labels: str, probabilities: tuple[float, ...]) -> Opinion:
        best = max(probabilities)
        return Opinion(labels.split()[probabilities.index(best)], best, probabilities)

    turns = tuple(
        TurnOpinion(turn, of("negative neutral positive", p), of("dissatisfied neutral satisfied", p))
        for turn, p in ((0, fine), (2, bad))
    )
    thought = ChatOpinion(
        of("negative neutral positive", fine), of("dissatisfied neutral satisfied", bad),
        of("unresolved partly resolved", bad), turns,
    )  # fmt: skip
    why = [{"of": "satisfaction", "turn": 2, "start": 0, "end": 2, "quote": "太慢", "weight": 0.8}]
    with write_tx(engine) as connection:
        values = {"opinions": encoded("model-1", thought, why)}
        connection.execute(update(inspections).where(inspections.c.id == inspection).values(**values))
