"""A pack's examples are its tests: ``bad`` must fire, ``good`` must apply and pass, ``na`` must not apply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qa.errors import QaError
from qa.rules.context import house_context
from qa.rules.engine import RuleSet, compile_pack
from qa.rules.pack import Located, Rule
from qa.rules.view import Context
from qa.sources.plain import parse_plain
from qa.types import Chat

_DAY = "9998-12-31"


@dataclass(frozen=True, slots=True)
class Wrong:
    """An example that does not do what its rule's author expects. ``where`` is ``file:line:column``."""

    rule: str
    where: str
    expected: str
    got: str


def count_examples(located: Located) -> int:
    """Return how many examples a pack carries."""
    return sum(len(r.examples.bad) + len(r.examples.good) + len(r.examples.na) for r in located.pack.rules)


def check_examples(located: Located, context: Context | None = None) -> Iterator[Wrong]:
    """Run every example of every rule; yields those that disappoint. A rule without a bad example is one."""
    settings = context or house_context(located.pack)
    for rule in located.pack.rules:
        if not rule.examples.bad or not rule.examples.good:
            yield Wrong(rule.id, located.where(rule.id, ()), "a bad and a good example", "none of one kind")
            continue
        compiled = compile_pack(located, only=[rule.id])
        yield from _check(rule, compiled, located, settings)


def _check(rule: Rule, compiled: RuleSet, located: Located, context: Context) -> Iterator[Wrong]:
    expectations = (("bad", rule.examples.bad), ("good", rule.examples.good), ("na", rule.examples.na))
    for kind, examples in expectations:
        for i, text in enumerate(examples):
            where = located.where(rule.id, ("examples", kind, i))
            try:
                chats = parse_plain(text, context.zone)
            except QaError as problem:
                yield Wrong(rule.id, where, "a chat in plain notation", str(problem))
                continue
            if not chats:
                yield Wrong(rule.id, where, "a chat in plain notation", "an empty text")
            for chat in chats:
                got = outcome(compiled, chat, context, rule)
                if got != _EXPECTED[kind]:
                    yield Wrong(rule.id, where, _EXPECTED[kind], got)


_EXPECTED = {"bad": "fires", "good": "passes", "na": "not applicable"}


def outcome(compiled: RuleSet, chat: Chat, context: Context, rule: Rule) -> str:
    """Return ``fires``, ``passes``, ``not applicable`` or ``breaks`` for one rule on one chat."""
    day = rule.effective_until or rule.effective_from or _DAY
    opinion = compiled.judge(chat, context, day)
    if opinion.broken:
        return f"breaks: {opinion.broken[0]}"
    if any(finding.rule == rule.id for finding in opinion.findings):
        return "fires"
    return "not applicable" if rule.id in opinion.not_applicable else "passes"
