"""Labels that look wrong, as a file: what a training run found, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from qa.models.labelled import LabelledChat
from qa.models.noise import Given, Suspect
from qa.models.opinions import LABELS, Task

MOST = 200
"""Doubts of one task that are kept, the most obvious ones."""


class Doubt(msgspec.Struct, frozen=True):
    """A reviewer's label that a model, not having seen it, finds improbable; the lower the margin the more obvious."""

    merchant: str
    chat: str
    task: str
    label: str
    instead: str
    """What the model would have said."""
    margin: float
    """Probability of the label less that of the best other one."""
    reviewer: str


def doubts_of(
    task: Task, given: Sequence[Given], chats: Sequence[LabelledChat], suspects: Sequence[Suspect]
) -> list[Doubt]:
    """Return the suspects of one task with what they are about; ``given`` and ``suspects`` as ``qa.models.noise``."""
    found = []
    for one in suspects[:MOST]:
        label = given[one.given]
        chat = chats[label.chat].chat
        names = LABELS[task]
        found.append(
            Doubt(
                merchant=chat.merchant,
                chat=chat.id,
                task=task.value,
                label=names[label.label],
                instead=names[one.instead],
                margin=round(one.margin, 4),
                reviewer=label.reviewer,
            )
        )
    return found


def encode_doubts(doubts: Sequence[Doubt]) -> bytes:
    """Return doubts of all tasks as JSON, the most obvious first."""
    return msgspec.json.encode(sorted(doubts, key=lambda one: (one.margin, one.merchant, one.chat, one.task)))


def decode_doubts(content: bytes) -> tuple[Doubt, ...]:
    """Return what ``encode_doubts`` wrote.

    >>> one = Doubt("acme", "c-1", "satisfaction", "satisfied", "dissatisfied", -0.9, "li")
    >>> decode_doubts(encode_doubts([one])) == (one,)
    True
    """
    return msgspec.json.decode(content, type=tuple[Doubt, ...])
