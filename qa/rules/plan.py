"""Which rules of a day have to be asked about a chat, and what the others answer unasked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from qa.rules.base import Judge, Need, Silence, State
from qa.rules.batch import Batch, Flags
from qa.rules.pack import Rule
from qa.rules.quiet import Glance
from qa.rules.reasons import MISSED, Reasons
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

    __slots__ = ("_always", "_by_kind", "_by_slot", "_needs", "_slots", "_waiting", "in_force", "unasked")

    def __init__(self, rules: Sequence[CompiledRule], day: str, reasons: Reasons) -> None:
        self.in_force = [i for i, compiled in enumerate(rules) if compiled.rule.in_force(day)]
        self.unasked = np.full(len(rules), reasons("not in force"))
        """What each rule says (``reasons.py``) where it is not asked."""
        self.unasked[self.in_force] = MISSED
        self._always: set[int] = set()
        self._by_slot: list[tuple[int, int]] = []
        """The slots that a rule waits for, one bit each, and the rule."""
        self._by_kind: dict[str, set[int]] = {}
        self._needs: dict[Need, set[int]] = {}
        waiting: list[tuple[int, list[int]]] = []
        for i in self.in_force:
            waiting += self._add(i, rules[i].silence, reasons)
        self._waiting = [i for i, _ in waiting]
        """The rules that wait for slots …"""
        sizes = [len(slots) for _, slots in waiting]
        self._slots = np.array([slot for _, slots in waiting for slot in slots], np.int64), np.cumsum([0, *sizes[:-1]])
        """… their slots one after the other, and where those of each begin."""

    def _add(self, i: int, silence: Silence | None, reasons: Reasons) -> list[tuple[int, list[int]]]:
        """Note what a rule waits for; returns it with its slots, if it waits for any."""
        if silence is None or silence.answer is None:
            self._always.add(i)
            return []
        for kind in silence.kinds:
            self._by_kind.setdefault(kind, set()).add(i)
        for need in silence.needs:
            self._needs.setdefault(need, set()).add(i)
        if silence.answer.state is State.NOT_APPLICABLE:
            self.unasked[i] = reasons(silence.answer.reason)
        if not silence.slots:
            return []
        self._by_slot.append((sum(1 << slot for slot in silence.slots), i))
        return [(i, sorted(silence.slots))]

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

    def due_of(self, batch: Batch) -> Flags:
        """Return which rules have to be asked about which chats of a batch that are not ``alone``: a chat a row."""
        due = np.tile(self._flags(self._always), (len(batch.views), 1))
        if self._waiting:
            slots, firsts = self._slots
            due[:, self._waiting] = np.logical_or.reduceat(batch.occurring.take(slots, axis=1), firsts, axis=1)
        for kind, concerned in self._by_kind.items():
            there = np.array([kind in view.kinds for view in batch.views])
            due |= there[:, None] & self._flags(concerned)
        for (role, number), unsure in self._needs.items():
            due |= ~batch.have(role, number)[:, None] & self._flags(unsure)
        return due

    def _flags(self, rules: Iterable[int]) -> Flags:
        """Rule → whether it is one of these."""
        flags = np.zeros(self.unasked.size, bool)
        flags[[*rules]] = True
        return flags
