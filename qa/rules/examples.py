"""A pack's examples are its tests: ``bad`` must fire, ``good`` must apply and pass, ``na`` must not apply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import msgspec

from qa.errors import QaError
from qa.rules.base import State
from qa.rules.context import house_context
from qa.rules.engine import RuleSet, compile_pack
from qa.rules.logic import Path
from qa.rules.operators.opinion import LABELS
from qa.rules.pack import Located, Rule
from qa.rules.view import Context
from qa.rules.why import Why, decided, written
from qa.sources.plain import parse_plain
from qa.types import MICROSECONDS, Chat, ChatOpinion, Instant, Opinion

_DAY = "9998-12-31"
_HOUR = 3600 * MICROSECONDS


@dataclass(frozen=True, slots=True)
class Wrong:
    """An example that does not do what its rule's author expects. ``where`` is ``file:line:column``.

    ``why`` is what decided, as far as conditions did.
    """

    rule: str
    where: str
    expected: str
    got: str
    why: str = ""


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
                chats, around = read_example(text, context)
            except QaError as problem:
                yield Wrong(rule.id, where, "a chat in plain notation", str(problem))
                continue
            if not chats:
                yield Wrong(rule.id, where, "a chat in plain notation", "an empty text")
            for chat in chats:
                got = outcome(compiled, chat, around, rule)
                if got != _EXPECTED[kind]:
                    why = "" if got.startswith(_BREAKS) else _why(located, rule, chat, around)
                    yield Wrong(rule.id, where, _EXPECTED[kind], got, why)


def _why(located: Located, rule: Rule, chat: Chat, context: Context) -> str:
    """What decided about a rule: where ``applies`` is not hit that, else ``when``."""
    why = Why(located.pack, rule)
    answers = why.of(chat, context)
    first = next(answer for answer in answers if answer.part.path[0] in {"applies", "when"})
    part = "when" if first.judgement.state is State.HIT else str(first.part.path[0])
    return decided(answers, chat, lambda answer: why.nearly(answer, chat, context), part)


class Untried(NamedTuple):
    """A condition of a rule that no example has ``hit``, or that none has missed (``not hit``)."""

    rule: str
    where: str
    what: str
    never: str


class Branches(NamedTuple):
    """How much of the conditions the examples try: each counts twice, hit and not hit."""

    tried: int
    total: int
    untried: tuple[Untried, ...]


def branches(located: Located, context: Context | None = None) -> Branches:
    """Return which conditions of a pack its examples have hit and have missed; one that cannot be read tries none."""
    settings = context or house_context(located.pack)
    untried: list[Untried] = []
    total = 0
    for rule in located.pack.rules:
        leaves = Why(located.pack, rule)
        seen: set[tuple[Path, bool]] = set()
        for text in (*rule.examples.bad, *rule.examples.good, *rule.examples.na):
            chats, around = _readable(text, settings)
            for chat in chats:
                for answer in leaves.of(chat, around):
                    if answer.judgement.state is not State.NOT_APPLICABLE:
                        seen.add((answer.part.path, answer.judgement.state is State.HIT))
        for part in leaves.parts:
            if part.leaf and part.name != "named":
                total += 2
                for hit, never in ((True, "hit"), (False, "not hit")):
                    if (part.path, hit) not in seen:
                        where = located.where(rule.id, part.path[:-1])
                        untried.append(Untried(rule.id, where, written(part.node), never))
    return Branches(total - len(untried), total, tuple(untried))


def _readable(text: str, context: Context) -> tuple[list[Chat], Context]:
    try:
        return read_example(text, context)
    except QaError:
        return [], context


def read_example(text: str, context: Context) -> tuple[list[Chat], Context]:
    """Return the chats of an example, and the context with what its lines ``@ …`` say of the world around them.

    ``@ earlier_chats: 2, 30`` – chats of the same customer began so many hours before; ``@ opinion: satisfaction
    dissatisfied 0.9`` – the model thinks so. QaError where a line or the chat cannot be read.
    """
    lines = text.splitlines()
    told = [line for line in lines if line.startswith("@ ")]
    chats = parse_plain("\n".join(line for line in lines if not line.startswith("@ ")), context.zone)
    opinion: ChatOpinion | None = None
    for line in told:
        what, _, value = line[2:].partition(":")
        if what == "earlier_chats":
            context = replace(context, earlier_chats=_earlier(value, chats, line))
        elif what == "opinion":
            opinion = _opinion(opinion or ChatOpinion(), value.split(), line)
        else:
            raise QaError(f"{line!r}: known are '@ earlier_chats: HOURS, …' and '@ opinion: OF LABEL PROBABILITY'")
    return chats, context if opinion is None else replace(context, opinion=opinion)


def _earlier(value: str, chats: list[Chat], line: str) -> tuple[Instant, ...]:
    begun = next((m.at for chat in chats for m in chat.messages if m.at is not None), None)
    try:
        hours = [float(part) for part in value.split(",") if part.strip()]
    except ValueError:
        raise QaError(f"{line!r}: hours such as '2, 30.5' are expected") from None
    if begun is None:
        raise QaError(f"{line!r}: the chat has no times to count the hours from")
    return tuple(sorted(begun - round(one * _HOUR) for one in hours))


def _opinion(of_chat: ChatOpinion, words: list[str], line: str) -> ChatOpinion:
    try:
        of, label, probability = words
        at, p = LABELS[of].index(label), float(probability)
    except (KeyError, ValueError):
        raise QaError(f"{line!r}: expected is such as '@ opinion: satisfaction dissatisfied 0.9'") from None
    others = (1 - p) / (len(LABELS[of]) - 1)
    made = Opinion(label, p, tuple(p if i == at else others for i in range(len(LABELS[of]))))
    return msgspec.structs.replace(of_chat, **{of: made})


_BREAKS = "breaks"
_EXPECTED = {"bad": "fires", "good": "passes", "na": "not applicable"}


def outcome(compiled: RuleSet, chat: Chat, context: Context, rule: Rule) -> str:
    """Return ``fires``, ``passes``, ``not applicable`` or ``breaks`` for one rule on one chat."""
    day = rule.effective_until or rule.effective_from or _DAY
    opinion = compiled.judge(chat, context, day)
    if opinion.broken:
        return f"{_BREAKS}: {opinion.broken[0]}"
    if any(finding.rule == rule.id for finding in opinion.findings):
        return "fires"
    return "not applicable" if rule.id in opinion.not_applicable else "passes"
