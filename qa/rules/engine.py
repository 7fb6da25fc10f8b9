"""Judging one chat by a compiled pack: findings with evidence, what does not apply, what broke."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from qa.errors import PackError
from qa.rules.base import HIT, MISS, Judge
from qa.rules.batch import Batch, Numbers
from qa.rules.bench import Bench, Index
from qa.rules.drafts import Drafts, Opinion
from qa.rules.logic import LocatedError, compile_condition, denies_named, gate, remembered
from qa.rules.mistakes import nearest
from qa.rules.pack import Located, Pack, Rule
from qa.rules.plan import CompiledRule, Plan
from qa.rules.quiet import Glance
from qa.rules.reasons import ASK, IS_HIT, UNTOLD, Reasons
from qa.rules.searcher import Searcher
from qa.rules.view import Context, View
from qa.text import Level
from qa.types import Chat

BATCH = 500
"""Chats judged together: many, as there are as many operations on columns however long these are."""
FEW = 6
"""Chats from which on it is worth while to search them together …"""
MANY = 24
"""… and to look at a rule's glance before it is asked of them."""


class RuleSet:
    """A compiled pack. Not picklable (the automata are not): a worker compiles its own from ``Pack`` JSON.

    Several chats are judged faster together than one by one: they are folded in one go, and each rule is asked of all
    of them before the next rule is. What is said of a chat does not depend on the others.
    """

    def __init__(self, rules: tuple[CompiledRule, ...], index: dict[Level, Index], reasons: Reasons) -> None:
        self.rules = rules
        self._reasons = reasons
        self._index = index
        self._plan = lru_cache(maxsize=4)(lambda day: Plan(rules, day, reasons))  # a night has one day and many chats

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
        drafts = Drafts(views, [compiled.rule for compiled in self.rules], plan.unasked)
        for i, which in self._questions(views, batch, plan, drafts):
            try:
                answer = self.rules[i].judge(views[which])
                if answer.state is not MISS:
                    drafts.asked(i, which, answer)
            except Exception as problem:  # noqa: BLE001 - any crash of a rule makes the chat broken, loudly
                drafts.crashed(i, which, problem)
        return drafts.opinions(self._reasons)

    def _fired(self, views: Sequence[View], batch: Batch | None, plan: Plan) -> list[tuple[str, ...]]:
        fired: list[list[str]] = [[] for _ in views]
        for i, which in self._questions(views, batch, plan, None):
            compiled = self.rules[i]
            try:
                hit = compiled.judge(views[which]).state is HIT
            except Exception:  # noqa: BLE001 - the inspection that follows reports it
                hit = True
            if hit:
                fired[which].append(compiled.rule.id)
        return [tuple(rules) for rules in fired]

    def _questions(
        self, views: Sequence[View], batch: Batch | None, plan: Plan, drafts: Drafts | None
    ) -> Iterator[tuple[int, int]]:
        """Which rule has to be asked of which chat; what is told without asking is noted in the drafts."""
        if batch is None:
            for which, view in enumerate(views):
                due = sorted(_due(view, plan))
                if drafts is not None:
                    drafts.due(which, due)
                yield from ((i, which) for i in due)
            return
        for i, concerned in _concerned(views, batch, plan):
            states = _glanced(self.rules[i].glance, batch, concerned)
            if drafts is not None:
                drafts.glanced(i, concerned, states)
            yield from ((i, which) for which in _open(concerned, states))


def _concerned(views: Sequence[View], batch: Batch, plan: Plan) -> Iterator[tuple[int, Numbers]]:
    """Each rule that may have to be asked of any of these chats, in order, and of which of them."""
    due = plan.due_of(batch)
    for which in batch.alone.nonzero()[0].tolist():
        due[which] = False
        due[which, [*_due(views[which], plan)]] = True
    (asked,) = np.logical_or.reduce(due).nonzero()
    return ((i, due[:, i].nonzero()[0]) for i in asked.tolist())


def _due(view: View, plan: Plan) -> Iterable[int]:
    """Which rules have to be asked; every one where the search itself crashes, so that each reports it."""
    try:
        return plan.due(view)
    except Exception:  # noqa: BLE001 - the rules that search crash again and say so
        return plan.in_force


def _glanced(glance: Glance | None, batch: Batch, chats: Numbers) -> Numbers:
    """What a glance tells of a rule in some chats; all are to be asked where there is none, or where it crashes."""
    if glance is None or not batch.readable or chats.size < MANY:
        return np.full(chats.size, ASK)
    batch.wanted = np.zeros(len(batch.views), bool)
    batch.wanted[chats] = True
    batch.wanted &= ~batch.alone
    try:
        return np.where(batch.wanted, glance(batch).states, ASK).take(chats)
    except Exception:  # noqa: BLE001 - the rule itself is asked, and says so if it crashes too
        return np.full(chats.size, ASK)


def _open(chats: Numbers, states: Numbers) -> list[int]:
    """Those of some chats of which a glance has not told everything: only the rule has evidence of a hit."""
    told: list[int] = chats[(states <= IS_HIT) | (states == UNTOLD)].tolist()
    return told


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
    awaited = frozenset(slot for rule in compiled if rule.silence for slot in rule.silence.slots)
    return RuleSet(tuple(compiled), bench.freeze(awaited), bench.reasons)


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
