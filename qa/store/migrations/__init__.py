"""Alembic environment of the store; ``qa.store.migrate`` drives it."""
