"""Chats laid out as rows: one a message that is read, with where it stands and what stands around it.

Read are text messages of the customer, the agent and the bot that were neither withdrawn nor private. A *run* is a
series of rows of one side without the other in between; agent and bot are one side, the service's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qa.models.labelled import PRETOKENIZED
from qa.types import Chat, Message, Role

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NOBODY = -1
"""Stands for a row or run that is not there."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of some chats, in order.

    ``chat`` is the index of the chat, ``turn`` of the message in it; ``first`` the first row of each chat, with the
    number of all rows at its end; ``run`` the index of the run, ``run_first`` likewise the first row of each run.
    ``customers`` are the rows of the customer's; ``at`` the instants in seconds, NaN where unknown.
    """

    texts: tuple[str, ...]
    chat: Ints
    turn: Ints
    customer: Flags
    at: npt.NDArray[np.float64]
    first: Ints
    run: Ints
    run_first: Ints
    customers: Ints
    pretokenized: bool

    @property
    def chats(self) -> int:
        """How many chats there are."""
        return len(self.first) - 1

    def run_beside(self, step: int) -> Ints:
        """Return for each customer row the run ``step`` runs away in the same chat, or ``NOBODY``."""
        beside = self.run[self.customers] + step
        inside = (beside >= 0) & (beside < len(self.run_first) - 1)
        beside = np.where(inside, beside, 0)
        same = self.chat[self.run_first[beside]] == self.chat[self.customers] if len(self.chat) else inside
        return np.where(inside & same, beside, NOBODY)

    def customer_beside(self, step: int) -> Ints:
        """Return for each customer row the index *among customer rows* of the one ``step`` away in its chat."""
        index = np.arange(len(self.customers)) + step
        inside = (index >= 0) & (index < len(self.customers))
        index = np.where(inside, index, 0)
        same = self.chat[self.customers[index]] == self.chat[self.customers] if len(self.customers) else inside
        return np.where(inside & same, index, NOBODY)


def is_read(message: Message) -> bool:
    """Tell whether a model reads this message."""
    return (
        message.kind == "text"
        and message.role is not Role.SYSTEM
        and not message.withdrawn
        and not message.private
        and bool(message.text)
    )


def is_pretokenized(chat: Chat) -> bool:
    """Tell whether the chat's texts are word ids separated by spaces."""
    return bool(chat.extra and chat.extra.get(PRETOKENIZED))


def lay_out(chats: Sequence[Chat]) -> Rows:
    """Return the rows of ``chats``, which are all pretokenized or none of them."""
    found = [(c, t, m) for c, chat in enumerate(chats) for t, m in enumerate(chat.messages) if is_read(m)]
    chat = np.array([c for c, _, _ in found], dtype=np.int64)
    customer = np.array([m.role is Role.CUSTOMER for _, _, m in found], dtype=bool)
    new = np.ones(len(found), dtype=bool)
    new[1:] = (chat[1:] != chat[:-1]) | (customer[1:] != customer[:-1])
    return Rows(
        texts=tuple(m.text for _, _, m in found),
        chat=chat,
        turn=np.array([t for _, t, _ in found], dtype=np.int64),
        customer=customer,
        at=np.array([np.nan if m.at is None else m.at / 1e6 for _, _, m in found], dtype=np.float64),
        first=np.searchsorted(chat, np.arange(len(chats) + 1)),
        run=np.cumsum(new) - 1,
        run_first=np.append(new.nonzero()[0], len(found)),
        customers=customer.nonzero()[0],
        pretokenized=bool(chats) and is_pretokenized(chats[0]),
    )
