"""Persistence: tables, sessions, migrations and the queries of each concept (docs/store.md).

The store speaks SQLite and PostgreSQL through SQLAlchemy Core. Functions take a ``Connection`` from
``qa.store.session.read_tx`` or ``write_tx`` and return plain values; nothing above sees a table row.
"""
