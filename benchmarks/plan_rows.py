"""A store of so many inspections, made by the database itself: the same rows in PostgreSQL and in SQLite.

50 merchants of very different size, 5,000 agents, 18 months, 8 % flagged, 2.5 findings an inspection, and what people
made of them: a queue of which most is done, reviews, verdicts, cases, a log. Numbers are scattered by multiplying with
odd constants, so nothing is random. Rows lie as nights write them, one merchant's day after the other. Foreign keys
and triggers are off while the rows are made, and indexes are built afterwards, from what the migrations had made.
"""

# ruff: noqa: E501 - a statement of SQL reads better in long lines
from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
import orjson
from sqlalchemy import Connection, Engine, text, update

from qa.boards.rollup import count_again
from qa.nightly.standard import standard_for
from qa.policy import Policy
from qa.progress import Quiet
from qa.store.board_tables import counted_nights
from qa.store.migrate import upgrade
from qa.store.session import write_tx
from qa.store.tables import Base, nights, rulesets
from qa.store.texts import make_places, month_of
from qa.types import Chat, Message, Role

NOW = 1_795_000_000_000_000
"""2026-11-18T11:06:40Z: the chats end the day before."""
DAYS, MERCHANTS, AGENTS = 548, 50, 100
"""Days with chats; merchants; agents of each merchant."""
LAST_DAY = "2026-11-17"
CASES = 20_000
"""At most."""
RULES = 60
_MIDNIGHT, _DAY_US = 1_794_931_200_000_000, 86_400_000_000
"""Where the day after the last one begins in Shanghai, 2026-11-17T16:00:00Z; microseconds of a day."""
_BODY = msgspec.json.encode(
    Chat(
        "chat",
        (
            Message(Role.CUSTOMER, "您好，这件衣服什么时候发货", NOW - 600_000_000),
            Message(Role.AGENT, "亲，今天给您发出", NOW - 570_000_000),
        ),
    )
)
_LINES = orjson.dumps([{"turn": 0, "role": "customer", "text": "什么时候发货", "after_s": None, "kind": "text"}])

_NUMBERS = {
    "postgresql": "SELECT n FROM generate_series(0, {many} - 1) AS n",
    "sqlite": "WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n + 1 < {many}) SELECT n FROM c",
}
_BASE = (
    "CREATE {kept} TABLE plan_ks AS SELECT k.n AS k FROM ({ks}) AS k",
    # u, v, w: three independent numbers of 16 bits
    """
    CREATE {kept} TABLE plan_base AS
    SELECT n, CAST(n * {days} / {many} AS {int}) AS d, ({merchants} * u * v) / 4294967296 AS m,
      w * {agents} / 65536 AS a, u, v, w, (u + v + w) % 100 < 8 AS flagged
    FROM (SELECT n, n * 2654435761 % 4294967296 / 65536 AS u, n * 2246822519 % 4294967296 / 65536 AS v,
      n * 3266489917 % 4294967296 / 65536 AS w FROM (SELECT CAST(c.n AS {int}) AS n FROM ({numbers}) AS c) AS c2) AS c3
    """,
    """
    CREATE {kept} TABLE plan_seen AS
    SELECT b.n, b.n + 1 AS pk, b.d * {merchants} + b.m + 1 AS night, (b.d * {merchants} + b.m + 1) * 16777216 + b.n AS id,
      'm-' || b.m AS merchant, {day} AS day, 't-' || (b.m * 4 + b.a % 4) AS team, 'a-' || (b.m * {agents} + b.a) AS agent,
      {first} + b.d * 86400000000 + b.u * 1000000 AS started, b.u, b.v, b.w, b.flagged,
      b.flagged AND (b.d < {days} - 4 OR b.u % 3 = 0) AND b.v % 12 > 0 AS done,
      -- a third lives up to its flags: what a person finds is what was found
      CASE WHEN b.u % 100 < 5 THEN -100.0 WHEN b.u % 100 < 45 THEN -60.0 - b.u % 4 * 2 WHEN b.u % 100 < 75
        THEN -50.0 - b.v % 12 WHEN b.u % 100 < 95 THEN -15.0 - b.v % 30 ELSE -10.0 END AS rank,
      CASE WHEN b.u % 100 < 5 THEN 1 WHEN b.u % 100 < 45 THEN 2 WHEN b.u % 100 < 75 THEN 4 WHEN b.u % 100 < 95
        THEN 8 ELSE 32 END AS reasons, b.w * 1000 / 65536 / 10.0 AS score
    FROM plan_base AS b ORDER BY b.d, b.m, b.n
    """,
)
_ROWS = (
    "INSERT INTO rulesets VALUES ('h', 'house', '1', {empty}, 1)",
    """
    INSERT INTO nights (id, merchant, day, state, salt, policy, waves, summary, started_at, finished_at)
    SELECT b.d * {merchants} + b.m + 1, 'm-' || b.m, {day}, 'done', 's', {empty}, 1, {summary},
      {first} + (b.d + 1) * 86400000000, {first} + (b.d + 1) * 86400000000 + 3600000000
    FROM (SELECT n % {merchants} AS m, CAST(n / {merchants} AS {int}) AS d FROM ({nights}) AS numbers) AS b
    """,
    """
    INSERT INTO runs (id, night_id, kind, wave, ruleset, state, started_at, finished_at)
    SELECT id, id, 'night', 0, 'h', 'done', started_at, finished_at FROM nights
    """,
    "INSERT INTO queue_runs SELECT id FROM runs",
    # what was said since these sums were made: of the newest five hundredth of the chats
    "INSERT INTO board_nights SELECT id, finished_at, {many} - {many} / 500, '{last}' FROM nights",
    "INSERT INTO counted_nights SELECT id, day, merchant, finished_at, id, 9, {rules}, {none}, {list} FROM nights",
    "INSERT INTO stage_times SELECT id, 'inspecting', 60.0 FROM nights",
    """
    INSERT INTO chats (id, merchant, chat_id, revision, current, day, day_assumed, status, agent_id, team, customer_id,
      started_at, turns, content_hash, imported_at)
    SELECT pk, merchant, 'chat-' || n, 1, 1 = 1, day, 1 = 0, 'closed', agent, team, 'u-' || ((u * 65536 + v) % ({many} / 4 + 1)),
      started, 20, {zeros}, started + 3600000000 FROM plan_seen
    """,
    "INSERT INTO text_months SELECT DISTINCT {month}, merchant FROM plan_seen",
    "INSERT INTO chat_bodies (month, chat_pk, body) SELECT {month}, pk, {body} FROM plan_seen WHERE NOT ({gone})",
    "INSERT INTO quotes (month, inspection_id, body) SELECT {month}, id, {nothing} FROM plan_seen WHERE NOT ({gone})",
    """
    INSERT INTO frame (night_id, chat_pk, wave, agent, channel, draw_key, reasons, drawn, probability)
    SELECT night, pk, 0, agent, '', {zeros}, CASE WHEN u % 9 = 0 THEN {list} END, 1 = 1, 0.5 FROM plan_seen
    """,
    """
    INSERT INTO strata SELECT night, 0, agent, '', count(*), count(*) FROM plan_seen GROUP BY night, agent
    """,
    """
    INSERT INTO inspections (id, run_id, night_id, chat_pk, ruleset, score, red_line, failed, broken, dimensions, card,
      not_applicable, opinions, inspected_at)
    SELECT id, night, night, pk, 'h', score, reasons = 1 AND flagged, u % 3, CASE WHEN u = 77 THEN 'too long' END, {empty},
      {list}, {empty}, {list}, started + 86400000000 FROM plan_seen
    """,
    """
    INSERT INTO findings (id, inspection_id, rule, outcome, severity, points, hits, message, evidence)
    SELECT s.id * 256 + k, s.id, 'rule-' || ((60 * s.u * s.w / 4294967296 + k * 7) % 60),
      CASE WHEN (s.v + k) % 10 = 0 THEN 'bonus' ELSE 'failed' END, 'minor', -5.0, 1, '客户把同一个问题问了三次', {list}
    FROM plan_seen AS s JOIN plan_ks ON k < s.u / 7 % 6
    """,
    """
    INSERT INTO flags SELECT id, CASE reasons WHEN 1 THEN 'red_line' WHEN 2 THEN 'rule_failed' WHEN 4 THEN 'low_score'
      WHEN 8 THEN 'model_risk' ELSE 'excellent' END, -rank, NULL FROM plan_seen WHERE flagged
    """,
    "INSERT INTO flags SELECT id, 'audit', 5.0, NULL FROM plan_seen WHERE w % 499 = 0",
    """
    INSERT INTO reviews (id, token, chat_pk, inspection_id, kind, reviewer, reviewed_at, resolution, score, excellent, typical,
      comment)
    SELECT pk, 't-' || pk, pk, id, CASE WHEN w % 499 = 0 THEN 'audit' ELSE 'queue' END, 'w-' || (u % 60),
      started + 100000000000, CASE WHEN v % 4 = 0 THEN 'resolved' END, score, v % 40 = 0, v % 60 = 0,
      CASE WHEN w % 10 = 0 THEN {words} END FROM plan_seen WHERE done OR (w % 499 = 0 AND v % 2 = 0)
    """,
    """
    INSERT INTO verdicts (id, review_id, finding_id, rule, verdict)
    SELECT r.id, r.id, f.id, f.rule, CASE r.id % 40 WHEN 0 THEN 'unsure' WHEN 1 THEN 'missed' WHEN 2 THEN 'overturn'
      WHEN 3 THEN 'overturn' WHEN 4 THEN 'overturn' ELSE 'confirm' END
    FROM reviews AS r JOIN findings AS f ON f.id = r.inspection_id * 256
    """,
    "INSERT INTO queue_places SELECT DISTINCT merchant, team FROM plan_seen WHERE flagged",
    """
    INSERT INTO queue_items (inspection_id, chat_pk, merchant, team, agent_id, day, started_at, rank, reasons, score, severity,
      sentiment, resolution, evidence, done_at, done_by)
    SELECT id, pk, merchant, team, agent, day, started, rank, reasons, score, CASE WHEN u % 100 < 5 THEN 3 WHEN u % 100 < 45
      THEN 2 WHEN u % 100 < 95 THEN 1 END, v % 3, w % 3, {shown}, CASE WHEN done THEN started + 100000000000 END,
      CASE WHEN done THEN 'w-' || (u % 60) END FROM plan_seen WHERE flagged
    """,
    """
    INSERT INTO queue_marks SELECT 'reason:' || CASE reasons WHEN 1 THEN 'red_line' WHEN 2 THEN 'rule_failed' WHEN 4
      THEN 'low_score' WHEN 8 THEN 'model_risk' ELSE 'excellent' END, rank, inspection_id FROM queue_items
    """,
    """
    INSERT INTO queue_marks SELECT 'severity:' || CASE severity WHEN 3 THEN 'critical' WHEN 2 THEN 'major' ELSE 'minor' END,
      rank, inspection_id FROM queue_items WHERE severity IS NOT NULL
    """,
    "INSERT INTO queue_marks SELECT 'rule:rule-' || (chat_pk % 60), rank, inspection_id FROM queue_items",
    """
    INSERT INTO queue_marks SELECT 'rule:rare-' || (chat_pk % 9), rank, inspection_id FROM queue_items
    WHERE chat_pk % 3001 < 9
    """,
    """
    INSERT INTO queue_words ({words_key}, words) SELECT pk, {spoken} FROM plan_seen WHERE flagged
    """,
    """
    INSERT INTO chat_facts (inspection_id, night_id, chat_pk, merchant, day, weekday, hour, team, agent_id, score, red_line,
      broken, waits, response_s, due, in_time, solved, satisfaction, escalated)
    SELECT id, night, pk, merchant, day, n % 7, u / 2731, team, agent, score, reasons = 1 AND flagged, 1 = 0, v % 5,
      v % 5 * (w % 90), v % 5, v % 4, v % 2, CASE WHEN w % 8 = 0 THEN w % 100 END, CASE WHEN u % 30 = 0 THEN 1 ELSE 0 END
    FROM plan_seen
    """,
    """
    INSERT INTO board_sums SELECT s.agent, s.team, s.merchant, s.day, f.figure, s.night, s.chats, 1, 1, s.y, s.chats, 1, 1, 1,
      1, s.y, s.chats FROM (
        SELECT agent, team, merchant, day, night, count(*) AS chats, sum(score) AS y FROM plan_seen
        GROUP BY agent, team, merchant, day, night
        UNION ALL SELECT '*', team, merchant, day, night, count(*), sum(score) FROM plan_seen
        GROUP BY team, merchant, day, night
        UNION ALL SELECT '*', '*', merchant, day, night, count(*), sum(score) FROM plan_seen GROUP BY merchant, day, night
      ) AS s JOIN (SELECT 'mean_score' AS figure, 1 AS each UNION ALL SELECT 'response', 0 UNION ALL SELECT 'within_3', 0
        UNION ALL SELECT 'fcr', 0 UNION ALL SELECT 'satisfaction', 0 UNION ALL SELECT 'escalation', 0
        UNION ALL SELECT 'rule:rule-1', 0 UNION ALL SELECT 'rule:rule-2', 0) AS f
      ON f.each = 1 OR s.agent = '*' OR s.day > '2026-08-20'
    """,
    """
    INSERT INTO board_sums SELECT agent, team, merchant, day, 'rule:rule-' || n, night_id, chats, bad, freedom, y, x, v_yy,
      v_xy, v_xx, noise, y_known, x_known FROM board_sums JOIN ({rules_more}) AS r ON 1 = 1
    WHERE agent = '*' AND team = '*' AND figure = 'mean_score' AND n > 2
    """,
    """
    INSERT INTO board_hours SELECT '*', '*', merchant, day, u / 2731, night, count(*), count(*), 1, 1, 1, 1 FROM plan_seen
    GROUP BY merchant, day, u / 2731, night
    """,
    """
    INSERT INTO cases (id, merchant, team, agent_id, chat_id, revision, inspection_id, day, score, kind, title, scenario,
      question_type, star, notes, transcript, state, version, created_at, created_by, changed_at, changed_by, published_at)
    SELECT n / {each} + 1, merchant, team, agent, 'chat-' || n, 1, id, day, score, CASE WHEN v % 3 = 0 THEN 'typical' ELSE
      'excellent' END, '退款一次说清 ' || n, 's-' || (v % 9), 'q-' || (w % 12), {empty}, {list}, {lines}, CASE WHEN u % 20 = 0
      THEN 'draft' ELSE 'published' END, 1, started, 'trainer', started, 'trainer', started
    FROM plan_seen WHERE n % {each} = 0
    """,
    "INSERT INTO case_tags SELECT 'tag-' || (id * 7 % 40), id FROM cases",
    "INSERT INTO case_tags SELECT 'tag-' || (40 + id % 3), id FROM cases",
    "INSERT INTO case_words SELECT 'v' || (id * (2 * k + 3) / 7 % 3000) || '.' || k, id FROM cases JOIN plan_ks ON k < 5",
    "INSERT INTO case_search ({case_key}, words) SELECT id, {told} FROM cases",
    """
    INSERT INTO collections (id, name, merchant, created_at, created_by)
    SELECT id, 'c-' || id, 'm-' || (id % 50), 1, 'trainer' FROM cases WHERE id <= 50
    """,
    "INSERT INTO collected SELECT c.id, k.id, k.id FROM collections AS c JOIN cases AS k ON k.id <= 20",
    """
    INSERT INTO case_nominations SELECT id, 'w-' || (u % 60), 'excellent', NULL, started FROM plan_seen
    WHERE w % 997 = 0 AND v % 4 = 0
    """,
    """
    INSERT INTO audit_log SELECT n / 5 + 1, {first} + n * 9000000, 'w-' || (u % 60), CASE v % 12 WHEN 0 THEN 'login' WHEN 1 THEN
      'login.fail' WHEN 2 THEN 'chat.reveal' ELSE 'queue.claim' END, 'inspection:' || id, {empty}, {zeros32}, {zeros32}
    FROM plan_seen WHERE n % 5 = 0
    """,
    """
    INSERT INTO dropped_texts (chat_pk, dropped_at, reason, body) SELECT pk, {first}, 'retention', {body} FROM plan_seen
    WHERE {gone}
    """,
)


def make(engine: Engine, many: int, *, days: int = DAYS, tell: bool = True) -> None:
    """Fill an empty database with so many inspections, and build its indexes.

    PostgreSQL then looks at itself, as its autovacuum would have; SQLite has no such thing, and the program never asks.
    """
    upgrade(engine)
    begun = time.perf_counter()
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            for setting in ("foreign_keys = OFF", "synchronous = OFF", "cache_size = -1000000"):
                driver.execute(f"PRAGMA {setting}")
            connection.execution_options(qa_tx="write")
            with connection.begin():
                _fill(connection, _words_of(connection, many, days), tell=tell)
        engine.dispose()  # that connection kept no promise of ours
    else:
        with write_tx(engine) as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '1GB'")
            connection.exec_driver_sql("SET LOCAL work_mem = '512MB'")
            _fill(connection, _words_of(connection, many, days), tell=tell)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")  # as autovacuum does: index-only scans know what is visible
    if tell:
        sys.stderr.write(f"{many:,} inspections made in {time.perf_counter() - begun:.0f} s\n")


def count(engine: Engine) -> None:
    """Have the program count every night, in the place of what stands for it; says how long that takes.

    It is what the first night does after an upgrade from a schema without these counts.
    """
    with write_tx(engine) as connection:
        connection.execute(counted_nights.delete())
    begun, worked = time.perf_counter(), time.process_time()
    count_again(engine, Quiet())
    took, worked = time.perf_counter() - begun, time.process_time() - worked
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE counted_nights, board_nights")
    sys.stderr.write(f"nights counted in {took:.0f} s, {worked:.0f} s of them in this process\n")


def _fill(connection: Connection, given: dict[str, Any], *, tell: bool) -> None:
    plain = connection.execution_options(no_parameters=True)
    indexes = list(_indexes(connection))
    for name, _made in indexes:
        plain.exec_driver_sql(f"DROP INDEX {name}")
    make_places(connection, {month_of(_day_before(back)) for back in range(given["days"])})
    for statement in (*_BASE, *_ROWS):
        begun = time.perf_counter()
        done = plain.exec_driver_sql(statement.format_map(given))
        if tell:
            first = " ".join(statement.split()[:3])
            sys.stderr.write(f"  {done.rowcount:>12,} {time.perf_counter() - begun:6.1f} s  {first}\n")
    for name in ("plan_seen", "plan_base", "plan_ks"):
        plain.exec_driver_sql(f"DROP TABLE {name}")
    connection.execute(update(rulesets).values(content=_standard()))
    connection.execute(update(nights).values(policy=orjson.dumps(Policy().snapshot() | {"timezone": "Asia/Shanghai"})))
    begun = time.perf_counter()
    for _name, made in indexes:
        plain.exec_driver_sql(made)
    if tell:
        sys.stderr.write(f"  {len(indexes):>12,} {time.perf_counter() - begun:6.1f} s  indexes\n")
    if connection.dialect.name == "postgresql":
        _set_sequences(connection)


def _standard() -> bytes:
    """Return the house standard with as many rules as findings name, called as they call them."""
    content = standard_for(None, None).as_json()
    content["pack"]["rules"] = [
        rule | {"id": f"rule-{place}"} for place, rule in enumerate(content["pack"]["rules"][:RULES])
    ]
    return orjson.dumps(content)


def _indexes(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield the name and the statement of every index that is not a table's constraint."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        query = """SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT IN
            (SELECT conname FROM pg_constraint WHERE contype IN ('p', 'u')) AND indexname NOT LIKE 'alembic%'"""
    yield from ((row[0], row[1]) for row in connection.execute(text(query.replace(":", "\\:"))).all())


def _words_of(connection: Connection, many: int, days: int) -> dict[str, Any]:
    """Return what the statements leave open, as this database says it."""
    sqlite, first = connection.dialect.name == "sqlite", _day_before(days - 1)
    numbers = _NUMBERS[connection.dialect.name]
    words = [f"n / {step} % {size}" for step, size in ((1, 20), (7, 20), (31, 20))]
    rare = [f"n / {step} % 3000" for step in (11, 13, 17)]
    spoken = [("您好", None), *(("w", one) for one in words), *(("v", one) for one in rare), ("rare", "n % 5000")]
    told = [("退款", None), ("v", "id % 3000"), ("w", "id / 7 % 20")]
    return {
        "many": many, "days": days, "merchants": MERCHANTS, "agents": AGENTS, "last": LAST_DAY,
        "first": _MIDNIGHT - days * _DAY_US,
        "int": "INTEGER" if sqlite else "BIGINT", "kept": "TEMP" if sqlite else "UNLOGGED",
        "numbers": numbers.format(many=many), "ks": numbers.format(many=6), "rules_more": numbers.format(many=RULES), "nights": numbers.format(many=MERCHANTS * days),
        "day": f"date('{first}', b.d || ' days')" if sqlite
        else f"to_char(date '{first}' + CAST(b.d AS int), 'YYYY-MM-DD')",
        "rules": _bytes(b'[["rule-1"],[[9,1,1,1]]]', sqlite=sqlite), "none": _bytes(b"", sqlite=sqlite),
        "empty": _bytes(b"{}", sqlite=sqlite), "list": _bytes(b"[]", sqlite=sqlite),
        "zeros": _bytes(bytes(16), sqlite=sqlite), "zeros32": _bytes(bytes(32), sqlite=sqlite),
        "summary": _bytes(b'{"frame_size":180,"sampled":180,"targeted":20,"inspected":180,"flagged":15,"broken":0}', sqlite=sqlite),
        "words": _bytes('"说得好"'.encode(), sqlite=sqlite), "lines": _bytes(_LINES, sqlite=sqlite),
        "shown": _bytes('{"rule":"rule-1","message":"同一个问题问了三次","text":"我已经问过三次了","start":4,"end":6}'.encode(),
                        sqlite=sqlite),
        "nothing": _bytes(b"[[],[]]", sqlite=sqlite), "body": _bytes(_BODY, sqlite=sqlite), "month": "CAST(substr(day, 1, 4) || substr(day, 6, 2) AS INTEGER)",
        "gone": f"day < '{_day_before(days - 12)}' AND n % 2 = 0",
        "words_key": "rowid" if sqlite else "chat_pk", "case_key": "rowid" if sqlite else "case_id",
        "spoken": _spoken(spoken, sqlite=sqlite), "told": _spoken(told, sqlite=sqlite),
        "each": max(10, many // CASES),
    }  # fmt: skip


def _bytes(value: bytes, *, sqlite: bool) -> str:
    return f"x'{value.hex()}'" if sqlite else f"'\\x{value.hex()}'::bytea"


def _spoken(words: list[tuple[str, str | None]], *, sqlite: bool) -> str:
    """Return the expression of a row's words as ``qa.store.words`` keeps them."""
    if sqlite:
        return " || ' ' || ".join(f"'{word}'" if of is None else f"'{word}' || ({of})" for word, of in words)
    placed = (
        f"'{word}:{place}'" if of is None else f"'{word}' || ({of}) || ':{place}'"
        for place, (word, of) in enumerate(words, 1)
    )
    return f"CAST({' || chr(32) || '.join(placed)} AS tsvector)"


def _day_before(back: int) -> str:
    """Return the day so many days before the last."""
    return (date.fromisoformat(LAST_DAY) - timedelta(days=back)).isoformat()


def _set_sequences(connection: Connection) -> None:
    """Let the next key that the database gives follow those that were made."""
    for table in Base.metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None and column.autoincrement is not False:
            sequence = connection.execute(
                text("SELECT pg_get_serial_sequence(:name, :column)"), {"name": table.name, "column": column.name}
            ).scalar()
            if sequence is not None:
                connection.execute(
                    text(f"SELECT setval('{sequence}', (SELECT max({column.name}) + 1 FROM {table.name}))")  # noqa: S608 - names of ours
                )
