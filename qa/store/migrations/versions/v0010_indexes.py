"""Indexes for what read a table from end to end at five million inspections (docs/plans.md)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_PLAIN = (
    ("ix_runs_night_id", "runs", ("night_id",)),
    ("ix_nights_day", "nights", ("day", "id")),
    ("ix_reviews_reviewed_at", "reviews", ("reviewed_at",)),
    ("ix_verdicts_finding_id", "verdicts", ("finding_id",)),
    ("ix_verdicts_verdict", "verdicts", ("verdict", "review_id")),
    ("ix_board_sums_day", "board_sums", ("agent", "team", "day", "figure")),
    ("ix_board_hours_day", "board_hours", ("agent", "team", "day")),
)
_PARTIAL = (
    ("ix_chats_former_customer", "chats", ("merchant", "customer_id"),
     "NOT current AND customer_id IS NOT NULL", "current = 0 AND customer_id IS NOT NULL"),
    ("ix_reviews_excellent", "reviews", ("chat_pk",), "excellent", "excellent = 1"),
    ("ix_reviews_comment", "reviews", ("chat_pk",), "comment IS NOT NULL", "comment IS NOT NULL"),
    ("ix_reviews_audit", "reviews", ("chat_pk",), "kind = 'audit'", "kind = 'audit'"),
    ("ix_cases_scenario", "cases", ("scenario",), "scenario IS NOT NULL", "scenario IS NOT NULL"),
    ("ix_cases_question_type", "cases", ("question_type",), "question_type IS NOT NULL", "question_type IS NOT NULL"),
)  # fmt: skip
_FIGURE = "ix_board_sums_figure"


def upgrade() -> None:
    """Make the indexes; that of a figure begins with the days now, for a board looks at some days of all merchants."""
    for name, table, columns in _PLAIN:
        op.create_index(name, table, columns)
    for name, table, columns, where, sqlite in _PARTIAL:
        op.create_index(name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(sqlite))
    op.drop_index(_FIGURE, "board_sums")
    op.create_index(_FIGURE, "board_sums", ["figure", "day", "merchant", "agent"])


def downgrade() -> None:
    """Take the indexes away again."""
    op.drop_index(_FIGURE, "board_sums")
    op.create_index(_FIGURE, "board_sums", ["figure", "merchant", "day", "agent"])
    for name, table, *_rest in (*_PLAIN, *_PARTIAL):
        op.drop_index(name, table)
