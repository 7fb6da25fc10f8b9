"""What each night says of rules and agents, added up, so that a page over months need not read its inspections.

The table is empty at first: the next `qa nightly` or `qa queue index` fills it, and until then pages count themselves.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NUMBERS = ["chats", "bad", "freedom", "y", "x", "v_yy", "v_xy", "v_xx", "noise", "y_known", "x_known"]
_COVERING = (
    ("ix_board_sums_scores", ["day", "merchant", "agent", "team"], "figure = 'mean_score' AND agent NOT IN ('*', '')"),
    ("ix_board_sums_whole", ["agent", "team", "figure", "day", "merchant"], "agent = '*' AND team = '*'"),
)
_FIGURE = "ix_board_sums_figure"
_CHAT, _CHAT_DAY = "ix_chat_facts_chat_pk", "ix_chat_facts_chat_pk_day_merchant"
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table, empty; indexes that hold all that a page wants to know of their rows."""
    op.create_table(
        "counted_nights",
        sa.Column("night_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("merchant", _NAME, nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("run", sa.BigInteger(), nullable=True),
        sa.Column("inspected", sa.Integer(), nullable=False),
        sa.Column("rules", sa.LargeBinary(), nullable=False),
        sa.Column("pairs", sa.LargeBinary(), nullable=False),
        sa.Column("agents", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("night_id", name="pk_counted_nights"),
        sa.ForeignKeyConstraint(["night_id"], ["nights.id"], name="fk_counted_nights_night_id_nights"),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="fk_counted_nights_run_runs"),
    )
    op.create_index("ix_counted_nights_day_merchant", "counted_nights", ["day", "merchant"])
    for name, columns, condition in _COVERING:
        where = sa.text(condition)
        op.create_index(name, "board_sums", [*columns, *_NUMBERS], postgresql_where=where, sqlite_where=where)
    op.drop_index(_FIGURE, "board_sums")
    op.create_index(_CHAT_DAY, "chat_facts", ["chat_pk", "day", "merchant"])
    op.drop_index(_CHAT, "chat_facts")


def downgrade() -> None:
    """Drop what was made from the inspections; they stay."""
    op.create_index(_CHAT, "chat_facts", ["chat_pk"])
    op.drop_index(_CHAT_DAY, "chat_facts")
    op.create_index(_FIGURE, "board_sums", ["figure", "day", "merchant", "agent"])
    for name, *_rest in _COVERING:
        op.drop_index(name, "board_sums")
    op.drop_table("counted_nights")
