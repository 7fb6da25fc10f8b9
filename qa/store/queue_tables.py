"""Tables of the review queue: what waits, who has it, who is to do how much, and filters people keep.

The words of the chats stand in ``queue_words``, which is FTS5 on SQLite and a ``tsvector`` on PostgreSQL: no table
object fits both, so it is made by the statements at the end, and ``qa.store.words`` speaks to it.
"""

from __future__ import annotations

from typing import Annotated, Any

from sqlalchemy import DDL, BigInteger, ForeignKey, Index, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column

from qa.store.account_tables import UserRef
from qa.store.tables import AutoId, Base, ChatRef, Day, Json, Micros, Name, NameKey, OwnId, Real

ItemRef = Annotated[int, mapped_column(BigInteger, ForeignKey("queue_items.inspection_id"))]


def _where(condition: str) -> dict[str, Any]:
    """Return the predicate of a partial index."""
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


_OPEN, _DONE = _where("done_at IS NULL"), _where("done_at IS NOT NULL")
_HELD, _ASSIGNED = _where("holder IS NOT NULL"), _where("assignee IS NOT NULL")
_KEY = ("rank", "inspection_id")
_FILTERED = (
    "merchant", "team", "agent_id", "day", "score", "severity", "sentiment", "resolution", "reasons", "assignee",
    "holder", "lease_until",
)  # fmt: skip


class QueueItemRow(Base):
    """One flagged inspection that waits for a person, or waited. ``rank`` is minus the risk, so that the key rises.

    The index of open items carries every column that filters look at: a filter that few items pass reads the index
    from end to end, and never the rows.
    """

    __tablename__ = "queue_items"
    __table_args__ = (
        UniqueConstraint("chat_pk"),
        Index("ix_queue_items_open", *_KEY, *_FILTERED, **_OPEN),
        Index("ix_queue_items_merchant", "merchant", *_KEY, **_OPEN),
        Index("ix_queue_items_team", "team", *_KEY, **_OPEN),
        Index("ix_queue_items_agent", "agent_id", *_KEY),
        Index("ix_queue_items_done", *_KEY, "done_by", "merchant", "team", **_DONE),
        Index("ix_queue_items_all", *_KEY),
        Index("ix_queue_items_done_by", "done_by", "done_at", **_DONE),
        Index("ix_queue_items_oldest", "day", "merchant", "team", **_OPEN),
        Index("ix_queue_items_holder", "holder", **_HELD),
        Index("ix_queue_items_assignee", "assignee", **_ASSIGNED),
    )

    inspection_id: Mapped[OwnId] = mapped_column(ForeignKey("inspections.id"))
    chat_pk: Mapped[ChatRef]
    merchant: Mapped[Name]
    team: Mapped[Name | None]
    agent_id: Mapped[Name | None]
    day: Mapped[Day]
    started_at: Mapped[Micros | None]
    rank: Mapped[Real]
    reasons: Mapped[int]
    score: Mapped[Real | None]
    severity: Mapped[int | None]
    sentiment: Mapped[int | None]
    resolution: Mapped[int | None]
    evidence: Mapped[Json | None]
    assignee: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id"))
    holder: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("users.id"))
    lease_until: Mapped[Micros | None]
    done_at: Mapped[Micros | None]
    done_by: Mapped[Name | None]


class QueueMarkRow(Base):
    """A reason, rule or severity of an item, under which the items stand in their order: ``rule:red-insult``."""

    __tablename__ = "queue_marks"
    __table_args__ = (Index("ix_queue_marks_inspection_id", "inspection_id"), {"sqlite_with_rowid": False})

    mark: Mapped[NameKey]
    rank: Mapped[Real] = mapped_column(primary_key=True)
    inspection_id: Mapped[ItemRef] = mapped_column(primary_key=True)


class QueuePlaceRow(Base):
    """A merchant and a team that items came from; an empty team: some item has none."""

    __tablename__ = "queue_places"

    merchant: Mapped[NameKey]
    team: Mapped[NameKey]


class QueueRunRow(Base):
    """A run whose flagged chats are all in the queue."""

    __tablename__ = "queue_runs"

    run_id: Mapped[OwnId] = mapped_column(ForeignKey("runs.id"))


class QuotaRow(Base):
    """How many chats a reviewer is to review a day, from that day on until a later row."""

    __tablename__ = "quotas"

    user_id: Mapped[UserRef] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[Day] = mapped_column(primary_key=True)
    chats: Mapped[int]


class SavedFilterRow(Base):
    """A filter somebody keeps, for himself or for all."""

    __tablename__ = "saved_filters"
    __table_args__ = (UniqueConstraint("owner", "name"),)

    id: Mapped[AutoId]
    owner: Mapped[UserRef]
    name: Mapped[Name]
    query: Mapped[Name]
    shared: Mapped[bool]


queue_items = Base.metadata.tables["queue_items"]
queue_marks = Base.metadata.tables["queue_marks"]
queue_places = Base.metadata.tables["queue_places"]
queue_runs = Base.metadata.tables["queue_runs"]
quotas = Base.metadata.tables["quotas"]
saved_filters = Base.metadata.tables["saved_filters"]

_WORDS = (
    ("sqlite", "CREATE VIRTUAL TABLE queue_words USING fts5(words, tokenize='unicode61 remove_diacritics 0')"),
    (
        "postgresql",
        "CREATE TABLE queue_words (chat_pk BIGINT PRIMARY KEY REFERENCES chats (id), words TSVECTOR NOT NULL)",
    ),
    ("postgresql", "CREATE INDEX ix_queue_words ON queue_words USING gin (words)"),
)
for _dialect, _statement in _WORDS:
    event.listen(Base.metadata, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]
