"""What a lead should know about a pack before it is used: figures, and what is legal but probably not meant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from qa.rules.pack import Pack, Rule
from qa.rules.registry import operators
from qa.types import Dimension


def operators_used(rules: tuple[Rule, ...]) -> Counter[str]:
    """How often each operator is used in the conditions of these rules."""
    conditions = [c for rule in rules for c in (rule.when, rule.applies, *rule.let.values()) if c is not None]
    return Counter(name for condition in conditions for name in _operators(condition))


def _operators(node: Any) -> Iterator[str]:
    parts = node if isinstance(node, list) else list(node.values()) if isinstance(node, dict) else []
    known = operators()
    if isinstance(node, dict) and len(node) == 1 and next(iter(node)) in known:
        yield next(iter(node))
        return
    for part in parts:
        yield from _operators(part)


def dimension_weights(pack: Pack) -> dict[Dimension, float]:
    """Item points of each dimension's rules: what an item's weight is a share of."""
    return {d: sum(rule.weight for rule in pack.active if rule.dimension is d and not rule.red_line) for d in Dimension}


def warnings(pack: Pack, house: Pack) -> Iterator[str]:
    """Yield what a lead should look at, one line each."""
    yield from _red_lines(pack, house)
    for dimension, weight in dimension_weights(pack).items():
        if not weight:
            yield f"dimension {dimension.value} has no rule that takes points: its weight goes to the others"
    inherited = {rule.id: rule for rule in house.rules}
    idle = [r.id for r in pack.rules if not (r.weight or r.bonus or r.red_line) and r != inherited.get(r.id)]
    if idle:
        yield f"neither points nor red line, only shown: {', '.join(idle)}"
    for kind in ("bad", "good", "na"):
        missing = [rule.id for rule in pack.rules if not getattr(rule.examples, kind)]
        if missing:
            yield f"no {kind} example: {', '.join(missing)}"
    yield from _capitals(pack)


_NO_LETTER = re.compile(r"\\[pP]\{[^}]*\}|\\.|\(\?P<\w+>|\[:\w+:\]", re.DOTALL)
"""What is written with a letter and stands for none."""


def _capitals(pack: Pack) -> Iterator[str]:
    """Expressions with capital letters: these see folded text, which has none."""
    for rule in pack.rules:
        for pattern in _patterns([rule.when, rule.applies, *rule.let.values()]):
            capitals = sorted(set(re.findall("[A-Z]", _NO_LETTER.sub("", pattern))))
            if capitals and "(?i" not in pattern:
                yield f"rule {rule.id}: {', '.join(capitals)} in an expression is never found, texts are in lower case"


def _patterns(node: Any) -> Iterator[str]:
    """The expressions of conditions."""
    if isinstance(node, dict):
        regex = node.get("regex")
        if isinstance(regex, dict):
            yield from (regex[key] for key in ("pattern", "except") if isinstance(regex.get(key), str))
    parts = node if isinstance(node, list) else list(node.values()) if isinstance(node, dict) else []
    for part in parts:
        yield from _patterns(part)


def _red_lines(pack: Pack, house: Pack) -> Iterator[str]:
    own = {rule.id: rule for rule in pack.rules}
    if not any(rule.red_line for rule in pack.active):
        yield "no red line: nothing voids a score"
    if not any(rule.id in own for rule in house.rules):
        return
    for rule in house.rules:
        if rule.red_line and rule.id not in own:
            yield f"red line {rule.id} of the house is switched off"
        elif rule.red_line and own[rule.id] != rule:
            yield f"red line {rule.id} of the house is changed"
