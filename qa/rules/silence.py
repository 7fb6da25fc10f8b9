"""What is known of a condition without asking it: its answer in a chat that has none of what it waits for.

Most rules of a pack wait for words (or for a hand-over) that most chats do not have. For those the answer is the same
every time, so the engine writes it down beforehand and asks the rule only where one of its words occurs. ``None``:
nothing so simple.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qa.rules.base import MISSED, NOT_MET, Judge, Judgement, Operator, Scoped, Silence, State
from qa.rules.bench import Bench
from qa.rules.view import View
from qa.types import Role


def silent(judge: Judge, silence: Silence | None, bench: Bench) -> Judge:
    """Return the judge, its silence noted with the bench."""
    if silence is not None:
        bench.silences[judge] = silence
    return judge


def unless_silent(judge: Judge, silence: Silence | None, bench: Bench) -> Judge:
    """Return the judge asked only where something that it waits for occurs, its silence noted with the bench.

    What it searched in vain is lost then, so this is only done where nobody cites it.
    """
    if silence is None or silence.answer is None:
        return judge
    if bench.cited:
        return silent(judge, silence, bench)
    answer, kinds, needs = silence.answer, silence.kinds, tuple(silence.needs)
    waited = sum(1 << slot for slot in silence.slots)

    def quick(view: View) -> Judgement:
        if view.occurring & waited or not kinds.isdisjoint(view.kinds):
            return judge(view)
        for role, number in needs:
            if not view.has(role, number):
                return judge(view)
        return answer

    return silent(quick, silence, bench)


def of_operator(operator: Operator, bench: Bench) -> Silence | None:
    """Return the silence of an operator that was just compiled: a miss, or its answer without its anchor."""
    if operator.waits_for_kind is not None:
        return Silence(operator.without_kind, kinds=frozenset({operator.waits_for_kind}))
    if not isinstance(operator, Scoped):
        return None
    needs = frozenset({(None if operator.role == "any" else Role(operator.role), operator.from_ or 1)})
    anchor = operator.after or operator.before or operator.around
    if anchor is None:
        return None if bench.waiting is None else Silence(MISSED, bench.waiting[1], bench.waiting[0], needs=needs)
    named, answer = bench.silences.get(bench.named(anchor)), operator.without_anchor()
    if named is None or answer is None:
        return None
    return replace(named, answer=answer, needs=needs | named.needs)


def of_all(parts: Sequence[Silence | None]) -> Silence | None:
    """Return the silence of conditions that must all be hit: one miss decides, best of what is rare."""
    known = [(part.answer, part) for part in parts if part is not None and part.answer is not None]
    missed = [part for answer, part in known if answer.state is State.MISS]
    if missed or len(known) < len(parts):
        return min(missed, key=lambda part: part.often, default=None)
    return _joined([part for _, part in known], known[0][0])


def of_some(parts: Sequence[Silence | None], n: int) -> Silence | None:
    """Return the silence of conditions of which ``n`` must be hit; known only where every one is."""
    known = [(part.answer, part) for part in parts if part is not None and part.answer is not None]
    if len(known) < len(parts):
        return None
    unknown = [answer for answer, _ in known if answer.state is State.NOT_APPLICABLE]
    return _joined([part for _, part in known], unknown[0] if len(unknown) >= n else MISSED)


def of_not(inner: Silence | None) -> Silence | None:
    """Return the silence of a denial: what does not apply does not apply denied."""
    return inner if _not_applicable(inner) else None


def of_gate(applies: Silence | None) -> Silence | None:
    """Return the silence of a rule that is judged only where ``applies`` is hit."""
    if applies is None or applies.answer is None or _not_applicable(applies):
        return applies
    return replace(applies, answer=NOT_MET)


def _not_applicable(silence: Silence | None) -> bool:
    return silence is not None and silence.answer is not None and silence.answer.state is State.NOT_APPLICABLE


def _joined(parts: Sequence[Silence], answer: Judgement) -> Silence:
    return Silence(
        answer,
        frozenset(slot for part in parts for slot in part.slots),
        sum(part.often for part in parts),
        frozenset(kind for part in parts for kind in part.kinds),
        frozenset(need for part in parts for need in part.needs),
    )
