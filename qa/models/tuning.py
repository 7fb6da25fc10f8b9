"""Choosing settings by cross-validation inside the chats to learn from: never on chats that anything is measured on."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from qa.models.fitting import UNLABELLED, Material, opinions_out_of_fold, prepare
from qa.models.heads import HeadName
from qa.models.labelled import LabelledChat, labels_of
from qa.models.opinions import HEADS, Level
from qa.models.rows import is_pretokenized
from qa.models.settings import PLAIN, Settings

GRID: tuple[tuple[str, tuple[float | bool, ...]], ...] = (
    ("around", (0.25, 0.5, 0.0)),
    ("turn_strength", (1.0, 0.3, 3.0)),
    ("words", (1.0, 0.5, 0.0)),
    ("places", (False, True)),
    ("neighbours", (False, True)),
    ("lexicon", (0.0, 0.6)),
)
"""What is tried, one setting after another, the best of each kept; on a tie the first."""

MOST_CHATS = 800
"""Chats that settings are chosen on: more make the choice slower, not better."""


def choose_settings(
    chats: Sequence[LabelledChat], dictionary: str, name: HeadName, start: Settings | None = None
) -> Settings:
    """Return the settings under which out-of-fold opinions on turns are the most likely (least log loss).

    For a chat's head they are chosen on the turns' labels where there are any; what is left of the settings stays.
    """
    best = start or PLAIN
    target = _target(chats, name)
    if target is None:
        return best
    step = max(1, -(-len(chats) // MOST_CHATS))
    ids = is_pretokenized(chats[0].chat)  # no group has a word that is a number
    material = prepare(chats[::step], dictionary, best if ids else msgspec.structs.replace(best, lexicon=1.0))
    least = _loss(material, target, best)
    for setting, values in GRID[: -1 if ids else None]:
        for value in values:
            tried = msgspec.structs.replace(best, **{setting: value})
            if tried == best:
                continue
            loss = _loss(material, target, tried)
            if loss < least:
                best, least = tried, loss
    return best


def _target(chats: Sequence[LabelledChat], name: HeadName) -> HeadName | None:
    """Return the head of turns to choose by: the one asked for, or for a chat the first that has labels."""
    if name[0] is Level.TURN:
        return name
    for one in HEADS:
        if one[0] is Level.TURN and any(label for chat in chats for label in labels_of(chat, *one)):
            return one
    return None


def _loss(material: Material, name: HeadName, settings: Settings) -> float:
    labels = material.labels[name]
    given = labels != UNLABELLED
    said = opinions_out_of_fold(material, name, settings)[given]
    return float(-np.log(np.maximum(said[np.arange(len(said)), labels[given]], 1e-12)).mean())
