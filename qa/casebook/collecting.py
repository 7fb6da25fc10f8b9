"""Collections: cases put together for a lesson, in an order, and read as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from qa.casebook.texts import LONGEST_TITLE, CaseError, Problem, line
from qa.casebook.transcript import CaseLine, CaseNote, lines_of, notes_of
from qa.errors import NotFoundError
from qa.people import Place, Scope
from qa.store import audit, case_collections, cases
from qa.store.audit import Act
from qa.store.case_collections import Collection
from qa.store.case_filters import CaseState
from qa.store.cases import CaseHead
from qa.store.session import read_tx, write_tx


class Item(NamedTuple):
    """A case of a collection with its transcript."""

    head: CaseHead
    transcript: list[CaseLine]
    notes: list[CaseNote]


class Gathered(NamedTuple):
    """A collection with its cases, in their order. ``hidden``: cases that this person does not see (unpublished)."""

    collection: Collection
    items: list[Item]
    hidden: int


def place_of(connection: Connection, collection_id: int) -> Place | None:
    """Return where a collection lies: at its merchant; one for all is beyond whoever is limited."""
    found = case_collections.read_collection(connection, collection_id)
    return None if found is None else Place(found.merchant)


def collections_of(engine: Engine, scope: Scope) -> list[Collection]:
    """Return the collections within reach."""
    with read_tx(engine) as connection:
        return case_collections.list_collections(connection, scope)


def gather(engine: Engine, collection_id: int, *, curates: bool) -> Gathered:
    """Return a collection with its cases; who does not curate sees published ones only.

    Raises:
        NotFoundError: there is no such collection.
    """
    with read_tx(engine) as connection:
        found = _collection(connection, collection_id)
        keys = case_collections.order(connection, collection_id)
        heads, said = cases.read_heads(connection, keys), cases.read_transcripts(connection, keys)
    shown = [key for key in keys if curates or heads[key].state == CaseState.PUBLISHED]
    items = [Item(heads[key], lines_of(said[key]), notes_of(heads[key].notes)) for key in shown]
    return Gathered(found, items, len(keys) - len(shown))


def create_collection(
    engine: Engine, act: Act, scope: Scope, name: str, about: str | None, merchant: str | None
) -> int:
    """Make a collection, of one merchant or (None) of any; returns its key.

    Raises:
        CaseError: it has no name, or the merchant is out of reach.
    """
    chosen = merchant or None
    if scope.merchants is not None and chosen not in scope.merchants:
        raise CaseError(Problem.MERCHANT, chosen or "")
    named, told = _named(name), line(about, "about", LONGEST_TITLE)
    with write_tx(engine) as connection:
        key = case_collections.add_collection(connection, named, told, chosen, act.by, act.at)
        audit.append(connection, act, "collection.create", f"collection:{key}", {"merchant": chosen})
    return key


def rename_collection(engine: Engine, act: Act, collection_id: int, name: str, about: str | None) -> None:
    """Give a collection another name and description.

    Raises:
        CaseError: it has no name.
    """
    named, told = _named(name), line(about, "about", LONGEST_TITLE)
    with write_tx(engine) as connection:
        _collection(connection, collection_id)
        case_collections.rename(connection, collection_id, named, told)
        audit.append(connection, act, "collection.rename", f"collection:{collection_id}")


def drop_collection(engine: Engine, act: Act, collection_id: int) -> None:
    """Remove a collection; its cases stay."""
    with write_tx(engine) as connection:
        found = _collection(connection, collection_id)
        case_collections.drop(connection, collection_id)
        audit.append(connection, act, "collection.drop", f"collection:{collection_id}", {"cases": found.size})


def collect(engine: Engine, act: Act, collection_id: int, case_id: int) -> None:
    """Put a case at the end of a collection; one that is there already stays in its place.

    Raises:
        NotFoundError: there is no such case.
        CaseError: the collection is another merchant's.
    """
    with write_tx(engine) as connection:
        case_collections.hold(connection, collection_id)
        found, case = _collection(connection, collection_id), cases.read_case(connection, case_id)
        if case is None:
            raise NotFoundError("there is no such case")
        if found.merchant not in (None, case.head.merchant):
            raise CaseError(Problem.MERCHANT, case.head.merchant)
        new = case_collections.put_in(connection, collection_id, case_id)
        audit.append(connection, act, "collection.add", f"collection:{collection_id}", {"case": case_id, "new": new})


def discard(engine: Engine, act: Act, collection_id: int, case_id: int) -> None:
    """Take a case out of a collection."""
    with write_tx(engine) as connection:
        case_collections.hold(connection, collection_id)
        gone = case_collections.take_out(connection, collection_id, case_id)
        facts = {"case": case_id, "gone": gone}
        audit.append(connection, act, "collection.remove", f"collection:{collection_id}", facts)


def move(engine: Engine, act: Act, collection_id: int, case_id: int, by: int) -> None:
    """Move a case so many places down (negative: up); beyond the ends it stays at the end."""
    with write_tx(engine) as connection:
        case_collections.hold(connection, collection_id)
        held = case_collections.order(connection, collection_id)
        case_collections.set_order(connection, collection_id, moved(held, case_id, by))
        facts = {"case": case_id, "by": by}
        audit.append(connection, act, "collection.move", f"collection:{collection_id}", facts)


def moved(keys: Sequence[int], one: int, by: int) -> list[int]:
    """Return keys with one of them so many places further down.

    >>> moved([1, 2, 3], 3, -1), moved([1, 2, 3], 1, 9), moved([1, 2], 7, 1)
    ([1, 3, 2], [2, 3, 1], [1, 2])
    """
    if one not in keys:
        return list(keys)
    rest = [key for key in keys if key != one]
    place = max(0, min(len(rest), list(keys).index(one) + by))
    return [*rest[:place], one, *rest[place:]]


def log_export(engine: Engine, act: Act, collection_id: int, form: str, number: int) -> None:
    """Write into the audit log that a collection left the house as a file."""
    with write_tx(engine) as connection:
        facts = {"form": form, "cases": number}
        audit.append(connection, act, "collection.export", f"collection:{collection_id}", facts)


def _named(name: str) -> str:
    named = line(name, "name")
    if named is None:
        raise CaseError(Problem.NAME)
    return named


def _collection(connection: Connection, collection_id: int) -> Collection:
    found = case_collections.read_collection(connection, collection_id)
    if found is None:
        raise NotFoundError("there is no such collection")
    return found
