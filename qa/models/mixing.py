"""What a model learns from when people's reviews come in: authored and reviewed chats, without what tests it.

Three sets never mix: the *audit* chats (``qa.models.reviews``), the *frozen* set, and what is trained on. The frozen
set is a fixed share of the reviewed chats, chosen by a hash of their text: a chat that is in it stays in it, in every
training to come, and so does any other chat that says the same.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from qa.models.labelled import LabelledChat, TurnLabels
from qa.models.opinions import Task
from qa.models.reviews import Key, Label
from qa.types import Chat

FROZEN_SHARE = 0.2
"""Share of the reviewed chats that are kept for comparing models."""

_SALT = "frozen"  # another one would let chats that models have learnt from into the frozen set


class Weights(NamedTuple):
    """What the two sources count for: a factor on the weight of each chat."""

    authored: float = 1.0
    reviewed: float = 1.0


class Split(NamedTuple):
    """Reviewed chats to learn from, and those to compare models on."""

    train: tuple[LabelledChat, ...]
    frozen: tuple[LabelledChat, ...]


def text_digest(chat: Chat) -> bytes:
    """The hash of who says what in a chat, times and names apart: chats with equal ones tell a model the same.

    >>> from qa.types import Message, Role
    >>> one, two = (Chat(name, (Message(Role.CUSTOMER, text),)) for name, text in (("a", "在吗"), ("b", " 在吗")))
    >>> text_digest(one) == text_digest(two)
    True
    """
    said = hashlib.blake2b(digest_size=16)
    for message in chat.messages:
        if message.kind == "text" and not message.withdrawn and not message.private:
            said.update(f"{message.role.value}\0{' '.join(message.text.split())}\0".encode("utf-8", "replace"))
    return said.digest()


def is_frozen(chat: Chat, share: float = FROZEN_SHARE) -> bool:
    """Whether a chat belongs to the frozen set, by its text alone."""
    drawn = hashlib.blake2b(text_digest(chat), key=_SALT.encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big") < share * 2**64


def labelled_chats(chats: Mapping[Key, Chat], labels: Iterable[Label]) -> list[LabelledChat]:
    """Return the chats with the labels that reviewers gave them, by key; a chat without any is left out.

    The weight is the mean of those of its labels. Labels of rules' claims serve the rules' own figures, not models.
    """
    given: dict[Key, dict[str, Label]] = {}
    for label in labels:
        if label.question.name in set(Task):
            given.setdefault(label.chat, {})[label.question.name] = label
    return [_labelled(chats[key], given[key]) for key in sorted(given)]


def _labelled(chat: Chat, labels: Mapping[str, Label]) -> LabelledChat:
    given = {name: label.value for name, label in labels.items()}
    return LabelledChat(
        chat=chat,
        turns=(TurnLabels(),) * len(chat.messages),
        sentiment=given.get(Task.SENTIMENT),
        satisfaction=given.get(Task.SATISFACTION),
        resolution=given.get(Task.RESOLUTION),
        weight=math.fsum(label.weight for label in labels.values()) / len(labels),
        place=f"review:{chat.merchant}/{chat.id}",
    )


def split(reviewed: Iterable[LabelledChat], audit: Collection[bytes] = ()) -> Split:
    """Return what may be learnt from, and the frozen set; ``audit``: text digests of audit chats, left out of both."""
    train: list[LabelledChat] = []
    frozen: list[LabelledChat] = []
    for one in reviewed:
        if text_digest(one.chat) not in audit:
            (frozen if is_frozen(one.chat) else train).append(one)
    return Split(tuple(train), tuple(frozen))


def mixed_training_set(
    authored: Sequence[LabelledChat],
    reviewed: Sequence[LabelledChat],
    weights: Weights = Weights(),  # noqa: B008 - immutable
    held_out: Collection[bytes] = (),
) -> list[LabelledChat]:
    """Return what a candidate learns from: authored, then reviewed chats, weighted, in a fixed order.

    ``held_out``: text digests of frozen and audit chats; whatever says the same as one of them is left out, authored
    chats included. Raises ``ValueError`` for a weight that is not positive.
    """
    if min(weights) <= 0:
        raise ValueError("weights are positive numbers")
    kept = [
        replace(one, weight=one.weight * weight)
        for some, weight in ((authored, weights.authored), (reviewed, weights.reviewed))
        for one in sorted(some, key=_name)
    ]
    return [one for one in kept if text_digest(one.chat) not in held_out]


def _name(one: LabelledChat) -> Key:
    return one.chat.merchant, one.chat.id
