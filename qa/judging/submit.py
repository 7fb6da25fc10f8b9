"""Adding a review: checked against what the chat is now, stored once however often it is sent, never changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from qa.errors import QaError
from qa.judging.page import Raw, Viewer, is_blind, read_raw, state_of
from qa.judging.rescoring import rules_of
from qa.models.opinions import LABELS, Task
from qa.models.reviews import Kind, Word
from qa.store import audit, inspected, reviews
from qa.store.audit import Act
from qa.store.chats import StoredChat, get_chat
from qa.store.reviews import Review, Verdict
from qa.store.session import write_tx
from qa.types import Chat, Evidence

__all__ = ["Draft", "Given", "Missing", "ReviewError", "StaleError", "Submitted", "reveal", "submit"]

LONGEST_TEXT = 10_000
LONGEST_TOKEN = 64
MOST_PLACES = 100


class Problem(StrEnum):
    """What is wrong with a submission."""

    VERDICT = "verdict"
    REASON = "reason"
    RULE = "rule"
    PLACE = "place"
    LABEL = "label"
    LONG = "long"
    TOKEN = "token"  # noqa: S105 - the name of a field


class ReviewError(QaError):
    """A submission says something that cannot be said of this chat; ``problem`` and ``about`` tell what."""

    def __init__(self, problem: Problem, about: str = "") -> None:
        """Make the error; ``about`` is a rule, field or key."""
        super().__init__(f"{problem.value}: {about}")
        self.problem, self.about = problem, about


class StaleError(QaError):
    """The chat has a newer inspection, revision or review than the page that was judged by."""

    status = 409

    def __init__(self, reviewer: str | None) -> None:
        """Make the error; ``reviewer``: who reviewed it in between, None: it was imported or inspected anew."""
        super().__init__("the chat has changed since the page was opened: look again, then decide")
        self.reviewer = reviewer


class Given(NamedTuple):
    """A verdict on a finding of the machine's."""

    finding: int
    word: str
    reason: str | None = None


class Missing(NamedTuple):
    """A rule that should have fired; ``places`` are (turn, start, end) in the original."""

    rule: str
    places: tuple[tuple[int, int, int], ...] = ()
    note: str | None = None


class Draft(NamedTuple):
    """What a reviewer sends. ``state`` is that of the page it was judged by; None: did not say."""

    token: str
    state: str
    given: tuple[Given, ...] = ()
    missing: tuple[Missing, ...] = ()
    sentiment: str | None = None
    satisfaction: str | None = None
    resolution: str | None = None
    comment: str | None = None
    excellent: bool = False
    typical: bool = False


class Submitted(NamedTuple):
    """What became of it; ``new`` False: it was stored before."""

    id: int
    new: bool
    score: float | None


def written(state: inspected.State) -> str:
    """The state as a page carries it."""
    return ".".join(str(one) for one in state)


def submit(engine: Engine, act: Act, inspection: int, viewer: Viewer, draft: Draft) -> Submitted:
    """Add a review by ``viewer`` of what this inspection judged.

    Raises:
        StaleError: the chat has changed since.
        TokenTakenError: the token belongs to another review.
        ReviewError: a verdict, label or place is none of this chat's.
        NotFoundError: there is no such inspection.
    """
    if not 0 < len(draft.token) <= LONGEST_TOKEN:
        raise ReviewError(Problem.TOKEN)
    with write_tx(engine) as connection:
        raw = read_raw(connection, inspection)
        inspected.hold(connection, raw.history.chat_pk)
        known = inspected.sent(connection, draft.token)
        if known is not None:
            return _again(connection, act, raw, known)
        blind = is_blind(connection, raw.where, viewer)
        _refuse_stale(connection, raw, viewer, draft, blind=blind)
        review = _review(connection, raw, act, draft, blind=blind)
        added = reviews.add_review(connection, review)
        facts = {"review": added.id, "kind": review.kind, "verdicts": len(review.verdicts), "score": review.score}
        audit.append(connection, act, "review.add", f"inspection:{inspection}", facts)
        return Submitted(added.id, new=True, score=review.score)


def reveal(engine: Engine, act: Act, inspection: int) -> None:
    """Write into the audit log that somebody looks at a chat as it was written."""
    with write_tx(engine) as connection:
        read_raw(connection, inspection)
        audit.append(connection, act, "chat.reveal", f"inspection:{inspection}")


def _again(connection: Connection, act: Act, raw: Raw, known: inspected.Sent) -> Submitted:
    if (known.chat_pk, known.reviewer) != (raw.history.chat_pk, act.by):
        raise reviews.TokenTakenError("this submission's token belongs to another review: nothing was stored")
    audit.append(connection, act, "review.repeat", f"inspection:{raw.history.id}", {"review": known.id})
    return Submitted(known.id, new=False, score=None)


def _refuse_stale(connection: Connection, raw: Raw, viewer: Viewer, draft: Draft, *, blind: bool) -> None:
    now = state_of(connection, raw.where, viewer, blind=blind)
    if draft.state == written(now):
        return
    seen = draft.state.rpartition(".")[2]
    said = reviews.history_of(connection, raw.history.chat_pk)
    raise StaleError(said[-1].reviewer if said and not blind and seen != str(now.review) else None)


def _review(connection: Connection, raw: Raw, act: Act, draft: Draft, *, blind: bool) -> Review:
    stored = get_chat(connection, raw.where.chat_id, raw.where.merchant, raw.where.revision)
    claims = {row.id: row.rule for row in raw.claims}
    given = () if blind else tuple(_given(one, claims) for one in draft.given)
    missed = tuple(_missed(draft.missing, raw, stored, blind=blind))
    if len({one.finding_id for one in given}) < len(given):
        raise ReviewError(Problem.VERDICT)
    return Review(
        token=draft.token,
        chat_pk=raw.history.chat_pk,
        kind=(Kind.AUDIT if blind else Kind.QUEUE).value,
        reviewer=act.by,
        reviewed_at=act.at,
        inspection_id=None if blind else raw.history.id,
        sentiment=_label(Task.SENTIMENT, draft.sentiment),
        satisfaction=_label(Task.SATISFACTION, draft.satisfaction),
        resolution=_label(Task.RESOLUTION, draft.resolution),
        score=None if blind else _score(raw, given, missed),
        excellent=True if draft.excellent else None,
        typical=True if draft.typical else None,
        comment=_text("comment", draft.comment),
        verdicts=(*given, *missed),
    )


def _score(raw: Raw, given: Sequence[Verdict], missed: Sequence[Verdict]) -> float | None:
    if raw.history.broken is not None:
        return None
    overturned = {one.rule for one in given if one.verdict == Word.OVERTURN}
    return raw.scorer.final(overturned, {one.rule: max(len(one.evidence), 1) for one in missed}).total


def _given(one: Given, claims: dict[int, str]) -> Verdict:
    rule = claims.get(one.finding)
    if rule is None or one.word not in (Word.CONFIRM, Word.OVERTURN, Word.UNSURE):
        raise ReviewError(Problem.VERDICT, str(one.finding))
    reason = _text("reason", one.reason)
    if one.word == Word.OVERTURN and reason is None:
        raise ReviewError(Problem.REASON, rule)
    return Verdict(rule, one.word, one.finding, reason)


def _missed(missing: Sequence[Missing], raw: Raw, stored: StoredChat, *, blind: bool) -> Iterator[Verdict]:
    """One verdict a rule; in a blind review one that the machine had found too confirms it."""
    fired = {row.rule: row.id for row in raw.claims}
    rules = {rule.id for rule in rules_of(raw.standard, stored.day)}
    seen: dict[str, list[Missing]] = {}
    for one in missing:
        if one.rule not in rules or (one.rule in fired and not blind):
            raise ReviewError(Problem.RULE, one.rule)
        seen.setdefault(one.rule, []).append(one)
    for rule, every in seen.items():
        places = list(dict.fromkeys(place for one in every for place in one.places))
        if len(places) > MOST_PLACES:
            raise ReviewError(Problem.PLACE, rule)
        note = _text("reason", "\n".join(one.note for one in every if one.note))
        word = Word.CONFIRM if rule in fired else Word.MISSED
        evidence = tuple(_place(rule, place, stored.chat) for place in places)
        yield Verdict(rule, word.value, fired.get(rule), note, evidence)


def _place(rule: str, place: tuple[int, int, int], chat: Chat) -> Evidence:
    turn, start, end = place
    if not (0 <= turn < len(chat.messages) and 0 <= start < end <= len(chat.messages[turn].text)):
        raise ReviewError(Problem.PLACE, rule)
    return Evidence(turn, start, end, chat.messages[turn].text[start:end])


def _label(task: Task, value: str | None) -> str | None:
    if value is not None and value not in LABELS[task]:
        raise ReviewError(Problem.LABEL, task.value)
    return value


def _text(field: str, value: str | None) -> str | None:
    if value is None or not value.strip():
        return None
    if len(value) > LONGEST_TEXT:
        raise ReviewError(Problem.LONG, field)
    return value
