"""What was said in several chats, when and by whom, in columns: a row for each message that the timing ledger sees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from qa.ledger import CLOSED, STICKER_KINDS, TRANSFER
from qa.rules.batch import Batch, Flags, Numbers, role_number
from qa.rules.view import View
from qa.types import MICROSECONDS, Instant, Message, Role

_TEXT, _TRANSFER, _CLOSED, _STICKER, _OTHER = range(5)
_KINDS = {"text": _TEXT, TRANSFER: _TRANSFER, CLOSED: _CLOSED, **dict.fromkeys(STICKER_KINDS, _STICKER)}
_ROLES = {role: role_number(role) for role in Role}


class Timeline:
    """The rows that ``qa.ledger.visible`` returns of each chat, one chat after the other.

    A chat in which one of them has no time is ``untimed`` and has no rows.
    """

    def __init__(self, views: Sequence[View]) -> None:
        said: list[Message] = []
        kinds = bytearray()
        sizes = []
        for view in views:
            shown, of = _shown(view)
            said += shown
            kinds += of
            sizes.append(len(shown))
        self.said = said
        """Row → message."""
        self.chat = np.repeat(np.arange(len(sizes)), sizes)
        """Row → chat."""
        self._role = np.frombuffer(bytes([_ROLES[message.role] for message in said]), np.int8)
        self._kind = np.frombuffer(kinds, np.int8)
        times = [message.at for message in said]
        self.untimed = np.zeros(len(sizes), bool)
        kept = (self._role != _ROLES[Role.SYSTEM]) | (self._kind == _TRANSFER) | (self._kind == _CLOSED)
        if None in times:
            self.untimed[self.chat[kept & [time is None for time in times]]] = True
            kept &= ~self.untimed.take(self.chat)
            times = [time or 0 for time in times]
        self.at = np.fromiter(times, np.int64, len(times))
        """Row → when."""
        self._keep(kept)
        self.first = self.chat.searchsorted(np.arange(len(sizes) + 1))
        """Chat → its first row; one more at the end."""

    def _keep(self, kept: Flags) -> None:
        """Leave out the other rows, and put those of each chat in order of time, equal times as they were given."""
        back = (np.diff(self.at) < 0) & (np.diff(self.chat) == 0)
        if kept.all() and not back.any():
            return
        (rows,) = kept.nonzero()
        rows = rows.take(np.lexsort((self.at.take(rows), self.chat.take(rows))))
        self.chat, self.at = self.chat.take(rows), self.at.take(rows)
        self._role, self._kind = self._role.take(rows), self._kind.take(rows)
        self.said = [self.said[row] for row in rows.tolist()]

    def by(self, *roles: Role) -> Numbers:
        """The rows that these wrote."""
        wrote = np.zeros(len(_ROLES), bool)
        wrote[[_ROLES[role] for role in roles]] = True
        return _rows(wrote.take(self._role))

    def transfers(self) -> Numbers:
        """The rows of kind ``transfer``, whoever they are by."""
        return _rows(self._kind == _TRANSFER)

    def events(self, kind: str) -> Numbers:
        """The system's rows of kind ``transfer`` or ``closed``."""
        return _rows((self._kind == _KINDS[kind]) & (self._role == _ROLES[Role.SYSTEM]))


class Ends:
    """When chats were closed: by the system's last event, or as the source says."""

    def __init__(self, lines: Timeline, ended_at: Sequence[Instant | None]) -> None:
        self._lines, self._first = lines, lines.first[:-1]
        self.spoken = np.diff(lines.first) > 0
        """Chats that have rows."""
        self.known = np.array([at is not None for at in ended_at])
        """Chats of which something says when."""
        self.at = np.array([at or 0 for at in ended_at], np.int64)
        """Chat → when, 0 where nothing says."""
        closed = last_of(lines.events(CLOSED), lines.first[1:], self._first)
        (by_system,) = (closed >= 0).nonzero()
        self.at[by_system] = lines.at.take(closed.take(by_system))
        self.known[by_system] = True
        before = lines.chat[lines.at <= self.at.take(lines.chat)]
        self._end = self._first + np.bincount(before, minlength=self.at.size)

    def last(self, *roles: Role) -> tuple[Numbers, npt.NDArray[np.float64]]:
        """Chat → the last row by these before the end, -1 where there is none; and the seconds from it to the end."""
        last = last_of(self._lines.by(*roles), self._end, self._first)
        return last, (self.at - np.append(self._lines.at, 0).take(last)) / MICROSECONDS


def ends_of(batch: Batch) -> Ends:
    """The ends of the chats of a batch, made once."""
    return batch.keep(Ends, lambda: Ends(timeline_of(batch), [view.chat.ended_at for view in batch.views]))


def timeline_of(batch: Batch) -> Timeline:
    """The timeline of a batch, made once."""
    return batch.keep(Timeline, lambda: Timeline(batch.views))


def next_of(rows: Numbers, place: Numbers, end: Numbers) -> Numbers:
    """The first of some sorted rows from each place on; the end where none comes before it.

    >>> next_of(np.array([2, 5]), np.array([0, 3, 3]), np.array([4, 4, 6])).tolist()
    [2, 4, 5]
    """
    found: Numbers = np.minimum(np.append(rows, np.iinfo(np.int64).max).take(rows.searchsorted(place)), end)
    return found


def last_of(rows: Numbers, place: Numbers, begin: Numbers) -> Numbers:
    """The last of some sorted rows before each place; -1 where none comes from the beginning on.

    >>> last_of(np.array([2, 5]), np.array([4, 4, 9]), np.array([0, 3, 3])).tolist()
    [2, -1, 5]
    """
    found = np.append(-1, rows).take(rows.searchsorted(place))
    return np.where(found >= begin, found, -1)


def _rows(flags: Flags) -> Numbers:
    (rows,) = flags.nonzero()
    return rows


def _shown(view: View) -> tuple[Sequence[Message], bytes]:
    """What was neither withdrawn nor private, and the kind of each."""
    messages = view.chat.messages
    if len(view.turns) == len(messages):  # nothing but text
        return messages, bytes(len(messages))
    shown = [message for message in messages if not (message.withdrawn or message.private)]
    return shown, bytes([_KINDS.get(message.kind, _OTHER) for message in shown])
