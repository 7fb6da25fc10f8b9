"""The review queue: items with claims and assignments, quotas, saved filters, and the words of the chats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KEY = ["rank", "inspection_id"]
_FILTERED = [
    "merchant", "team", "agent_id", "day", "score", "severity", "sentiment", "resolution", "reasons", "assignee",
    "holder", "lease_until",
]  # fmt: skip
_INDEXES: tuple[tuple[str, list[str], str | None], ...] = (
    ("open", [*_KEY, *_FILTERED], "done_at IS NULL"),
    ("merchant", ["merchant", *_KEY], "done_at IS NULL"),
    ("team", ["team", *_KEY], "done_at IS NULL"),
    ("agent", ["agent_id", *_KEY], None),
    ("done", [*_KEY, "done_by", "merchant", "team"], "done_at IS NOT NULL"),
    ("all", _KEY, None),
    ("done_by", ["done_by", "done_at"], "done_at IS NOT NULL"),
    ("holder", ["holder"], "holder IS NOT NULL"),
    ("assignee", ["assignee"], "assignee IS NOT NULL"),
)

# an item is done when a review of its chat is stored (a blind one too), whoever stores it: no writer can forget it
_SQLITE = """
CREATE VIRTUAL TABLE queue_words USING fts5(words, content='', tokenize='unicode61 remove_diacritics 0');

CREATE TRIGGER queue_items_done AFTER INSERT ON reviews WHEN NEW.kind IN ('queue', 'audit')
BEGIN UPDATE queue_items SET done_at = NEW.reviewed_at, done_by = NEW.reviewer, holder = NULL, lease_until = NULL
WHERE chat_pk = NEW.chat_pk AND done_at IS NULL; END;
"""
_POSTGRESQL = """
CREATE TABLE queue_words (chat_pk BIGINT PRIMARY KEY REFERENCES chats (id), words TSVECTOR NOT NULL);

CREATE INDEX ix_queue_words ON queue_words USING gin (words);

CREATE FUNCTION queue_items_set_done() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
UPDATE queue_items SET done_at = NEW.reviewed_at, done_by = NEW.reviewer, holder = NULL, lease_until = NULL
WHERE chat_pk = NEW.chat_pk AND done_at IS NULL;
RETURN NULL;
END $$;

CREATE TRIGGER queue_items_done AFTER INSERT ON reviews FOR EACH ROW WHEN (NEW.kind IN ('queue', 'audit'))
EXECUTE FUNCTION queue_items_set_done();
"""


def upgrade() -> None:
    """Create the tables, the words and the trigger; `qa queue index` fills them from the nights there are."""
    _create_items()
    _create_beside()
    _create_of_people()
    statements = _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE
    for statement in statements.strip().split("\n\n"):
        op.get_bind().exec_driver_sql(statement)


def _create_items() -> None:
    op.create_table(
        "queue_items",
        sa.Column("inspection_id", _ID, nullable=False, autoincrement=False),
        sa.Column("chat_pk", sa.BigInteger(), nullable=False),
        sa.Column("merchant", _NAME, nullable=False),
        sa.Column("team", _NAME, nullable=True),
        sa.Column("agent_id", _NAME, nullable=True),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("rank", sa.Double(), nullable=False),
        sa.Column("reasons", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("sentiment", sa.Integer(), nullable=True),
        sa.Column("resolution", sa.Integer(), nullable=True),
        sa.Column("evidence", sa.LargeBinary(), nullable=True),
        sa.Column("assignee", sa.BigInteger(), nullable=True),
        sa.Column("holder", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("done_by", _NAME, nullable=True),
        sa.PrimaryKeyConstraint("inspection_id", name="pk_queue_items"),
        sa.UniqueConstraint("chat_pk", name="uq_queue_items_chat_pk"),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspections.id"], name="fk_queue_items_inspection_id_inspections"),
        sa.ForeignKeyConstraint(["chat_pk"], ["chats.id"], name="fk_queue_items_chat_pk_chats"),
        sa.ForeignKeyConstraint(["assignee"], ["users.id"], name="fk_queue_items_assignee_users"),
        sa.ForeignKeyConstraint(["holder"], ["users.id"], name="fk_queue_items_holder_users"),
    )
    for name, columns, where in _INDEXES:
        chosen = None if where is None else sa.text(where)
        op.create_index(f"ix_queue_items_{name}", "queue_items", columns, postgresql_where=chosen, sqlite_where=chosen)


def _create_beside() -> None:
    op.create_table(
        "queue_marks",
        sa.Column("mark", _NAME, nullable=False),
        sa.Column("rank", sa.Double(), nullable=False),
        sa.Column("inspection_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mark", "rank", "inspection_id", name="pk_queue_marks"),
        sa.ForeignKeyConstraint(
            ["inspection_id"], ["queue_items.inspection_id"], name="fk_queue_marks_inspection_id_queue_items"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_queue_marks_inspection_id", "queue_marks", ["inspection_id"])
    op.create_table(
        "queue_places",
        sa.Column("merchant", _NAME, nullable=False),
        sa.Column("team", _NAME, nullable=False),
        sa.PrimaryKeyConstraint("merchant", "team", name="pk_queue_places"),
    )
    op.create_table(
        "queue_runs",
        sa.Column("run_id", _ID, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_queue_runs"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_queue_runs_run_id_runs"),
    )


def _create_of_people() -> None:
    op.create_table(
        "quotas",
        sa.Column("user_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("chats", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "day", name="pk_quotas"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_quotas_user_id_users"),
    )
    op.create_table(
        "saved_filters",
        sa.Column("id", _ID, nullable=False),
        sa.Column("owner", sa.BigInteger(), nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("query", _NAME, nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_saved_filters"),
        sa.UniqueConstraint("owner", "name", name="uq_saved_filters_owner_name"),
        sa.ForeignKeyConstraint(["owner"], ["users.id"], name="fk_saved_filters_owner_users"),
    )


def downgrade() -> None:
    """Drop the queue; the reviews stay."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    op.execute(sa.text("DROP TRIGGER queue_items_done" + (" ON reviews" if postgresql else "")))
    if postgresql:
        op.execute(sa.text("DROP FUNCTION queue_items_set_done()"))
    for table in ("queue_words", "saved_filters", "quotas", "queue_runs", "queue_places", "queue_marks", "queue_items"):
        op.execute(sa.text(f"DROP TABLE {table}"))
