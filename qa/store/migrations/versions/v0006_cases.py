"""The case library with its search; a reviewer may mark a chat as a typical problem (NULL: did not say)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SQLITE = ("CREATE VIRTUAL TABLE case_search USING fts5(words, tokenize='unicode61 remove_diacritics 0')",)
_POSTGRESQL = (
    "CREATE TABLE case_search (case_id BIGINT PRIMARY KEY REFERENCES cases (id), words TSVECTOR NOT NULL)",
    "CREATE INDEX ix_case_search ON case_search USING gin (words) WITH (fastupdate = off)",
)
_TABLES = ("case_search", "collected", "collections", "case_nominations", "case_words", "case_tags", "cases")


def upgrade() -> None:
    """Create the tables and the search, and add the mark."""
    op.add_column("reviews", sa.Column("typical", sa.Boolean(), nullable=True))
    _create_cases()
    _create_of_cases()
    _create_collections()
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.get_bind().exec_driver_sql(statement)


def _create_cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", _ID, nullable=False),
        sa.Column("merchant", _NAME, nullable=False),
        sa.Column("team", _NAME, nullable=True),
        sa.Column("agent_id", _NAME, nullable=True),
        sa.Column("chat_id", _NAME, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("inspection_id", sa.BigInteger(), nullable=True),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("title", _NAME, nullable=False),
        sa.Column("scenario", _NAME, nullable=True),
        sa.Column("question_type", _NAME, nullable=True),
        sa.Column("star", sa.LargeBinary(), nullable=False),
        sa.Column("notes", sa.LargeBinary(), nullable=False),
        sa.Column("transcript", sa.LargeBinary(), nullable=False),
        sa.Column("state", _NAME, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("folded_into", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", _NAME, nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", _NAME, nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.ForeignKeyConstraint(["folded_into"], ["cases.id"], name="fk_cases_folded_into_cases"),
    )
    op.create_index("ix_cases_state", "cases", ["state", "id"])
    op.create_index("ix_cases_merchant", "cases", ["merchant", "chat_id"])
    op.create_index("ix_cases_folded_into", "cases", ["folded_into"])


def _create_of_cases() -> None:
    for table, column in (("case_tags", "tag"), ("case_words", "word")):
        op.create_table(
            table,
            sa.Column(column, _NAME, nullable=False),
            sa.Column("case_id", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint(column, "case_id", name=f"pk_{table}"),
            sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=f"fk_{table}_case_id_cases"),
            sqlite_with_rowid=False,
        )
        op.create_index(f"ix_{table}_case_id", table, ["case_id"])
    op.create_table(
        "case_nominations",
        sa.Column("inspection_id", sa.BigInteger(), nullable=False),
        sa.Column("nominated_by", _NAME, nullable=False),
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("nominated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("inspection_id", "nominated_by", name="pk_case_nominations"),
        sa.ForeignKeyConstraint(
            ["inspection_id"], ["inspections.id"], name="fk_case_nominations_inspection_id_inspections"
        ),
    )


def _create_collections() -> None:
    op.create_table(
        "collections",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("about", _NAME, nullable=True),
        sa.Column("merchant", _NAME, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", _NAME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_collections"),
    )
    op.create_index("ix_collections_merchant", "collections", ["merchant"])
    op.create_table(
        "collected",
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("collection_id", "case_id", name="pk_collected"),
        sa.UniqueConstraint("collection_id", "place", name="uq_collected_collection_id_place"),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], name="fk_collected_collection_id_collections"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_collected_case_id_cases"),
    )
    op.create_index("ix_collected_case_id", "collected", ["case_id"])


def downgrade() -> None:
    """Drop the library; the chats its cases came from stay."""
    for table in _TABLES:
        op.execute(sa.text(f"DROP TABLE {table}"))
    op.drop_column("reviews", "typical")
