"""Everything that is decided about one chat: targeted or not, findings, score, flags. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qa.flagging import Failure, Flag, Thresholds, flag
from qa.policy import Policy, risk_reasons
from qa.rules.context import make_context
from qa.rules.drafts import Opinion
from qa.rules.engine import RuleSet, compile_pack, red_lines
from qa.rules.hits import parted
from qa.rules.lookback import UNKNOWN, lookback
from qa.rules.mistakes import first_mistake
from qa.rules.pack import Pack, Rule, content_hash, house_file, read_file
from qa.rules.view import Context
from qa.rules.yamlfile import parse_yaml
from qa.scoring import Item, Score, score
from qa.types import Chat, ChatOpinion, Dimension, Finding, History, Offences, Result, Severity

_T = TypeVar("_T")

RED_LINE = "red_line:"
"""Prefix of a targeting reason that is a red-line rule; the rule's id follows."""

_REPEATED = "（{} 天内第 {} 次，上次 {} 会话 {}）"
_REPEATED_IN_ENGLISH = " (no. {1} within {0} days; before: {2}, chat {3})"
_AGAIN = re.compile(r"（(\d+) 天内第 (\d+) 次，上次 (\d{4}-\d{2}-\d{2}) 会话 (.*)）", re.DOTALL)


class Scorecard(BaseModel):
    """What each dimension is worth; any positive numbers, their shares count.

    ``full``: item points that use a dimension up; without it, all that its rules can take together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dimensions: dict[Dimension, Annotated[float, Field(ge=0, le=1000)]]
    full: dict[Dimension, Annotated[float, Field(gt=0, le=1000)]] = {}


class Standard(BaseModel):
    """What chats are judged by: a resolved rule pack and a scorecard, kept with every score for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pack: Pack
    scorecard: Scorecard

    def as_json(self) -> dict[str, Any]:
        """Return the content as plain JSON values; ``Standard.model_validate`` reads it back."""
        return self.model_dump(mode="json")

    @property
    def hash(self) -> str:
        """Content hash; two standards with the same hash score alike."""
        return content_hash(self.as_json())


class Inspected(msgspec.Struct, frozen=True):
    """One chat, inspected. ``broken`` says why there is no score; then findings are what was found all the same."""

    score: Score | None
    findings: tuple[Finding, ...]
    severities: tuple[Severity, ...]
    """One for each finding."""
    not_applicable: dict[str, str]
    broken: str | None
    flags: tuple[Flag, ...]

    @property
    def failed(self) -> int:
        """How many rules failed."""
        return sum(finding.outcome is Result.FAILED for finding in self.findings)


class Case(NamedTuple):
    """A chat to inspect, what is known of other chats, and what the model thinks of this one."""

    chat: Chat
    history: History = UNKNOWN
    thought: ChatOpinion | None = None
    first: Opinion | None = None
    """What ``Inspector.first_many`` said of it; ``None``: those rules have still to be asked."""


class Compiled:
    """A standard's rules, compiled: what inspectors under different policies share."""

    def __init__(self, standard: Standard) -> None:
        """Compile the standard; PackError where a rule cannot be compiled."""
        self.pack, self.scorecard = standard.pack, standard.scorecard
        self.rules = {rule.id: rule for rule in self.pack.active}
        self.places = {rule: place for place, rule in enumerate(self.rules)}
        self.passed = {rule.id: _item(rule, 0.0) for rule in self.pack.active}
        self.skipped = {rule.id: _item(rule, None) for rule in self.pack.active}
        first, reading = parted(self.pack.active)
        self.first, self.reading = compile_pack(self.pack, only=first), compile_pack(self.pack, only=reading)
        self.lookback = lookback(self.pack)
        """What the judge wants to know of other chats (``Inspector.inspect``'s ``history``)."""

    @cached_property
    def red_lines(self) -> RuleSet:
        """The rules that run over every chat."""
        return compile_pack(self.pack, only=red_lines(self.pack))


class Inspector:
    """Inspects chats by one standard under one policy. Build one a process: it holds the compiled rules.

    Who has many chats in hand gives them together (``targeted_many``, ``inspect_many``): the same is said of each, in
    less time. Who has several policies compiles the standard once (``Compiled``).
    """

    def __init__(self, standard: Standard | Compiled, policy: Policy, zone: ZoneInfo) -> None:
        """Compile the standard where it is not; PackError where a rule cannot be compiled."""
        self._by = standard if isinstance(standard, Compiled) else Compiled(standard)
        self._policy = policy
        self._thresholds = Thresholds(policy.low_score, policy.excellent_score, policy.model_risk)
        self._context = make_context(self._by.pack, policy, zone)
        self.lookback = self._by.lookback

    def targeted(self, chat: Chat, day: str, *, repeat_contact: bool = False) -> tuple[str, ...]:
        """Return why the chat is inspected with certainty: red-line rules hit, then risk signals; () if it is not."""
        return self._reasons(chat, self._by.red_lines.fired(chat, self._context, day), repeat_contact)

    def targeted_many(self, chats: Sequence[tuple[Chat, bool]], day: str) -> list[tuple[str, ...] | Exception]:
        """``targeted`` of chats, each with whether it is a repeat contact; the exception where one cannot be read."""
        try:
            fired = self._by.red_lines.fired_many([(chat, self._context) for chat, _ in chats], day)
        except Exception:  # noqa: BLE001 - one of them is odd: one by one, it is found
            return [_tried(partial(self.targeted, chat, day, repeat_contact=again)) for chat, again in chats]
        told = zip(chats, fired, strict=True)
        return [_tried(partial(self._reasons, chat, rules, again)) for (chat, again), rules in told]

    def _reasons(self, chat: Chat, fired: Sequence[str], repeat_contact: bool) -> tuple[str, ...]:
        risks = risk_reasons(chat, self._policy, repeat_contact=repeat_contact)
        return tuple(RED_LINE + rule for rule in fired) + risks if fired else risks

    def inspect(
        self, chat: Chat, day: str, history: History = UNKNOWN, thought: ChatOpinion | None = None
    ) -> Inspected:
        """Judge, score and flag a chat of that local day (ISO date).

        ``history`` is what is known of other chats, ``thought`` what the model thinks of this one.
        """
        return self._alone(Case(chat, history, thought), day)

    def first_many(self, cases: Sequence[Case], day: str) -> list[Opinion | Exception]:
        """What the rules say that do not read the model's opinion; the exception where one chat cannot be judged.

        Who wants the model to know it asks for it first, and puts it into the case (``Case.first``): no rule is asked
        twice.
        """
        chats = [(case.chat, self._around(case.history, None)) for case in cases]
        try:
            return list(self._by.first.judge_many(chats, day))
        except Exception:  # noqa: BLE001 - one of them is odd: one by one, it is found
            return [_tried(partial(self._by.first.judge, chat, around, day)) for chat, around in chats]

    def inspect_many(self, cases: Sequence[Case], day: str) -> list[Inspected | Exception]:
        """``inspect`` of chats of one local day; the exception for one that cannot be judged."""
        try:
            opinions = self._opinions(cases, day)
        except Exception:  # noqa: BLE001 - one of them is odd: one by one, it is found
            return [_tried(partial(self._alone, case, day)) for case in cases]
        told = zip(cases, opinions, strict=True)
        return [_tried(partial(self._inspected, opinion, case.history, case.thought)) for case, opinion in told]

    def _alone(self, case: Case, day: str) -> Inspected:
        [opinion] = self._opinions([case], day)
        return self._inspected(opinion, case.history, case.thought)

    def _opinions(self, cases: Sequence[Case], day: str) -> list[Opinion]:
        """What all rules say: the first ones where nobody asked them yet, then those that read the model's opinion."""
        chats = [(case.chat, self._around(case.history, case.thought)) for case in cases]
        asked = [case.first for case in cases if case.first is not None]
        first = asked if len(asked) == len(cases) else self._by.first.judge_many(chats, day)
        if not self._by.reading.rules:
            return first
        rest = self._by.reading.judge_many(chats, day)
        return [merged(one, more, self._by.places) for one, more in zip(first, rest, strict=True)]

    def _around(self, history: History, thought: ChatOpinion | None) -> Context:
        """What rules may know besides the chat."""
        if history.earlier_chats is None and thought is None:
            return self._context
        return replace(self._context, earlier_chats=history.earlier_chats, opinion=thought)

    def _inspected(self, opinion: Opinion, history: History, thought: ChatOpinion | None) -> Inspected:
        """Score and flag what the rules say."""
        broken = "; ".join(opinion.broken) or None
        card = None if broken else self._score(opinion, history)
        points: Mapping[str, float] = card.points() if card else {}
        findings = tuple(self._told(finding, points, history) for finding in opinion.findings)
        severities = tuple(self._by.rules[finding.rule].severity for finding in findings)
        return Inspected(
            card, findings, severities, opinion.not_applicable, broken, self._flags(card, findings, broken, thought)
        )

    def unreadable(self, reason: str) -> Inspected:
        """Return the inspection of a chat that could not even be read: broken, flagged, no score."""
        return Inspected(None, (), (), {}, reason, self._flags(None, (), reason))

    def _told(self, finding: Finding, points: Mapping[str, float], history: History) -> Finding:
        """The finding with its points; a repeated offence names the one before."""
        message, repeat = finding.message, self._by.rules[finding.rule].repeat
        earlier = history.offences.get(finding.rule)
        if repeat is not None and earlier is not None:
            message += _REPEATED.format(repeat.within_days, earlier.days + 1, earlier.last_day, earlier.last_chat)
        return msgspec.structs.replace(finding, points=points.get(finding.rule, 0.0), message=message)

    def _items(self, opinion: Opinion, history: History) -> list[Item]:
        """The part of every rule in the score, in the order of the pack; most pass, so those are made beforehand."""
        items = self._by.passed | {rule: self._by.skipped[rule] for rule in opinion.not_applicable}
        for finding in opinion.findings:
            rule = self._by.rules[finding.rule]
            items[finding.rule] = _item(rule, _lost(rule, finding, history.offences.get(rule.id)), earned=True)
        return list(items.values())

    def _score(self, opinion: Opinion, history: History) -> Score:
        card = self._by.scorecard
        return score(self._items(opinion, history), card.dimensions, card.full)

    def _flags(
        self,
        card: Score | None,
        findings: tuple[Finding, ...],
        broken: str | None,
        thought: ChatOpinion | None = None,
    ) -> tuple[Flag, ...]:
        failures = [
            Failure(finding.rule, self._by.rules[finding.rule].severity, self._by.rules[finding.rule].red_line)
            for finding in findings
            if finding.outcome is Result.FAILED
        ]
        bonuses = [finding.rule for finding in findings if finding.outcome is Result.BONUS]
        return flag(card.total if card else None, failures, bonuses, broken, self._thresholds, thought)


def merged(one: Opinion, more: Opinion, places: Mapping[str, int]) -> Opinion:
    """Return what two parts of a pack say as the whole pack says it; ``places`` is the order of its rules."""
    if not (more.findings or more.not_applicable or more.broken):
        return one
    findings = sorted((*one.findings, *more.findings), key=lambda finding: places[finding.rule])
    skipped = sorted((one.not_applicable | more.not_applicable).items(), key=lambda pair: places[pair[0]])
    return Opinion(tuple(findings), dict(skipped), one.broken + more.broken)


def _tried(step: Callable[[], _T]) -> _T | Exception:
    """What a step returns, or the exception that it raises."""
    try:
        return step()
    except Exception as problem:  # noqa: BLE001 - one chat must not stop the others
        return problem


def repeated_in_english(message: str, rest: str) -> str | None:
    """Return a message in English with what a repeated offence adds to it (``rest``: how it stands in a finding).

    None where ``rest`` is something else.

    >>> repeated_in_english("late", "（7 天内第 2 次，上次 2026-11-19 会话 c-1）")
    'late (no. 2 within 7 days; before: 2026-11-19, chat c-1)'
    >>> repeated_in_english("late", ""), repeated_in_english("late", "……")
    ('late', None)
    """
    found = _AGAIN.fullmatch(rest)
    if found is None:
        return None if rest else message
    return message + _REPEATED_IN_ENGLISH.format(*found.groups())


def _item(rule: Rule, lost: float | None, *, earned: bool = False) -> Item:
    return Item(rule.id, rule.dimension, rule.weight, lost, rule.bonus if earned else 0.0, rule.red_line)


def _lost(rule: Rule, finding: Finding, earlier: Offences | None) -> float:
    """Item points lost: once, or once a hit, never more than the item is worth; a red line just counts as lost."""
    if rule.red_line:
        return 1.0
    each = rule.deduct if rule.repeat is None or earlier is None else rule.repeat.of(earlier.days)
    return min(rule.weight, each * (finding.hits if rule.per == "hit" else 1))


def load_scorecard(path: Path | None) -> Scorecard:
    """Read a scorecard file, the house scorecard by default; PackError names the place of a mistake."""
    return _house_scorecard() if path is None else _scorecard(read_file(path), str(path))


@lru_cache(maxsize=1)
def _house_scorecard() -> Scorecard:
    return _scorecard(*house_file("scorecard.yaml"))


def _scorecard(text: str, name: str) -> Scorecard:
    document = parse_yaml(text, name)
    try:
        card = Scorecard.model_validate(document.value)
    except ValidationError as problem:
        raise document.error(*first_mistake(problem, Scorecard)) from None
    missing = [dimension.value for dimension in Dimension if dimension not in card.dimensions]
    if missing or not any(card.dimensions.values()):
        raise document.error(("dimensions",), f"needs a weight for {', '.join(missing) or 'at least one dimension'}")
    return card
