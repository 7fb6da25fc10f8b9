"""Why a model thinks so: every word's and figure's exact share of a decision value, with its places in the text.

A head's decision value for a label is an intercept plus, for each feature of each text it listens to, weight times
value, plus for each figure weight times distance from its usual value. Nothing is approximated: the shares and the
intercept add up to the value that ``Model.work_out`` gives (a test holds it to 1e-9). Values of two labels are compared
by their difference; a share that is the same for all labels decides nothing.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

import msgspec
import numpy as np
from scipy import sparse

from qa.models.features import CHAT_SLOTS, Slot, choose, side_of
from qa.models.heads import Head, HeadName, counted, slot_matrix
from qa.models.hits import Hits, rule_of
from qa.models.model import Model, Seen
from qa.models.opinions import LABELS, Level, ModelError, Task
from qa.models.vocabulary import Floats, located
from qa.types import Chat, Finding

Shares = tuple[float, ...]
"""One number a label, the worst label first."""


class Contribution(msgspec.Struct, frozen=True):
    """What one feature of one text, or one figure, adds to the decision value of each label.

    ``places`` are ``(start, end)`` in ``chat.messages[turn].text``; a figure has none, and neither turn nor slot. A
    figure of what a rule found has the places of its evidence, turn by turn, and no slot.
    """

    name: str
    shares: Shares
    slot: Slot | None = None
    turn: int | None = None
    places: tuple[tuple[int, int], ...] = ()


class Explanation(msgspec.Struct, frozen=True):
    """A decision taken apart: ``intercept`` and all ``contributions`` add up to ``decision``."""

    level: Level
    task: Task
    turn: int | None
    """The turn judged; ``None``: the chat."""
    decision: Shares
    probabilities: Shares
    intercept: Shares
    contributions: tuple[Contribution, ...]

    def against(self, label: str) -> list[tuple[Contribution, float]]:
        """Return what speaks for ``label`` (positive) and against it (negative), the loudest first.

        A share counts by how much it exceeds the mean of the other labels'.
        """
        return sorted(self._compared(label), key=lambda pair: (-abs(pair[1]), pair[0].name))

    def _compared(self, label: str) -> Iterator[tuple[Contribution, float]]:
        which = LABELS[self.task].index(label)
        usable = [k for k in range(len(self.decision)) if np.isfinite(self.decision[k]) and k != which]
        for one in self.contributions:
            others = sum(one.shares[k] for k in usable) / max(len(usable), 1)
            yield one, one.shares[which] - others

    def by_character(self, label: str, chat: Chat) -> dict[int, list[float]]:
        """Return by turn what each of its characters says for ``label``; a feature's share is spread over its places.

        Together with the figures and the edges of empty texts they add up to the sum of ``against``. A turn that no
        feature comes from is left out.
        """
        heat: dict[int, list[float]] = {}
        for one, share in self._compared(label):
            if one.turn is None or one.slot is None:  # a figure is no share of single characters
                continue
            mine = heat.setdefault(one.turn, [0.0] * len(chat.messages[one.turn].text))
            spans = [(start, end) for start, end in one.places if end > start]
            for start, end in spans:
                each = share / len(spans) / (end - start)
                for position in range(start, end):
                    mine[position] += each
        return heat


class Moved(msgspec.Struct, frozen=True):
    """A feature whose weight differs between two models; ``None``: the model does not know it."""

    head: str
    slot: Slot
    name: str
    label: str
    before: float | None
    after: float | None

    @property
    def by(self) -> float:
        """Return after less before, unknown as 0."""
        return (self.after or 0.0) - (self.before or 0.0)


Which = tuple[Level, Task, int | None]
"""One decision: on a turn, or (None) on the chat."""


def explain(
    model: Model, chat: Chat, only: Container[Which] | None = None, hits: Hits | None = None
) -> list[Explanation]:
    """Return every decision of every head on a chat, taken apart: turns in their order, then the chat.

    ``only``: these decisions and no others. ``hits``: what rules found in the chat, where they were asked.
    """
    seen = model.see([chat], [hits])
    if not len(seen.rows.customers):
        return []
    worked = model.work_out(seen)
    words = _Words(model, seen)
    found = []
    for name, head in model.heads.items():
        units = len(seen.rows.customers) if name[0] is Level.TURN else 1
        for unit in range(units):
            turn = int(seen.rows.turn[seen.rows.customers[unit]]) if name[0] is Level.TURN else None
            if only is not None and (*name, turn) not in only:
                continue
            finite = np.where(np.isfinite(head.text.intercept), head.text.intercept, 0.0)
            intercept = head.blend.intercept + finite @ head.blend.decisions
            parts = [*words.of(head, unit), *_of_figures(head, worked[name].figures.values[unit], seen.hits[0] or {})]
            found.append(
                Explanation(
                    level=name[0],
                    task=name[1],
                    turn=turn,
                    decision=_shares(worked[name].decisions[unit]),
                    probabilities=_shares(worked[name].probabilities[unit]),
                    intercept=_shares(intercept),
                    contributions=tuple(parts),
                )
            )
    return found


def explain_one(model: Model, chat: Chat, name: HeadName, turn: int | None = None) -> Explanation:
    """Return one decision taken apart; raises ``ModelError`` where the model does not judge that."""
    for one in explain(model, chat, [(*name, turn)]):
        return one
    where = "the chat" if turn is None else f"turn {turn}"
    raise ModelError(f"the model does not judge the {name[1]} of {where}")


def moved(before: Model, after: Model, limit: int = 20) -> list[Moved]:
    """Return the features whose weight changed most from one model to another, of all heads that both have.

    Weights are compared as they act on the probabilities (blend and slope included), less their mean over the labels,
    which decides nothing.
    """
    found: list[Moved] = []
    for name in before.heads.keys() & after.heads.keys():
        old, new = _weights(before, name), _weights(after, name)
        for key in old.keys() | new.keys():
            ours, theirs = old.get(key), new.get(key)
            change = (theirs if theirs is not None else 0.0) - (ours if ours is not None else np.zeros(1))
            label = int(np.argmax(np.abs(change)))
            if abs(float(change[label])) > 0:
                pair = (None if one is None else float(one[label]) for one in (ours, theirs))
                found.append(Moved(f"{name[0]} {name[1]}", key[0], key[1], LABELS[name[1]][label], *pair))
    return sorted(found, key=lambda one: (-abs(one.by), one.head, one.slot, one.name))[:limit]


def _weights(model: Model, name: HeadName) -> dict[tuple[Slot, str], Floats]:
    head = model.heads[name]
    table: dict[tuple[Slot, str], Floats] = {}
    for slot, weights in head.text.weights.items():
        first = counted(slot, model.vocabulary).start
        acting = head.calibration.slope * weights @ head.blend.decisions
        acting = acting - acting.mean(axis=1, keepdims=True)
        for index in np.flatnonzero(np.abs(acting).max(axis=1) > 1e-6).tolist():  # noqa: PLR2004
            table[slot, model.vocabulary.told_apart(first + index)] = acting[index]
    return table


class _Words:
    """The features of a chat by text, with their places."""

    def __init__(self, model: Model, seen: Seen) -> None:
        self._model, self._seen = model, seen
        self._places: dict[tuple[int, int], list[tuple[int, int]]] = {}
        text, feature, starts, ends = located(seen.wording, model.vocabulary)
        for key, start, end in zip(
            zip(text.tolist(), feature.tolist(), strict=True), starts.tolist(), ends.tolist(), strict=True
        ):
            self._places.setdefault(key, []).append((start, end))

    def of(self, head: Head, unit: int) -> Iterator[Contribution]:
        """Yield what each feature of each slot adds to the unit's decision values, text by text."""
        vocabulary, rows = self._model.vocabulary, self._seen.rows
        for slot, weights in head.text.weights.items():
            span = counted(slot, vocabulary)
            if slot in CHAT_SLOTS:
                whole = slot_matrix(slot, rows, self._seen.vectors, vocabulary)[[unit]]
                mine = np.flatnonzero(side_of(slot, rows) == unit).tolist()
                yield from self._of_many(slot, mine, whole, weights[whole.indices] @ head.blend.decisions)
                continue
            taken = choose(slot, rows)[[unit]]
            for row, share in zip(taken.indices.tolist(), taken.data.tolist(), strict=True):
                values = self._seen.vectors[[row]]
                kept = (values.indices >= span.start) & (values.indices < span.stop)
                features = values.indices[kept]
                acting = weights[features - span.start] @ head.blend.decisions * (share * values.data[kept])[:, None]
                for feature, shares in zip(features.tolist(), acting, strict=True):
                    yield self._one(slot, row, feature, shares)

    def _of_many(
        self, slot: Slot, rows: Sequence[int], whole: sparse.csr_array, acting: Floats
    ) -> Iterator[Contribution]:
        """Share what a feature of several texts together adds between those that have it."""
        for feature, shares in zip(whole.indices.tolist(), whole.data[:, None] * acting, strict=True):
            having = [row for row in rows if (row, feature) in self._places]
            for row in having:
                yield self._one(slot, row, feature, shares / len(having))

    def _one(self, slot: Slot, row: int, feature: int, shares: Floats) -> Contribution:
        return Contribution(
            name=self._model.vocabulary.names[feature],
            shares=_shares(shares),
            slot=slot,
            turn=int(self._seen.rows.turn[row]),
            places=tuple(self._places[row, feature]),
        )


def _of_figures(head: Head, values: Floats, hits: Hits) -> Iterator[Contribution]:
    for name, value, weights in zip(head.blend.names, values - head.blend.usual, head.blend.figures, strict=True):
        rule = rule_of(name)
        found = None if rule is None else hits.get(rule)
        if found is None or not found.evidence:
            yield Contribution(name=name, shares=_shares(value * weights))
        else:
            yield from _of_rule(name, found, value * weights)


def _of_rule(name: str, found: Finding, shares: Floats) -> Iterator[Contribution]:
    """Share what a rule's figure adds between the turns of its evidence."""
    places: dict[int, list[tuple[int, int]]] = {}
    for one in found.evidence:
        places.setdefault(one.turn, []).append((one.start, one.end))
    for turn, mine in places.items():
        yield Contribution(name=name, shares=_shares(shares / len(places)), turn=turn, places=tuple(mine))


def _shares(values: Sequence[float] | Floats) -> Shares:
    return tuple(float(value) for value in values)
