"""What a backtest tells, as plain values; ``--json`` is exactly this (docs/rule-changes.md)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from qa.rules.diff import Side
from qa.types import Dimension, Role, Severity

VERSION = 1
"""Changes when a script that reads the file would have to change."""


class RuleState(StrEnum):
    """How the text of a rule compares with the pack in force; ``words``: only a word list it names differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    WORDS = "words"
    SAME = "same"


class Quote(msgspec.Struct, frozen=True):
    """A place that a rule points at, with what stands around it in the same turn; ``absent``: searched in vain."""

    turn: int
    start: int
    end: int
    role: Role
    before: str
    quote: str
    after: str
    absent: bool


class Example(msgspec.Struct, frozen=True):
    """One chat behind a figure. Scores None: the chat has none under that pack."""

    merchant: str
    chat: str
    day: str
    agent: str
    old_score: float | None
    new_score: float | None
    message: str
    quotes: tuple[Quote, ...]


class RuleShift(msgspec.Struct, frozen=True):
    """What becomes of one rule. Chats are those judged; ``…_estimated`` are expanded to all chats of the frames.

    ``points_old`` and ``points_new``: points of 100 that the rule takes (negative) or gives a chat, on average over
    all chats.
    """

    rule: str
    name_zh: str
    name_en: str
    dimension: Dimension
    severity: Severity
    red_line: bool
    state: RuleState
    chats_old: int
    chats_new: int
    both: int
    newly: int
    no_longer: int
    newly_estimated: float
    no_longer_estimated: float
    not_applicable_old: int
    not_applicable_new: int
    points_old: float | None
    points_new: float | None
    newly_examples: tuple[Example, ...]
    no_longer_examples: tuple[Example, ...]


class ScoreShift(msgspec.Struct, frozen=True):
    """How scores move for the chats that have one under both packs; None where there is no such chat.

    ``old``, ``new``, ``shift`` are design-weighted means of points of 100, ``low`` … ``high`` the 95 % interval of the
    shift (None where all chats were judged, or where too few were drawn). ``n`` to ``worse`` count chats judged.
    """

    merchant: str | None
    agent: str | None
    n: int
    old: float | None
    new: float | None
    shift: float | None
    low: float | None
    high: float | None
    better: int
    worse: int


class Voided(msgspec.Struct, frozen=True):
    """Chats whose score a red line voids under one pack and not under the other."""

    chats: int
    estimated: float
    examples: tuple[Example, ...]


class BrokenRule(msgspec.Struct, frozen=True):
    """A reason why chats could not be judged by a pack, with one of them."""

    reason: str
    chats: int
    merchant: str
    chat: str


class Bin(msgspec.Struct, frozen=True):
    """Chats judged whose score moves by ``above < shift <= up_to`` points; None: no limit."""

    above: float | None
    up_to: float | None
    chats: int


class Backtest(msgspec.Struct, frozen=True):
    """Both packs over the same chats. ``skipped`` tells what of the period was not looked at, one line each."""

    version: int
    first: str
    last: str
    mode: str
    merchants: tuple[str, ...]
    new: Side
    old: dict[str, Side]
    chats: int
    represented: int
    unreadable: int
    skipped: tuple[str, ...]
    score: ScoreShift
    by_merchant: tuple[ScoreShift, ...]
    by_agent: tuple[ScoreShift, ...]
    shifts: tuple[Bin, ...]
    flagged_old: int
    flagged_new: int
    red_old: int
    red_new: int
    newly_void: Voided
    no_longer_void: Voided
    rules: tuple[RuleShift, ...]
    broken_old: tuple[BrokenRule, ...]
    broken_new: tuple[BrokenRule, ...]
    broken_chats_old: int
    broken_chats_new: int
