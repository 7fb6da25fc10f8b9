"""Publications: the record of which standard was published for whom. Rows are only ever added."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, insert, select

from qa.store.tables import publications, rulesets
from qa.types import Instant


class Publication(NamedTuple):
    """One act of publishing. ``merchant`` None: for every merchant without a pack of its own."""

    id: int
    ruleset: str
    pack: str
    version: str
    merchant: str | None
    published_at: Instant
    published_by: str
    note: str | None


def add_publication(
    connection: Connection, ruleset: str, merchant: str | None, at: Instant, by: str, note: str | None
) -> None:
    """Record that a kept standard was published."""
    values = {"ruleset": ruleset, "merchant": merchant, "published_at": at, "published_by": by, "note": note}
    connection.execute(insert(publications).values(values))


def latest_publication(connection: Connection, merchant: str | None) -> Publication | None:
    """What was published last for exactly this merchant (None: for every one without its own)."""
    mine = publications.c.merchant.is_(None) if merchant is None else publications.c.merchant == merchant
    row = connection.execute(_query().where(mine).order_by(publications.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else Publication._make(row)


def publications_of(connection: Connection, merchant: str | None = None) -> list[Publication]:
    """All publications, the first one first; ``merchant``: only those for exactly this one."""
    query = _query()
    if merchant is not None:
        query = query.where(publications.c.merchant == merchant)
    return [Publication._make(row) for row in connection.execute(query.order_by(publications.c.id))]


def published_versions(connection: Connection, pack: str, version: str) -> list[tuple[Publication, dict[str, Any]]]:
    """Publications of a pack's version, with the standard's content; mostly one content."""
    query = _query().add_columns(rulesets.c.content)
    query = query.where(rulesets.c.pack == pack, rulesets.c.version == version).order_by(publications.c.id)
    return [(Publication._make(row[:-1]), orjson.loads(row[-1])) for row in connection.execute(query)]


def published_as(connection: Connection, name: str) -> dict[str, tuple[Publication, dict[str, Any]]]:
    """Standards that were published under a name, by hash: their version, ``pack@version``, or how the hash begins.

    Each with its last publication and its content. A beginning of fewer than eight characters is none.
    """
    pack, _, version = name.rpartition("@")
    where = rulesets.c.version == version
    if pack:
        where &= rulesets.c.pack == pack
    if len(name) >= _HASH_BEGINS:
        where |= rulesets.c.hash.startswith(name, autoescape=True)
    rows = connection.execute(_query().add_columns(rulesets.c.content).where(where).order_by(publications.c.id))
    found = [(Publication._make(row[:-1]), orjson.loads(row[-1])) for row in rows]
    return {one.ruleset: (one, content) for one, content in found}


def kept_standards(connection: Connection, name: str) -> dict[str, dict[str, Any]]:
    """Standards that anything was judged by or published as, hash → content, whose hash begins so (eight at least)."""
    if len(name) < _HASH_BEGINS:
        return {}
    query = select(rulesets.c.hash, rulesets.c.content).where(rulesets.c.hash.startswith(name, autoescape=True))
    return {digest: orjson.loads(content) for digest, content in connection.execute(query)}


_HASH_BEGINS = 8


def _query() -> Any:
    p, r = publications.c, rulesets.c
    return select(
        p.id, p.ruleset, r.pack, r.version, p.merchant, p.published_at, p.published_by, p.note
    ).join(rulesets, r.hash == p.ruleset)  # fmt: skip
