"""Judging one chat by a compiled pack: findings with evidence, what does not apply, what broke."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np

from qa.errors import PackError
from qa.rules.base import HIT, MISS, NOT_APPLICABLE, Judge, Judgement, Place
from qa.rules.batch import Batch, Searcher
from qa.rules.bench import Bench, Index
from qa.rules.logic import LocatedError, compile_condition, denies_named, gate, remembered
from qa.rules.mistakes import nearest
from qa.rules.pack import PLACEHOLDER, Located, Pack, Rule
from qa.rules.plan import CompiledRule, Plan
from qa.rules.quiet import Glance
from qa.rules.reasons import ASK, IS_HIT, MISSED, UNTOLD, Reasons
from qa.rules.view import Context, View
from qa.text import Level
from qa.types import Chat, Evidence, Finding, Result, Role

QUOTE_LIMIT = 200
"""Code points of one quote; a longer place is quoted from its start."""
BATCH = 250
"""Chats judged together: enough to share the work, few enough that what is kept of them stays in the cache."""
FEW = 6
"""Chats from which on it is worth while to search them together …"""
MANY = 24
"""… and to look at a rule's glance before it is asked of them."""
PLACES_LIMIT = 20
"""Places quoted for one finding; ``Finding.hits`` counts them all."""


class Opinion(msgspec.Struct, frozen=True):
    """What a rule set says about a chat. A rule named nowhere here has passed."""

    findings: tuple[Finding, ...] = ()
    not_applicable: dict[str, str] = {}
    broken: tuple[str, ...] = ()


@dataclass(slots=True)
class _Draft:
    """An opinion in the making; rules by position."""

    view: View
    skipped: dict[int, str]
    findings: list[Finding] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def note(self, i: int, rule: Rule, answer: Judgement) -> None:
        """Note what a rule has answered."""
        if answer.state is NOT_APPLICABLE:
            self.skipped[i] = answer.reason
            return
        self.skipped.pop(i, None)
        if answer.state is HIT:
            self.findings.append(_finding(rule, answer, self.view.chat))

    def crashed(self, i: int, rule: Rule, problem: Exception) -> None:
        """Note that a rule has crashed, and where."""
        self.skipped.pop(i, None)
        where = traceback.extract_tb(problem.__traceback__)[-1]
        reason = f"{type(problem).__name__}: {problem}".replace("\0", "␀")
        self.broken.append(f"rule {rule.id}: {reason} ({where.name}:{where.lineno})")

    def opinion(self, ids: Sequence[str]) -> Opinion:
        """Return the opinion, given the ids of the rules."""
        skipped = {ids[i]: self.skipped[i] for i in sorted(self.skipped)}
        return Opinion(tuple(self.findings), skipped, tuple(self.broken))


class RuleSet:
    """A compiled pack. Not picklable (the automata are not): a worker compiles its own from ``Pack`` JSON.

    Several chats are judged faster together than one by one: they are folded in one go, and each rule is asked of all
    of them before the next rule is. What is said of a chat does not depend on the others.
    """

    def __init__(self, rules: tuple[CompiledRule, ...], index: dict[Level, Index], reasons: Reasons) -> None:
        self.rules = rules
        self._reasons = reasons
        self._index = index
        self._plan = lru_cache(maxsize=4)(lambda day: Plan(rules, day))  # a night has one day and many chats

    @property
    def indexes(self) -> tuple[Index, ...]:
        """Everything that is searched for, a level each."""
        return tuple(self._index.values())

    def view(self, chat: Chat, context: Context) -> View:
        """Return the view of a chat that this rule set's judges can read."""
        return View(chat, self._index, context)

    def judge(self, chat: Chat, context: Context, day: str) -> Opinion:
        """Judge a chat of that local day (ISO date) by every rule in force; a crashing rule is reported, not hidden."""
        [opinion] = self.judge_many([(chat, context)], day)
        return opinion

    def judge_many(self, chats: Sequence[tuple[Chat, Context]], day: str) -> list[Opinion]:
        """Judge chats of one local day, each in its own context, as ``judge`` judges each of them."""
        plan = self._plan(day)
        return [opinion for views, batch in self._batches(chats) for opinion in self._opinions(views, batch, plan)]

    def fired(self, chat: Chat, context: Context, day: str) -> tuple[str, ...]:
        """Ids of the rules that are hit; a rule that crashes counts as hit, so that the chat is inspected."""
        [fired] = self.fired_many([(chat, context)], day)
        return fired

    def fired_many(self, chats: Sequence[tuple[Chat, Context]], day: str) -> list[tuple[str, ...]]:
        """``fired`` of each of several chats of one local day."""
        plan = self._plan(day)
        return [fired for views, batch in self._batches(chats) for fired in self._fired(views, batch, plan)]

    def _batches(self, chats: Sequence[tuple[Chat, Context]]) -> Iterator[tuple[list[View], Batch | None]]:
        """The views of some chats at a time, folded and searched where there are several."""
        for start in range(0, len(chats), BATCH):
            views = [self.view(chat, context) for chat, context in chats[start : start + BATCH]]
            batch = self._together(views) if len(views) >= FEW else None
            yield views, batch
            if batch is not None:
                batch.close()

    def _together(self, views: Sequence[View]) -> Batch | None:
        """The views as a batch; None where that crashes: every view does for itself what is missing."""
        try:
            return Batch(views, self._searchers, self._slots)
        except Exception:  # noqa: BLE001 - the rules of the one that crashes say so
            return None

    @cached_property
    def _searchers(self) -> dict[Level, Searcher]:
        return {level: Searcher(index) for level, index in self._index.items()}

    @cached_property
    def _slots(self) -> int:
        """How many slots there are on all levels."""
        return 1 + max((slot for index in self.indexes for of in index.slots for slot in of), default=0)

    def _opinions(self, views: Sequence[View], batch: Batch | None, plan: Plan) -> list[Opinion]:
        drafts = [_Draft(view, plan.silent.copy()) for view in views]
        for i, concerned in self._asked(views, plan):
            compiled, has_to_be_noted = self.rules[i], i in plan.silent
            seen = _seen(compiled.glance, batch, concerned)
            for which in seen.missed if has_to_be_noted else ():
                drafts[which].skipped.pop(i, None)
            for which, state in seen.not_applicable:
                drafts[which].skipped[i] = self._reasons.text(state)
            for which in seen.asked:
                draft = drafts[which]
                try:
                    answer = compiled.judge(draft.view)
                    if has_to_be_noted or answer.state is not MISS:
                        draft.note(i, compiled.rule, answer)
                except Exception as problem:  # noqa: BLE001 - any crash of a rule makes the chat broken, loudly
                    draft.crashed(i, compiled.rule, problem)
        ids = [compiled.rule.id for compiled in self.rules]
        return [draft.opinion(ids) for draft in drafts]

    def _fired(self, views: Sequence[View], batch: Batch | None, plan: Plan) -> list[tuple[str, ...]]:
        fired: list[list[str]] = [[] for _ in views]
        for i, concerned in self._asked(views, plan):
            compiled = self.rules[i]
            for which in _seen(compiled.glance, batch, concerned).asked:
                try:
                    hit = compiled.judge(views[which]).state is HIT
                except Exception:  # noqa: BLE001 - the inspection that follows reports it
                    hit = True
                if hit:
                    fired[which].append(compiled.rule.id)
        return [tuple(rules) for rules in fired]

    def _asked(self, views: Sequence[View], plan: Plan) -> Iterator[tuple[int, list[int]]]:
        """Each rule that may have to be asked of any of these chats, in order, and of which of them."""
        concerned: list[list[int]] = [[] for _ in self.rules]
        for which, view in enumerate(views):
            for i in _due(view, plan):
                concerned[i].append(which)
        return ((i, chats) for i, chats in enumerate(concerned) if chats)


class _Seen(NamedTuple):
    """Chats by what a glance tells of a rule in them; those to be asked, and the others with or without a reason."""

    asked: list[int]
    missed: list[int]
    not_applicable: list[tuple[int, int]]


def _seen(glance: Glance | None, batch: Batch | None, chats: list[int]) -> _Seen:
    """What a glance tells of some chats; all are to be asked where there is none, or where it crashes."""
    if glance is None or batch is None or not batch.readable or len(chats) < MANY:
        return _Seen(chats, [], [])
    batch.wanted = np.zeros(len(batch.views), bool)
    batch.wanted[chats] = True
    batch.wanted &= ~batch.alone
    try:
        states = np.where(batch.wanted, glance(batch).states, ASK).take(chats)
    except Exception:  # noqa: BLE001 - the rule itself is asked, and says so if it crashes too
        return _Seen(chats, [], [])
    if (states == MISSED).all():
        return _Seen([], chats, [])
    told = [*zip(chats, states.tolist(), strict=True)]
    return _Seen(
        [which for which, state in told if state <= IS_HIT or state == UNTOLD],
        [which for which, state in told if state == MISSED],
        [(which, state) for which, state in told if state > UNTOLD],
    )


def _due(view: View, plan: Plan) -> Iterable[int]:
    """Which rules have to be asked; every one where the search itself crashes, so that each reports it."""
    try:
        return plan.due(view)
    except Exception:  # noqa: BLE001 - the rules that search crash again and say so
        return plan.in_force


def compile_pack(pack: Pack | Located, *, only: Iterable[str] | None = None) -> RuleSet:
    """Compile the rules that judge, or those of the given ids; PackError (a Located's with its place) on a mistake."""
    located = pack if isinstance(pack, Located) else None
    content = pack.pack if isinstance(pack, Located) else pack
    wanted = None if only is None else set(only)

    def wordlist(name: str) -> tuple[str, ...]:
        if name not in content.wordlists:
            raise PackError(f"no word list is named {name!r}{nearest(name, sorted(content.wordlists))}")
        return content.wordlists[name]

    bench = Bench(wordlist)
    compiled = []
    for rule in content.rules:
        if rule.experimental if wanted is None else rule.id not in wanted:
            continue
        try:
            judge = _compile_rule(rule, bench)
            compiled.append(CompiledRule(rule, judge, bench.silences.get(judge), bench.glances.get(judge)))
        except LocatedError as problem:
            if located is None:
                dotted = ".".join(str(part) for part in problem.path)
                raise PackError(f"rule {rule.id}: {dotted}: {problem}") from None
            raise located.error(rule.id, problem.path, str(problem)) from None
    return RuleSet(tuple(compiled), bench.freeze(), bench.reasons)


def red_lines(pack: Pack) -> tuple[str, ...]:
    """Ids of the rules that void the score: they run over every chat of the day."""
    return tuple(rule.id for rule in pack.active if rule.red_line)


def _compile_rule(rule: Rule, bench: Bench) -> Judge:
    named: dict[str, Judge] = {}
    bench.rule(named)
    bench.cited = any(denies_named(node) for node in (*rule.let.values(), rule.applies, rule.when))
    for name, condition in rule.let.items():
        known = condition if not named else [rule.let[other] for other in (*named, name)]  # it may refer to those
        named[name] = bench.shared(known, lambda: _named(condition, name, bench))  # noqa: B023 - called at once
    bench.cited = False
    when = compile_condition(rule.when, bench, ("when",))
    if rule.applies is None:
        return when
    applies = compile_condition(rule.applies, bench, ("applies",))
    return gate(applies, when, bench)


def _named(condition: Any, name: str, bench: Bench) -> Judge:
    bench.naming = True
    judge = compile_condition(condition, bench, ("let", name))
    bench.naming = False
    return remembered(judge, bench)


def _finding(rule: Rule, answer: Judgement, chat: Chat) -> Finding:
    evidence = _evidence(answer, chat)
    count = answer.hits
    return Finding(
        rule=rule.id,
        outcome=Result.BONUS if rule.bonus else Result.FAILED,
        message=fill_message(rule.message.zh, evidence, count, answer.value),
        hits=count,
        value=answer.value,
        evidence=evidence,
    )


def _evidence(answer: Judgement, chat: Chat) -> tuple[Evidence, ...]:
    """Quotes of what was found and of the turns searched in vain.

    A figure or a field of the chat has no characters of its own: it is shown with the customer's last turn, which is
    where a reader starts.
    """
    messages = chat.messages
    found = []
    for turn, start, end in (answer.places or _anchor(answer, chat))[:PLACES_LIMIT]:
        stop = min(end, start + QUOTE_LIMIT)
        found.append(Evidence(turn, start, stop, messages[turn].text[start:stop]))
    for turn in answer.searched[:PLACES_LIMIT]:
        quote = messages[turn].text[:QUOTE_LIMIT]
        found.append(Evidence(turn, 0, len(quote), quote, absent=True))
    return tuple(found)


def _anchor(answer: Judgement, chat: Chat) -> tuple[Place, ...]:
    if answer.searched or not chat.messages:
        return ()
    turns = range(len(chat.messages) - 1, -1, -1)
    last = next((t for t in turns if chat.messages[t].role is Role.CUSTOMER), len(chat.messages) - 1)
    return ((last, 0, len(chat.messages[last].text)),)


def fill_message(template: str, evidence: tuple[Evidence, ...], count: int, value: float | None) -> str:
    """A rule's message with ``{quote}``, ``{count}`` and ``{value}`` filled (figures without needless decimals).

    >>> fill_message("等待 {value} 秒", (), 1, 72.0)
    '等待 72 秒'
    """
    quote = next((item.quote for item in evidence if not item.absent), "").replace("\0", "␀")
    shown = "" if value is None else f"{value:.1f}".removesuffix(".0")
    said = {"{quote}": quote, "{count}": str(count), "{value}": shown}
    return PLACEHOLDER.sub(lambda match: said[match[0]], template)  # at once: a quote may look like a placeholder
