"""A small installation with something in every kind of table, for copying, backing up, erasing."""

from __future__ import annotations

from typing import Any

import case_kit
import queue_kit
from sqlalchemy import Engine, select, text

from qa.accounts import NewUser, add_user
from qa.models.opinions import LABELS, Task
from qa.people import UserRole
from qa.store import audit
from qa.store.audit import Act
from qa.store.reviews import Review, Verdict, add_review
from qa.store.session import opened, read_tx, write_tx
from qa.store.tables import Base, chats, findings
from qa.store.words import matching, phrases
from qa.types import Evidence

NOW = queue_kit.NOW
ACT = Act("tests", NOW)
LOGGED = 6
"""Rows of the audit log that ``fill`` leaves."""
BECAUSE = [{"turn": 0, "start": 0, "end": 2, "quote": "退款", "of": "sentiment", "weight": 1.0}]


def fill(engine: Engine, chats_there: int = 6) -> queue_kit.Made:
    """Put in a night, its queue, a review, a case folded into a later one, an account, rows of the log."""
    made = queue_kit.Made(engine)
    run = made.run()
    at = [
        made.add(
            run, f"c-{number}", 0.5 + number / 100, text=f"退款{number} 订单 13916283547",
            found=(("rude", "major", [{"turn": 0, "start": 0, "end": 2, "quote": "退款"}]),),
            sentiment=queue_kit.opinion("negative", LABELS[Task.SENTIMENT]), because=BECAUSE,
        )
        for number in range(chats_there)
    ]  # fmt: skip
    with write_tx(engine) as connection:
        connection.execute(chats.update().where(chats.c.id <= 2).values(customer_id="li-lei"))
    made.fill()
    finding = _finding(engine, at[0])
    with write_tx(engine) as connection:
        said = Verdict("rude", "confirm", finding, "说话难听", (Evidence(0, 0, 2, "退款"),))
        review = Review(
            "t-1", made.chat_of(at[0]), "queue", "li", NOW, at[0], comment="客户电话13916283547", verdicts=(said,)
        )
        add_review(connection, review)
    first, second = (case_kit.add(engine, chat_id=name, tags=("退款",)) for name in ("c-0", "c-1"))
    with write_tx(engine) as connection:
        connection.execute(text("UPDATE cases SET folded_into = :b WHERE id = :a"), {"a": first, "b": second})
    add_user(engine, ACT, NewUser("li", UserRole.LEAD), "link")
    with write_tx(engine) as connection:
        for number in range(5):
            audit.append(connection, ACT, "test.act", f"test:{number}", {"说": "明"})
        connection.execute(text("INSERT INTO sessions VALUES (:h, 1, 1, 1, 9000000000000000)"), {"h": b"\0\xff" * 16})
    return made


def _finding(engine: Engine, inspection: int) -> int:
    with read_tx(engine) as connection:
        found = connection.execute(select(findings.c.id).where(findings.c.inspection_id == inspection))
        return int(found.scalars().one())


def found_by(engine: Engine, typed: str) -> set[int]:
    """Return the chats that the queue's search finds."""
    with read_tx(engine) as connection:
        return set(connection.execute(matching(connection, phrases(typed))).scalars())


def counts(engine: Engine) -> dict[str, int]:
    """Return rows by table."""
    with read_tx(engine) as connection:
        return {
            name: connection.execute(text(f"SELECT count(*) FROM {name}")).scalar_one()
            for name in Base.metadata.tables
        }  # fmt: skip


def everything(engine: Engine) -> str:
    """Return all that is stored as one text, to look for what should be gone."""
    with read_tx(engine) as connection:
        rows: list[Any] = [
            row for table in Base.metadata.sorted_tables for row in connection.execute(select(table)).all()
        ]
    told = [cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell) for row in rows for cell in row]
    return "\n".join(told)


def keep_writing(url: str, begun: Any, stop: Any) -> None:
    """Add chats with a row of the log each, one transaction after the other, until told to stop."""
    number = 0
    with opened(url) as engine:
        while not stop.is_set():
            number += 1
            with write_tx(engine) as connection:
                key = connection.execute(text(_ADD_CHAT), {"name": f"w-{number}", "hash": b"1" * 16}).scalar_one()
                connection.execute(text(_ADD_BODY), {"key": key})
                audit.append(connection, ACT, "chat.add", f"chat:{key}")
            begun.set()
            stop.wait(0.01)


_ADD_CHAT = """
INSERT INTO chats
(merchant, chat_id, revision, current, day, day_assumed, status, turns, content_hash, imported_at)
SELECT merchant, :name, 1, current, day, day_assumed, status, turns, :hash, imported_at FROM chats WHERE id = 1
RETURNING id
"""
_ADD_BODY = "INSERT INTO chat_bodies SELECT month, :key, body FROM chat_bodies WHERE chat_pk = 1"
