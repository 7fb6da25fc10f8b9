"""The queue's search on SQLite keeps the words it was given, so that a chat can be taken out by its key alone.

Without them FTS5 wants to be told the words that it is to forget, and those that the program cuts today may be others
than went in. Chats whose texts are there are cut again; what was left of others goes. PostgreSQL keeps words anyway.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op

from qa.progress import Progress, Quiet

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_PART = 500
_TABLE = "CREATE VIRTUAL TABLE {name} USING fts5(words{kept}, tokenize='unicode61 remove_diacritics 0')"
_BODIES = sa.text(
    "SELECT c.id, b.body FROM chats c JOIN chat_bodies b ON b.chat_pk = c.id "
    "AND b.month = CAST(substr(c.day, 1, 4) || substr(c.day, 6, 2) AS INTEGER) WHERE c.id IN :ids"
).bindparams(sa.bindparam("ids", expanding=True))
_ADD = sa.text("INSERT INTO queue_words (rowid, words) VALUES (:id, :words)")


def upgrade() -> None:
    """Make the table anew, with the words of the chats that were in it."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    connection.exec_driver_sql("PRAGMA secure_delete = ON")
    known = array("q", connection.execute(sa.text("SELECT id FROM queue_words_docsize ORDER BY id")).scalars())
    connection.exec_driver_sql("DROP TABLE queue_words")
    connection.exec_driver_sql(_TABLE.format(name="queue_words", kept=""))
    progress: Progress = context.config.attributes.get("progress") or Quiet()
    if known:
        progress.stage("words of the queue's search", len(known))
    for start in range(0, len(known), _PART):
        part = known[start : start + _PART]
        _cut(connection, part)
        progress.advance(len(part))


def downgrade() -> None:
    """Forget which words were kept; the search still holds them."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    connection.exec_driver_sql("PRAGMA secure_delete = ON")
    connection.exec_driver_sql(_TABLE.format(name="queue_before", kept=", content=''"))
    connection.exec_driver_sql("INSERT INTO queue_before (rowid, words) SELECT rowid, words FROM queue_words")
    connection.exec_driver_sql("DROP TABLE queue_words")
    connection.exec_driver_sql("ALTER TABLE queue_before RENAME TO queue_words")


def _cut(connection: sa.Connection, part: Sequence[int]) -> None:
    """Cut chats as the program does today, whatever that is: what is typed will be cut the same way."""
    import msgspec  # noqa: PLC0415 - only where there is something to cut, which an empty database need not wait for

    from qa.store.chats import decode_body  # noqa: PLC0415 - the same
    from qa.store.words import spoken, written  # noqa: PLC0415 - the same

    rows = []
    for pk, body in connection.execute(_BODIES, {"ids": list(part)}):
        try:
            said = spoken(decode_body(bytes(body)))
        except msgspec.MsgspecError:
            said = []  # a broken chat is in the queue without words
        rows.append({"id": pk, "words": written(connection, said)})
    if rows:
        connection.execute(_ADD, rows)
