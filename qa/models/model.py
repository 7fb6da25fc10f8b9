"""The model: everything needed to form an opinion on a chat, as one value that can be saved and loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from qa.models import packing
from qa.models.features import (
    CHAT_SLOTS,
    TURN_FIGURES,
    Figures,
    Slot,
    beside_each_other,
    chat_figures,
    hear,
    neighbour_figures,
    side_of,
    turn_figures,
)
from qa.models.heads import LABEL_COUNT, Head, HeadName, apply_blend, as_usual, counted
from qa.models.heads import probabilities as softened
from qa.models.hits import Hits, rule_figures
from qa.models.known import LEAST, Known, units
from qa.models.ngrams import occurrences
from qa.models.opinions import HEADS, LABELS, ChatOpinion, Level, ModelError, Task, TurnOpinion
from qa.models.rows import Flags, Rows, is_pretokenized, lay_out
from qa.models.settings import Settings
from qa.models.vocabulary import Floats, Vocabulary, gathered, indexed, vectors
from qa.models.wording import Wording, read, read_ids
from qa.tokens import cutter
from qa.types import Chat, Opinion

BATCH = 256
"""Chats looked at together, unless said otherwise."""
_JUDGED = 84
"""Chats judged at once: enough to repay numpy's calls, few enough to stay in the cache; with 250 it takes 6 % longer
and 30 MB more (timed by hand)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Chats as a model sees them."""

    rows: Rows
    wording: Wording
    vectors: sparse.csr_array
    hits: tuple[Hits | None, ...]
    """What rules found in each chat; None: nobody asked them, or its words are ids."""
    known: Known
    """How much of each row the vocabulary knows."""

    @property
    def strange(self) -> Flags:
        """Return of which chats almost nothing is known: nothing is to be made of an opinion on them."""
        return self.known.of(self.rows.chat, self.rows.chats).shares < LEAST


@dataclass(frozen=True, slots=True)
class Worked:
    """The steps of one head: what the words say, the figures, both together, and how probable that makes each label."""

    text: Floats
    figures: Figures
    decisions: Floats
    probabilities: Floats


@dataclass(frozen=True, slots=True)
class _Stack:
    """The weights of all heads that listen to one slot, side by side: one product does for all."""

    heads: tuple[HeadName, ...]
    weights: Floats

    @classmethod
    def of(cls, heads: Sequence[Head], slot: Slot) -> _Stack:
        listening = [head for head in heads if slot in head.text.weights]
        return cls(tuple(head.name for head in listening), np.hstack([head.text.weights[slot] for head in listening]))


class Model:
    """Judges chats. Made by ``qa.models.fitting`` or from the files of a version."""

    def __init__(self, settings: Settings, vocabulary: Vocabulary, heads: Sequence[Head], dictionary: str) -> None:
        self.settings_used = settings
        self.vocabulary = vocabulary
        self.heads: dict[HeadName, Head] = {
            head.name: head for head in sorted(heads, key=lambda h: HEADS.index(h.name))
        }
        self.dictionary = dictionary
        self.rules = frozenset(rule for head in self.heads.values() for rule in head.rules)
        """Ids of the rules whose findings it wants to be told."""
        self._cut = cutter(dictionary)
        self._stacks = {
            (level, slot): _Stack.of([head for head in self.heads.values() if head.level is level], slot)
            for level in Level
            for slot in Slot
            if any(slot in head.text.weights for head in self.heads.values() if head.level is level)
        }

    @property
    def settings(self) -> dict[str, object]:
        """What the model was fitted with, as JSON can hold it."""
        return self.settings_used.as_json()

    def judge(self, chats: Sequence[Chat], hits: Sequence[Hits | None] | None = None) -> list[ChatOpinion]:
        """Return an opinion on each chat. ``hits``: what rules found in each, where they were asked.

        Raises ``ModelError`` where this model has no head for the sentiment or the satisfaction of turns.
        """
        for task in (Task.SENTIMENT, Task.SATISFACTION):
            if (Level.TURN, task) not in self.heads:
                raise ModelError(f"this model was not taught the {task} of turns")
        found: list[ChatOpinion] = [ChatOpinion()] * len(chats)
        for batch in batches(chats, _JUDGED):
            part = [chats[i] for i in batch]
            seen = self.see(part, None if hits is None else [hits[i] for i in batch])
            for i, opinion in zip(batch, self._opinions(seen, self.probabilities(seen)), strict=True):
                found[i] = opinion
        return found

    def see(self, chats: Sequence[Chat], hits: Sequence[Hits | None] | None = None) -> Seen:
        """Return what the model sees of some chats, all pretokenized or none of them."""
        rows = lay_out(chats)
        wording = read_ids(rows.texts) if rows.pretokenized else read(rows.texts, self._cut)
        told = (None,) * len(chats) if hits is None or rows.pretokenized else tuple(hits)
        found = occurrences(wording)
        index = indexed(self.vocabulary, found)
        known = units(wording, found, index)
        return Seen(rows, wording, vectors(wording, self.vocabulary, found, index), told, known)

    def probabilities(self, seen: Seen) -> dict[HeadName, Floats]:
        """Return for each head the probabilities of all customer turns or all chats."""
        return {name: one.probabilities for name, one in self.work_out(seen).items()}

    def work_out(self, seen: Seen) -> dict[HeadName, Worked]:
        """Return for each head all steps from words to probabilities, of all customer turns or all chats."""
        text = self._text_decisions(seen)
        listening = {name for head in self.heads.values() for name in head.blend.names}
        plain = Figures((), np.zeros((len(seen.rows.customers), 0)))
        if not listening.isdisjoint(TURN_FIGURES):
            plain = turn_figures(seen.rows, seen.vectors, self.vocabulary.chars)
        found: dict[HeadName, Worked] = {}
        courses: dict[tuple[Task, ...], Figures] = {}
        for name, head in self.heads.items():
            if head.level is Level.TURN:
                listens = [(task, softened(text[Level.TURN, task])) for task in head.listens]
                around = [neighbour_figures(seen.rows, task, said) for task, said in listens]
                figures = beside_each_other([plain, *around]).only(head.blend.names)
            else:
                if head.listens not in courses:
                    said_of_turns = {task: found[Level.TURN, task].probabilities for task in head.listens}
                    courses[head.listens] = chat_figures(seen.rows, said_of_turns)
                figures = courses[head.listens]
                if head.rules:
                    told = beside_each_other([figures, rule_figures(head.rules, seen.hits)])
                    figures = as_usual(head.blend, told)
            decisions = apply_blend(head.blend, text[name], figures.values)
            found[name] = Worked(text[name], figures, decisions, head.calibration.apply(decisions))
        return found

    def _text_decisions(self, seen: Seen) -> dict[HeadName, Floats]:
        """Return for each head what the words alone say, all heads of a slot at once."""
        units = {Level.TURN: len(seen.rows.customers), Level.CHAT: seen.rows.chats}
        total = {name: np.tile(head.text.intercept, (units[name[0]], 1)) for name, head in self.heads.items()}
        words = seen.vectors[:, self.vocabulary.chars : self.vocabulary.words]
        for (_, slot), stack in self._stacks.items():
            if slot in CHAT_SLOTS:
                side = side_of(slot, seen.rows)
                heard = gathered(seen.vectors, self.vocabulary, side, seen.rows.chats) @ stack.weights
            else:
                spoken = (seen.vectors if counted(slot, self.vocabulary).start == 0 else words) @ stack.weights
                heard = hear(slot, seen.rows, spoken)
            for index, name in enumerate(stack.heads):
                total[name] += heard[:, LABEL_COUNT * index : LABEL_COUNT * (index + 1)]
        return total

    def files(self) -> dict[str, bytes]:
        """Return the model as named files, the same bytes for the same model."""
        return packing.pack(self.settings_used, self.vocabulary, list(self.heads.values()), self.dictionary)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Model:
        """Return the model that ``files`` hold; raises ``ModelError`` on anything unfit."""
        return cls(*packing.unpack(files))

    def _opinions(self, seen: Seen, found: Mapping[HeadName, Floats]) -> Iterable[ChatOpinion]:
        rows = seen.rows
        strange = seen.strange
        which = strange[rows.chat[rows.customers]]
        of_turns = {task: self._made((Level.TURN, task), found, which) for task in (Task.SENTIMENT, Task.SATISFACTION)}
        of_chats = {
            task: self._made((Level.CHAT, task), found, strange) for task in Task if (Level.CHAT, task) in self.heads
        }
        turns: list[list[TurnOpinion]] = [[] for _ in range(rows.chats)]
        for index, row in enumerate(rows.customers.tolist()):
            opinion = TurnOpinion(
                turn=int(rows.turn[row]),
                sentiment=of_turns[Task.SENTIMENT][index],
                satisfaction=of_turns[Task.SATISFACTION][index],
            )
            turns[rows.chat[row]].append(opinion)
        for index, mine in enumerate(turns):
            if not mine:
                yield ChatOpinion()
                continue
            yield ChatOpinion(**{task.value: of_chats[task][index] for task in of_chats}, turns=tuple(mine))

    def _made(self, name: HeadName, found: Mapping[HeadName, Floats], strange: Flags) -> list[Opinion]:
        values = found[name]
        best = values.argmax(axis=1)
        sure = values.max(axis=1)
        unsure = (sure < self.heads[name].threshold) | strange
        rows = zip(best.tolist(), sure.tolist(), values.tolist(), unsure.tolist(), strict=True)
        labels = LABELS[name[1]]
        return [Opinion(labels[which], p, tuple(row), abstains) for which, p, row, abstains in rows]


def batches(chats: Sequence[Chat], size: int = BATCH) -> list[list[int]]:
    """Return indices of chats in batches that are all pretokenized or none."""
    kinds: dict[bool, list[int]] = {False: [], True: []}
    for index, chat in enumerate(chats):
        kinds[is_pretokenized(chat)].append(index)
    return [which[i : i + size] for which in kinds.values() for i in range(0, len(which), size)]
