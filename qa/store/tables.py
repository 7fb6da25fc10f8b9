"""The tables, defined once; docs/store.md explains them and what NULL means in each column.

Instants are ``BIGINT`` microseconds since the epoch, as everywhere in the program. Free text that comes from
chats is JSON bytes: PostgreSQL's ``TEXT`` cannot hold NUL, and bytes come back exactly as they went in.
Names and ids are strings without NUL, compared byte by byte on both databases (collation ``C``).
"""

from __future__ import annotations

from typing import Annotated

from sqlalchemy import (
    BigInteger,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

_ID = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER PRIMARY KEY is SQLite's row id
_NAME = Text().with_variant(Text(collation="C"), "postgresql")

AutoId = Annotated[int, mapped_column(_ID, primary_key=True)]
"""A key given by the database."""
OwnId = Annotated[int, mapped_column(_ID, primary_key=True, autoincrement=False)]
"""A key given by the program, so that a repeated run gives the same one."""
Name = Annotated[str, mapped_column(_NAME)]
NameKey = Annotated[str, mapped_column(_NAME, primary_key=True)]
Day = Annotated[str, mapped_column(String(10))]
"""A local calendar day, ``YYYY-MM-DD``."""
Micros = Annotated[int, mapped_column(BigInteger)]
"""An instant."""
Real = Annotated[float, mapped_column(Double)]
Hash16 = Annotated[bytes, mapped_column(LargeBinary(16))]
Json = Annotated[bytes, mapped_column(LargeBinary)]
"""UTF-8 JSON, byte for byte."""
ChatRef = Annotated[int, mapped_column(BigInteger, ForeignKey("chats.id"))]
NightRef = Annotated[int, mapped_column(BigInteger, ForeignKey("nights.id"))]
RunRef = Annotated[int, mapped_column(BigInteger, ForeignKey("runs.id"))]
RulesetRef = Annotated[str, mapped_column(_NAME, ForeignKey("rulesets.hash"))]
InspectionRef = Annotated[int, mapped_column(BigInteger, ForeignKey("inspections.id"))]

FindingRef = Annotated[int, mapped_column(BigInteger, ForeignKey("findings.id"))]
ReviewRef = Annotated[int, mapped_column(BigInteger, ForeignKey("reviews.id"))]


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=_NAMING)


def _where(condition: str, sqlite: str) -> dict[str, object]:
    """Predicate of a partial index; SQLite uses one only if the query spells it the same way."""
    return {"postgresql_where": text(condition), "sqlite_where": text(sqlite)}


class ChatRow(Base):
    """One revision of one chat. Rows are never changed, except that ``current`` is switched off."""

    __tablename__ = "chats"
    __table_args__ = (
        UniqueConstraint("merchant", "chat_id", "revision"),
        Index("ix_chats_day", "merchant", "day", "id", **_where("current", "current = 1")),  # type: ignore[arg-type]
        Index(
            "ix_chats_customer",
            "merchant",
            "customer_id",
            "started_at",
            **_where("current AND customer_id IS NOT NULL", "current = 1 AND customer_id IS NOT NULL"),  # type: ignore[arg-type]
        ),
        Index(
            "ix_chats_former_customer",
            "merchant",
            "customer_id",
            **_where("NOT current AND customer_id IS NOT NULL", "current = 0 AND customer_id IS NOT NULL"),  # type: ignore[arg-type]
        ),
    )

    id: Mapped[AutoId]
    merchant: Mapped[Name]
    chat_id: Mapped[Name]
    revision: Mapped[int]
    current: Mapped[bool]
    source: Mapped[Name | None]
    day: Mapped[Day]
    day_assumed: Mapped[bool]
    status: Mapped[Name]
    agent_id: Mapped[Name | None]
    team: Mapped[Name | None]
    channel: Mapped[Name | None]
    customer_id: Mapped[Name | None]
    started_at: Mapped[Micros | None]
    turns: Mapped[int]
    content_hash: Mapped[Hash16]
    imported_at: Mapped[Micros]


class ChatBodyRow(Base):
    """What was said in one revision, by the month of its day. Nothing points here: a month can go as a whole."""

    __tablename__ = "chat_bodies"
    __table_args__ = {"postgresql_partition_by": "LIST (month)"}  # noqa: RUF012 - the way of SQLAlchemy

    month: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    chat_pk: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    body: Mapped[Json]


class QuoteRow(Base):
    """What one inspection quotes of its chat, by the month of the chat's day; findings and opinions hold stars instead.

    As of ``chat_bodies``: nothing points here, and a month can go as a whole.
    """

    __tablename__ = "quotes"
    __table_args__ = {"postgresql_partition_by": "LIST (month)"}  # noqa: RUF012 - the way of SQLAlchemy

    month: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    inspection_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    body: Mapped[Json]


class TextMonthRow(Base):
    """A merchant has, or had, texts in a month, given as a number: 202611."""

    __tablename__ = "text_months"

    month: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    merchant: Mapped[NameKey]


class RulesetRow(Base):
    """A rule pack with its scorecard, exactly as it judged; named by the hash of its content."""

    __tablename__ = "rulesets"

    hash: Mapped[NameKey]
    pack: Mapped[Name]
    version: Mapped[Name]
    content: Mapped[Json]
    published_at: Mapped[Micros]


class PublicationRow(Base):
    """A standard was published for a merchant, or (NULL) for all that have none of their own."""

    __tablename__ = "publications"

    id: Mapped[AutoId]
    ruleset: Mapped[RulesetRef]
    merchant: Mapped[Name | None]
    published_at: Mapped[Micros]
    published_by: Mapped[Name]
    note: Mapped[Name | None]


class NightRow(Base):
    """The night of one merchant and local day, with its lease."""

    __tablename__ = "nights"
    __table_args__ = (UniqueConstraint("merchant", "day"), Index("ix_nights_day", "day", "id"))

    id: Mapped[AutoId]
    merchant: Mapped[Name]
    day: Mapped[Day]
    state: Mapped[Name]
    salt: Mapped[Name]
    policy: Mapped[Json]
    waves: Mapped[int]
    lease_owner: Mapped[Name | None]
    lease_until: Mapped[Micros | None]
    summary: Mapped[Json | None]
    started_at: Mapped[Micros]
    finished_at: Mapped[Micros | None]


class RunRow(Base):
    """One pass of inspection over a night: the night itself, an extension, or a re-scoring."""

    __tablename__ = "runs"

    id: Mapped[AutoId]
    night_id: Mapped[NightRef] = mapped_column(index=True)
    kind: Mapped[Name]
    wave: Mapped[int]
    ruleset: Mapped[RulesetRef]
    state: Mapped[Name]
    summary: Mapped[Json | None]
    started_at: Mapped[Micros]
    finished_at: Mapped[Micros | None]
    model: Mapped[Name | None]


class FrameRow(Base):
    """One chat in the sampling frame of a night, drawn or not."""

    __tablename__ = "frame"

    night_id: Mapped[NightRef] = mapped_column(primary_key=True)
    chat_pk: Mapped[ChatRef] = mapped_column(primary_key=True)
    wave: Mapped[int]
    agent: Mapped[Name]
    channel: Mapped[Name]
    draw_key: Mapped[Hash16]
    reasons: Mapped[Json | None]
    drawn: Mapped[bool]
    probability: Mapped[Real | None]


class StratumRow(Base):
    """Size and draw of one stratum of one wave."""

    __tablename__ = "strata"

    night_id: Mapped[NightRef] = mapped_column(primary_key=True)
    wave: Mapped[int] = mapped_column(primary_key=True)
    agent: Mapped[NameKey]
    channel: Mapped[NameKey]
    size: Mapped[int]
    drawn: Mapped[int]


class InspectionRow(Base):
    """What one run found and scored for one chat."""

    __tablename__ = "inspections"
    __table_args__ = (
        UniqueConstraint("run_id", "chat_pk"),
        Index("ix_inspections_night_id_run_id", "night_id", "run_id"),
    )

    id: Mapped[OwnId]
    run_id: Mapped[RunRef]
    night_id: Mapped[NightRef]
    chat_pk: Mapped[ChatRef] = mapped_column(index=True)
    ruleset: Mapped[RulesetRef]
    score: Mapped[Real | None]
    red_line: Mapped[bool]
    failed: Mapped[int]
    broken: Mapped[Name | None]
    dimensions: Mapped[Json]
    card: Mapped[Json]
    not_applicable: Mapped[Json]
    opinions: Mapped[Json]
    inspected_at: Mapped[Micros]


class FindingRow(Base):
    """One claim of one rule about one inspected chat."""

    __tablename__ = "findings"
    __table_args__ = (Index("ix_findings_rule_inspection_id", "rule", "inspection_id"),)

    id: Mapped[OwnId]
    inspection_id: Mapped[InspectionRef] = mapped_column(index=True)
    rule: Mapped[Name]
    outcome: Mapped[Name]
    severity: Mapped[Name]
    points: Mapped[Real]
    hits: Mapped[int]
    value: Mapped[Real | None]
    message: Mapped[Name]
    evidence: Mapped[Json]


class FlagRow(Base):
    """A named reason why a person should look at an inspection."""

    __tablename__ = "flags"

    inspection_id: Mapped[InspectionRef] = mapped_column(primary_key=True)
    reason: Mapped[NameKey]
    risk: Mapped[Real] = mapped_column(index=True)
    detail: Mapped[Name | None]


_COMMENTED, _AUDIT = "comment IS NOT NULL", "kind = 'audit'"


class ReviewRow(Base):
    """What one person said of one chat, at one time. Only ever added: the same person's later one counts."""

    __tablename__ = "reviews"
    __table_args__ = (
        Index("ix_reviews_reviewer_id", "reviewer", "id"),
        Index("ix_reviews_excellent", "chat_pk", **_where("excellent", "excellent = 1")),  # type: ignore[arg-type]
        Index("ix_reviews_comment", "chat_pk", **_where(_COMMENTED, _COMMENTED)),  # type: ignore[arg-type]
        Index("ix_reviews_audit", "chat_pk", **_where(_AUDIT, _AUDIT)),  # type: ignore[arg-type]
    )

    id: Mapped[AutoId]
    token: Mapped[Name] = mapped_column(unique=True)
    chat_pk: Mapped[ChatRef] = mapped_column(index=True)
    inspection_id: Mapped[InspectionRef | None]
    kind: Mapped[Name]
    reviewer: Mapped[Name]
    reviewed_at: Mapped[Micros] = mapped_column(index=True)
    sentiment: Mapped[Name | None]
    satisfaction: Mapped[Name | None]
    resolution: Mapped[Name | None]
    score: Mapped[Real | None]
    excellent: Mapped[bool | None]
    typical: Mapped[bool | None]
    comment: Mapped[Json | None]


class VerdictRow(Base):
    """What a review says of one finding, or (no finding) of one that was missed."""

    __tablename__ = "verdicts"
    __table_args__ = (
        Index("ix_verdicts_rule_id", "rule", "id"),
        Index("ix_verdicts_verdict", "verdict", "review_id"),
    )

    id: Mapped[AutoId]
    review_id: Mapped[ReviewRef] = mapped_column(index=True)
    finding_id: Mapped[FindingRef | None] = mapped_column(index=True)
    rule: Mapped[Name]
    verdict: Mapped[Name]
    reason: Mapped[Json | None]
    evidence: Mapped[Json | None]


chats = Base.metadata.tables["chats"]
chat_bodies = Base.metadata.tables["chat_bodies"]
quotes = Base.metadata.tables["quotes"]
text_months = Base.metadata.tables["text_months"]
rulesets = Base.metadata.tables["rulesets"]
publications = Base.metadata.tables["publications"]
nights = Base.metadata.tables["nights"]
runs = Base.metadata.tables["runs"]
frame = Base.metadata.tables["frame"]
strata = Base.metadata.tables["strata"]
inspections = Base.metadata.tables["inspections"]
findings = Base.metadata.tables["findings"]
flags = Base.metadata.tables["flags"]
reviews = Base.metadata.tables["reviews"]
verdicts = Base.metadata.tables["verdicts"]
