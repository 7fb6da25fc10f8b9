"""Tables of the case library: cases, their tags and words, nominations, collections.

A case keeps everything it shows: the transcript is masked and frozen into it, so no key of it refers to a chat, and a
chat may be deleted without the case being lost. The words of the search stand in ``case_search``, which is FTS5 on
SQLite and a ``tsvector`` on PostgreSQL: no table object fits both, so it is made by the statements at the end, and
``qa.store.case_words`` speaks to it.
"""

from __future__ import annotations

from typing import Annotated, Any

from sqlalchemy import DDL, BigInteger, ForeignKey, Index, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column

from qa.store.tables import AutoId, Base, Day, InspectionRef, Json, Micros, Name, NameKey, Real

CaseRef = Annotated[int, mapped_column(BigInteger, ForeignKey("cases.id"))]
CollectionRef = Annotated[int, mapped_column(BigInteger, ForeignKey("collections.id"))]


def _known(column: str) -> dict[str, Any]:
    """Return the predicate of an index of rows in which a column says something."""
    return {f"{dialect}_where": text(f"{column} IS NOT NULL") for dialect in ("postgresql", "sqlite")}


class CaseRow(Base):
    """One case. ``inspection_id`` says where it came from, and is no foreign key: that chat may be gone.

    ``folded_into``: the case that represents this one, which says nearly the same; NULL: it stands for itself.
    ``version`` rises with every change, so that nobody overwrites what he has not seen.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_state", "state", "id"),
        Index("ix_cases_merchant", "merchant", "chat_id"),
        Index("ix_cases_folded_into", "folded_into"),
        Index("ix_cases_scenario", "scenario", **_known("scenario")),
        Index("ix_cases_question_type", "question_type", **_known("question_type")),
    )

    id: Mapped[AutoId]
    merchant: Mapped[Name]
    team: Mapped[Name | None]
    agent_id: Mapped[Name | None]
    chat_id: Mapped[Name]
    revision: Mapped[int]
    inspection_id: Mapped[int | None] = mapped_column(BigInteger)
    day: Mapped[Day]
    score: Mapped[Real | None]
    kind: Mapped[Name]
    title: Mapped[Name]
    scenario: Mapped[Name | None]
    question_type: Mapped[Name | None]
    star: Mapped[Json]
    notes: Mapped[Json]
    transcript: Mapped[Json]
    state: Mapped[Name]
    version: Mapped[int]
    folded_into: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("cases.id"))
    created_at: Mapped[Micros]
    created_by: Mapped[Name]
    changed_at: Mapped[Micros]
    changed_by: Mapped[Name]
    published_at: Mapped[Micros | None]


class CaseTagRow(Base):
    """A tag of a case."""

    __tablename__ = "case_tags"
    __table_args__ = (Index("ix_case_tags_case_id", "case_id"), {"sqlite_with_rowid": False})

    tag: Mapped[NameKey]
    case_id: Mapped[CaseRef] = mapped_column(primary_key=True)


class CaseWordRow(Base):
    """A word by which cases are likened (``qa.casebook.likeness``): each of a case's telling words once."""

    __tablename__ = "case_words"
    __table_args__ = (Index("ix_case_words_case_id", "case_id"), {"sqlite_with_rowid": False})

    word: Mapped[NameKey]
    case_id: Mapped[CaseRef] = mapped_column(primary_key=True)


class CaseNominationRow(Base):
    """Somebody thinks that a chat would make a case."""

    __tablename__ = "case_nominations"

    inspection_id: Mapped[InspectionRef] = mapped_column(primary_key=True)
    nominated_by: Mapped[NameKey]
    kind: Mapped[Name]
    note: Mapped[Json | None]
    nominated_at: Mapped[Micros]


class CollectionRow(Base):
    """Cases put together for a purpose, in an order. ``merchant`` NULL: of any merchant."""

    __tablename__ = "collections"
    __table_args__ = (Index("ix_collections_merchant", "merchant"),)

    id: Mapped[AutoId]
    name: Mapped[Name]
    about: Mapped[Name | None]
    merchant: Mapped[Name | None]
    created_at: Mapped[Micros]
    created_by: Mapped[Name]


class CollectedRow(Base):
    """A case in a collection; ``place`` orders them, from 1."""

    __tablename__ = "collected"
    __table_args__ = (UniqueConstraint("collection_id", "place"), Index("ix_collected_case_id", "case_id"))

    collection_id: Mapped[CollectionRef] = mapped_column(primary_key=True)
    case_id: Mapped[CaseRef] = mapped_column(primary_key=True)
    place: Mapped[int]


cases = Base.metadata.tables["cases"]
case_tags = Base.metadata.tables["case_tags"]
case_words = Base.metadata.tables["case_words"]
case_nominations = Base.metadata.tables["case_nominations"]
collections = Base.metadata.tables["collections"]
collected = Base.metadata.tables["collected"]

_SEARCH = (
    ("sqlite", "CREATE VIRTUAL TABLE case_search USING fts5(words, tokenize='unicode61 remove_diacritics 0')"),
    (
        "postgresql",
        "CREATE TABLE case_search (case_id BIGINT PRIMARY KEY REFERENCES cases (id), words TSVECTOR NOT NULL)",
    ),
    ("postgresql", "CREATE INDEX ix_case_search ON case_search USING gin (words) WITH (fastupdate = off)"),
)
for _dialect, _statement in _SEARCH:
    event.listen(Base.metadata, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]
