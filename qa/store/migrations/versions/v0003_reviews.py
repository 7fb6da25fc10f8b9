"""Which model judged a run; what people said of chats and of findings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables; runs so far were judged by rules alone, which is what NULL says."""
    with op.batch_alter_table("runs") as table:
        table.add_column(sa.Column("model", _NAME, nullable=True))
    op.create_table(
        "reviews",
        sa.Column("id", _ID, nullable=False),
        sa.Column("token", _NAME, nullable=False),
        sa.Column("chat_pk", sa.BigInteger(), nullable=False),
        sa.Column("inspection_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("reviewer", _NAME, nullable=False),
        sa.Column("reviewed_at", sa.BigInteger(), nullable=False),
        sa.Column("sentiment", _NAME, nullable=True),
        sa.Column("satisfaction", _NAME, nullable=True),
        sa.Column("resolution", _NAME, nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("excellent", sa.Boolean(), nullable=True),
        sa.Column("comment", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
        sa.UniqueConstraint("token", name="uq_reviews_token"),
        sa.ForeignKeyConstraint(["chat_pk"], ["chats.id"], name="fk_reviews_chat_pk_chats"),
        sa.ForeignKeyConstraint(["inspection_id"], ["inspections.id"], name="fk_reviews_inspection_id_inspections"),
    )
    op.create_index("ix_reviews_chat_pk", "reviews", ["chat_pk"])
    op.create_index("ix_reviews_reviewer_id", "reviews", ["reviewer", "id"])
    op.create_table(
        "verdicts",
        sa.Column("id", _ID, nullable=False),
        sa.Column("review_id", sa.BigInteger(), nullable=False),
        sa.Column("finding_id", sa.BigInteger(), nullable=True),
        sa.Column("rule", _NAME, nullable=False),
        sa.Column("verdict", _NAME, nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("evidence", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name="fk_verdicts_review_id_reviews"),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name="fk_verdicts_finding_id_findings"),
    )
    op.create_index("ix_verdicts_review_id", "verdicts", ["review_id"])
    op.create_index("ix_verdicts_rule_id", "verdicts", ["rule", "id"])


def downgrade() -> None:
    """Drop what people said, and which model judged."""
    op.drop_table("verdicts")
    op.drop_table("reviews")
    with op.batch_alter_table("runs") as table:
        table.drop_column("model")
