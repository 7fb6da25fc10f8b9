"""What pages ask of the database: few statements, however much they show, and none that reads a large table through."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import chat_kit
import web_kit
from queue_kit import Made
from sqlalchemy import Connection, Engine, event

from qa.queueing import fill
from qa.store.session import read_tx

LIST, CHAT, SAVE = 10, 24, 32
"""Statements of a page, with those that find out who asks; transactions are begun and ended by others."""
LARGE = (
    "queue_items",
    "queue_marks",
    "chats",
    "inspections",
    "findings",
    "flags",
    "frame",
    "reviews",
    "verdicts",
)
QUERIES = (
    "", "?after=-60.0_5", "?state=mine", "?state=unclaimed", "?state=done", "?state=all", "?reason=rule_failed",
    "?rule=insult", "?severity=major&merchant=acme", "?merchant=acme", "?team=red", "?agent=a-1", "?high=20",
    "?since=2026-11-01&until=2026-11-30", "?sentiment=negative&resolution=unresolved", "?text=退款",
    "?text=退款&reason=low_score",
)  # fmt: skip

Asked = list[tuple[str, Any]]


@contextmanager
def watched(engine: Engine) -> Iterator[Asked]:
    """Collect the statements that are executed."""
    found: Asked = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            found.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def asked(client: web_kit.Client, engine: Engine, path: str) -> Asked:
    with watched(engine) as found:
        assert client.get(path).status_code == 200
    return found


def test_pages_ask_little_and_use_an_index(kit: web_kit.Kit, tmp_path: Path) -> None:
    made = Made(kit.engine)
    made.many([50.0])
    inspections = chat_kit.put_in(kit.engine, tmp_path)
    fill(kit.engine, kit.clock())
    client = kit.client("lead")
    client.get("/queue")  # the first request of a minute notes that the session lives
    few = asked(client, kit.engine, "/queue")
    made.many([float(place) for place in range(40)], found=[("insult", "major", [])])
    everything = [asked(client, kit.engine, f"/queue{query}") for query in QUERIES]
    assert len(everything[0]) == len(few)
    assert max(map(len, everything)) <= LIST
    everything += [asked(client, kit.engine, f"/chats/{one}") for one in inspections]
    assert max(map(len, everything[len(QUERIES) :])) <= CHAT
    with watched(kit.engine) as saved:
        reviewed_by_form(client)
    assert len(saved) <= SAVE + CHAT
    with read_tx(kit.engine) as connection:
        for statement, values in [one for page in [*everything, saved] for one in page]:
            assert scanned(connection, statement, values) == [], statement


def reviewed_by_form(client: web_kit.Client) -> None:
    """Take the next chat, review it, and take the one after it."""
    chat = client.send("/queue/next").location
    page = client.get(chat).get_data(as_text=True)
    form = dict(re.findall(r'<input type="hidden" name="(csrf_token|token|state)" value="([^"]*)"', page))
    answer = client.post(chat.partition("?")[0] + "/review", data=form | {"then": "next"})
    assert answer.status_code == 303
    assert answer.location != chat


def scanned(connection: Connection, statement: str, values: Any) -> list[str]:
    """Return the steps of the plan that read a large table from end to end, and not an index in its order."""
    if statement.startswith(("INSERT", "DELETE")) or "FOR UPDATE" in statement:
        return []
    if connection.dialect.name == "sqlite":
        plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
        return [step for step in plan if re.match(rf"SCAN ({'|'.join(LARGE)})\b(?!.* INDEX)", step)]
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # the tables are small: is there an index at all?
    plan = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values)]
    return [step for step in plan if re.search(rf"Seq Scan on ({'|'.join(LARGE)})\b", step)]
