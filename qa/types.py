"""The nouns of the domain, as immutable values.

Units used everywhere:

* an *instant* is an ``int``: microseconds since 1970-01-01T00:00:00Z. Differences are exact;
* a duration is a ``float`` in seconds;
* ``turn`` is a 0-based index into ``Chat.messages``; ``start``/``end`` count Unicode code points;
* ``None`` always means *unknown*, never zero and never "no".

``msgspec.Struct`` is used instead of ``dataclass`` because a stored chat of 20 messages then decodes,
type-checked, in about 5 µs (docs/decisions/0002-msgspec.md).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

Instant = int
"""Microseconds since the Unix epoch, UTC."""

MICROSECONDS = 1_000_000


class Role(StrEnum):
    """Who wrote a message."""

    CUSTOMER = "customer"
    AGENT = "agent"
    BOT = "bot"
    SYSTEM = "system"


class Status(StrEnum):
    """Whether the conversation has ended; only closed chats enter the sampling frame."""

    CLOSED = "closed"
    OPEN = "open"


class Dimension(StrEnum):
    """The four dimensions of the balanced scorecard."""

    TIMELINESS = "timeliness"
    PROFESSIONALISM = "professionalism"
    SATISFACTION = "satisfaction"
    PROCESS = "process"


class Severity(StrEnum):
    """How serious a rule's violation is; drives the risk order of the review queue."""

    INFO = "info"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class FlagReason(StrEnum):
    """Why a person should look at an inspected chat."""

    RED_LINE = "red_line"
    RULE_FAILED = "rule_failed"
    LOW_SCORE = "low_score"
    MODEL_RISK = "model_risk"
    MODEL_UNSURE = "model_unsure"
    EXCELLENT = "excellent"
    AUDIT = "audit"
    BROKEN = "broken"


class _Value(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Base of all values: immutable, compact when encoded, unknown fields ignored when decoded."""


class Agent(_Value, frozen=True):
    """The human agent who served the chat."""

    id: str | None = None
    name: str | None = None
    team: str | None = None


class Customer(_Value, frozen=True):
    """The customer, by the source's own id."""

    id: str | None = None
    tier: str | None = None


class Outcome(_Value, frozen=True):
    """What the source knows of the chat's business result; ``order_amount`` in currency units."""

    resolved: bool | None = None
    converted: bool | None = None
    order_amount: float | None = None


class Followup(_Value, frozen=True):
    """A contact after the chat's end (survey, call-back …)."""

    at: Instant | None = None
    kind: str | None = None


class Message(_Value, frozen=True):
    """One message. ``kind`` is ``text`` or what the source calls it (``image``, ``transfer``, ``closed`` …)."""

    role: Role
    text: str
    at: Instant | None = None
    kind: str = "text"
    withdrawn: bool = False
    private: bool = False
    id: str | None = None
    extra: dict[str, Any] | None = None
    """Fields of the source that we do not know, kept for export."""


class Chat(msgspec.Struct, frozen=True, omit_defaults=True):
    """One conversation as imported. Its local day is decided at import and kept by the store."""

    id: str
    messages: tuple[Message, ...]
    merchant: str = "default"
    channel: str | None = None
    agent: Agent = Agent()
    customer: Customer = Customer()
    started_at: Instant | None = None
    ended_at: Instant | None = None
    status: Status = Status.CLOSED
    csat: float | None = None
    """Customer satisfaction as the source gives it; the house standard is 1 (worst) to 5 (best)."""
    escalated: bool | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    outcome: Outcome = Outcome()
    followups: tuple[Followup, ...] | None = None
    """Contacts after the end; ``None``: the source does not say, ``()``: it says there were none."""
    extra: dict[str, Any] | None = None
    """Top-level fields of the source that we do not know, kept for export."""


class Evidence(_Value, frozen=True):
    """A place in a chat: ``chat.messages[turn].text[start:end] == quote``, always.

    ``absent`` says that this turn was searched and what was wanted is not in it.
    """

    turn: int
    start: int
    end: int
    quote: str
    absent: bool = False


class Offences(_Value, frozen=True):
    """Earlier offences of one agent against one rule: on how many days, and the last of them."""

    days: int
    last_day: str
    last_chat: str


class History(_Value, frozen=True):
    """What other chats say about this one; looked up only for rules that ask for it."""

    earlier_chats: tuple[Instant, ...] | None = None
    """When earlier chats of the same customer began; ``None``: unknown (nobody looked, or who it was)."""
    offences: dict[str, Offences] = {}
    """By rule: what the same agent was found to do within the rule's days before this chat's day."""


class Result(StrEnum):
    """What a rule says about one chat. A pass is simply not a finding."""

    FAILED = "failed"
    BONUS = "bonus"
    NOT_APPLICABLE = "not_applicable"
    BROKEN = "broken"


class Finding(_Value, frozen=True):
    """A claim of one rule about one chat, until a person confirms it."""

    rule: str
    outcome: Result
    message: str = ""
    """What the agent is told, or for not-applicable and broken: the reason."""
    points: float = 0.0
    """Points of 100 taken (negative) or given (positive) by this finding, after scoring."""
    hits: int = 1
    """How many times the rule fired in the chat (clamped by the item's maximum when scored)."""
    value: float | None = None
    """The measured figure behind a figure rule (seconds, rate, count)."""
    evidence: tuple[Evidence, ...] = ()


class Opinion(_Value, frozen=True):
    """What the model thinks of one thing: a calibrated probability for each label, worst label first.

    ``label`` is the most probable one; where the model ``abstains`` it is not to be acted upon.
    """

    label: str
    probability: float
    probabilities: tuple[float, ...]
    abstains: bool = False


class TurnOpinion(_Value, frozen=True):
    """What the model thinks of one turn of the customer's."""

    turn: int
    sentiment: Opinion
    satisfaction: Opinion


class ChatOpinion(_Value, frozen=True):
    """What the model thinks of a chat; ``None``: it holds nothing to judge by, such as no turn of the customer's."""

    sentiment: Opinion | None = None
    satisfaction: Opinion | None = None
    resolution: Opinion | None = None
    turns: tuple[TurnOpinion, ...] = ()
