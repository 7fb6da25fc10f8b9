"""Boards: facts of each inspected chat, and sums by day, team and agent; `qa queue index` makes them for old nights."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OLDEST = ["day", "merchant", "team"]


def _needed(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _open(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=True) for name in names]


def _place() -> list[sa.Column[Any]]:
    return [*_needed(_NAME, "agent", "team", "merchant"), *_needed(sa.String(10), "day")]


def upgrade() -> None:
    """Create the tables, empty, and the index that finds the chat that has waited longest."""
    _create_facts()
    _create_sums()
    op.create_table(
        "board_nights",
        sa.Column("night_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        *_needed(sa.Integer(), "review"),
        *_needed(sa.String(10), "newest_day"),
        sa.PrimaryKeyConstraint("night_id", name="pk_board_nights"),
        sa.ForeignKeyConstraint(["night_id"], ["nights.id"], name="fk_board_nights_night_id_nights"),
    )
    waits = sa.text("done_at IS NULL")
    op.create_index("ix_queue_items_oldest", "queue_items", _OLDEST, postgresql_where=waits, sqlite_where=waits)


def _create_facts() -> None:
    op.create_table(
        "chat_facts",
        sa.Column("inspection_id", sa.BigInteger(), nullable=False, autoincrement=False),
        *_needed(sa.BigInteger(), "night_id", "chat_pk"),
        *_needed(_NAME, "merchant"),
        *_needed(sa.String(10), "day"),
        *_open(sa.Integer(), "weekday", "hour"),
        *_open(_NAME, "team", "agent_id"),
        *_open(sa.Double(), "score"),
        *_needed(sa.Boolean(), "red_line", "broken"),
        *_needed(sa.Integer(), "waits"),
        *_needed(sa.Double(), "response_s"),
        *_needed(sa.Integer(), "due", "in_time"),
        *_open(sa.Integer(), "solved"),
        *_open(sa.Double(), "satisfaction"),
        *_open(sa.Integer(), "escalated"),
        sa.PrimaryKeyConstraint("inspection_id", name="pk_chat_facts"),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspections.id"], name="fk_chat_facts_inspection_id_inspections"),
        sa.ForeignKeyConstraint(["night_id"], ["nights.id"], name="fk_chat_facts_night_id_nights"),
        sa.ForeignKeyConstraint(["chat_pk"], ["chats.id"], name="fk_chat_facts_chat_pk_chats"),
    )
    op.create_index("ix_chat_facts_merchant_day_inspection_id", "chat_facts", ["merchant", "day", "inspection_id"])
    op.create_index("ix_chat_facts_day_inspection_id", "chat_facts", ["day", "inspection_id"])
    op.create_index("ix_chat_facts_agent_id_day", "chat_facts", ["agent_id", "day"])
    op.create_index("ix_chat_facts_night_id", "chat_facts", ["night_id"])
    op.create_index("ix_chat_facts_chat_pk", "chat_facts", ["chat_pk"])


def _create_sums() -> None:
    op.create_table(
        "board_sums",
        *_place(),
        *_needed(_NAME, "figure"),
        *_needed(sa.BigInteger(), "night_id"),
        *_needed(sa.Integer(), "chats", "bad", "freedom"),
        *_needed(sa.Double(), "y", "x", "v_yy", "v_xy", "v_xx", "noise", "y_known", "x_known"),
        sa.PrimaryKeyConstraint("agent", "team", "merchant", "day", "figure", name="pk_board_sums"),
        sa.ForeignKeyConstraint(["night_id"], ["nights.id"], name="fk_board_sums_night_id_nights"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_board_sums_figure", "board_sums", ["figure", "merchant", "day", "agent"])
    op.create_index("ix_board_sums_night_id", "board_sums", ["night_id"])
    op.create_table(
        "board_hours",
        *_place(),
        sa.Column("hour", sa.Integer(), nullable=False, autoincrement=False),
        *_needed(sa.BigInteger(), "night_id"),
        *_needed(sa.Integer(), "chats", "inspected"),
        *_needed(sa.Double(), "due", "late", "waits", "response_s"),
        sa.PrimaryKeyConstraint("agent", "team", "merchant", "day", "hour", name="pk_board_hours"),
        sa.ForeignKeyConstraint(["night_id"], ["nights.id"], name="fk_board_hours_night_id_nights"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_board_hours_night_id", "board_hours", ["night_id"])


def downgrade() -> None:
    """Drop what was made from the inspections; they stay."""
    op.drop_index("ix_queue_items_oldest", "queue_items")
    for table in ("board_nights", "board_hours", "board_sums", "chat_facts"):
        op.drop_table(table)
