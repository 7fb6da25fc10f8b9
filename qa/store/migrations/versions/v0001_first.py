"""The first schema: chats, nights, inspections.

Written out rather than taken from ``qa.store.tables``, so that it stays what it was when tables change.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_MICROS = sa.BigInteger()
_JSON = sa.LargeBinary()


def upgrade() -> None:
    """Create all tables, referenced ones first."""
    _chats()
    _rulesets()
    _nights()
    _runs()
    _frame()
    _strata()
    _inspections()
    _findings()
    _flags()


def downgrade() -> None:
    """Drop all tables, referencing ones first; indexes go with them."""
    for table in ("flags", "findings", "inspections", "strata", "frame", "runs", "nights", "rulesets", "chats"):
        op.drop_table(table)


def _col(name: str, kind: sa.types.TypeEngine[Any], *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=null)


def _fk(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    referred = target.partition(".")[0]
    return sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}_{referred}")


def _chats() -> None:
    op.create_table(
        "chats",
        _col("id", _ID),
        _col("merchant", _NAME),
        _col("chat_id", _NAME),
        _col("revision", sa.Integer()),
        _col("current", sa.Boolean()),
        _col("source", _NAME, null=True),
        _col("day", sa.String(10)),
        _col("day_assumed", sa.Boolean()),
        _col("status", _NAME),
        _col("agent_id", _NAME, null=True),
        _col("team", _NAME, null=True),
        _col("channel", _NAME, null=True),
        _col("customer_id", _NAME, null=True),
        _col("started_at", _MICROS, null=True),
        _col("turns", sa.Integer()),
        _col("content_hash", sa.LargeBinary(16)),
        _col("imported_at", _MICROS),
        _col("body", _JSON),
        sa.PrimaryKeyConstraint("id", name="pk_chats"),
        sa.UniqueConstraint("merchant", "chat_id", "revision", name="uq_chats_merchant_chat_id_revision"),
    )
    op.create_index(
        "ix_chats_day",
        "chats",
        ["merchant", "day", "id"],
        postgresql_where=sa.text("current"),
        sqlite_where=sa.text("current = 1"),
    )
    op.create_index(
        "ix_chats_customer",
        "chats",
        ["merchant", "customer_id", "started_at"],
        postgresql_where=sa.text("current AND customer_id IS NOT NULL"),
        sqlite_where=sa.text("current = 1 AND customer_id IS NOT NULL"),
    )


def _rulesets() -> None:
    op.create_table(
        "rulesets",
        _col("hash", _NAME),
        _col("pack", _NAME),
        _col("version", _NAME),
        _col("content", _JSON),
        _col("published_at", _MICROS),
        sa.PrimaryKeyConstraint("hash", name="pk_rulesets"),
    )


def _nights() -> None:
    op.create_table(
        "nights",
        _col("id", _ID),
        _col("merchant", _NAME),
        _col("day", sa.String(10)),
        _col("state", _NAME),
        _col("salt", _NAME),
        _col("policy", _JSON),
        _col("waves", sa.Integer()),
        _col("lease_owner", _NAME, null=True),
        _col("lease_until", _MICROS, null=True),
        _col("summary", _JSON, null=True),
        _col("started_at", _MICROS),
        _col("finished_at", _MICROS, null=True),
        sa.PrimaryKeyConstraint("id", name="pk_nights"),
        sa.UniqueConstraint("merchant", "day", name="uq_nights_merchant_day"),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        _col("id", _ID),
        _col("night_id", sa.BigInteger()),
        _col("kind", _NAME),
        _col("wave", sa.Integer()),
        _col("ruleset", _NAME),
        _col("state", _NAME),
        _col("summary", _JSON, null=True),
        _col("started_at", _MICROS),
        _col("finished_at", _MICROS, null=True),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        _fk("runs", "night_id", "nights.id"),
        _fk("runs", "ruleset", "rulesets.hash"),
    )


def _frame() -> None:
    op.create_table(
        "frame",
        _col("night_id", sa.BigInteger()),
        _col("chat_pk", sa.BigInteger()),
        _col("wave", sa.Integer()),
        _col("agent", _NAME),
        _col("channel", _NAME),
        _col("draw_key", sa.LargeBinary(16)),
        _col("reasons", _JSON, null=True),
        _col("drawn", sa.Boolean()),
        _col("probability", sa.Double(), null=True),
        sa.PrimaryKeyConstraint("night_id", "chat_pk", name="pk_frame"),
        _fk("frame", "night_id", "nights.id"),
        _fk("frame", "chat_pk", "chats.id"),
    )


def _strata() -> None:
    op.create_table(
        "strata",
        _col("night_id", sa.BigInteger()),
        _col("wave", sa.Integer()),
        _col("agent", _NAME),
        _col("channel", _NAME),
        _col("size", sa.Integer()),
        _col("drawn", sa.Integer()),
        sa.PrimaryKeyConstraint("night_id", "wave", "agent", "channel", name="pk_strata"),
        _fk("strata", "night_id", "nights.id"),
    )


def _inspections() -> None:
    op.create_table(
        "inspections",
        sa.Column("id", _ID, nullable=False, autoincrement=False),
        _col("run_id", sa.BigInteger()),
        _col("night_id", sa.BigInteger()),
        _col("chat_pk", sa.BigInteger()),
        _col("ruleset", _NAME),
        _col("score", sa.Double(), null=True),
        _col("red_line", sa.Boolean()),
        _col("failed", sa.Integer()),
        _col("broken", _NAME, null=True),
        _col("dimensions", _JSON),
        _col("card", _JSON),
        _col("not_applicable", _JSON),
        _col("opinions", _JSON),
        _col("inspected_at", _MICROS),
        sa.PrimaryKeyConstraint("id", name="pk_inspections"),
        sa.UniqueConstraint("run_id", "chat_pk", name="uq_inspections_run_id_chat_pk"),
        _fk("inspections", "run_id", "runs.id"),
        _fk("inspections", "night_id", "nights.id"),
        _fk("inspections", "chat_pk", "chats.id"),
        _fk("inspections", "ruleset", "rulesets.hash"),
    )
    op.create_index("ix_inspections_night_id_run_id", "inspections", ["night_id", "run_id"])
    op.create_index("ix_inspections_chat_pk", "inspections", ["chat_pk"])


def _findings() -> None:
    op.create_table(
        "findings",
        sa.Column("id", _ID, nullable=False, autoincrement=False),
        _col("inspection_id", sa.BigInteger()),
        _col("rule", _NAME),
        _col("outcome", _NAME),
        _col("severity", _NAME),
        _col("points", sa.Double()),
        _col("hits", sa.Integer()),
        _col("value", sa.Double(), null=True),
        _col("message", _NAME),
        _col("evidence", _JSON),
        sa.PrimaryKeyConstraint("id", name="pk_findings"),
        _fk("findings", "inspection_id", "inspections.id"),
    )
    op.create_index("ix_findings_inspection_id", "findings", ["inspection_id"])
    op.create_index("ix_findings_rule_inspection_id", "findings", ["rule", "inspection_id"])


def _flags() -> None:
    op.create_table(
        "flags",
        _col("inspection_id", sa.BigInteger()),
        _col("reason", _NAME),
        _col("risk", sa.Double()),
        _col("detail", _NAME, null=True),
        sa.PrimaryKeyConstraint("inspection_id", "reason", name="pk_flags"),
        _fk("flags", "inspection_id", "inspections.id"),
    )
    op.create_index("ix_flags_risk", "flags", ["risk"])
