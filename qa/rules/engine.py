"""Judging one chat by a compiled pack: findings with evidence, what does not apply, what broke."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from qa.errors import PackError
from qa.rules.base import Judge, Judgement, Need, Place, Silence, State
from qa.rules.bench import Bench, Index
from qa.rules.logic import LocatedError, compile_condition, gate, remembered
from qa.rules.mistakes import nearest
from qa.rules.pack import PLACEHOLDER, Located, Pack, Rule
from qa.rules.silence import of_gate, silent
from qa.rules.view import Context, View
from qa.text import Level
from qa.types import Chat, Evidence, Finding, Result, Role

QUOTE_LIMIT = 200
"""Code points of one quote; a longer place is quoted from its start."""
PLACES_LIMIT = 20
"""Places quoted for one finding; ``Finding.hits`` counts them all."""


class Opinion(msgspec.Struct, frozen=True):
    """What a rule set says about a chat. A rule named nowhere here has passed."""

    findings: tuple[Finding, ...] = ()
    not_applicable: dict[str, str] = {}
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its judge, and its answer where none of its words occur (None: it has to be asked)."""

    rule: Rule
    judge: Judge
    silence: Silence | None = None


class _Plan:
    """Which rules of a day have to be asked about a chat, and what the others answer unasked; rules by position."""

    __slots__ = ("always", "by_group", "by_kind", "idle", "needs", "silent")

    def __init__(self, rules: tuple[CompiledRule, ...], index: dict[Level, Index], day: str) -> None:
        self.idle = {i for i, compiled in enumerate(rules) if not compiled.rule.in_force(day)}
        self.always: set[int] = set()
        by_slot: dict[int, set[int]] = {}
        self.by_kind: dict[str, set[int]] = {}
        self.needs: dict[Need, set[int]] = {}
        self.silent = dict.fromkeys(self.idle, "not in force")
        """Reasons why rules do not apply where they are not asked."""
        for i, compiled in enumerate(rules):
            silence = compiled.silence
            if i in self.idle:
                continue
            if silence is None or silence.answer is None:
                self.always.add(i)
                continue
            for slot in silence.slots:
                by_slot.setdefault(slot, set()).add(i)
            for kind in silence.kinds:
                self.by_kind.setdefault(kind, set()).add(i)
            for need in silence.needs:
                self.needs.setdefault(need, set()).add(i)
            if silence.answer.state is State.NOT_APPLICABLE:
                self.silent[i] = silence.answer.reason
        waiting = {
            level: [frozenset().union(*(by_slot.get(slot, ()) for slot in slots)) for slots in one.slots]
            for level, one in index.items()
        }
        self.by_group = {level: groups for level, groups in waiting.items() if any(groups)}

    def due(self, view: View) -> list[int]:
        """Return which rules have to be asked about this chat, in order."""
        due = self.always.copy()
        for level, waiting in self.by_group.items():
            for group in view.search(level):
                if waiting[group]:
                    due |= waiting[group]
        for kind, concerned in self.by_kind.items():
            if kind in view.kinds:
                due |= concerned
        for (role, number), unsure in self.needs.items():
            if len(view.turns_of(role)) < number:
                due |= unsure
        return sorted(due)


class RuleSet:
    """A compiled pack. Not picklable (the automata are not): a worker compiles its own from ``Pack`` JSON."""

    def __init__(self, rules: tuple[CompiledRule, ...], index: dict[Level, Index]) -> None:
        self.rules = rules
        self._index = index
        self._plan = lru_cache(maxsize=4)(lambda day: _Plan(rules, index, day))  # a night has one day and many chats

    @property
    def indexes(self) -> tuple[Index, ...]:
        """Everything that is searched for, a level each."""
        return tuple(self._index.values())

    def view(self, chat: Chat, context: Context) -> View:
        """Return the view of a chat that this rule set's judges can read."""
        return View(chat, self._index, context)

    def judge(self, chat: Chat, context: Context, day: str) -> Opinion:
        """Judge a chat of that local day (ISO date) by every rule in force; a crashing rule is reported, not hidden."""
        view, plan, rules = self.view(chat, context), self._plan(day), self.rules
        findings: list[Finding] = []
        skipped = plan.silent.copy()
        broken: list[str] = []
        for i in self._due(view, plan):
            rule = rules[i].rule
            try:
                answer = rules[i].judge(view)
                if answer.state is State.NOT_APPLICABLE:
                    skipped[i] = answer.reason
                    continue
                skipped.pop(i, None)
                if answer.state is State.HIT:
                    findings.append(_finding(rule, answer, chat))
            except Exception as problem:  # noqa: BLE001 - any crash of a rule makes the chat broken, loudly
                skipped.pop(i, None)
                where = traceback.extract_tb(problem.__traceback__)[-1]
                reason = f"{type(problem).__name__}: {problem}".replace("\0", "␀")
                broken.append(f"rule {rule.id}: {reason} ({where.name}:{where.lineno})")
        return Opinion(tuple(findings), {rules[i].rule.id: skipped[i] for i in sorted(skipped)}, tuple(broken))

    def fired(self, chat: Chat, context: Context, day: str) -> tuple[str, ...]:
        """Ids of the rules that are hit; a rule that crashes counts as hit, so that the chat is inspected."""
        view, rules = self.view(chat, context), self.rules
        fired = []
        for i in self._due(view, self._plan(day)):
            try:
                if rules[i].judge(view).state is State.HIT:
                    fired.append(rules[i].rule.id)
            except Exception:  # noqa: BLE001 - the inspection that follows reports it
                fired.append(rules[i].rule.id)
        return tuple(fired)

    def _due(self, view: View, plan: _Plan) -> list[int]:
        """Which rules have to be asked; every one where the search itself crashes, so that each reports it."""
        try:
            return plan.due(view)
        except Exception:  # noqa: BLE001 - the rules that search crash again and say so
            return [i for i in range(len(self.rules)) if i not in plan.idle]


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
            compiled.append(CompiledRule(rule, judge, bench.silences.get(judge)))
        except LocatedError as problem:
            if located is None:
                dotted = ".".join(str(part) for part in problem.path)
                raise PackError(f"rule {rule.id}: {dotted}: {problem}") from None
            raise located.error(rule.id, problem.path, str(problem)) from None
    return RuleSet(tuple(compiled), bench.freeze())


def red_lines(pack: Pack) -> tuple[str, ...]:
    """Ids of the rules that void the score: they run over every chat of the day."""
    return tuple(rule.id for rule in pack.active if rule.red_line)


def _compile_rule(rule: Rule, bench: Bench) -> Judge:
    named: dict[str, Judge] = {}
    bench.rule(named)
    for name, condition in rule.let.items():
        known = condition if not named else [rule.let[other] for other in (*named, name)]  # it may refer to those
        named[name] = bench.shared(known, lambda: _named(condition, name, bench))  # noqa: B023 - called at once
    when = compile_condition(rule.when, bench, ("when",))
    if rule.applies is None:
        return when
    applies = compile_condition(rule.applies, bench, ("applies",))
    return silent(gate(applies, when), of_gate(bench.silences.get(applies)), bench)


def _named(condition: Any, name: str, bench: Bench) -> Judge:
    judge = compile_condition(condition, bench, ("let", name))
    return silent(remembered(judge), bench.silences.get(judge), bench)


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
