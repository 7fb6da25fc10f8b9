"""Publications: which standard was published for whom, when, by whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table; standards kept before were never published, they only judged."""
    op.create_table(
        "publications",
        sa.Column("id", _ID, nullable=False),
        sa.Column("ruleset", _NAME, nullable=False),
        sa.Column("merchant", _NAME, nullable=True),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("published_by", _NAME, nullable=False),
        sa.Column("note", _NAME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_publications"),
        sa.ForeignKeyConstraint(["ruleset"], ["rulesets.hash"], name="fk_publications_ruleset_rulesets"),
    )


def downgrade() -> None:
    """Drop the table; the standards themselves stay."""
    op.drop_table("publications")
