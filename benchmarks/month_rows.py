"""Months of chats made by the database itself, a third of them inspected: what `qa retention` has to let go.

Every month holds as many chats, of five merchants; a chat has 20 messages (1.6 kB). Inspected chats have two findings
each that quote the chat; a tenth of them is in the queue, with words and a line of evidence; of these a third was
reviewed, and a third of the reviews quotes as well. Foreign keys and triggers are off while the rows are made.
"""

# ruff: noqa: E501 - a statement of SQL reads better in long lines
from __future__ import annotations

import sys
import time
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import orjson
from sqlalchemy import Connection, Engine

from qa.store.migrate import upgrade
from qa.store.quotes import take_out
from qa.store.session import write_tx
from qa.store.texts import make_places
from qa.store.words import spoken, written
from qa.types import MICROSECONDS, Chat, Message, Role

MERCHANTS, DAYS, MARK = 5, 28, "退款"
_SAID = (
    "您好，在的，请问有什么可以帮您？", "我上周买的外套到现在还没有发货，怎么回事啊", "亲，帮您看了一下，订单 20260117{n} 还在仓库排队",
    "那我要退款，手机 1391628{n}，今天能处理吗", "非常抱歉给您添麻烦了，我这边马上为您登记，请稍等一下哦",
    "都等了一个星期了，每次都说马上，太慢了！", "理解您的心情，已经催促仓库优先处理，预计明天发出", "好吧，那运费谁出？", "运费由我们承担，请您放心",
    "OK, thanks",
)  # fmt: skip
_KINDS = 40
"""Different texts of chats."""

_ROWS = (
    "INSERT INTO rulesets VALUES ('h', 'house', '1', {empty}, 1)",
    """
    INSERT INTO nights (merchant, day, state, salt, policy, waves, started_at, finished_at)
    SELECT 'm-' || m, {day_of}, 'done', 's', {empty}, 1, 1, 2 FROM ({days}) AS d, ({merchants}) AS k
    """,
    """
    INSERT INTO runs (id, night_id, kind, wave, ruleset, state, started_at, finished_at)
    SELECT id, id, 'night', 0, 'h', 'done', 1, 2 FROM nights WHERE day >= '{first}'
    """,
    "INSERT INTO text_months SELECT {month}, 'm-' || m FROM ({merchants}) AS k",
    """
    CREATE {kept} TABLE month_seen AS
    SELECT x.*, n.id AS night, n.id * 16777216 + x.n AS id FROM (
      SELECT n, {base} + n + 1 AS pk, n % {kinds} AS kind, 'm-' || (n * 2654435761 % 4294967296 / 65536 % 5) AS merchant,
        {day_of_n} AS day, n % 3 = 0 AS judged, n % 30 = 0 AS flagged, n % 90 = 0 AS done FROM ({numbers}) AS numbers
    ) AS x JOIN nights AS n ON n.merchant = x.merchant AND n.day = x.day
    """,
    """
    INSERT INTO chats (id, merchant, chat_id, revision, current, day, day_assumed, status, agent_id, team, customer_id,
      started_at, turns, content_hash, imported_at)
    SELECT pk, merchant, 'chat-' || pk, 1, 1 = 1, day, 1 = 0, 'closed', 'a-' || (n % 500), 't-1', 'u-' || (n % 100000),
      {started} + n, 20, {zeros}, {started} FROM month_seen
    """,
    "INSERT INTO chat_bodies (month, chat_pk, body) SELECT {month}, pk, t.body FROM month_seen AS s JOIN month_texts AS t ON t.kind = s.kind",
    """
    INSERT INTO inspections (id, run_id, night_id, chat_pk, ruleset, score, red_line, failed, broken, dimensions, card,
      not_applicable, opinions, inspected_at)
    SELECT id, night, night, pk, 'h', 80.0, 1 = 0, 2, NULL, {empty}, {list}, {empty}, {list}, {started} FROM month_seen WHERE judged
    """,
    """
    INSERT INTO findings (id, inspection_id, rule, outcome, severity, points, hits, message, evidence)
    SELECT s.id * 256 + f.ordinal, s.id, 'rule-' || f.ordinal, 'failed', 'minor', -5.0, 1, f.message, f.evidence
    FROM month_seen AS s JOIN month_findings AS f ON f.kind = s.kind WHERE s.judged
    """,
    "INSERT INTO quotes (month, inspection_id, body) SELECT {month}, s.id, q.body FROM month_seen AS s JOIN month_quotes AS q ON q.kind = s.kind WHERE s.judged",
    """
    INSERT INTO queue_items (inspection_id, chat_pk, merchant, team, agent_id, day, started_at, rank, reasons, score, severity,
      evidence, done_at, done_by)
    SELECT id, pk, merchant, 't-1', 'a-' || (n % 500), day, {started}, -(n % 100) / 100.0, 2, 80.0, 1, {line},
      CASE WHEN done THEN {started} END, CASE WHEN done THEN 'w-1' END FROM month_seen WHERE flagged
    """,
    "INSERT INTO queue_marks SELECT 'reason:rule_failed', -(n % 100) / 100.0, id FROM month_seen WHERE flagged",
    "INSERT INTO queue_marks SELECT 'rule:rule-1', -(n % 100) / 100.0, id FROM month_seen WHERE flagged",
    "INSERT INTO queue_words ({words_key}, words) SELECT s.pk, {words} FROM month_seen AS s JOIN month_texts AS t ON t.kind = s.kind WHERE s.flagged",
    """
    INSERT INTO reviews (id, token, chat_pk, inspection_id, kind, reviewer, reviewed_at)
    SELECT pk, 't-' || pk, pk, id, 'queue', 'w-1', {started} FROM month_seen WHERE done
    """,
    """
    INSERT INTO verdicts (review_id, finding_id, rule, verdict, evidence)
    SELECT pk, id * 256, 'rule-1', 'confirm', CASE WHEN n % 270 = 0 THEN {shown} END FROM month_seen WHERE done
    """,
    "DROP TABLE month_seen",
)
_NUMBERS = {
    "postgresql": "SELECT n AS {name} FROM generate_series(0, {many} - 1) AS n",
    "sqlite": "WITH RECURSIVE c({name}) AS (SELECT 0 UNION ALL SELECT {name} + 1 FROM c WHERE {name} + 1 < {many}) SELECT {name} FROM c",
}


def make(engine: Engine, many: int, months: tuple[str, ...]) -> None:
    """Fill an empty database with so many chats in each of these months, given as their first days."""
    upgrade(engine)
    begun = time.perf_counter()
    sqlite = engine.dialect.name == "sqlite"
    with write_tx(engine) as connection:
        if sqlite:
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        _put_texts(connection)
        for place, first in enumerate(months):
            make_places(connection, [int(first[:4] + first[5:7])])
            given = _given(many, place, first, sqlite=sqlite)
            for statement in _ROWS[1 if place else 0 :]:
                connection.execution_options(no_parameters=True).exec_driver_sql(statement.format_map(given))
            sys.stderr.write(f"  {first}: {many:,} chats after {time.perf_counter() - begun:.0f} s\n")
        for table in ("month_texts", "month_findings", "month_quotes"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    if not sqlite:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")  # as autovacuum does


def _put_texts(connection: Connection) -> None:
    """Put some chats, what was found in them and what that quotes into tables to be joined."""
    sqlite = connection.dialect.name == "sqlite"
    kind = "BLOB" if sqlite else "BYTEA"
    connection.exec_driver_sql(f"CREATE TABLE month_texts (kind INTEGER, body {kind}, words TEXT)")
    connection.exec_driver_sql(
        f"CREATE TABLE month_findings (kind INTEGER, ordinal INTEGER, message TEXT, evidence {kind})"
    )
    connection.exec_driver_sql(f"CREATE TABLE month_quotes (kind INTEGER, body {kind})")
    for number in range(_KINDS):
        chat = _chat(number)
        found = _findings(chat)
        quoted = take_out([{"id": 0, "opinions": b"[]"}], found, 0)
        words = written(connection, spoken(chat))
        _insert(connection, "month_texts", number, msgspec.json.encode(chat), words)
        for ordinal, row in enumerate(found):
            _insert(connection, "month_findings", number, ordinal, row["message"], row["evidence"])
        _insert(connection, "month_quotes", number, quoted[0]["body"])


def _insert(connection: Connection, table: str, *values: Any) -> None:
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = f"INSERT INTO {table} VALUES ({', '.join([mark] * len(values))})"  # noqa: S608 - names of ours
    connection.exec_driver_sql(statement, values)


def _chat(number: int) -> Chat:
    said = [_SAID[(number * 3 + turn * 7) % len(_SAID)].replace("{n}", f"{number:04}") for turn in range(20)]
    said[3] = f"我要{MARK}，请尽快处理"
    return Chat(
        f"chat-{number}",
        tuple(
            Message(Role.CUSTOMER if turn % 2 else Role.AGENT, text, at=1_768_000_000_000_000 + turn * 30_000_000)
            for turn, text in enumerate(said)
        ),
        merchant="m-0",
    )


def _findings(chat: Chat) -> list[dict[str, Any]]:
    rows = []
    for ordinal, turn in enumerate((3, 6)):
        quote = chat.messages[turn].text[:8]
        place = {"turn": turn, "start": 0, "end": len(quote), "quote": quote}
        evidence = orjson.dumps([place, place | {"turn": turn + 2, "quote": chat.messages[turn + 2].text[:8]}])
        rows.append({"id": ordinal, "inspection_id": 0, "message": f"请勿这样说：“{quote}”", "evidence": evidence})
    return rows


def _given(many: int, place: int, first: str, *, sqlite: bool) -> dict[str, Any]:
    """Return what the statements leave open, as this database says it."""
    numbers = _NUMBERS["sqlite" if sqlite else "postgresql"]
    shown = orjson.dumps([{"turn": 3, "start": 0, "end": 2, "quote": MARK}])
    line = orjson.dumps({"rule": "rule-1", "message": MARK, "text": f"我要{MARK}，请尽快处理", "start": 2, "end": 4})
    day = "date('{first}', {d} || ' days')" if sqlite else "to_char(date '{first}' + CAST({d} AS int), 'YYYY-MM-DD')"
    started = int(datetime.combine(date.fromisoformat(first), datetime.min.time(), UTC).timestamp()) * MICROSECONDS
    return {
        "many": many, "month": int(first[:4] + first[5:7]), "first": first, "base": place * many, "kinds": _KINDS,
        "started": started, "kept": "TEMP" if sqlite else "UNLOGGED",
        "numbers": numbers.format(name="n", many=many), "days": numbers.format(name="d", many=DAYS),
        "merchants": numbers.format(name="m", many=MERCHANTS), "day_of": day.format(first=first, d="d"),
        "day_of_n": day.format(first=first, d=f"(n * {DAYS} / {many})"),
        "empty": _bytes(b"{}", sqlite=sqlite), "list": _bytes(b"[]", sqlite=sqlite), "zeros": _bytes(bytes(16), sqlite=sqlite),
        "line": _bytes(line, sqlite=sqlite), "shown": _bytes(shown, sqlite=sqlite),
        "words_key": "rowid" if sqlite else "chat_pk",
        "words": "t.words" if sqlite else "CAST(t.words AS tsvector)",
    }  # fmt: skip


def _bytes(value: bytes, *, sqlite: bool) -> str:
    return f"x'{value.hex()}'" if sqlite else f"'\\x{value.hex()}'::bytea"
