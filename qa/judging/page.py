"""Everything that one page needs of one inspection, masked for who looks, and hidden where it must be judged blind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import orjson
from sqlalchemy import Connection, Engine

from qa.errors import NotFoundError
from qa.judging.rescoring import Claimed, Scorer, rules_of
from qa.judging.timeline import Point, Timeline, course, timeline
from qa.judging.transcript import Bubble, Cited, bubbles, words_of
from qa.ledger import Ledger, ledger_of, visible
from qa.models.stored import expanded
from qa.people import Place
from qa.policy import Policy
from qa.privacy import MaskPolicy, mask_chat, mask_json
from qa.rules.context import make_context
from qa.rules.drafts import fill_message
from qa.rules.inspector import Standard, repeated_in_english
from qa.rules.pack import Bilingual, Rule
from qa.rules.view import Context
from qa.scoring import Score
from qa.store import inspected, inspections, nights, reviews
from qa.store.chats import StoredChat, get_chat
from qa.store.inspected import State, Where
from qa.store.inspections import History
from qa.store.reviews import Review
from qa.store.session import read_tx
from qa.types import Chat, Evidence, Result, Severity

COLOURS = 6
"""How many colours of evidence there are; findings take them in turn."""
_CLAIMS = ("failed", "bonus")
_GRAVITY = tuple(Severity)


class Viewer(NamedTuple):
    """Who looks. ``judges``: may review; ``oversees``: sees what others answered in blind reviews."""

    name: str
    policy: MaskPolicy
    judges: bool = False
    oversees: bool = False


class Finding(NamedTuple):
    """One claim of the machine's, numbered as in the transcript."""

    number: int
    id: int
    rule: Rule
    outcome: str
    severity: str
    points: float
    hits: int
    message: str
    english: str | None
    """The message in English; None where only the stored one is known."""
    evidence: tuple[Evidence, ...]

    @property
    def colour(self) -> int:
        """Which of the colours of evidence, from 1."""
        return (self.number - 1) % COLOURS + 1


class Flagged(NamedTuple):
    """Why a person should look."""

    reason: str
    risk: float
    detail: str | None


class Sampling(NamedTuple):
    """How the chat came into the sample; ``reasons`` None: drawn at random."""

    day: str
    wave: int
    reasons: tuple[str, ...] | None
    probability: float | None


class Machine(NamedTuple):
    """What the machine says of the chat."""

    findings: tuple[Finding, ...]
    flags: tuple[Flagged, ...]
    card: Score | None
    """None: broken, or nothing applied."""
    broken: str | None
    not_applicable: dict[str, tuple[str, ...]]
    """Reason → rules."""
    opinions: dict[str, dict[str, Any]]
    """By task: what it thinks of the whole chat."""
    course: tuple[Point, ...]
    model: str | None


class Preview(NamedTuple):
    """The machine's score and what it becomes, None for who must judge blind and for a broken chat; rules' names."""

    before: Score | None
    after: Score | None
    names: dict[str, Bilingual]


class Page(NamedTuple):
    """One inspection as somebody sees it. ``machine`` None: it waits for a blind review."""

    id: int
    where: Where
    stored: StoredChat
    chat: Chat
    """Masked."""
    history: History
    standard: Standard
    machine: Machine | None
    sampling: Sampling | None
    audit: bool
    bubbles: tuple[Bubble, ...]
    ledger: Ledger
    timeline: Timeline | None
    reviews: tuple[Review, ...]
    state: State
    rules: tuple[Rule, ...]
    """Those that can be said to have been missed."""

    @property
    def blind(self) -> bool:
        """Whether the machine's side is hidden."""
        return self.machine is None

    @property
    def newer(self) -> int | None:
        """A later inspection of the same chat, if there is one."""
        return self.state.inspection if self.state.inspection > self.id else None

    def last_of(self, reviewer: str) -> Review | None:
        """What this person said of the chat last."""
        return next((one for one in reversed(self.reviews) if one.reviewer == reviewer), None)

    @property
    def last_verdicts(self) -> Review | None:
        """The newest review that judges findings: what the score of the chat rests on."""
        return next((one for one in reversed(self.reviews) if one.verdicts), None)


def place_of(connection: Connection, inspection: int) -> Place | None:
    """Where an inspection lies, None where there is none."""
    found = inspected.where(connection, inspection)
    return None if found is None else Place(found.merchant, found.team, found.agent_id)


def open_page(engine: Engine, inspection: int, viewer: Viewer, zone: ZoneInfo) -> Page:
    """Return what the page of this inspection shows to ``viewer``. Raises NotFoundError where there is none."""
    with read_tx(engine) as connection:
        return read_page(connection, inspection, viewer, zone)


def preview(
    engine: Engine, inspection: int, viewer: Viewer, overturned: Sequence[int], missed: dict[str, int]
) -> Preview:
    """Return what the score becomes: findings overturned by key, rules missed (rule → how often)."""
    with read_tx(engine) as connection:
        raw = read_raw(connection, inspection)
        if is_blind(connection, raw.where, viewer) or raw.history.broken is not None:
            return Preview(None, None, {})
    without = {row.rule for row in raw.claims if row.id in set(overturned)}
    names = {rule.id: rule.name for rule in raw.standard.pack.rules}
    return Preview(raw.scorer.final(), raw.scorer.final(without, missed), names)


class Raw(NamedTuple):
    """One inspection as it is stored, with the standard that judged it."""

    where: Where
    history: History
    standard: Standard
    details: inspections.Details

    @property
    def claims(self) -> list[Any]:
        """The rows of findings that claim something."""
        return [row for row in self.details.findings if row.outcome in _CLAIMS]

    @property
    def scorer(self) -> Scorer:
        """What scores it."""
        claimed = [Claimed(row.rule, row.hits, row.points) for row in self.claims]
        return Scorer(self.standard, claimed, self.history.not_applicable)


def read_raw(connection: Connection, inspection: int) -> Raw:
    """Read one inspection. Raises NotFoundError where there is none."""
    where = inspected.where(connection, inspection)
    if where is None:
        raise NotFoundError(f"there is no inspection {inspection}")
    history = next(
        one for one in inspections.inspections_of(connection, where.merchant, where.chat_id) if one.id == inspection
    )
    details = inspections.details(connection, [inspection])[inspection]
    return Raw(where, history, _standard(connection, history.ruleset), details)


def is_blind(connection: Connection, where: Where, viewer: Viewer) -> bool:
    """Whether what the machine says of the chat is hidden from this viewer.

    An audit chat is blind for every reviewer until he has answered; who oversees, or does not review at all, sees it
    once anybody has: told before, it could reach the reviewer by the grapevine.
    """
    drawn = inspected.drawn_for_audit(connection, where.merchant, where.chat_id)
    return drawn and _unanswered(connection, where, viewer)


def _unanswered(connection: Connection, where: Where, viewer: Viewer) -> bool:
    who = viewer.name if viewer.judges and not viewer.oversees else None
    return not inspected.answered_blind(connection, where.merchant, where.chat_id, who)


def state_of(connection: Connection, where: Where, viewer: Viewer, *, blind: bool) -> State:
    """What is newest of the chat, as far as this viewer may know."""
    return inspected.state(connection, where.merchant, where.chat_id, viewer.name if blind else None)


def read_page(connection: Connection, inspection: int, viewer: Viewer, zone: ZoneInfo) -> Page:
    """``open_page`` in a transaction."""
    raw = read_raw(connection, inspection)
    where, history = raw.where, raw.history
    stored = get_chat(connection, where.chat_id, where.merchant, where.revision)
    sample = inspected.sampled(connection, inspection)
    audit = inspected.drawn_for_audit(connection, where.merchant, where.chat_id)
    blind = audit and _unanswered(connection, where, viewer)
    context = _context_of(connection, history.night_id, where.merchant, stored.day, history.ruleset, zone)
    rows = visible(stored.chat.messages)
    ledger = ledger_of(rows, context.ledger)
    opinions = [] if blind else expanded(raw.details.opinions)
    machine = None if blind else _machine(connection, raw, stored.chat, viewer.policy, opinions)
    chat = mask_chat(stored.chat, viewer.policy)
    cited = () if machine is None else [Cited(one.number, one.evidence) for one in machine.findings]
    fired = () if machine is None else {one.rule.id for one in machine.findings}
    return Page(
        id=inspection,
        where=where,
        stored=stored,
        chat=chat,
        history=history,
        standard=raw.standard,
        machine=machine,
        sampling=None if sample is None else _sampling(sample, blind=blind),
        audit=audit,
        bubbles=bubbles(chat, cited, words_of(opinions)),
        ledger=ledger,
        timeline=timeline(rows, ledger, context),
        reviews=_reviews(connection, raw, stored.chat, viewer, blind=blind),
        state=state_of(connection, where, viewer, blind=blind),
        rules=tuple(rules_of(raw.standard, stored.day, fired)),
    )


def _machine(
    connection: Connection, raw: Raw, chat: Chat, policy: MaskPolicy, opinions: list[dict[str, Any]]
) -> Machine:
    history = raw.history
    by_reason: dict[str, tuple[str, ...]] = {}
    for rule, reason in history.not_applicable.items():
        by_reason[reason] = (*by_reason.get(reason, ()), rule)
    return Machine(
        findings=_findings(raw, chat, policy),
        flags=tuple(Flagged(row.reason, row.risk, row.detail) for row in raw.details.flags),
        card=None if history.broken is not None or history.score is None else raw.scorer.final(),
        broken=history.broken,
        not_applicable=by_reason,
        opinions={one["of"]: one for one in opinions if one["turn"] is None},
        course=course(opinions),
        model=inspected.model_of(connection, history.run_id),
    )


def _findings(raw: Raw, chat: Chat, policy: MaskPolicy) -> tuple[Finding, ...]:
    """What the machine claims, the gravest first; the numbers follow that order."""
    rules = {rule.id: rule for rule in raw.standard.pack.rules}
    places = {row.id: orjson.loads(row.evidence) for row in raw.claims}
    claims = sorted(raw.claims, key=lambda row: _gravity(rules[row.rule], row, places[row.id]))
    told = [
        {"message": row.message, "english": _english(rules[row.rule], row, places[row.id]), "evidence": places[row.id]}
        for row in claims
    ]
    masked = mask_json(told, policy=policy, chat=chat)
    return tuple(
        Finding(
            number, row.id, rules[row.rule], row.outcome, row.severity, row.points, row.hits, said["message"],
            said["english"], tuple(Evidence(**place) for place in said["evidence"]),
        )
        for number, (row, said) in enumerate(zip(claims, masked, strict=True), start=1)
    )  # fmt: skip


def _gravity(rule: Rule, row: Any, places: Sequence[dict[str, Any]]) -> tuple[Any, ...]:
    """What findings are ordered by: red lines, severity, praise last; of the same, as they stand in the chat."""
    first = (places[0]["turn"], places[0]["start"]) if places else (-1, 0)
    return (not rule.red_line, row.outcome == Result.BONUS, -_GRAVITY.index(row.severity), first, row.id)


def _english(rule: Rule, row: Any, places: Sequence[dict[str, Any]]) -> str | None:
    """The message in English, filled with what filled the stored one; None where that cannot be told."""
    evidence = tuple(Evidence(**place) for place in places)
    stored = fill_message(rule.message.zh, evidence, row.hits, row.value)
    if not row.message.startswith(stored):
        return None
    english = fill_message(rule.message.en, evidence, row.hits, row.value)
    return repeated_in_english(english, row.message.removeprefix(stored))


def _sampling(sample: inspected.Sampled, *, blind: bool) -> Sampling:
    """How the chat was drawn; what targeted it stays unsaid where that would tell what the rules found."""
    reasons = None if sample.reasons is None or blind else tuple(orjson.loads(sample.reasons))
    return Sampling(sample.day, sample.wave, reasons, sample.probability)


def _reviews(connection: Connection, raw: Raw, chat: Chat, viewer: Viewer, *, blind: bool) -> tuple[Review, ...]:
    """What people said of this revision; nothing of what others said where the chat is judged blind."""
    said = reviews.history_of(connection, raw.history.chat_pk)
    return tuple(_masked(one, chat, viewer.policy) for one in said if not blind or one.reviewer == viewer.name)


def _masked(review: Review, chat: Chat, policy: MaskPolicy) -> Review:
    told = {
        "comment": review.comment,
        "verdicts": [
            {"reason": one.reason, "evidence": [msgspec.to_builtins(place) for place in one.evidence]}
            for one in review.verdicts
        ],
    }
    masked = mask_json(told, policy=policy, chat=chat)
    verdicts = tuple(
        one._replace(reason=said["reason"], evidence=tuple(Evidence(**place) for place in said["evidence"]))
        for one, said in zip(review.verdicts, masked["verdicts"], strict=True)
    )
    return review._replace(comment=masked["comment"], verdicts=verdicts)


# --- what is the same for many chats, kept ---------------------------------------------------------------------------

_MOST_KEPT = 32
_K = TypeVar("_K")
_V = TypeVar("_V")
_standards: dict[str, Standard] = {}
_contexts: dict[tuple[str, bytes, str], Context] = {}


def _standard(connection: Connection, ruleset: str) -> Standard:
    """The standard of that name; the name is the hash of its content, so it never changes."""
    known = _standards.get(ruleset)
    if known is None:
        known = _keep(_standards, ruleset, Standard.model_validate(nights.ruleset_content(connection, ruleset)))
    return known


def _context_of(
    connection: Connection, night_id: int, merchant: str, day: str, ruleset: str, zone: ZoneInfo
) -> Context:
    """What decides on waits: the policy of the night, the standard's word lists."""
    night = nights.find_night(connection, merchant, day)
    policy = b"{}" if night is None or night.id != night_id else orjson.dumps(night.policy)
    key = (ruleset, policy, zone.key)
    known = _contexts.get(key)
    if known is None:
        chosen = Policy.from_snapshot(orjson.loads(policy))
        own = zone if chosen.timezone is None else ZoneInfo(chosen.timezone)
        known = _keep(_contexts, key, make_context(_standard(connection, ruleset).pack, chosen, own))
    return known


def _keep(kept: dict[_K, _V], key: _K, value: _V) -> _V:
    """Put a value beside the others; the oldest ones go."""
    while len(kept) >= _MOST_KEPT:
        kept.pop(next(iter(kept)), None)
    kept[key] = value
    return value
