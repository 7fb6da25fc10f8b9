"""Cases: kept, changed under a version, found by filters and words, in pages by key.

The newest case stands first; a page begins behind the key of the last case shown, so the thousandth costs what the
first one does. Only cases that represent themselves are listed: those folded into another stand with that one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, true, update

from qa.people import Scope
from qa.store import leaps
from qa.store.case_filters import CaseFilters, CaseState
from qa.store.case_tables import case_nominations, case_tags, cases
from qa.store.case_words import found
from qa.store.words import phrases
from qa.types import Instant

COUNTED = 1_000
"""Beyond so many cases a list says “more than”."""
COMMON = 3_000
"""A phrase in fewer cases names them to the database; one in so many is a list that the database makes itself."""

_c = cases.c
_HEAD = (
    _c.id, _c.merchant, _c.team, _c.agent_id, _c.chat_id, _c.inspection_id, _c.day, _c.score, _c.kind, _c.title,
    _c.scenario, _c.question_type, _c.state, _c.version, _c.folded_into, _c.created_at, _c.created_by, _c.changed_at,
    _c.changed_by, _c.published_at,
)  # fmt: skip


class CaseHead(NamedTuple):
    """A case as a list shows it; ``tags`` in their order of letters."""

    id: int
    merchant: str
    team: str | None
    agent_id: str | None
    chat_id: str
    inspection_id: int | None
    day: str
    score: float | None
    kind: str
    title: str
    scenario: str | None
    question_type: str | None
    state: str
    version: int
    folded_into: int | None
    created_at: Instant
    created_by: str
    changed_at: Instant
    changed_by: str
    published_at: Instant | None
    tags: tuple[str, ...] = ()
    star: dict[str, str] = {}  # noqa: RUF012 - a default of a tuple's field, never changed
    notes: tuple[dict[str, Any], ...] = ()


class StoredCase(NamedTuple):
    """A case with all it holds, JSON decoded."""

    head: CaseHead
    transcript: list[dict[str, Any]]


class CasePage(NamedTuple):
    """A page of cases; ``after``: the key behind which the next one begins, None at the end."""

    cases: list[CaseHead]
    after: int | None


class CaseChoices(NamedTuple):
    """What there is to filter by, within reach."""

    merchants: list[str]
    tags: list[str]
    scenarios: list[str]
    question_types: list[str]


# --- writing ---------------------------------------------------------------------------------------------------------


def add_case(connection: Connection, values: dict[str, Any], tags: Iterable[str]) -> int:
    """Keep a new case; returns its key."""
    key = int(connection.execute(insert(cases).values(_encoded(values)).returning(_c.id)).scalar_one())
    _set_tags(connection, key, tags)
    return key


def change_case(
    connection: Connection, case_id: int, version: int, values: dict[str, Any], tags: Iterable[str] | None = None
) -> bool:
    """Change a case that still has this version; False: it has another one, and nothing was changed."""
    statement = update(cases).where(_c.id == case_id, _c.version == version)
    done = connection.execute(statement.values(version=version + 1, **_encoded(values))).rowcount == 1
    if done and tags is not None:
        connection.execute(delete(case_tags).where(case_tags.c.case_id == case_id))
        _set_tags(connection, case_id, tags)
    return done


def unfold_from(connection: Connection, case_id: int) -> list[int]:
    """Let what was folded into this case stand for itself again; returns their keys."""
    statement = update(cases).where(_c.folded_into == case_id).values(folded_into=None, version=_c.version + 1)
    return sorted(connection.execute(statement.returning(_c.id)).scalars())


def nominate(connection: Connection, inspection: int, by: str, kind: str, note: str | None, at: Instant) -> bool:
    """Keep a nomination; a second one by the same person replaces the first. False: there was one already."""
    n = case_nominations.c
    mine = (n.inspection_id == inspection) & (n.nominated_by == by)
    before = connection.execute(delete(case_nominations).where(mine)).rowcount
    values = {
        "inspection_id": inspection, "nominated_by": by, "kind": kind, "nominated_at": at,
        "note": None if note is None else orjson.dumps(note),
    }  # fmt: skip
    connection.execute(insert(case_nominations).values(values))
    return before == 0


def _encoded(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: orjson.dumps(value) if name in {"star", "notes", "transcript"} else value
        for name, value in values.items()
    }


def _set_tags(connection: Connection, case_id: int, tags: Iterable[str]) -> None:
    rows = [{"tag": tag, "case_id": case_id} for tag in dict.fromkeys(tags)]
    if rows:
        connection.execute(insert(case_tags), rows)


# --- reading ---------------------------------------------------------------------------------------------------------


def read_case(connection: Connection, case_id: int) -> StoredCase | None:
    """Return a case; None: there is no such one."""
    if not 0 < case_id < 1 << 63:
        return None  # PostgreSQL has no greater keys
    row = connection.execute(select(*_HEAD, _c.star, _c.notes, _c.transcript).where(_c.id == case_id)).first()
    if row is None:
        return None
    tags = _tags_of(connection, [case_id])[case_id]
    return StoredCase(_head(row, tags), orjson.loads(row.transcript))


def hold_cases(connection: Connection, case_ids: Sequence[int]) -> None:
    """Let nobody change these cases until the transaction ends."""
    connection.execute(select(_c.id).where(_c.id.in_(case_ids)).order_by(_c.id).with_for_update()).all()


def read_heads(connection: Connection, case_ids: Sequence[int]) -> dict[int, CaseHead]:
    """Return cases as lists show them, by key."""
    rows = connection.execute(select(*_HEAD, _c.star, _c.notes).where(_c.id.in_(case_ids))).all()
    tags = _tags_of(connection, [row.id for row in rows])
    return {row.id: _head(row, tags[row.id]) for row in rows}


def list_cases(
    connection: Connection, scope: Scope, filters: CaseFilters, after: int | None, limit: int
) -> CasePage:  # fmt: skip
    """Return a page of cases, the newest first, behind the key ``after``."""
    query = _selected(connection, select(*_HEAD, _c.star, _c.notes), scope, filters)
    if after is not None:
        query = query.where(_c.id < after)
    rows = connection.execute(query.order_by(_c.id.desc()).limit(limit + 1)).all()
    shown = rows[:limit]
    tags = _tags_of(connection, [row.id for row in shown])
    heads = [_head(row, tags[row.id]) for row in shown]
    return CasePage(heads, shown[-1].id if len(rows) > limit else None)


def count_cases(connection: Connection, scope: Scope, filters: CaseFilters) -> int:
    """Return how many cases pass, at most one more than ``COUNTED``."""
    query = _selected(connection, select(_c.id), scope, filters).limit(COUNTED + 1)
    return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())


def folded(connection: Connection, case_id: int) -> list[CaseHead]:
    """Return the cases that were folded into this one."""
    keys = connection.execute(select(_c.id).where(_c.folded_into == case_id).order_by(_c.id)).scalars().all()
    found_heads = read_heads(connection, keys)
    return [found_heads[key] for key in keys]


def of_chat(connection: Connection, merchant: str, chat_id: str) -> list[CaseHead]:
    """Return the cases made of a chat, in any revision, the newest first."""
    query = select(_c.id).where(_c.merchant == merchant, _c.chat_id == chat_id).order_by(_c.id.desc())
    keys = connection.execute(query).scalars().all()
    heads = read_heads(connection, keys)
    return [heads[key] for key in keys]


def most_sharing(
    connection: Connection, sharing: Select[Any], scope: Scope, states: Sequence[str], but: Sequence[int], limit: int
) -> list[int]:
    """Return the keys of cases in these states that share most (``qa.store.case_words.sharing``), most first."""
    shared = sharing.subquery("sharing")
    query = select(_c.id).join(shared, shared.c.case_id == _c.id)
    query = query.where(_c.state.in_(states), _c.folded_into.is_(None), _c.id.not_in(but), *within(scope))
    return list(connection.execute(query.order_by(shared.c.shared.desc(), _c.id.desc()).limit(limit)).scalars())


def read_transcripts(connection: Connection, case_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Return the transcripts of cases by key."""
    rows = connection.execute(select(_c.id, _c.transcript).where(_c.id.in_(case_ids)))
    return {row.id: orjson.loads(row.transcript) for row in rows}


def choices(connection: Connection, scope: Scope) -> CaseChoices:
    """Return the merchants, tags, scenarios and question types that there are.

    Where some merchants are within reach their cases are read; of all, only the values, from the indexes.
    """
    if scope.merchants is None:
        columns = (_c.merchant, case_tags.c.tag, _c.scenario, _c.question_type)
        return CaseChoices(*(leaps.distinct(connection, one, one.is_not(None)) for one in columns))
    here = within(scope)
    tag = select(case_tags.c.tag).join(cases, _c.id == case_tags.c.case_id).where(*here).distinct()

    def distinct(column: Any) -> list[str]:
        rows = connection.execute(select(column).where(column.is_not(None), *here).distinct())
        return sorted(rows.scalars())

    return CaseChoices(
        distinct(_c.merchant),
        sorted(connection.execute(tag).scalars()),
        distinct(_c.scenario),
        distinct(_c.question_type),
    )


def within(scope: Scope) -> list[ColumnElement[bool]]:
    """Return what limits cases to a scope: the merchants. A case names nobody, so team and agent do not."""
    return [] if scope.merchants is None else [_c.merchant.in_(scope.merchants)]


def _selected(connection: Connection, query: Select[Any], scope: Scope, filters: CaseFilters) -> Select[Any]:
    f = filters
    equal = {_c.kind: f.kind, _c.scenario: f.scenario, _c.question_type: f.question_type, _c.merchant: f.merchant}
    query = query.where(_c.state == (f.state or CaseState.PUBLISHED).value, _c.folded_into.is_(None), *within(scope))
    query = query.where(*(column == value for column, value in equal.items() if value is not None))
    if f.since is not None:
        query = query.where(_c.day >= f.since)
    if f.until is not None:
        query = query.where(_c.day <= f.until)
    if f.tag is not None:
        query = query.join(case_tags, case_tags.c.case_id == _c.id).where(case_tags.c.tag == f.tag)
    if f.text is None:
        return query
    wanted = phrases(f.text)
    if not wanted:
        return query.where(~true())
    matching = found(connection, wanted)
    some = connection.execute(matching.limit(COMMON)).scalars().all()
    if len(some) < COMMON:  # told which ones: a database that guesses would walk the library and look each case up
        return query.where(_c.id.in_(some))
    return query.where(_c.id.in_(select(matching.cte("matching").prefix_with("MATERIALIZED").c.case_id)))


def _tags_of(connection: Connection, case_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    held: defaultdict[int, list[str]] = defaultdict(list)
    t = case_tags.c
    for case_id, tag in connection.execute(select(t.case_id, t.tag).where(t.case_id.in_(case_ids)).order_by(t.tag)):
        held[case_id].append(tag)
    return {case_id: tuple(held[case_id]) for case_id in case_ids}


def _head(row: Any, tags: tuple[str, ...]) -> CaseHead:
    plain = row._mapping  # noqa: SLF001 - how SQLAlchemy names it
    values = {name: plain[name] for name in CaseHead._fields if name in plain}
    decoded = {"star": orjson.loads(row.star), "notes": tuple(orjson.loads(row.notes)), "tags": tags}
    return CaseHead(**(values | decoded))
