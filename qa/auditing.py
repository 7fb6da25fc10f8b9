"""Checking the audit log: is every row the one that was written, in its place, with none missing between."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqlalchemy import Engine

from qa.errors import QaError
from qa.store.audit import GENESIS, Entry, chain, hash_of, latest
from qa.store.session import read_tx


class Verification(NamedTuple):
    """What the check found. ``broken``: number and reason of the first broken link; None: the chain holds.

    ``head`` is the newest link as ``NUMBER:HASH``: kept elsewhere and given to a later check as ``known``, it shows
    that the end was not cut off and nothing up to it was written anew. None: the log is empty.
    """

    rows: int
    head: str | None
    broken: tuple[int, str] | None


PAGE = 100
"""Rows on one page of the log."""


class Page(NamedTuple):
    """Rows, the newest first; ``onward``: what ``before`` is for the next page, None at the end."""

    entries: tuple[Entry, ...]
    onward: int | None


def read_page(
    engine: Engine,
    *,
    before: int | None = None,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
) -> Page:
    """Return rows below number ``before`` of this actor, action and subject (None: of any)."""
    with read_tx(engine) as connection:
        found = latest(connection, PAGE + 1, before, actor=actor, action=action, subject=subject)
    shown = tuple(found[:PAGE])
    return Page(shown, shown[-1].id if len(found) > PAGE else None)


def verify(engine: Engine, known: str | None = None) -> Verification:
    """Walk the chain from its first row; ``known`` is a ``head`` of an earlier check.

    Raises:
        QaError: ``known`` is no ``NUMBER:HASH``.
    """
    wanted = None if known is None else _parse(known)
    rows, head = 0, None
    previous = GENESIS
    with read_tx(engine) as connection:
        for entry in chain(connection):
            wrong = _wrong(entry, rows + 1, previous, wanted)
            if wrong:
                return Verification(rows, head, wrong)
            rows, previous, head = entry.id, entry.hash, f"{entry.id}:{entry.hash.hex()}"
    if wanted is not None and wanted[0] > rows:
        return Verification(rows, head, (rows + 1, f"the log ends before number {wanted[0]}, which was in it"))
    return Verification(rows, head, None)


def _wrong(entry: Entry, number: int, previous: bytes, wanted: tuple[int, bytes] | None) -> tuple[int, str] | None:
    """The number at fault and why, None where this row continues the chain."""
    if entry.id != number:
        return number, f"missing: the next row is number {entry.id}"
    if entry.previous != previous:
        return number, "does not follow the row before it: that one was changed or put there later"
    if hash_of(entry) != entry.hash:
        return number, "was changed: its hash is another"
    if wanted is not None and wanted[0] == number and wanted[1] != entry.hash:
        return number, "has another hash than it had: the log was written anew"
    return None


def _parse(known: str) -> tuple[int, bytes]:
    if not re.fullmatch(r"[1-9][0-9]{0,17}:[0-9a-f]{64}", known):
        raise QaError(f"{known!r} is no link of the log: NUMBER:HASH, as `qa audit verify` prints it")
    number, digest = known.split(":")
    return int(number), bytes.fromhex(digest)
