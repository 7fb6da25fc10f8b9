"""Schema versions: create, upgrade, downgrade, and the check every command makes before it works.

Alembic takes 0.3 s to import and is needed only when the schema is not the one this program knows, so it is
imported inside the functions that use it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from qa.errors import StoreError
from qa.progress import Progress
from qa.store import account_tables, board_tables, case_tables, operation_tables, queue_tables  # noqa: F401 - tables of the schema
from qa.store.session import describe, read_tx, sqlite_file, write_tx
from qa.store.tables import Base

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

HEAD = "0013"
"""The schema version of this program (a test compares it with the newest migration)."""

_LOCK = 0x5A4A_0001  # PostgreSQL advisory lock: one process changes the schema at a time


def upgrade(engine: Engine, progress: Progress | None = None) -> str | None:
    """Create or upgrade the schema to ``HEAD`` in one transaction.

    Returns:
        The version before, None if there was none.

    Raises:
        StoreError: the database is newer than this program, or holds tables that are not ours.
    """
    _make_folder(engine)
    with write_tx(engine) as connection:
        _lock(connection)
        before = _stored(connection)
        if before != HEAD:
            _refuse_unknown(engine, connection, before)
            _alembic_upgrade(connection, progress)
        return before


def make_version(connection: Connection, version: str) -> None:
    """Bring an empty database to exactly this version within the caller's transaction, up or down.

    Raises:
        StoreError: this program does not know the version, or the database holds tables that are not ours.
    """
    from alembic import command  # noqa: PLC0415  see the module's docstring

    _lock(connection)
    before = _stored(connection)
    if version not in known_versions():
        raise StoreError(f"schema {version} is newer than this program ({HEAD}): upgrade the program")
    _refuse_unknown(connection.engine, connection, before)
    if before is not None and before > version:
        command.downgrade(_config(connection), version)
    elif before != version:
        command.upgrade(_config(connection), version)


def upgrade_within(connection: Connection) -> None:
    """Bring the schema to ``HEAD`` within the caller's transaction."""
    if _stored(connection) != HEAD:
        _alembic_upgrade(connection)


def known_versions() -> set[str]:
    """Return the schema versions that this program knows."""
    return _known()


def make_folder(engine: Engine) -> None:
    """Make the folder of an SQLite database where absent; raises ``StoreError``."""
    _make_folder(engine)


def downgrade(engine: Engine, to: str) -> None:
    """Take the schema back to version ``to`` (``base`` removes everything); data of dropped tables is lost.

    Raises:
        StoreError: there is no version ``to``.
    """
    from alembic import command  # noqa: PLC0415  see the module's docstring

    if to != "base" and to not in _known():
        raise StoreError(f"there is no schema version {to!r}; known: base, {', '.join(sorted(_known()))}")
    with write_tx(engine) as connection:
        _lock(connection)
        command.downgrade(_config(connection), to)


def current_revision(engine: Engine) -> str | None:
    """The schema version of the database, None if it has none (or, on SQLite, does not exist)."""
    file = sqlite_file(engine)
    if file is not None and not file.exists():
        return None
    with read_tx(engine) as connection:
        return _stored(connection)


def head_revision() -> str:
    """The schema version this program works with."""
    return HEAD


def ensure_ready(engine: Engine) -> None:
    """Make sure that the schema is the one this program knows; an empty database is filled on the fly.

    Two processes may do so at once: the second waits and finds it done.

    Raises:
        StoreError: the database is older (says to run ``qa db upgrade``), newer, or not ours.
    """
    if current_revision(engine) is None:
        upgrade(engine)
    else:
        require_ready(engine)


def require_ready(engine: Engine) -> None:
    """As ``ensure_ready`` for commands that only read: nothing is created.

    Raises:
        StoreError: there is no database yet, or its schema is not the one this program knows.
    """
    found = current_revision(engine)
    if found == HEAD:
        return
    if found is None:
        raise StoreError(f"the database ({describe(engine)}) holds no chats yet: `qa import` some first")
    with read_tx(engine) as connection:
        _refuse_unknown(engine, connection, found)
    raise StoreError(
        f"the database ({describe(engine)}) has schema {found}, this program needs {HEAD}: run `qa db upgrade`"
    )


def _make_folder(engine: Engine) -> None:
    file = sqlite_file(engine)
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot create the folder of the database {file}: {error.strerror}") from error


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _stored(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version


def _refuse_unknown(engine: Engine, connection: Connection, found: str | None) -> None:
    if found is None:
        taken = sorted(set(inspect(connection).get_table_names()) & set(Base.metadata.tables))
        if taken:
            raise StoreError(
                f"the database ({describe(engine)}) holds tables that this program did not make: {', '.join(taken)}"
            )
    elif found not in _known():
        raise StoreError(
            f"the database ({describe(engine)}) has schema {found}, newer than this program ({HEAD}): "
            "upgrade the program"
        )


def _alembic_upgrade(connection: Connection, progress: Progress | None = None) -> None:
    from alembic import command  # noqa: PLC0415  see the module's docstring

    config = _config(connection)
    config.attributes["progress"] = progress
    command.upgrade(config, "head")


def _known() -> set[str]:
    return {script.revision for script in script_directory().walk_revisions()}


def script_directory() -> ScriptDirectory:
    """The migrations that come with this program."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  see the module's docstring

    return ScriptDirectory.from_config(_config(None))


def _config(connection: Connection | None) -> Config:
    from alembic.config import Config  # noqa: PLC0415  see the module's docstring

    config = Config(attributes={"connection": connection})
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
