"""Which chats' texts were dropped or erased, and how long the stages of nights took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "dropped_texts",
        sa.Column("chat_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("dropped_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", _NAME, nullable=False),
        sa.ForeignKeyConstraint(["chat_pk"], ["chats.id"], name="fk_dropped_texts_chat_pk_chats"),
        sa.PrimaryKeyConstraint("chat_pk", name="pk_dropped_texts"),
    )
    op.create_table(
        "stage_times",
        sa.Column("night_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("stage", _NAME, nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["night_id"], ["nights.id"], name="fk_stage_times_night_id_nights"),
        sa.PrimaryKeyConstraint("night_id", "stage", name="pk_stage_times"),
    )


def downgrade() -> None:
    """Drop the tables; the texts do not come back."""
    op.drop_table("stage_times")
    op.drop_table("dropped_texts")
