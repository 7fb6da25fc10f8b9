"""The library as people read it: pages of cases, one case with what resembles it, and what resembles a chat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from qa.casebook.likeness import NEARLY, Like, liken, rarest, sameness, telling
from qa.casebook.transcript import CaseLine, CaseNote, freeze, lines_of, notes_of
from qa.errors import NotFoundError
from qa.people import Place, Scope
from qa.store import case_collections, case_words, cases, inspected
from qa.store.case_collections import Collection
from qa.store.case_filters import CaseFilters, CaseState
from qa.store.cases import CaseChoices, CaseHead, CasePage
from qa.store.chats import get_chat
from qa.store.session import read_tx
from qa.store.words import terms

PAGE = 20
SIMILAR = 5
"""Similar cases shown."""
_WEIGHED = 40
_COMPARED = 8


class Listed(NamedTuple):
    """A page of the library. ``number`` one beyond ``cases.COUNTED`` means: more than that."""

    page: CasePage
    number: int
    choices: CaseChoices


class Similar(NamedTuple):
    """A case that resembles another or a chat. ``same``: share of equal characters where that was looked at."""

    head: CaseHead
    like: Like
    same: float | None = None

    @property
    def nearly(self) -> bool:
        """Whether both say nearly the same."""
        return self.same is not None and self.same >= NEARLY


class Opened(NamedTuple):
    """A case with all that its page shows."""

    head: CaseHead
    transcript: list[CaseLine]
    notes: list[CaseNote]
    similar: list[Similar]
    folded: list[CaseHead]
    into: CaseHead | None
    collections: list[Collection]
    held_by: list[int]
    """Collections that hold it."""


def place_of(connection: Connection, case_id: int) -> Place | None:
    """Return where a case lies, None where there is none. It names nobody, so it is its merchant's."""
    found = cases.read_case(connection, case_id)
    return None if found is None else Place(found.head.merchant)


def look(engine: Engine, scope: Scope, filters: CaseFilters, after: int | None) -> Listed:
    """Return a page of the library behind the key ``after``."""
    with read_tx(engine) as connection:
        page = cases.list_cases(connection, scope, filters, after, PAGE)
        return Listed(page, cases.count_cases(connection, scope, filters), cases.choices(connection, scope))


def open_case(engine: Engine, scope: Scope, case_id: int, *, curates: bool) -> Opened:
    """Return a case with what stands around it; who does not curate sees published ones only.

    Raises:
        NotFoundError: there is no such case, or it is not published.
    """
    with read_tx(engine) as connection:
        stored = cases.read_case(connection, case_id)
        if stored is None or not (curates or stored.head.state == CaseState.PUBLISHED):
            raise NotFoundError("there is no such case")
        words = case_words.words_of(connection, [case_id])[case_id]
        transcript = lines_of(stored.transcript)
        near = _similar(connection, scope, words, transcript, but=(case_id,), drafts=curates)
        within = [one for one in case_collections.list_collections(connection, scope) if _takes(one, stored.head)]
        into = None if stored.head.folded_into is None else cases.read_heads(connection, [stored.head.folded_into])
        folded = [one for one in cases.folded(connection, case_id) if curates or one.state == CaseState.PUBLISHED]
        return Opened(
            stored.head, transcript, notes_of(stored.head.notes), near, folded,
            next((one for one in (into or {}).values() if curates or one.state == CaseState.PUBLISHED), None),
            within, case_collections.holding(connection, case_id),
        )  # fmt: skip


def similar_to_chat(engine: Engine, scope: Scope, inspection: int) -> list[Similar]:
    """Return published cases that resemble the chat of an inspection; a case made of that very chat is left out.

    Raises:
        NotFoundError: there is no such inspection.
    """
    with read_tx(engine) as connection:
        where = inspected.where(connection, inspection)
        if where is None:
            raise NotFoundError(f"there is no inspection {inspection}")
        stored = get_chat(connection, where.chat_id, where.merchant, where.revision)
        own = tuple(one.id for one in cases.of_chat(connection, where.merchant, where.chat_id))
        transcript = freeze(stored.chat)
        return _similar(connection, scope, _telling(transcript), transcript, but=own, drafts=False)


def similar_to(engine: Engine, scope: Scope, transcript: Sequence[CaseLine]) -> list[Similar]:
    """Return cases, drafts too, that resemble a chat of which one is to be made."""
    with read_tx(engine) as connection:
        return _similar(connection, scope, _telling(transcript), transcript, but=(), drafts=True)


def _takes(collection: Collection, head: CaseHead) -> bool:
    return collection.merchant in (None, head.merchant)


def _telling(transcript: Sequence[CaseLine]) -> tuple[str, ...]:
    return telling(word for one in transcript if one.role in {"customer", "agent"} for word in terms(one.text))


def _similar(
    connection: Connection,
    scope: Scope,
    words: Sequence[str],
    transcript: Sequence[CaseLine],
    *,
    but: Sequence[int],
    drafts: bool,
) -> list[Similar]:
    counted = case_words.frequencies(connection, words)
    frequencies = {word: max(0, number - len(but)) for word, number in counted.items()}  # of the other cases
    asked = rarest(words, frequencies)
    if not asked:
        return []
    states = [CaseState.PUBLISHED.value, *([CaseState.DRAFT.value] if drafts else [])]
    keys = cases.most_sharing(connection, case_words.sharing(asked), scope, states, but, _WEIGHED)
    likes = liken(words, case_words.words_of(connection, keys), frequencies)
    heads = cases.read_heads(connection, [one.case_id for one in likes[:_COMPARED]])
    said = cases.read_transcripts(connection, list(heads))
    own = _plain(transcript)
    found = [
        Similar(heads[one.case_id], one, sameness(own, _plain(lines_of(said[one.case_id]))))
        for one in likes[:_COMPARED]
    ]
    return sorted(found, key=lambda one: (not one.nearly, -one.like.share, one.head.id))[:SIMILAR]


def _plain(transcript: Sequence[CaseLine]) -> str:
    return "\n".join(one.text for one in transcript if one.role in {"customer", "agent"})


def merchants_of(engine: Engine, scope: Scope) -> list[str]:
    """Return the merchants that have cases, within reach."""
    with read_tx(engine) as connection:
        return cases.choices(connection, scope).merchants
