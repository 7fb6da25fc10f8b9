"""A queue to try things on: inspections made by hand, with the flags and findings that a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import orjson
from sqlalchemy import Engine, insert, select

from qa.models.stored import encoded
from qa.nightly.standard import standard_for
from qa.people import Scope, User
from qa.policy import Policy
from qa.queueing import Worker, fill
from qa.store.inspections import Rows, inspection_id, write
from qa.store.quotes import take_out
from qa.store.session import read_tx, write_tx
from qa.store.tables import chats, flags, inspections, nights, rulesets, runs
from qa.store.texts import Said, add_texts, month_of
from qa.types import Chat, ChatOpinion, Message, Opinion, Role

NOW = 1_795_000_000_000_000
MINUTE = 60_000_000
EVERYTHING = Scope()
_STANDARD = orjson.dumps(standard_for(None, None).as_json())
_POLICY = orjson.dumps(Policy().snapshot() | {"timezone": "Asia/Shanghai"})


def opinion(label: str, labels: tuple[str, ...]) -> Opinion:
    """Return an opinion that is sure of a label."""
    return Opinion(label, 0.9, tuple(0.9 if one == label else 0.05 for one in labels))


class Made:
    """Nights with inspections, each added by ``add``; ``fill`` puts them into the queue."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._ranks: dict[int, int] = {}

    def run(self, merchant: str = "acme", day: str = "2026-11-17", *, kind: str = "night", state: str = "done") -> int:
        """Return a new run of the night of that day."""
        with write_tx(self.engine) as connection:
            if connection.execute(select(rulesets.c.hash)).first() is None:
                row = {"hash": "h", "pack": "house", "version": "1", "content": _STANDARD, "published_at": NOW}
                connection.execute(insert(rulesets), row)
            night = connection.execute(
                select(nights.c.id).where(nights.c.merchant == merchant, nights.c.day == day)
            ).scalar()
            if night is None:
                values = {
                    "merchant": merchant, "day": day, "state": "done", "salt": "s", "policy": _POLICY, "waves": 1,
                    "started_at": NOW,
                }  # fmt: skip
                night = connection.execute(insert(nights).values(values).returning(nights.c.id)).scalar_one()
            values = {
                "night_id": night, "kind": kind, "wave": 0, "ruleset": "h", "state": state, "started_at": NOW,
            }  # fmt: skip
            return int(connection.execute(insert(runs).values(values).returning(runs.c.id)).scalar_one())

    def add(self, run: int, name: str, risk: float | None, **given: Any) -> int:
        """Add an inspected chat (``chat``: an existing one); flagged with ``reason`` unless the risk is None."""
        with write_tx(self.engine) as connection:
            pk = given.get("chat") or self._chat(connection, run, name, given)
            rank = self._ranks[run] = self._ranks.get(run, -1) + 1
            inspection = inspection_id(run, rank)
            thought = ChatOpinion(
                sentiment=given.get("sentiment"), resolution=given.get("resolution")
            )  # fmt: skip
            night = connection.execute(select(runs.c.night_id).where(runs.c.id == run)).scalar_one()
            row = {
                "id": inspection, "run_id": run, "night_id": night, "chat_pk": pk, "ruleset": "h",
                "score": given.get("score", 80.0), "red_line": False, "failed": 0, "broken": None, "dimensions": b"{}",
                "card": b"[]", "not_applicable": b"{}", "opinions": encoded("m", thought, given.get("because", [])),
                "inspected_at": NOW,
            }  # fmt: skip
            claims = list(_claims(inspection, given.get("found", ())))
            said = take_out([row], claims, month_of(self._day_of(connection, run)[1]))
            write(connection, Rows([row], claims, [], said))
            if risk is not None:
                reasons = given.get("reasons", ("rule_failed",))
                connection.execute(
                    insert(flags),
                    [{"inspection_id": inspection, "reason": one, "risk": risk, "detail": None} for one in reasons],
                )
            return inspection

    def _day_of(self, connection: Any, run: int) -> Any:
        query = select(nights.c.merchant, nights.c.day).join(runs, runs.c.night_id == nights.c.id)
        return connection.execute(query.where(runs.c.id == run)).one()

    def _chat(self, connection: Any, run: int, name: str, given: dict[str, Any]) -> int:
        merchant, day = self._day_of(connection, run)
        said = given.get("text", "在吗")
        chat = Chat(name, (Message(Role.CUSTOMER, said), Message(Role.AGENT, "您好")), merchant=merchant)
        values = {
            "merchant": merchant, "chat_id": name, "revision": 1, "current": True, "source": None, "day": day,
            "day_assumed": False, "status": "closed", "agent_id": given.get("agent", "a-1"),
            "team": given.get("team", "red"), "channel": None, "customer_id": None, "started_at": NOW - 60 * MINUTE,
            "turns": 2, "content_hash": b"0" * 16, "imported_at": NOW,
        }  # fmt: skip
        pk = int(connection.execute(insert(chats).values(values).returning(chats.c.id)).scalar_one())
        add_texts(connection, [Said(pk, merchant, day, msgspec.json.encode(chat))])
        return pk

    def chat_of(self, inspection: int) -> int:
        """Return the chat of an inspection."""
        with read_tx(self.engine) as connection:
            query = select(inspections.c.chat_pk).where(inspections.c.id == inspection)
            return int(connection.execute(query).scalar_one())

    def fill(self, now: int = NOW) -> int:
        """Put finished runs into the queue; returns how many chats are new there."""
        return fill(self.engine, now).chats

    def many(self, risks: list[float], **given: Any) -> list[int]:
        """Add a run with chats of these risks and fill the queue with it; returns the inspections."""
        run = self.run()
        made = [self.add(run, f"c-{run}-{place}", risk, **given) for place, risk in enumerate(risks)]
        self.fill()
        return made


def _claims(inspection: int, found: Any) -> Iterator[dict[str, Any]]:
    for place, (rule, severity, evidence) in enumerate(found):
        yield {
            "id": (inspection << 8) + place, "inspection_id": inspection, "rule": rule, "outcome": "failed",
            "severity": severity, "points": -5.0, "hits": 1, "value": None, "message": f"{rule} 不合规",
            "evidence": orjson.dumps(evidence),
        }  # fmt: skip


def worker(user: User, scope: Scope = EVERYTHING) -> Worker:
    """Return somebody who works on the queue."""
    return Worker(user, scope)
