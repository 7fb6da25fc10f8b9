"""Measuring a pipeline: by cross-validation, or on chats it has not seen, beside the two that anyone can have."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from qa.models.heads import HeadName
from qa.models.known import HALF
from qa.models.labelled import LabelledChat, labels_of
from qa.models.model import Model, batches
from qa.models.opinions import LABELS, Level, ModelError
from qa.models.scores import Floats, Judged
from qa.types import Chat, Role

Judge = Callable[[Sequence[LabelledChat]], "Said"]
Fit = Callable[[Sequence[LabelledChat]], Judge]


class Said:
    """What a pipeline says of the units of some chats, chat by chat: all customer turns, or the chats."""

    __slots__ = ("chosen", "probabilities", "sure", "units")

    def __init__(
        self, probabilities: Floats, units: Sequence[tuple[int, int]], chosen: Sequence[int], sure: Sequence[bool]
    ) -> None:
        self.probabilities = probabilities
        self.units = {unit: index for index, unit in enumerate(units)}
        """(index of the chat, turn; -1 for the chat itself) → row."""
        self.chosen = np.array(chosen, dtype=np.int64)
        self.sure = np.array(sure, dtype=bool)


def judge_with(model: Model, name: HeadName) -> Judge:
    """Return what judges by one head of a model; raises ``ModelError`` where it has no such head."""
    if name not in model.heads:
        raise ModelError(f"this model has no head for the {name[1]} of {name[0]}s")
    head = model.heads[name]

    def judge(chats: Sequence[LabelledChat]) -> Said:
        parts: list[Floats] = [np.zeros((0, 3))]
        units: list[tuple[int, int]] = []
        strange: list[bool] = []
        plain = [chat.chat for chat in chats]
        for batch in batches(plain):
            seen = model.see([plain[i] for i in batch], [chats[i].hits for i in batch])
            parts.append(model.probabilities(seen)[name])
            if name[0] is Level.CHAT:
                units += [(i, -1) for i in batch]
                strange += seen.strange.tolist()
            else:
                rows = seen.rows
                units += [(batch[rows.chat[r]], int(rows.turn[r])) for r in rows.customers.tolist()]
                strange += seen.strange[rows.chat[rows.customers]].tolist()
        probabilities = np.concatenate(parts)
        chosen = (np.log(np.maximum(probabilities, 1e-12)) + np.array(head.decision)).argmax(axis=1)
        sure = (probabilities.max(axis=1) >= head.threshold) & ~np.array(strange, dtype=bool)
        return Said(probabilities, units, chosen.tolist(), sure.tolist())

    return judge


def known_turns(model: Model, chats: Sequence[Chat]) -> tuple[int, int]:
    """Return how many turns of customers a model's vocabulary knows, and of how many.

    Known is a turn of which half of what is said is, at least. One in which nothing can be, such as a sticker alone,
    is left out.
    """
    known = read = 0
    for batch in batches(chats):
        seen = model.see([chats[i] for i in batch])
        turns = seen.known.only(seen.rows.customers)
        known += int((turns.shares[turns.all > 0] >= HALF).sum())
        read += int((turns.all > 0).sum())
    return known, read


def compare_with_labels(said: Said, chats: Sequence[LabelledChat], name: HeadName, first_group: int = 0) -> Judged:
    """Return what was said beside the labels, of every unit that has one."""
    level, task = name
    order = {label: index for index, label in enumerate(LABELS[task])}
    rows, labels, group = [], [], []
    for index, chat in enumerate(chats):
        for turn, label in enumerate(labels_of(chat, level, task)):
            row = said.units.get((index, -1 if level is Level.CHAT else turn))
            if label is not None and row is not None:
                rows.append(row)
                labels.append(order[label])
                group.append(first_group + index)
    which = np.array(rows, dtype=np.int64)
    return Judged(
        labels=np.array(labels, dtype=np.int64),
        probabilities=said.probabilities[which],
        chosen=said.chosen[which],
        sure=said.sure[which],
        group=np.array(group, dtype=np.int64),
    )


def cross_validate(
    chats: Sequence[LabelledChat],
    folds: Sequence[int],
    name: HeadName,
    fit: Fit,
    advance: Callable[[], None] | None = None,
) -> Judged:
    """Return what ``fit`` on the other folds says of each fold, beside its labels."""
    parts = []
    for fold in sorted(set(folds)):
        train = [chat for chat, f in zip(chats, folds, strict=True) if f != fold]
        rest = [(i, chat) for i, (chat, f) in enumerate(zip(chats, folds, strict=True)) if f == fold]
        judged = compare_with_labels(fit(train)([chat for _, chat in rest]), [chat for _, chat in rest], name)
        back = np.array([i for i, _ in rest])
        parts.append(Judged(judged.labels, judged.probabilities, judged.chosen, judged.sure, back[judged.group]))
        if advance:
            advance()
    fields = zip(*((p.labels, p.probabilities, p.chosen, p.sure, p.group) for p in parts), strict=True)
    return Judged(*(np.concatenate(field) for field in fields))


def identical_groups(chats: Sequence[LabelledChat]) -> list[str]:
    """Return a group for each chat: those whose customers say the same, blanks and punctuation aside, share one.

    Only chats of which the whole of the customer's text is the same are grouped: for sets of single sentences that is
    every repeated sentence.
    """
    texts = ["\n".join(_BARE.sub("", m.text) for m in chat.chat.messages if m.role is Role.CUSTOMER) for chat in chats]
    return [text or chat.chat.id for text, chat in zip(texts, chats, strict=True)]


_BARE = re.compile(r"[^\w]+")
