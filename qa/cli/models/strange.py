"""Telling people that a model does not know the words of the chats it is asked about."""

from __future__ import annotations

from collections.abc import Sequence

from qa.cli.common import err
from qa.models.evaluate import known_turns
from qa.models.known import HALF
from qa.models.labelled import LabelledChat
from qa.models.model import Model

MOST = 2_000
"""Chats in which the words that a model knows are counted."""


def warn_of_strange_words(model: Model, chats: Sequence[LabelledChat], whose: str) -> None:
    """Warn where a model knows less than half of the customers' turns of ``whose`` chats."""
    known, read = known_turns(model, [one.chat for one in chats[:MOST]])
    if known < HALF * read:
        err().print(
            f"warning: the model's vocabulary knows {known / read:.0%} of {read:,} turns of customers in {whose}; "
            "on chats of which it knows almost nothing it abstains"
        )
