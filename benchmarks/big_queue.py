"""How long a page of the review queue takes at a million inspections, filter by filter, and with 16 people at once.

    python benchmarks/big_queue.py                      # about two minutes, 1 GB in a temporary folder

The inspections are made by SQL on SQLite: three of ten are flagged, one flagged chat of five is done. Times are of
``qa.queueing.look`` (a page, its count, what there is to filter by, saved filters, the day), of whole pages as a
browser gets them, one after the other, and of those asked for by 16 threads in this process without a pause. No part of
continuous integration. `--write` puts the table into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

if __name__ == "__main__":  # run as a file, the checkout is not on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import msgspec
import orjson
from flask import Flask
from sqlalchemy import Engine, select, text, update

from benchmarks.night import DOCUMENT
from benchmarks.tables import replaced
from benchmarks.watch import machine
from qa.config import Settings
from qa.nightly.standard import standard_for
from qa.people import Reach, Scope, User, UserRole, scope_of
from qa.privacy import REVIEWER
from qa.queueing import Today, Worker, claim_next, look
from qa.store import sessions
from qa.store.accounts import insert_user
from qa.store.audit import Act
from qa.store.migrate import upgrade
from qa.store.queue import Key
from qa.store.queue_filters import parse_filters
from qa.store.queue_tables import queue_items
from qa.store.session import opened, read_tx, write_tx
from qa.store.tables import rulesets
from qa.types import Chat, Message, Role
from qa.web import create_app

NOW = 1_795_000_000_000_000
PEOPLE = 16
TODAY = Today("2026-11-18", NOW - 3_600_000_000)
DEEP = Key(-40.0, 0)
"""A page far down the list."""

VIEWS: Mapping[str, str] = {
    "first page": "",
    "far down": "",
    "one reason": "reason=red_line",
    "the rarest reason": "reason=excellent",
    "one rule": "rule=rule-7",
    "a rare rule": "rule=rare-1",
    "severity and merchant": "severity=minor&merchant=m-3",
    "merchant": "merchant=m-3",
    "team": "team=t-5",
    "agent": "agent=a-17",
    "one day": "since=2026-10-07&until=2026-10-07",
    "low scores": "high=20",
    "sentiment and resolution": "sentiment=negative&resolution=unresolved",
    "nothing passes": "low=99.9&sentiment=negative",
    "unclaimed": "state=unclaimed",
    "mine": "state=mine",
    "done": "state=done",
    "all": "state=all",
    "a rare word": "text=rare123",
    "a common word": "text=w17",
    "the commonest word": "text=您好",
    "two common words, a day": "text=w17 w18&since=2026-10-07&until=2026-10-09",
    "words of the rarest reason": "text=w17&reason=excellent",
}

_BODY = msgspec.json.encode(
    Chat(
        "chat",
        tuple(
            Message(
                Role.AGENT if turn % 2 else Role.CUSTOMER,
                "亲，这边帮您查一下，请稍等" if turn % 2 else "您好，这件衣服什么时候发货",
                NOW - (20 - turn) * 60_000_000,
            )
            for turn in range(12)
        ),
    )
)

_SETUP = """
INSERT INTO rulesets VALUES ('h', 'house', '1', x'7b7d', 1);
INSERT INTO nights (id, merchant, day, state, salt, policy, waves, started_at)
 SELECT n, 'm-' || (n % 10), date('2026-10-01', (n / 10) || ' days'), 'done', 's', x'7b7d', 1, 1 FROM numbers WHERE n < 300;
INSERT INTO runs (id, night_id, kind, wave, ruleset, state, started_at)
 SELECT n + 1, n, 'night', 0, 'h', 'done', 1 FROM numbers WHERE n < 300;
INSERT INTO queue_runs SELECT id FROM runs;
INSERT INTO queue_places SELECT 'm-' || (n % 10), 't-' || (n % 20) FROM numbers WHERE n < 20;
INSERT INTO chats (id, merchant, chat_id, revision, current, day, day_assumed, status, agent_id, team, started_at, turns,
  content_hash, imported_at)
 SELECT n + 1, 'm-' || (n % 10), 'chat-' || n, 1, 1, date('2026-10-01', (n % 300 / 10) || ' days'), 0, 'closed',
  'a-' || (n % 400), 't-' || (n % 20), :now - n % 2000000 * 1000000, 20, zeroblob(16), 1 FROM numbers;
INSERT INTO text_months SELECT 202610, 'm-' || n FROM numbers WHERE n < 10;
INSERT INTO chat_bodies SELECT 202610, n + 1, :body FROM numbers;
INSERT INTO inspections (id, run_id, night_id, chat_pk, ruleset, score, red_line, failed, dimensions, card, not_applicable,
  opinions, inspected_at)
 SELECT ((n % 300 + 1) << 24) + n / 300, n % 300 + 1, n % 300, n + 1, 'h', n * 7919 % 1001 / 10.0, 0, 0, x'7b7d', x'5b5d',
  x'7b7d', x'5b5d', 1 FROM numbers;
INSERT INTO queue_items
 SELECT ((n % 300 + 1) << 24) + n / 300, n + 1, 'm-' || (n % 10), 't-' || (n % 20), 'a-' || (n % 400),
  date('2026-10-01', (n % 300 / 10) || ' days'), :now - n % 2000000 * 1000000,
  CASE WHEN h < 5 THEN -100.0 WHEN h < 45 THEN -60.0 - h % 4 * 2 WHEN h < 75 THEN -50.0 - h % 12 WHEN h < 95 THEN -15.0 - h % 30 ELSE -10.0 END,
  CASE WHEN h < 5 THEN 1 WHEN h < 45 THEN 2 WHEN h < 75 THEN 4 WHEN h < 95 THEN 8 ELSE 32 END,
  n * 7919 % 1001 / 10.0, CASE WHEN h < 5 THEN 3 WHEN h < 45 THEN 2 WHEN h < 95 THEN 1 END, n * 31 % 3, n * 37 % 3,
  CAST('{"rule":"rule-' || (n % 60) || '","message":"客户把同一个问题问了三次","text":"您好，这件衣服什么时候发货，我已经问过三次了，电话13800138000","start":14,"end":22}' AS BLOB),
  NULL, NULL, NULL, CASE WHEN n % 5 = 0 THEN :now - n % 3000000 * 1000 END, CASE WHEN n % 5 = 0 THEN 'w-' || (n % 16) END
 FROM (SELECT n, (n * 2654435761) % 100 AS h FROM numbers WHERE n % 10 < 3);
INSERT INTO queue_marks SELECT 'reason:' || CASE reasons WHEN 1 THEN 'red_line' WHEN 2 THEN 'rule_failed' WHEN 4 THEN 'low_score'
  WHEN 8 THEN 'model_risk' ELSE 'excellent' END, rank, inspection_id FROM queue_items;
INSERT INTO queue_marks SELECT 'severity:' || CASE severity WHEN 3 THEN 'critical' WHEN 2 THEN 'major' ELSE 'minor' END, rank,
  inspection_id FROM queue_items WHERE severity NOT NULL;
INSERT INTO queue_marks SELECT 'rule:rule-' || (chat_pk % 60), rank, inspection_id FROM queue_items;
INSERT INTO queue_marks SELECT 'rule:rare-' || (chat_pk % 9), rank, inspection_id FROM queue_items WHERE chat_pk % 3001 < 9;
INSERT INTO queue_words (rowid, words) SELECT chat_pk, '您好 w' || (chat_pk % 20) || ' w' || (chat_pk / 7 % 20) || ' w' || (chat_pk / 31 % 20)
  || ' v' || (chat_pk / 11 % 3000) || ' v' || (chat_pk / 13 % 3000) || ' v' || (chat_pk / 17 % 3000) || ' v' || (chat_pk / 19 % 3000)
  || ' rare' || (chat_pk % 5000) FROM queue_items;
"""  # noqa: E501 - columns in one line read better than a statement of forty


def main() -> None:
    """Make the inspections, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inspections", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="measurements of each view")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    lines = [f"SQLite, {arguments.inspections:,} inspections, three of ten in the queue. {machine()}.", ""]
    lines += ["    python benchmarks/big_queue.py", "", "| view | p50 ms | p95 ms |", "|---|--:|--:|"]
    with tempfile.TemporaryDirectory(prefix="queue-") as folder, made(Path(folder), arguments.inspections) as engine:
        people = hire(engine)
        lines += [line(name, times) for name, times in views(engine, people[0], arguments.rounds)]
        lines.append(line("take the next chat", nexts(engine, people, 100)))
        app = create_app(Settings(data_dir=Path(folder), secret_key=token_hex()), engine, lambda: NOW)
        log_in(engine, people)
        lines += [line(name, times) for name, times in singles(app, engine, people[0], arguments.rounds)]
        lines.append(line(f"whole page of the queue, {PEOPLE} at once", pages(app, people, 25)))
    print("\n".join(lines))
    if arguments.write:
        DOCUMENT.write_text(replaced(DOCUMENT.read_text("utf-8"), "queue", "\n".join(lines)), "utf-8")


def line(name: str, times: list[float]) -> str:
    """Return a line of the table."""
    return f"| {name} | {at(times, 0.5):.1f} | {at(times, 0.95):.1f} |"


@contextmanager
def made(folder: Path, inspections: int) -> Iterator[Engine]:
    """Give a database with so many inspections."""
    begun = time.perf_counter()
    with opened(f"sqlite:///{folder / 'queue.sqlite3'}") as engine:
        upgrade(engine)
        with write_tx(engine) as connection:
            connection.execute(text("CREATE TEMP TABLE numbers (n INTEGER PRIMARY KEY)"))
            numbers = (
                "WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n + 1 < :many) SELECT n FROM c"
            )
            connection.execute(text(f"INSERT INTO numbers {numbers}"), {"many": inspections})
            for statement in _SETUP.strip().split(";\n"):
                filled = statement.removesuffix(";").replace(":now", str(NOW)).replace(":body", f"x'{_BODY.hex()}'")
                connection.exec_driver_sql(filled)
            connection.execute(update(rulesets).values(content=orjson.dumps(standard_for(None, None).as_json())))
        print(f"{inspections:,} inspections made in {time.perf_counter() - begun:.0f} s\n", file=sys.stderr)
        yield engine


def hire(engine: Engine) -> list[User]:
    """Make the reviewers."""
    with write_tx(engine) as connection:
        return [
            insert_user(connection, f"w-{number}", f"W {number}", UserRole.SPECIALIST, None, None, None, NOW)
            for number in range(PEOPLE)
        ]


def views(engine: Engine, user: User, rounds: int) -> Iterator[tuple[str, list[float]]]:
    """Yield how long each view took."""
    for name, query in VIEWS.items():
        filters = parse_filters(dict(part.split("=") for part in query.split("&") if part))
        after = DEEP if name == "far down" else None
        worker = Worker(user, Scope())
        yield name, timed(lambda: look(engine, worker, filters, after, NOW, TODAY, REVIEWER), rounds)  # noqa: B023 - called at once
    limited = Worker(user, Scope(merchants=("m-3", "m-4"), team="t-3"))
    yield (
        "a specialist of one team",
        timed(lambda: look(engine, limited, parse_filters({}), None, NOW, TODAY, REVIEWER), rounds),
    )


def nexts(engine: Engine, people: list[User], many: int) -> list[float]:
    """Return how long taking the next chat takes, each time by another person."""
    workers = [Worker(user, scope_of(user, Reach.TEAM)) for user in people]
    turn = iter(range(many))

    def take() -> None:
        worker = workers[next(turn) % PEOPLE]
        assert claim_next(engine, Act(worker.user.name, NOW), worker) is not None

    return timed(take, many)


def log_in(engine: Engine, people: list[User]) -> None:
    """Start a session of each."""
    for user in people:
        with write_tx(engine) as connection:
            sessions.start(connection, user.id, f"token-{user.id}", NOW, NOW + 10**12)


def singles(app: Flask, engine: Engine, user: User, rounds: int) -> Iterator[tuple[str, list[float]]]:
    """Yield how long whole pages take when nobody else asks."""
    client = app.test_client()
    client.set_cookie("zhijian", f"token-{user.id}")
    with read_tx(engine) as connection:
        ids = connection.execute(select(queue_items.c.inspection_id).limit(rounds)).scalars().all()
    client.get("/queue")
    client.get(f"/chats/{ids[0]}")  # templates are made, the standard is read
    yield "whole page of the queue", timed(lambda: client.get("/queue"), rounds)
    turn = iter(ids)
    yield "whole page of a chat", timed(lambda: client.get(f"/chats/{next(turn)}"), rounds)


def pages(app: Flask, people: list[User], each: int) -> list[float]:
    """Return how long the first page takes to answer when everybody asks at once, ``each`` times."""
    queries = [query for query in VIEWS.values() if "text" not in query]
    times: list[float] = []

    def ask(user: User) -> None:
        client = app.test_client()
        client.set_cookie("zhijian", f"token-{user.id}")
        for turn in range(each):
            begun = time.perf_counter()
            answer = client.get("/queue?" + queries[(turn + user.id) % len(queries)])
            times.append((time.perf_counter() - begun) * 1_000)
            assert answer.status_code == 200

    threads = [threading.Thread(target=ask, args=(user,)) for user in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == PEOPLE * each
    return times


def timed(action: Callable[[], Any], rounds: int) -> list[float]:
    """Return the milliseconds of each round."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        action()
        times.append((time.perf_counter() - begun) * 1_000)
    return times


def at(times: list[float], share: float) -> float:
    """Return the value below which that share of the times lies.

    >>> at([4, 1, 3, 2], 0.5)
    2
    """
    return sorted(times)[max(0, round(share * len(times)) - 1)]


if __name__ == "__main__":
    main()
