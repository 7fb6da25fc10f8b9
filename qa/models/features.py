"""What the models see besides the words of a turn: whose words stand around it, where it stands, what was said before.

Two kinds of features. *Slots* name other texts whose words count (the reply before, the customer's next turn …), each
with weights of its own. *Figures* are numbers with names; unknown ones are 0, as are those of a neighbour that is not
there, and each figure that can be unknown has a partner that says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import sparse

from qa.models.opinions import Task
from qa.models.rows import NOBODY, Ints, Rows
from qa.models.vocabulary import Floats

QUESTION, EXCLAMATION = "?", "!"
_SIMILAR_TO = 4
"""A turn is compared with this many of the customer's turns before it."""
_LAST = 3
"""Turns of the customer's that count as the end of a chat."""


class Slot(StrEnum):
    """Texts that an opinion listens to, each with its own weights."""

    OWN = "own"
    BEFORE = "reply before"
    AFTER = "reply after"
    PREVIOUS = "customer before"
    NEXT = "customer after"
    CUSTOMER = "customer"
    SERVICE = "service"


TURN_SLOTS = (Slot.OWN, Slot.BEFORE, Slot.AFTER, Slot.PREVIOUS, Slot.NEXT)
CHAT_SLOTS = (Slot.CUSTOMER, Slot.SERVICE)


TURN_FIGURES = (
    "near the start",
    "near the end",
    "is the last",
    "length",
    "question mark",
    "exclamation mark",
    "turns of the customer's before in a row",
    "turns of the customer's after in a row",
    "no reply before",
    "no reply after",
    "said before",
    "wait for the reply",
    "wait known",
)
"""Names of what ``turn_figures`` gives, in its order."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Named numbers: one row a customer turn, or one row a chat."""

    names: tuple[str, ...]
    values: Floats

    def only(self, names: Sequence[str]) -> Figures:
        """Return the figures of these names, in their order."""
        where = {name: index for index, name in enumerate(self.names)}
        return Figures(tuple(names), self.values[:, [where[name] for name in names]])


def choose(slot: Slot, rows: Rows) -> sparse.csr_array:
    """Return units × rows: which rows a slot takes for each customer turn (or chat), each by ``1/sqrt(count)``."""
    unit, row, units = _taken(slot, rows)
    count = np.bincount(unit, minlength=units)
    return sparse.csr_array((1 / np.sqrt(count[unit]), (unit, row)), shape=(units, len(rows.texts)))


def side_of(slot: Slot, rows: Rows) -> Ints:
    """Return for each row the chat whose slot (all the customer's texts, or all the service's) it belongs to, or -1."""
    return np.where(rows.customer == (slot is Slot.CUSTOMER), rows.chat, NOBODY)


def hear(slot: Slot, rows: Rows, spoken: Floats) -> Floats:
    """Return ``choose(slot, rows) @ spoken`` without making the matrix."""
    unit, row, units = _taken(slot, rows)
    heard = np.zeros((units, spoken.shape[1]))
    if len(unit):
        first = np.flatnonzero(np.append(True, unit[1:] != unit[:-1]))
        count = np.diff(np.append(first, len(unit)))
        heard[unit[first]] = np.add.reduceat(spoken[row], first, axis=0) / np.sqrt(count)[:, None]
    return heard


def _taken(slot: Slot, rows: Rows) -> tuple[Ints, Ints, int]:
    """Return pairs of unit and row, sorted by unit, and how many units there are."""
    if slot is Slot.OWN:
        return np.arange(len(rows.customers)), rows.customers, len(rows.customers)
    if slot in (Slot.BEFORE, Slot.AFTER):
        runs = rows.run_beside(-1 if slot is Slot.BEFORE else 1)
        unit = (runs != NOBODY).nonzero()[0]
        first, last = rows.run_first[runs[unit]], rows.run_first[runs[unit] + 1]
        return np.repeat(unit, last - first), _spans(first, last), len(runs)
    if slot in (Slot.PREVIOUS, Slot.NEXT):
        beside = rows.customer_beside(-1 if slot is Slot.PREVIOUS else 1)
        unit = (beside != NOBODY).nonzero()[0]
        return unit, rows.customers[beside[unit]], len(beside)
    row = (rows.customer if slot is Slot.CUSTOMER else ~rows.customer).nonzero()[0]
    return rows.chat[row], row, rows.chats


def turn_figures(rows: Rows, vectors: sparse.csr_array, chars: int) -> Figures:
    """Return the figures of each customer turn that need no opinion.

    ``vectors`` are all rows' features, the first ``chars`` columns those of runs of characters.
    """
    mine = rows.customers
    place, rest = _places(rows.chat[mine], rows.chats)
    run = rows.run[mine]
    run_first, run_last = rows.run_first[run], rows.run_first[run + 1] - 1
    texts = [rows.texts[i] for i in mine.tolist()]
    before, after = rows.run_beside(-1), rows.run_beside(1)
    waits = rows.at[np.minimum(run_last + 1, len(rows.at) - 1)] - rows.at[mine] if len(mine) else np.zeros(0)
    waits = np.where(after != NOBODY, waits, np.nan)
    columns = (
        1 / (1 + place),
        1 / (1 + rest),
        rest == 0,
        np.log1p([len(text) for text in texts]),
        [QUESTION in text or "？" in text for text in texts],
        [EXCLAMATION in text or "！" in text for text in texts],
        np.log1p(mine - run_first),
        np.log1p(run_last - mine),
        before == NOBODY,
        after == NOBODY,
        said_before(rows, vectors, chars),
        np.log1p(np.maximum(np.nan_to_num(waits), 0)),
        ~np.isnan(waits),
    )
    return _figures(dict(zip(TURN_FIGURES, columns, strict=True)), len(mine))


def said_before(rows: Rows, vectors: sparse.csr_array, chars: int) -> Floats:
    """Return how similar each customer turn is to the most similar of the few before it, 0 to 1 (cosine of runs)."""
    mine = rows.customers
    own = vectors[mine]
    best = np.zeros(len(mine))
    of = np.repeat(np.arange(len(mine)), np.diff(own.indptr))
    runs = own.indices < chars
    slim = sparse.csr_array((own.data[runs], (of[runs], own.indices[runs])), shape=(len(mine), max(chars, 1)))
    for step in range(1, _SIMILAR_TO + 1):
        beside = rows.customer_beside(-step)
        (there,) = (beside != NOBODY).nonzero()
        if len(there):
            both = slim[there].multiply(slim[beside[there]])
            best[there] = np.maximum(best[there], np.asarray(both.sum(axis=1)).ravel())
    return best


def neighbour_figures(rows: Rows, name: str, opinions: Floats) -> Figures:
    """Return what the first opinions on the turns around each customer turn say: worst and best label's probability.

    ``opinions`` has one row a customer turn, the worst label's probability first. The turn's own is not among them.
    """
    columns: dict[str, object] = {}
    chat = rows.chat[rows.customers]
    count = np.bincount(chat, minlength=rows.chats)[chat]
    place, _ = _places(chat, rows.chats)
    for label, values in ((f"{name} worst", opinions[:, 0]), (f"{name} best", opinions[:, -1])):
        for step, where in ((-1, "before"), (-2, "two before"), (1, "after"), (2, "two after")):
            beside = rows.customer_beside(step)
            columns[f"{label}, {where}"] = np.where(beside != NOBODY, values[beside], 0.0)
        total = np.bincount(chat, weights=values, minlength=rows.chats)[chat]
        columns[f"{label}, mean of the others"] = (total - values) / np.maximum(count - 1, 1)
        sums = np.cumsum(values)
        first = np.arange(len(chat)) - place
        earlier = sums - values - np.where(first > 0, sums[first - 1], 0.0)
        columns[f"{label}, mean of those before"] = earlier / np.maximum(place, 1)
    return _figures(columns, len(chat))


def chat_figures(rows: Rows, opinions: Mapping[Task, Floats]) -> Figures:
    """Return the figures of each chat: its shape, and the course of the opinions on the customer's turns."""
    chat = rows.chat[rows.customers]
    count = np.bincount(chat, minlength=rows.chats)
    place, rest = _places(chat, rows.chats)
    last_row = np.maximum(rows.first[1:] - 1, 0)
    columns: dict[str, object] = {
        "turns of the customer's": np.log1p(count),
        "turns of the service's": np.log1p(np.bincount(rows.chat[~rows.customer], minlength=rows.chats)),
        "runs of the service's": np.log1p(
            np.bincount(rows.chat[rows.run_first[:-1]][~rows.customer[rows.run_first[:-1]]], minlength=rows.chats)
        ),
        "customer speaks last": rows.customer[last_row] if len(rows.customer) else np.zeros(rows.chats),
    }
    for name, probabilities in opinions.items():
        for label, values in ((f"{name} worst", probabilities[:, 0]), (f"{name} best", probabilities[:, -1])):
            columns |= _course(label, values, chat, place, rest, count)
    return _figures(columns, rows.chats)


def _course(label: str, values: Floats, chat: Ints, place: Ints, rest: Ints, count: Ints) -> dict[str, object]:
    """Mean, extreme, last, end and trend of one probability over each chat's turns."""
    size = len(count)
    mean = _mean(chat, values, size)
    highest = np.zeros(size)
    np.maximum.at(highest, chat, values)
    end, start = rest < _LAST, place < _LAST
    last = np.zeros(size)
    last[chat[rest == 0]] = values[rest == 0]
    return {
        f"{label}, mean": mean,
        f"{label}, highest": highest,
        f"{label}, last": last,
        f"{label}, mean of the end": _mean(chat[end], values[end], size),
        f"{label}, end less start": _mean(chat[end], values[end], size) - _mean(chat[start], values[start], size),
        f"{label}, turns above one half": np.log1p(np.bincount(chat[values > 0.5], minlength=size)),  # noqa: PLR2004
    }


def _mean(group: Ints, values: Floats, size: int) -> Floats:
    return np.bincount(group, weights=values, minlength=size) / np.maximum(np.bincount(group, minlength=size), 1)


def _places(chat: Ints, chats: int) -> tuple[Ints, Ints]:
    """Place of each row among its chat's, from the start and from the end, both from 0; rows are sorted by chat.

    >>> [x.tolist() for x in _places(np.array([0, 0, 2]), 3)]
    [[0, 1, 0], [1, 0, 0]]
    """
    bounds = np.searchsorted(chat, np.arange(chats + 1))
    index = np.arange(len(chat))
    return index - bounds[chat], bounds[chat + 1] - 1 - index


def _spans(first: Ints, last: Ints) -> Ints:
    """Return ``first[0] … last[0]-1, first[1] … last[1]-1, …``."""
    lengths = last - first
    offsets = np.repeat(first - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths) if len(first) else first
    return np.arange(int(lengths.sum())) + offsets


def _figures(columns: dict[str, object], count: int) -> Figures:
    values = np.empty((count, len(columns)))
    for index, column in enumerate(columns.values()):
        values[:, index] = np.asarray(column, dtype=np.float64)
    return Figures(tuple(columns), values)


def beside_each_other(parts: Sequence[Figures]) -> Figures:
    """Return all figures of the same units as one."""
    return Figures(tuple(name for part in parts for name in part.names), np.hstack([part.values for part in parts]))
