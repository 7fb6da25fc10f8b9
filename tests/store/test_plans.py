"""No hot query reads a large table from end to end: plans on a small store whose statistics say five million."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from benchmarks import plan_rows, plan_uses, plan_watch
from qa.store.session import read_tx

MANY, DAYS = 10_000, 60
TIMES = 500
"""What stands for five million."""
GROW = (
    "chats", "chat_bodies", "dropped_texts", "frame", "strata", "inspections", "findings", "flags", "reviews",
    "verdicts", "queue_items", "queue_marks", "queue_words", "chat_facts", "board_sums", "audit_log", "quotes",
)  # fmt: skip
"""Tables that grow with the inspections."""


@pytest.fixture(scope="module")
def store(module_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[plan_uses.Place]:
    """A store, and people who look at it."""
    plan_rows.make(module_engine, MANY, days=DAYS, tell=False)
    if module_engine.dialect.name == "postgresql":
        _believe(module_engine)
    with plan_uses.placed(module_engine, tmp_path_factory.mktemp("plans")) as place:
        yield place


def _believe(engine: Engine) -> None:
    """Have the planner think that each page of a table and of its indexes holds so many more rows."""
    names = " OR ".join(f"c.relname ~ '^{name}(_[0-9]+)?$'" for name in GROW)
    with engine.begin() as connection:
        connection.execute(
            text(
                f"""UPDATE pg_class SET reltuples = reltuples * {TIMES} WHERE oid IN (
                SELECT c.oid FROM pg_class AS c WHERE c.relkind = 'r' AND ({names})
                UNION SELECT i.indexrelid FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid WHERE {names})"""
            )
        )


def known_of(engine: Engine) -> plan_watch.Known:
    with read_tx(engine) as connection:
        found = plan_watch.known_of(connection)
    if engine.dialect.name == "postgresql":
        return found
    return found._replace(sizes={name: size * TIMES if name in GROW else size for name, size in found.sizes.items()})


def test_no_hot_query_reads_a_large_table_through(store: plan_uses.Place) -> None:
    known, wrong = known_of(store.engine), []
    for name, use in plan_uses.uses(store).items():
        with plan_watch.watched(store.engine, known, analyze=False) as found:
            use(store)
        assert found, f"{name} asks nothing"
        wrong += [
            f"{name}: {table} <- {asked.statement}"
            for asked in found
            for table in asked.whole
            if table.split(" ")[0] not in plan_uses.reason_of(name)
        ]
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize(
    ("query", "table"),
    [
        ("SELECT id FROM chats WHERE chat_id = 'chat-7'", "chats"),
        ("SELECT count(*) FROM reviews", "reviews"),
        ("SELECT max(score) FROM inspections WHERE failed > 1", "inspections"),
        ("SELECT i.id FROM inspections i ORDER BY i.score DESC LIMIT 20", "inspections"),
        ("UPDATE queue_items SET holder = NULL WHERE day = '2026-11-01' AND done_by = 'x' || team", "queue_items"),
    ],
)
def test_a_query_without_an_index_is_caught(store: plan_uses.Place, query: str, table: str) -> None:
    with plan_watch.watched(store.engine, known_of(store.engine), analyze=False) as found, store.engine.begin() as one:
        one.execute(text(query))
        one.rollback()
    assert [read.split(" ")[0] for asked in found for read in asked.whole] == [table]
