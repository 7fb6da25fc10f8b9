"""Judging one chat by a compiled pack: findings with evidence, what does not apply, what broke."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from qa.errors import PackError
from qa.rules.base import Judge, Judgement, Place, State
from qa.rules.bench import Bench, Index
from qa.rules.logic import LocatedError, compile_condition, gate, remembered, rests_on_words
from qa.rules.pack import PLACEHOLDER, Located, Pack, Rule
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
    """A rule with its judge. ``slots``: it can only be hit where one of these occurs; None: nothing so simple."""

    rule: Rule
    judge: Judge
    slots: frozenset[int] | None = None


class RuleSet:
    """A compiled pack. Not picklable (the automata are not): a worker compiles its own from ``Pack`` JSON."""

    def __init__(self, rules: tuple[CompiledRule, ...], index: dict[Level, Index]) -> None:
        self.rules = rules
        self._index = index
        self._in_force = lru_cache(maxsize=4)(self._of_day)

    def _of_day(self, day: str) -> tuple[tuple[CompiledRule, bool], ...]:
        """Every rule, and whether it holds on that day: a night asks for one day, a million times."""
        return tuple((compiled, compiled.rule.in_force(day)) for compiled in self.rules)

    def view(self, chat: Chat, context: Context) -> View:
        """Return the view of a chat that this rule set's judges can read."""
        return View(chat, self._index, context)

    def judge(self, chat: Chat, context: Context, day: str) -> Opinion:
        """Judge a chat of that local day (ISO date) by every rule in force; a crashing rule is reported, not hidden."""
        view = self.view(chat, context)
        findings: list[Finding] = []
        not_applicable: dict[str, str] = {}
        broken: list[str] = []
        for compiled, holds in self._in_force(day):
            rule = compiled.rule
            if not holds:
                not_applicable[rule.id] = "not in force"
                continue
            try:
                answer = compiled.judge(view)
                if answer.state is State.HIT:
                    findings.append(_finding(rule, answer, chat))
                elif answer.state is State.NOT_APPLICABLE:
                    not_applicable[rule.id] = answer.reason
            except Exception as problem:  # noqa: BLE001 - any crash of a rule makes the chat broken, loudly
                where = traceback.extract_tb(problem.__traceback__)[-1]
                reason = f"{type(problem).__name__}: {problem}".replace("\0", "␀")
                broken.append(f"rule {rule.id}: {reason} ({where.name}:{where.lineno})")
        return Opinion(tuple(findings), not_applicable, tuple(broken))

    def fired(self, chat: Chat, context: Context, day: str) -> tuple[str, ...]:
        """Ids of the rules that are hit; a rule that crashes counts as hit, so that the chat is inspected."""
        view = self.view(chat, context)
        matched = view.matched()
        fired = []
        for compiled, holds in self._in_force(day):
            if not holds or (compiled.slots is not None and compiled.slots.isdisjoint(matched)):
                continue
            try:
                if compiled.judge(view).state is State.HIT:
                    fired.append(compiled.rule.id)
            except Exception:  # noqa: BLE001 - the inspection that follows reports it
                fired.append(compiled.rule.id)
        return tuple(fired)


def compile_pack(pack: Pack | Located, *, only: Iterable[str] | None = None) -> RuleSet:
    """Compile a pack, or only the rules of the given ids; PackError (with place, for a Located) on a mistake."""
    located = pack if isinstance(pack, Located) else None
    content = pack.pack if isinstance(pack, Located) else pack
    wanted = None if only is None else set(only)

    def wordlist(name: str) -> tuple[str, ...]:
        if name not in content.wordlists:
            raise PackError(f"no word list is named {name!r} (known: {', '.join(sorted(content.wordlists))})")
        return content.wordlists[name]

    bench = Bench(wordlist)
    compiled = []
    for rule in content.rules:
        if wanted is not None and rule.id not in wanted:
            continue
        try:
            judge = _compile_rule(rule, bench)
            slots = frozenset(bench.slots) if rests_on_words(rule.when) else None
            compiled.append(CompiledRule(rule, judge, slots))
        except LocatedError as problem:
            if located is None:
                dotted = ".".join(str(part) for part in problem.path)
                raise PackError(f"rule {rule.id}: {dotted}: {problem}") from None
            raise located.error(rule.id, problem.path, str(problem)) from None
    return RuleSet(tuple(compiled), bench.freeze())


def red_lines(pack: Pack) -> tuple[str, ...]:
    """Ids of the rules that void the score: they run over every chat of the day."""
    return tuple(rule.id for rule in pack.rules if rule.red_line)


def _compile_rule(rule: Rule, bench: Bench) -> Judge:
    named: dict[str, Judge] = {}
    bench.rule(named)
    for name, condition in rule.let.items():
        named[name] = remembered(compile_condition(condition, bench, ("let", name)))
    when = compile_condition(rule.when, bench, ("when",))
    if rule.applies is None:
        return when
    return gate(compile_condition(rule.applies, bench, ("applies",)), when)


def _finding(rule: Rule, answer: Judgement, chat: Chat) -> Finding:
    evidence = _evidence(answer, chat)
    count = answer.hits
    return Finding(
        rule=rule.id,
        outcome=Result.BONUS if rule.bonus else Result.FAILED,
        message=_message(rule.message.zh, evidence, count, answer.value),
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


def _message(template: str, evidence: tuple[Evidence, ...], count: int, value: float | None) -> str:
    """Fill ``{quote}``, ``{count}`` and ``{value}`` (a figure without needless decimals).

    >>> _message("等待 {value} 秒", (), 1, 72.0)
    '等待 72 秒'
    """
    quote = next((item.quote for item in evidence if not item.absent), "").replace("\0", "␀")
    shown = "" if value is None else f"{value:.1f}".removesuffix(".0")
    said = {"{quote}": quote, "{count}": str(count), "{value}": shown}
    return PLACEHOLDER.sub(lambda match: said[match[0]], template)  # at once: a quote may look like a placeholder
