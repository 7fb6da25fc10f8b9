"""What was said goes out of the chats into a table by month, so that a month of texts can be dropped at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_MONTH = "CAST(substr(c.day, 1, 4) || substr(c.day, 6, 2) AS INTEGER)"
_PART = 1_000
_BARE = (
    "SELECT c.id, c.chat_id, c.merchant FROM chats c WHERE c.id > :after AND c.body IS NULL ORDER BY c.id LIMIT :part"
)


def upgrade() -> None:
    """Move the bodies; those that were covered go to the note that says why."""
    _create()
    connection = op.get_bind()
    postgresql = connection.dialect.name == "postgresql"
    months = connection.execute(sa.text(f"SELECT DISTINCT {_MONTH} AS month, c.merchant FROM chats c")).all()  # noqa: S608 - constants
    _make_places(connection, {row.month for row in months}, postgresql=postgresql)
    noted = [{"month": row.month, "merchant": row.merchant} for row in months]
    if noted:
        connection.execute(sa.text("INSERT INTO text_months (month, merchant) VALUES (:month, :merchant)"), noted)
    gone = "SELECT 1 FROM dropped_texts d WHERE d.chat_pk = c.id"
    op.execute(
        sa.text(
            f"INSERT INTO chat_bodies (month, chat_pk, body) SELECT {_MONTH}, c.id, c.body FROM chats c "  # noqa: S608 - constants
            f"WHERE NOT EXISTS ({gone}) ORDER BY 1, 2"
        )
    )
    op.execute(
        sa.text("UPDATE dropped_texts SET body = (SELECT c.body FROM chats c WHERE c.id = dropped_texts.chat_pk)")
    )
    op.execute(sa.text("ALTER TABLE chats DROP COLUMN body"))
    if postgresql:  # a dropped column keeps its space until the table is written anew
        op.execute(sa.text("CLUSTER chats USING pk_chats"))
        op.execute(sa.text("ALTER TABLE chats SET WITHOUT CLUSTER"))


def _create() -> None:
    op.create_table(
        "chat_bodies",
        sa.Column("month", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("chat_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("month", "chat_pk", name="pk_chat_bodies"),
        postgresql_partition_by="LIST (month)",
    )
    op.create_table(
        "text_months",
        sa.Column("month", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("merchant", _NAME, nullable=False),
        sa.PrimaryKeyConstraint("month", "merchant", name="pk_text_months"),
    )
    op.add_column("dropped_texts", sa.Column("body", sa.LargeBinary(), nullable=True))


def _make_places(connection: sa.Connection, months: Iterable[int], *, postgresql: bool) -> None:
    for month in sorted(months) if postgresql else ():
        place = f"chat_bodies_{month:d}"
        connection.exec_driver_sql(f"CREATE TABLE {place} PARTITION OF chat_bodies FOR VALUES IN ({month:d})")


def downgrade() -> None:
    """Move the bodies back; a chat whose text is gone, with no covered copy, gets a body without messages."""
    connection = op.get_bind()
    postgresql = connection.dialect.name == "postgresql"
    kept = f"SELECT b.body FROM chat_bodies b WHERE b.month = {_MONTH} AND b.chat_pk = c.id"  # noqa: S608 - constants
    covered = "SELECT d.body FROM dropped_texts d WHERE d.chat_pk = c.id"
    op.execute(sa.text(f"ALTER TABLE chats ADD COLUMN body {'BYTEA' if postgresql else 'BLOB'}"))
    op.execute(sa.text(f"UPDATE chats AS c SET body = coalesce(({kept}), ({covered}))"))  # noqa: S608 - constants
    op.execute(
        sa.text(
            "INSERT INTO dropped_texts (chat_pk, dropped_at, reason) SELECT c.id, c.imported_at, 'retention' "
            "FROM chats c WHERE c.body IS NULL AND NOT EXISTS "
            "(SELECT 1 FROM dropped_texts d WHERE d.chat_pk = c.id)"
        )
    )
    _fill_bare(connection)
    for table in ("chat_bodies", "text_months"):
        op.drop_table(table)
    op.execute(sa.text("ALTER TABLE dropped_texts DROP COLUMN body"))
    if postgresql:
        op.alter_column("chats", "body", nullable=False)


def _fill_bare(connection: sa.Connection) -> None:
    after = 0
    while rows := connection.execute(sa.text(_BARE), {"after": after, "part": _PART}).all():
        connection.execute(sa.text("UPDATE chats SET body = :body WHERE id = :pk"), _bodies(rows))
        after = rows[-1].id


def _bodies(rows: Sequence[sa.Row[tuple[int, str, str]]]) -> list[dict[str, object]]:
    bare = [{"id": row.chat_id, "messages": [], "merchant": row.merchant} for row in rows]
    return [{"pk": row.id, "body": msgspec.json.encode(one)} for row, one in zip(rows, bare, strict=True)]
