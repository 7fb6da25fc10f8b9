"""Many rows at once: what is written, what stays, and what a failure leaves, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.exc import DBAPIError, IntegrityError

from qa.store.bulk import insert_all, insert_new, insert_new_keys
from qa.store.session import opened, read_tx, write_tx

OF_THIS = MetaData()
bulk, one_by_one = (
    Table(
        name,
        OF_THIS,
        Column("id", BigInteger, primary_key=True, autoincrement=False),
        Column("Small", Integer),
        Column("order", Boolean),
        Column("real", Double),
        Column("said", Text),
        Column("day", String(10)),
        Column("body", LargeBinary),
        UniqueConstraint("day", "Small"),
    )
    for name in ("t_bulk", "t_one")
)
numbered = Table(
    "t_numbered",
    OF_THIS,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("said", Text, nullable=False),
)
TABLES = (bulk, one_by_one, numbered)

rows_ = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1),
            "Small": st.none() | st.integers(0, 2) | st.integers(-(2**31), 2**31 - 1),
            "order": st.none() | st.booleans(),
            "real": st.none() | st.floats(allow_nan=False),
            "said": st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
            "day": st.none() | st.sampled_from(["2026-11-01", "\\.", "\\N", "\t"]),
            "body": st.none() | st.binary(),
        }
    ),
    max_size=12,
)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('bulk') / 'a.sqlite3'}"
    else:
        url = request.getfixturevalue("postgres_server").url("postgres")
    with opened(url) as made:
        with write_tx(made) as connection:
            OF_THIS.create_all(connection, TABLES)
        yield made
        with write_tx(made) as connection:
            OF_THIS.drop_all(connection, TABLES)


def stored(engine: Engine, table: Table) -> list[tuple[Any, ...]]:
    with read_tx(engine) as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(table.c.id))]


def emptied(engine: Engine) -> None:
    with write_tx(engine) as connection:
        for table in TABLES:
            connection.execute(table.delete())


@given(rows_, rows_)
def test_all_rows_are_as_if_they_had_been_written_one_by_one(
    engine: Engine, first: list[dict[str, Any]], then: list[dict[str, Any]]
) -> None:
    emptied(engine)
    new = 0
    for rows in (first, then):
        with write_tx(engine) as connection:
            new += insert_new(connection, bulk, rows)
            for row in rows:
                statement = text(
                    "INSERT INTO t_one VALUES (:id, :Small, :order, :real, :said, :day, :body) ON CONFLICT DO NOTHING"
                )
                connection.execute(statement, row)
    assert stored(engine, bulk) == stored(engine, one_by_one)
    assert new == len(stored(engine, bulk))


def row(key: int, **other: Any) -> dict[str, Any]:
    return dict.fromkeys(column.name for column in bulk.columns) | {"id": key} | other


def test_what_is_there_stays_and_the_new_ones_are_named(engine: Engine) -> None:
    emptied(engine)
    with write_tx(engine) as connection:
        assert insert_new(connection, bulk, [row(1, said="first")]) == 1
        assert insert_new_keys(connection, bulk, [row(1, said="no"), row(2), row(3), row(3)], "id") == {2, 3}
        assert insert_new_keys(connection, bulk, [row(4), row(5)], "id") == {4, 5}
        assert insert_new_keys(connection, bulk, [row(4), row(5)], "id") == set()
        assert insert_new(connection, bulk, [row(5), row(6)]) == 1
        assert (insert_new(connection, bulk, []), insert_new_keys(connection, bulk, [], "id")) == (0, set())
    assert [one[0] for one in stored(engine, bulk)] == [1, 2, 3, 4, 5, 6]
    assert stored(engine, bulk)[0][4] == "first"


def test_the_database_numbers_what_has_no_number(engine: Engine) -> None:
    emptied(engine)
    with write_tx(engine) as connection:
        assert insert_new(connection, numbered, [{"said": "a"}, {"said": "b"}]) == 2
        after = connection.execute(insert(numbered).values(said="c").returning(numbered.c.id)).scalar_one()
    assert [one for _, one in stored(engine, numbered)] == ["a", "b", "c"]
    assert after == stored(engine, numbered)[-1][0]


def write(engine: Engine, *given: tuple[Table, list[dict[str, Any]]]) -> None:
    with write_tx(engine) as connection:
        for table, rows in given:
            insert_new(connection, table, rows)


def test_where_all_have_to_be_new_one_that_is_not_is_refused(engine: Engine) -> None:
    emptied(engine)
    with write_tx(engine) as connection:
        insert_all(connection, bulk, [row(1), row(2)])
        insert_all(connection, bulk, [])
    with pytest.raises(IntegrityError), write_tx(engine) as connection:
        insert_all(connection, bulk, [row(3), row(2)])
    assert [one[0] for one in stored(engine, bulk)] == [1, 2]


@pytest.mark.parametrize("wrong", [{"said": None}, {"said": "x" * 10, "id": "no number"}])
def test_a_failure_takes_the_whole_transaction_back(engine: Engine, wrong: dict[str, Any]) -> None:
    emptied(engine)
    good = {"said": "a"} if len(wrong) == 1 else {"said": "a", "id": 7}
    another = good | {"said": "b"} | ({"id": 8} if "id" in good else {})
    with pytest.raises((DBAPIError, TypeError)):
        write(engine, (bulk, [row(1)]), (numbered, [good]), (numbered, [another, wrong]))
    assert stored(engine, bulk) == stored(engine, numbered) == []
    with write_tx(engine) as connection:  # and the connection can be used again
        assert insert_new(connection, numbered, [good]) == 1


@pytest.mark.postgres
def test_what_is_no_plain_type_is_sent_as_text_and_a_broken_rule_is_seen(postgres_url: str) -> None:
    words = Table("words", MetaData(), Column("id", BigInteger), Column("words", TSVECTOR))
    with opened(postgres_url) as engine:
        with write_tx(engine) as connection:
            connection.execute(text("CREATE TABLE words (id bigint PRIMARY KEY CHECK (id > 0), words tsvector)"))
            insert_new(connection, words, [{"id": 1, "words": r"'it''s':1 '\\b':2"}, {"id": 2, "words": None}])
            held = connection.execute(text("SELECT words @@ '''it''''s'' <-> ''\\\\b''' FROM words WHERE id = 1"))
            assert held.scalar_one()
        with pytest.raises(IntegrityError, match="check"), write_tx(engine) as connection:
            insert_new(connection, words, [{"id": 0, "words": None}])
