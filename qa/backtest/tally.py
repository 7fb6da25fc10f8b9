"""Adding up what two packs say of the same chats, one chat at a time, so that memory does not grow with them. Pure."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from qa.backtest.result import Bin, BrokenRule, Example, Quote, RuleShift, RuleState, Voided
from qa.backtest.scores import Cell, Scores
from qa.privacy import mask_message, mask_texts
from qa.rules.diff import lists_named
from qa.rules.inspector import Inspected
from qa.rules.pack import Pack, Rule
from qa.types import Chat, Evidence, Finding, Result

QUOTES = 3
"""Places quoted of one example."""
CONTEXT = 40
"""Code points shown before and after a quote."""
REASONS = 20
"""Different reasons told of broken chats; the rest is counted under the last."""
_EDGES = (-20.0, -10.0, -5.0, -1.0, -0.005, 0.005, 1.0, 5.0, 10.0, 20.0)


class Place(NamedTuple):
    """Where a chat comes from. ``cell``: its stratum; ``probability``: its chance to be judged."""

    merchant: str
    chat: str
    day: str
    agent: str
    cell: Cell
    probability: float


class Judged(NamedTuple):
    """One chat and what both packs say of it."""

    place: Place
    chat: Chat
    old: Inspected
    new: Inspected


class Examples:
    """The few chats that are shown: those with the smallest hashes, so their choice depends on no order."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._kept: list[tuple[int, str, str, Example]] = []

    def offer(self, judged: Judged, finding: Finding | None) -> None:
        """Show this chat unless enough others come before it."""
        place = judged.place
        key = f"{self._name}\0{place.merchant}\0{place.chat}".encode("utf-8", "surrogatepass")
        rank = -int.from_bytes(blake2b(key, digest_size=8).digest())
        if len(self._kept) < self._most:
            heapq.heappush(self._kept, (rank, place.merchant, place.chat, _example(judged, finding)))
        elif self._kept and rank > self._kept[0][0]:
            heapq.heapreplace(self._kept, (rank, place.merchant, place.chat, _example(judged, finding)))

    def chosen(self) -> tuple[Example, ...]:
        """Return the examples by merchant, day and chat."""
        return tuple(sorted((kept[3] for kept in self._kept), key=lambda one: (one.merchant, one.day, one.chat)))


@dataclass(slots=True)
class _Side:
    """Of one rule under one pack."""

    chats: int = 0
    not_applicable: int = 0
    points: float = 0.0
    alone: int = 0
    alone_weight: float = 0.0


class _RuleTally:
    def __init__(self, rule: str, most: int) -> None:
        self.old, self.new = _Side(), _Side()
        self.both = 0
        self.newly, self.no_longer = Examples(f"+{rule}", most), Examples(f"-{rule}", most)

    def add(self, judged: Judged, old: Finding | None, new: Finding | None) -> None:
        weight = 1 / judged.place.probability
        self.both += old is not None and new is not None
        pairs = ((self.old, old, new, self.no_longer), (self.new, new, old, self.newly))
        for side, mine, other, examples in pairs:
            if mine is None:
                continue
            side.chats += 1
            side.points += mine.points * weight
            if other is None:
                side.alone += 1
                side.alone_weight += weight
                examples.offer(judged, mine)


@dataclass(slots=True)
class _Count:
    """Chats with their weight."""

    examples: Examples
    chats: int = 0
    weight: float = 0.0

    def add(self, judged: Judged, finding: Finding | None) -> None:
        self.chats += 1
        self.weight += 1 / judged.place.probability
        self.examples.offer(judged, finding)

    def result(self) -> Voided:
        return Voided(self.chats, round(self.weight, 1), self.examples.chosen())


@dataclass(slots=True)
class _Broken:
    chats: int = 0
    reasons: dict[str, tuple[int, str, str]] = field(default_factory=dict)

    def add(self, judged: Judged, reason: str) -> None:
        self.chats += 1
        for one in reason.split("; rule "):
            told = one if one.startswith("rule ") or one == reason else f"rule {one}"
            told = told if told in self.reasons or len(self.reasons) < REASONS - 1 else "other reasons"
            number, merchant, chat = self.reasons.get(told, (0, judged.place.merchant, judged.place.chat))
            self.reasons[told] = (number + 1, merchant, chat)

    def result(self) -> tuple[BrokenRule, ...]:
        by_number = sorted(self.reasons.items(), key=lambda one: (-one[1][0], one[0]))
        return tuple(BrokenRule(reason, *rest) for reason, rest in by_number)


class Tally:
    """Everything that is added up; ``examples``: chats shown for each rule and kind of change."""

    def __init__(self, new: Pack, old: Mapping[str, Pack], examples: int) -> None:
        self._new, self._old = new, old
        self._most = examples
        self._red_new = {rule.id for rule in new.rules if rule.red_line}
        self._red_old = {m: {rule.id for rule in pack.rules if rule.red_line} for m, pack in old.items()}
        self._rules: dict[str, _RuleTally] = {}
        self._weight = 0.0
        self._bins = [0] * (len(_EDGES) + 1)
        self.scores = Scores()
        self.chats = self.flagged_old = self.flagged_new = self.red_old = self.red_new = 0
        self.newly_void, self.no_longer_void = _Count(Examples("+void", examples)), _Count(Examples("-void", examples))
        self.broken_old, self.broken_new = _Broken(), _Broken()

    def add(self, judged: Judged) -> None:
        """Count one chat."""
        place, _, old, new = judged
        self.chats += 1
        self._weight += 1 / place.probability
        self.flagged_old += bool(old.flags)
        self.flagged_new += bool(new.flags)
        for broken, inspected in ((self.broken_old, old), (self.broken_new, new)):
            if inspected.broken is not None:
                broken.add(judged, inspected.broken)
        self._add_rules(judged)
        if old.broken is None and new.broken is None:
            self._add_void(judged)
        before, after = (one.score.total if one.score else None for one in (old, new))
        self.scores.add(place.cell, before, after, observed=old.broken is None and new.broken is None)
        if before is not None and after is not None:
            self._bins[bisect_left(_EDGES, round(after - before, 2))] += 1

    def _add_rules(self, judged: Judged) -> None:
        old = {finding.rule: finding for finding in judged.old.findings}
        new = {finding.rule: finding for finding in judged.new.findings}
        for rule in old.keys() | new.keys():
            self._rule(rule).add(judged, old.get(rule), new.get(rule))
        for rule in judged.old.not_applicable:
            self._rule(rule).old.not_applicable += 1
        for rule in judged.new.not_applicable:
            self._rule(rule).new.not_applicable += 1

    def _add_void(self, judged: Judged) -> None:
        old = bool(judged.old.score and judged.old.score.red_line)
        new = bool(judged.new.score and judged.new.score.red_line)
        self.red_old += old
        self.red_new += new
        if new and not old:
            self.newly_void.add(judged, _red(judged.new, self._red_new))
        elif old and not new:
            self.no_longer_void.add(judged, _red(judged.old, self._red_old[judged.place.merchant]))

    def _rule(self, rule: str) -> _RuleTally:
        found = self._rules.get(rule)
        if found is None:
            found = self._rules[rule] = _RuleTally(rule, self._most)
        return found

    def rules(self) -> tuple[RuleShift, ...]:
        """Return every rule of any of the packs: what changes most first, then in the order of the new pack."""
        known = {rule.id: rule for pack in (*self._old.values(), self._new) for rule in pack.rules}
        order = dict.fromkeys([*(rule.id for rule in self._new.rules), *known])
        found = [self._shift(known[name]) for name in order]
        return tuple(sorted(found, key=lambda one: (-(one.newly + one.no_longer), -_moved(one))))

    def _shift(self, rule: Rule) -> RuleShift:
        tally = self._rule(rule.id)
        old, new = tally.old, tally.new
        return RuleShift(
            rule=rule.id, name_zh=rule.name.zh, name_en=rule.name.en, dimension=rule.dimension,
            severity=rule.severity, red_line=rule.red_line, state=self._state(rule.id),
            chats_old=old.chats, chats_new=new.chats, both=tally.both, newly=new.alone, no_longer=old.alone,
            newly_estimated=round(new.alone_weight, 1), no_longer_estimated=round(old.alone_weight, 1),
            not_applicable_old=old.not_applicable, not_applicable_new=new.not_applicable,
            points_old=self._mean(old.points), points_new=self._mean(new.points),
            newly_examples=tally.newly.chosen(), no_longer_examples=tally.no_longer.chosen(),
        )  # fmt: skip

    def _mean(self, points: float) -> float | None:
        return round(points / self._weight, 4) if self._weight else None

    def _state(self, name: str) -> RuleState:
        new = _named(self._new, name)
        old = [(pack, rule) for pack in self._old.values() if (rule := _named(pack, name))]
        if new is None:
            return RuleState.REMOVED
        if not old:
            return RuleState.ADDED
        if any(rule != new for _, rule in old) or len(old) < len(self._old):
            return RuleState.CHANGED
        same = all(_words(pack, name) == _words(self._new, name) for pack, _ in old for name in lists_named(new))
        return RuleState.SAME if same else RuleState.WORDS

    def bins(self) -> tuple[Bin, ...]:
        """Return how many scores move by how much."""
        limits = (None, *_EDGES, None)
        return tuple(Bin(limits[i], limits[i + 1], chats) for i, chats in enumerate(self._bins))


def _moved(one: RuleShift) -> float:
    return abs((one.points_new or 0.0) - (one.points_old or 0.0))


def _named(pack: Pack, name: str) -> Rule | None:
    return next((rule for rule in pack.rules if rule.id == name), None)


def _words(pack: Pack, wordlist: str) -> frozenset[str]:
    return frozenset(pack.wordlists.get(wordlist, ()))


def _red(inspected: Inspected, red: Iterable[str]) -> Finding | None:
    """The first finding that voids the score."""
    return next((f for f in inspected.findings if f.rule in red and f.outcome is Result.FAILED), None)


def _example(judged: Judged, finding: Finding | None) -> Example:
    place, chat, old, new = judged
    evidence = finding.evidence if finding else ()
    texts = mask_texts([one.text for one in chat.messages], [one.role for one in chat.messages])
    shown = [(one.quote, texts[one.turn][one.start : one.end]) for one in evidence]
    return Example(
        merchant=place.merchant,
        chat=place.chat,
        day=place.day,
        agent=place.agent,
        old_score=old.score.total if old.score else None,
        new_score=new.score.total if new.score else None,
        message=mask_message(finding.message, shown) if finding else "",
        quotes=tuple(_quote(one, chat, texts[one.turn]) for one in evidence[:QUOTES]),
    )


def _quote(place: Evidence, chat: Chat, text: str) -> Quote:
    """A place with what is around it in ``text``, the masked text of its message."""
    before, after = text[: place.start], text[place.end :]
    return Quote(
        turn=place.turn,
        start=place.start,
        end=place.end,
        role=chat.messages[place.turn].role,
        before=before if len(before) <= CONTEXT else "…" + before[-CONTEXT:],
        quote=text[place.start : place.end],
        after=after if len(after) <= CONTEXT else after[:CONTEXT] + "…",
        absent=place.absent,
    )
