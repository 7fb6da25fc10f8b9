"""A standard drawn up as a pack: each item a rule, proved by its examples, or left with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qa.drafting.conditions import Idea, idea_of
from qa.drafting.standard import Item, Standard
from qa.errors import PackError, QaError
from qa.rules.context import house_context
from qa.rules.engine import compile_pack
from qa.rules.examples import outcome
from qa.rules.pack import Rule, resolve
from qa.rules.yamlfile import Document
from qa.sources.plain import parse_plain

_FIGURE_OF = {"wait": "longest_wait", "unanswered": "unanswered", "followup": "followup"}
"""Operators that measure one figure each."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """An item that became a rule, as the mapping that a pack holds."""

    item: Item
    rule: dict[str, Any]
    beside: tuple[str, ...] = ()
    """House rules that measure the same: both take points unless one is switched off."""


@dataclass(frozen=True, slots=True)
class Left:
    """An item that could not be said as a rule, and why."""

    item: Item
    reason: str


@dataclass(frozen=True, slots=True)
class Draft:
    """All of a standard: its items are the rules and what is left."""

    rules: tuple[Drawn, ...]
    left: tuple[Left, ...]
    notes: tuple[str, ...]

    @property
    def items(self) -> int:
        """How many items the standard has."""
        return len(self.rules) + len(self.left)

    @property
    def untranslated(self) -> tuple[int, ...]:
        """Numbers of the items among the rules whose English name is the Chinese one."""
        return tuple(one.item.number for one in self.rules if one.item.en is None)


def draw_up(standard: Standard, house: Sequence[Rule]) -> Draft:
    """Return the rules of a standard, beside those of the house.

    An item is left when no rule says it or its examples do not bear the rule out.
    """
    measured = {rule.id: _measures(rule.when) for rule in house}
    width = max(2, *(len(str(item.number)) for item in standard.items)) if standard.items else 2
    drawn: list[Drawn] = []
    left: list[Left] = []
    for item in standard.items:
        idea = idea_of(item)
        rule = idea if isinstance(idea, str) else _proved(item, idea, f"m-item-{item.number:0{width}d}")
        if isinstance(rule, str):
            left.append(Left(item, rule))
        else:
            same = _measures(rule["when"])
            drawn.append(Drawn(item, rule, tuple(name for name, figures in measured.items() if figures & same)))
    return Draft(tuple(drawn), tuple(left), standard.notes)


def _proved(item: Item, idea: Idea, name: str) -> dict[str, Any] | str:
    """Return the rule with a bad and a good example that do as they should, or why there is none."""
    rule = _rule(item, idea, name)
    try:
        judge = _judge(rule)
    except PackError as problem:
        return f"cannot be compiled: {problem}"
    bad = next((chat for chat in idea.bad if judge(chat) == "fires"), None)
    good = next((chat for chat in idea.good if judge(chat) == "passes"), None)
    if bad is None:
        return "no chat was found that breaks it: it would never fire"
    if good is None:
        return "no chat was found that keeps it: it would always fire"
    return rule | {"examples": {"bad": [bad], "good": [good]}}


def _measures(condition: Any) -> frozenset[str]:
    """Return the figures that a condition measures.

    >>> sorted(_measures({"any": [{"wait": {"over": 9}}, {"not": {"field": {"field": "csat", "at_most": 2}}}]}))
    ['csat', 'longest_wait']
    """
    if isinstance(condition, list):
        return frozenset().union(*map(_measures, condition))
    if not isinstance(condition, dict):
        return frozenset()
    found = set[str]()
    for name, body in condition.items():
        if name in ("figure", "field") and isinstance(body, dict):
            found.add(str(body.get(name)))
        elif name in _FIGURE_OF:
            found.add(_FIGURE_OF[name])
        else:
            found |= _measures(body)
    return frozenset(found)


def _rule(item: Item, idea: Idea, name: str) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": name,
        "name": {"zh": item.zh, "en": item.en or item.zh},
        "dimension": item.dimension.value,
        "severity": item.severity.value,
    }
    if item.points is not None:
        rule["deduct"] = item.points
    if item.red_line:
        rule["red_line"] = True
    rule["message"] = dict(zip(("zh", "en"), idea.message, strict=True))
    if idea.suggestion is not None:
        rule["suggestion"] = dict(zip(("zh", "en"), idea.suggestion, strict=True))
    return rule | {"when": idea.when}


def _judge(rule: dict[str, Any]) -> Callable[[str], str]:
    """Return what tells how the engine, given this rule alone, judges a chat; PackError for a rule it refuses."""
    pack = {"pack": "draft", "version": "1", "name": {"zh": "草案", "en": "draft"}, "rules": [rule]}
    located = resolve(Document("draft", pack, {}), None)
    compiled, context = compile_pack(located), house_context(located.pack)

    def judge(text: str) -> str:
        try:
            [chat] = parse_plain(text, context.zone)
        except QaError:  # a day beyond the calendar, say
            return "unreadable"
        return outcome(compiled, chat, context, located.pack.rules[0])

    return judge
