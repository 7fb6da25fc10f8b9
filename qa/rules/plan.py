"""Which rules of a day have to be asked about a chat, and what the others answer unasked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qa.rules.base import Judge, Need, Silence, State
from qa.rules.pack import Rule
from qa.rules.quiet import Glance
from qa.rules.view import View


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its judge, its answer where none of its words occur, and what can be told of it at a glance.

    None: it has to be asked.
    """

    rule: Rule
    judge: Judge
    silence: Silence | None = None
    glance: Glance | None = None


class Plan:
    """The rules of a day by position: those in force, those that wait for something, what the waiting ones say."""

    __slots__ = ("_always", "_by_kind", "_by_slot", "_needs", "in_force", "silent")

    def __init__(self, rules: Sequence[CompiledRule], day: str) -> None:
        self.in_force = [i for i, compiled in enumerate(rules) if compiled.rule.in_force(day)]
        self.silent = dict.fromkeys(set(range(len(rules))).difference(self.in_force), "not in force")
        """Reasons why rules do not apply where they are not asked."""
        self._always: set[int] = set()
        self._by_slot: list[tuple[int, int]] = []
        """The slots that a rule waits for, one bit each, and the rule."""
        self._by_kind: dict[str, set[int]] = {}
        self._needs: dict[Need, set[int]] = {}
        for i in self.in_force:
            self._add(i, rules[i].silence)

    def _add(self, i: int, silence: Silence | None) -> None:
        if silence is None or silence.answer is None:
            self._always.add(i)
            return
        if silence.slots:
            self._by_slot.append((sum(1 << slot for slot in silence.slots), i))
        for kind in silence.kinds:
            self._by_kind.setdefault(kind, set()).add(i)
        for need in silence.needs:
            self._needs.setdefault(need, set()).add(i)
        if silence.answer.state is State.NOT_APPLICABLE:
            self.silent[i] = silence.answer.reason

    def due(self, view: View) -> set[int]:
        """Return which rules have to be asked about this chat."""
        occurring = view.occurring if self._by_slot else 0
        due = {i for slots, i in self._by_slot if slots & occurring}
        due |= self._always
        for kind, concerned in self._by_kind.items():
            if kind in view.kinds:
                due |= concerned
        for (role, number), unsure in self._needs.items():
            if not view.has(role, number):
                due |= unsure
        return due
