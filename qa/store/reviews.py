"""What people said of chats: reviews with their verdicts, only ever added, and read back by chat and in pages.

The machine's claims are in ``qa.store.inspections``; nothing here changes them. ``kind`` and ``verdict`` are the words
of ``qa.models.reviews``; the store keeps them as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Table,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite

from qa.errors import QaError
from qa.store.chats import decode_body
from qa.store.settled import adds_reviews
from qa.store.tables import chats, findings, flags, inspections, reviews, verdicts
from qa.store.texts import BODY, TEXT_THERE
from qa.types import Chat, Evidence, FlagReason, Instant

PAGE = 200
"""Chats read at a time by the readers that page by themselves."""

AUDIT = "audit"
"""The kind of a blind review of a clean chat."""

_IN_LIST = 500
_encode = msgspec.json.Encoder().encode
_decode_text = msgspec.json.Decoder(str).decode
_decode_evidence = msgspec.json.Decoder(tuple[Evidence, ...]).decode


class TokenTakenError(QaError):
    """The token of a submission belongs to a review of another chat or by another person."""

    status = 409


class Verdict(NamedTuple):
    """What a review says of one rule in the chat. ``finding_id`` None: it was missed, so there is none."""

    rule: str
    verdict: str
    finding_id: int | None = None
    reason: str | None = None
    evidence: tuple[Evidence, ...] = ()
    """Where the reviewer saw what was missed."""


class Review(NamedTuple):
    """What one person said of one revision of a chat, at one time; ``None``: did not say."""

    token: str
    """Chosen by whoever submits, so that a submission sent twice is one row."""
    chat_pk: int
    kind: str
    reviewer: str
    reviewed_at: Instant
    inspection_id: int | None = None
    """The inspection that was looked at; None: none was, as in a blind review."""
    sentiment: str | None = None
    satisfaction: str | None = None
    resolution: str | None = None
    score: float | None = None
    excellent: bool | None = None
    typical: bool | None = None
    """A problem worth showing to others."""
    comment: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    id: int | None = None
    """Key in the store; None: not stored yet."""


class Added(NamedTuple):
    """The key of a review; ``new`` False: its token was there already, and nothing was written."""

    id: int
    new: bool


class ReviewedChat(NamedTuple):
    """One revision of a chat with every review of it, in the order they were added."""

    pk: int
    merchant: str
    chat_id: str
    revision: int
    audit: bool
    """It (or another revision of it) was drawn for audit or reviewed as such: no model may learn from it."""
    chat: Chat
    reviews: tuple[Review, ...]


class Unreviewed(NamedTuple):
    """An inspected chat that nobody has reviewed."""

    pk: int
    merchant: str
    chat_id: str
    day: str
    chat: Chat


class Claims(NamedTuple):
    """The latest inspection of a revision and what its rules claim: rule → finding."""

    inspection_id: int
    findings: dict[str, int]


# --- writing ---------------------------------------------------------------------------------------------------------


def add_review(connection: Connection, review: Review) -> Added:
    """Add a review with its verdicts; one whose token is stored already changes nothing.

    Raises:
        TokenTakenError: the token is that of another person's review, or of another chat's.
    """
    values = {name: getattr(review, name) for name in _COLUMNS} | {"comment": _text(review.comment)}
    adds_reviews(connection)
    statement = _insert(connection, reviews).values(values).on_conflict_do_nothing().returning(reviews.c.id)
    key = connection.execute(statement).scalar()
    if key is None:
        return _already(connection, review)
    rows = [
        {
            "review_id": key, "finding_id": one.finding_id, "rule": one.rule, "verdict": one.verdict,
            "reason": _text(one.reason), "evidence": _encode(one.evidence) if one.evidence else None,
        }
        for one in review.verdicts
    ]  # fmt: skip
    if rows:
        connection.execute(insert(verdicts), rows)
    return Added(int(key), new=True)


_COLUMNS = (
    "token", "chat_pk", "kind", "reviewer", "reviewed_at", "inspection_id", "sentiment", "satisfaction", "resolution",
    "score", "excellent", "typical",
)  # fmt: skip


def _insert(connection: Connection, table: Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _already(connection: Connection, review: Review) -> Added:
    c = reviews.c
    stored = connection.execute(select(c.id, c.chat_pk, c.reviewer).where(c.token == review.token)).one()
    if (stored.chat_pk, stored.reviewer) != (review.chat_pk, review.reviewer):
        raise TokenTakenError("this submission's token belongs to another review: nothing was stored")
    return Added(int(stored.id), new=False)


def _text(value: str | None) -> bytes | None:
    return None if value is None else _encode(value)


# --- reading ---------------------------------------------------------------------------------------------------------


def history_of(connection: Connection, chat_pk: int) -> tuple[Review, ...]:
    """Every review of one revision, in the order they were added."""
    return _by_chat(connection, [chat_pk]).get(chat_pk, ())


def reviews_of(connection: Connection, chat_pks: Iterable[int]) -> dict[int, tuple[Review, ...]]:
    """Revision → the latest review of each reviewer, by name; revisions that nobody reviewed are left out.

    The latest is the one of the latest time, of two at one time the one added last.
    """
    found: dict[int, tuple[Review, ...]] = {}
    for pks in _slices(tuple(chat_pks)):
        for pk, every in _by_chat(connection, pks).items():
            latest: dict[str, Review] = {}
            for one in sorted(every, key=lambda review: (review.reviewed_at, review.id)):
                latest[one.reviewer] = one
            found[pk] = tuple(latest[name] for name in sorted(latest))
    return found


def same_review(connection: Connection, merchant: str, chat_id: str, review: Review) -> Review | None:
    """The stored review of any revision of this chat by the same person at the same time and of the same kind."""
    revisions = select(chats.c.id).where(chats.c.merchant == merchant, chats.c.chat_id == chat_id)
    # by chat alone, and compared here: by reviewer a database reads all that this person ever said
    rows = connection.execute(
        select(reviews)
        .where(reviews.c.chat_pk.in_(connection.execute(revisions).scalars().all()))
        .order_by(reviews.c.id)
    )
    wanted = (review.reviewer, review.reviewed_at, review.kind)
    found = [row for row in rows if (row.reviewer, row.reviewed_at, row.kind) == wanted][:1]
    return _with_verdicts(connection, found)[0] if found else None


def iter_reviewed(connection: Connection, merchant: str | None = None, page: int = PAGE) -> Iterator[ReviewedChat]:
    """Every reviewed revision with its chat and all its reviews, by key; memory holds one page."""
    after = 0
    while True:
        c = chats.c
        query = select(c.id, c.merchant, c.chat_id, c.revision, BODY.label("body")).where(
            c.id > after, exists().where(reviews.c.chat_pk == c.id), TEXT_THERE
        )
        if merchant is not None:
            query = query.where(c.merchant == merchant)
        rows = connection.execute(query.order_by(c.id).limit(page)).all()
        pks = [row.id for row in rows]
        said, audited = _by_chat(connection, pks), audit_chats(connection, pks)
        for row in rows:
            chat = decode_body(bytes(row.body))
            yield ReviewedChat(
                row.id, row.merchant, row.chat_id, row.revision, row.id in audited, chat, said[row.id]
            )  # fmt: skip
        if len(rows) < page:
            return
        after = pks[-1]


def audit_chats(connection: Connection, chat_pks: Sequence[int]) -> set[int]:
    """Those revisions whose chat, in any revision, was drawn for audit or reviewed as audit."""
    found: set[int] = set()
    this, sibling = chats.alias("this"), chats.alias("sibling")
    for pks in _slices(chat_pks):
        query = select(this.c.id).join(
            sibling, (sibling.c.merchant == this.c.merchant) & (sibling.c.chat_id == this.c.chat_id)
        )
        found.update(connection.execute(query.where(this.c.id.in_(pks), _audited(sibling))).scalars())
    return found


def _audited(chat: Any) -> ColumnElement[bool]:
    drawn = exists().where(
        inspections.c.chat_pk == chat.c.id,
        flags.c.inspection_id == inspections.c.id,
        flags.c.reason == FlagReason.AUDIT.value,
    )
    return or_(exists().where(reviews.c.chat_pk == chat.c.id, reviews.c.kind == AUDIT), drawn)


def iter_unreviewed(
    connection: Connection, merchant: str | None = None, days: tuple[str, str] | None = None, page: int = PAGE
) -> Iterator[Unreviewed]:
    """Inspected current chats that nobody has reviewed in any revision, audit chats left out; the newest first.

    ``days``: only chats of these local days, first and last.
    """
    before: int | None = None
    sibling = chats.alias("sibling")
    same = (sibling.c.merchant == chats.c.merchant) & (sibling.c.chat_id == chats.c.chat_id)
    reviewed = exists().where(same, reviews.c.chat_pk == sibling.c.id)
    c = chats.c
    while True:
        query = select(c.id, c.merchant, c.chat_id, c.day, BODY.label("body")).where(
            c.current == true(), exists().where(inspections.c.chat_pk == c.id), ~reviewed, TEXT_THERE
        )
        query = query if merchant is None else query.where(c.merchant == merchant)
        query = query if days is None else query.where(c.day.between(*days))
        query = query if before is None else query.where(c.id < before)
        rows = connection.execute(query.order_by(c.id.desc()).limit(page)).all()
        audited = audit_chats(connection, [row.id for row in rows])
        for row in rows:
            if row.id not in audited:
                yield Unreviewed(row.id, row.merchant, row.chat_id, row.day, decode_body(bytes(row.body)))
        if len(rows) < page:
            return
        before = rows[-1].id


def claims_of(connection: Connection, chat_pk: int) -> Claims | None:
    """The latest inspection of a revision with the findings that fired; None: it was never inspected."""
    newest = connection.execute(select(func.max(inspections.c.id)).where(inspections.c.chat_pk == chat_pk)).scalar()
    if newest is None:
        return None
    query = select(findings.c.rule, findings.c.id).where(
        findings.c.inspection_id == newest, findings.c.outcome.in_(("failed", "bonus"))
    )
    return Claims(int(newest), {row.rule: row.id for row in connection.execute(query)})


def count_reviews(connection: Connection) -> int:
    """How many reviews are stored, replaced ones included."""
    return int(connection.execute(select(func.count()).select_from(reviews)).scalar_one())


_OF_CHATS = (
    select(reviews)
    .where(reviews.c.chat_pk.in_(bindparam("qa_chats", expanding=True, type_=BigInteger)))
    .order_by(reviews.c.id)
)


def _by_chat(connection: Connection, chat_pks: Sequence[int]) -> dict[int, tuple[Review, ...]]:
    found: defaultdict[int, list[Review]] = defaultdict(list)
    for pks in _slices(chat_pks):
        rows = connection.execute(_OF_CHATS, {"qa_chats": list(pks)}).all()
        for review in _with_verdicts(connection, rows):
            found[review.chat_pk].append(review)
    return {pk: tuple(every) for pk, every in found.items()}


def _with_verdicts(connection: Connection, rows: Sequence[Row[Any]]) -> list[Review]:
    given: defaultdict[int, list[Verdict]] = defaultdict(list)
    for keys in _slices([row.id for row in rows]):
        query = select(verdicts).where(verdicts.c.review_id.in_(keys)).order_by(verdicts.c.id)
        for row in connection.execute(query):
            evidence = () if row.evidence is None else _decode_evidence(row.evidence)
            given[row.review_id].append(
                Verdict(row.rule, row.verdict, row.finding_id, _words(row.reason), evidence)
            )  # fmt: skip
    return [_review(row, tuple(given[row.id])) for row in rows]


def _review(row: Row[Any], said: tuple[Verdict, ...]) -> Review:
    return Review(
        token=row.token,
        chat_pk=row.chat_pk,
        kind=row.kind,
        reviewer=row.reviewer,
        reviewed_at=row.reviewed_at,
        inspection_id=row.inspection_id,
        sentiment=row.sentiment,
        satisfaction=row.satisfaction,
        resolution=row.resolution,
        score=row.score,
        excellent=None if row.excellent is None else bool(row.excellent),
        typical=None if row.typical is None else bool(row.typical),
        comment=_words(row.comment),
        verdicts=said,
        id=row.id,
    )


def _words(value: bytes | None) -> str | None:
    return None if value is None else _decode_text(value)


def _slices(values: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(values), _IN_LIST):
        yield values[start : start + _IN_LIST]
