"""Moving an installation from one database to another: SQLite to PostgreSQL and back.

The source is read in one snapshot, the target is written in one transaction and compared with what was read before
that is committed: whatever ends the copy early leaves nothing behind, and it is simply begun again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from qa.errors import StoreError
from qa.progress import Progress, Quiet
from qa.store import audit, migrate, portable
from qa.store.audit import Act
from qa.store.portable import Digest, Hasher, Row, Shape
from qa.store.portable_words import add_case_words, add_searched, case_words, searched
from qa.store.session import describe, read_tx, write_tx


class Carried(NamedTuple):
    """One table that was copied: what was read, and what the target was found to hold."""

    table: str
    read: Digest
    stored: Digest


def copy_database(source: Engine, target: Engine, act: Act, progress: Progress | None = None) -> list[Carried]:
    """Copy everything of one database into another, empty one; return the tables as they were compared.

    The target's audit log goes on with a row that says so.

    Raises:
        StoreError: the source's schema is not that of this program, the target is not empty or is the source, or what
            was stored is not what was read (then nothing is kept).
    """
    progress = progress or Quiet()
    migrate.require_ready(source)
    if describe(source) == describe(target):
        raise StoreError(f"source and target are the same database ({describe(target)})")
    _prepare(target)
    with read_tx(source) as old, write_tx(target) as new:
        portable.refuse_filled(new)
        done = [_carry(old, new, shape, progress) for shape in portable.shapes()]
        progress.stage("words of the searches")
        add_case_words(new, (one for part in case_words(old) for one in part))
        for cut in add_searched(new, (key for part in searched(old) for key in part)):
            progress.advance(cut)
        facts = {"from": source.dialect.name, "rows": sum(one.stored.rows for one in done)}
        audit.append(new, act, "database.copy", f"database:{target.dialect.name}", facts)
    return done


def _prepare(target: Engine) -> None:
    """Make the tables; a filled database is refused before anything of it is changed."""
    if migrate.current_revision(target) is not None:
        with read_tx(target) as connection:
            portable.refuse_filled(connection)
    migrate.upgrade(target)


def _carry(old: Connection, new: Connection, shape: Shape, progress: Progress) -> Carried:
    progress.stage(shape.table, portable.count(old, shape.table))
    hasher, line = Hasher(), portable.writer(shape)

    def passing() -> Iterator[list[Row]]:
        for part in portable.read(old, shape):
            hasher.take([line(row) for row in part])
            yield part
            progress.advance(len(part))

    portable.write(new, shape, passing())
    stored = portable.digest(new, shape)
    portable.check(shape, hasher.digest, stored)
    return Carried(shape.table, hasher.digest, stored)
