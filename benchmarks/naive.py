"""The night as a typical engineer would write it first: same chats, same rules, same findings, no care for time.

    python benchmarks/naive.py --chats day.jsonl --db naive.sqlite3

``json.loads``, SQLAlchemy's ORM with one object a row and a commit a chat, everything checked message by message.
With ``--tidy`` the two things that a reviewer would ask for first are done: a text is folded once, a commit is made
every 500 chats. With ``--opinions`` each inspected chat is judged by stock pipelines of scikit-learn as well
(``naive_opinions``). It does less than the night: no flags, no audit, no estimates, and it cannot be interrupted.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, ForeignKey, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    import sys

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.naive_opinions import StockOpinions
from benchmarks.naive_rules import NaiveRules, score
from benchmarks.naive_text import normalise
from qa.nightly.standard import standard_for
from qa.policy import Policy
from qa.sampling import draw, night_salt

TIDY_COMMIT = 500
Judge = Callable[[Sequence[Any]], object]
"""Gives opinions on the messages of a chat."""


class Base(DeclarativeBase):
    """Base of the tables."""


class Chat(Base):
    """A conversation."""

    __tablename__ = "chats"
    __allow_unmapped__ = True
    id: Mapped[str] = mapped_column(primary_key=True)
    merchant: Mapped[str]
    agent: Mapped[str | None]
    customer: Mapped[str | None] = mapped_column(index=True)
    tier: Mapped[str | None]
    started_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    status: Mapped[str]
    csat: Mapped[float | None]
    escalated: Mapped[bool | None]
    followups: Mapped[Any] = mapped_column(JSON, nullable=True)
    messages: Mapped[list[Message]] = relationship(order_by="Message.id")
    earlier: list[datetime] | None = None
    """When the customer's other chats began; not kept."""


class Message(Base):
    """A message."""

    __tablename__ = "messages"
    id: Mapped[int] = mapped_column(primary_key=True)
    chat_id: Mapped[str] = mapped_column(ForeignKey("chats.id"), index=True)
    role: Mapped[str]
    text: Mapped[str]
    at: Mapped[datetime | None]
    kind: Mapped[str]
    withdrawn: Mapped[bool]
    private: Mapped[bool]


class Inspection(Base):
    """An inspected chat."""

    __tablename__ = "inspections"
    id: Mapped[int] = mapped_column(primary_key=True)
    chat_id: Mapped[str] = mapped_column(ForeignKey("chats.id"), index=True)
    score: Mapped[float | None]
    red_line: Mapped[bool]
    opinions: Mapped[Any] = mapped_column(JSON, nullable=True)


class Finding(Base):
    """What a rule found in a chat."""

    __tablename__ = "findings"
    id: Mapped[int] = mapped_column(primary_key=True)
    chat_id: Mapped[str] = mapped_column(ForeignKey("chats.id"), index=True)
    rule: Mapped[str]
    message: Mapped[str]
    value: Mapped[float | None]
    evidence: Mapped[Any] = mapped_column(JSON)


def open_session(path: Path) -> Session:
    """A session on a new database, with the product's write-ahead log, so that no ratio is about disk flushes."""
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    Base.metadata.create_all(engine)
    return Session(engine)


def load(path: Path, session: Session, *, tidy: bool = False) -> int:
    """Read the chats into the database; returns how many."""
    number = 0
    with path.open(encoding="utf-8") as file:
        for line in file:
            number += 1
            session.add(chat_of(json.loads(line)))
            if not tidy or number % TIDY_COMMIT == 0:
                session.commit()
    session.commit()
    return number


def chat_of(data: dict[str, Any]) -> Chat:
    """A chat of canonical JSON as the naive night has it."""
    chat = Chat(
        id=data["id"],
        merchant=data["merchant"],
        agent=data.get("agent", {}).get("id"),
        customer=data.get("customer", {}).get("id"),
        tier=data.get("customer", {}).get("tier"),
        started_at=_time(data["started_at"]),
        ended_at=_time(data["ended_at"]),
        status=data["status"],
        csat=data.get("csat"),
        escalated=data.get("escalated"),
        followups=data.get("followups"),
    )
    for message in data["messages"]:
        chat.messages.append(
            Message(
                role=message["role"],
                text=message["text"],
                at=_time(message["at"]),
                kind=message.get("kind", "text"),
                withdrawn=message.get("withdrawn", False),
                private=message.get("private", False),
            )
        )
    return chat


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)  # the day's file is in local time throughout


def night(
    session: Session, merchant: str, day: str, *, tidy: bool = False, judge: Judge | None = None
) -> tuple[int, int]:
    """Screen, sample, check, score and store; returns how many chats were screened and inspected."""
    policy = Policy()
    fold = lru_cache(maxsize=4096)(normalise) if tidy else normalise
    rules = NaiveRules(standard_for(None, None), policy, fold)
    first = datetime.fromisoformat(day)
    chats = [
        chat.id
        for chat in session.scalars(select(Chat).where(Chat.merchant == merchant, Chat.status == "closed"))
        if chat.started_at.date() == first.date()
    ]
    targeted, rest = [], []
    for chat_id in chats:
        chat = session.get_one(Chat, chat_id)
        if rules.red_lines(chat, day) or _risky(chat, policy):
            targeted.append(chat.id)
        else:
            rest.append((chat.agent or "", chat.id))
        session.expunge(chat)
    salt = night_salt(policy.salt, merchant, date.fromisoformat(day))
    sample = targeted + list(draw(rest, salt, policy.rate, policy.per_agent_minimum).ids)
    _inspect(session, rules, sample, day, tidy=tidy, judge=judge)
    return len(chats), len(sample)


def _risky(chat: Chat, policy: Policy) -> bool:
    risk = policy.risk
    low = risk.csat_at_most is not None and chat.csat is not None and chat.csat <= risk.csat_at_most
    return low or (risk.escalated and bool(chat.escalated)) or (chat.tier or "").lower() in risk.tiers


def _inspect(
    session: Session, rules: NaiveRules, sample: Sequence[str], day: str, *, tidy: bool, judge: Judge | None
) -> None:
    for number, chat_id in enumerate(sample, start=1):
        chat = session.get_one(Chat, chat_id)
        chat.earlier = _earlier(session, chat)
        found, items = rules.check(chat, day)
        total, red_line = score(items, found, rules.weights, rules.full)
        opinions = None if judge is None else judge(chat.messages)
        session.add(Inspection(chat_id=chat.id, score=total, red_line=red_line, opinions=opinions))
        for rule, (_, places, value) in found.values():
            evidence = [
                {"turn": turn, "start": start, "end": end, "quote": chat.messages[turn].text[start:end]}
                for turn, start, end in places
            ]
            quote = evidence[0]["quote"] if evidence else ""
            message = rule.message.zh.replace("{quote}", str(quote)).replace("{value}", str(value))
            session.add(Finding(chat_id=chat.id, rule=rule.id, message=message, value=value, evidence=evidence))
        if not tidy or number % TIDY_COMMIT == 0:
            session.commit()
    session.commit()


def _earlier(session: Session, chat: Chat) -> list[datetime] | None:
    """When the customer's other chats began; None where the customer is unknown."""
    if chat.customer is None:
        return None
    others = select(Chat.started_at).where(
        Chat.merchant == chat.merchant, Chat.customer == chat.customer, Chat.started_at < chat.started_at
    )
    return list(session.scalars(others))


def results(session: Session) -> dict[str, tuple[float | None, tuple[str, ...]]]:
    """Chat id → score and the rules that fired, for comparison with the night's."""
    rules: dict[str, list[str]] = {}
    for chat_id, rule in session.execute(select(Finding.chat_id, Finding.rule)):
        rules.setdefault(chat_id, []).append(rule)
    scored = session.execute(select(Inspection.chat_id, Inspection.score))
    return {chat_id: (total, tuple(sorted(rules.get(chat_id, ())))) for chat_id, total in scored}


def main() -> None:
    """Run the whole pipeline once and print the processor seconds it took as JSON."""
    parser = argparse.ArgumentParser(description="The night, written naively.")
    parser.add_argument("--chats", type=Path, required=True, help="a file of benchmarks/generate.py")
    parser.add_argument("--db", type=Path, required=True, help="a new database")
    parser.add_argument("--merchant", default="bench")
    parser.add_argument("--date", default="2026-11-20")
    parser.add_argument("--tidy", action="store_true", help="fold each text once, commit every 500 chats")
    parser.add_argument("--results", type=Path, help="write score and rules by chat here")
    parser.add_argument("--opinions", action="store_true", help="judge by stock pipelines too")
    given = parser.parse_args()
    judge = StockOpinions().of if given.opinions else None
    begun = time.process_time()
    with open_session(given.db) as session:
        read = load(given.chats, session, tidy=given.tidy)
        loaded = time.process_time()
        _, inspected = night(session, given.merchant, given.date, tidy=given.tidy, judge=judge)
        done = time.process_time()
        if given.results:
            given.results.write_text(json.dumps(results(session)))
    print(json.dumps({"read": read, "inspected": inspected, "import": loaded - begun, "night": done - loaded}))


if __name__ == "__main__":
    main()
