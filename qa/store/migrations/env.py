"""Run by Alembic with the connection of ``qa.store.migrate``; there is no alembic.ini."""

from __future__ import annotations

from alembic import context

from qa.store import account_tables, queue_tables  # noqa: F401 - their tables belong to the schema
from qa.store.tables import Base


def _run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Base.metadata,
        transactional_ddl=True,  # also on SQLite: the transaction is ours, so a migration lands whole or not at all
        render_as_batch=True,  # SQLite alters a table by copying it
    )
    with context.begin_transaction():
        context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic loads this file; a plain import does nothing
    _run()
