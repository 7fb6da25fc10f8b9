"""One chat as the operators see it: turns by role, matches by slot, the ledger; each computed once, when asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from qa.hours import Hours
from qa.ledger import Ledger, LedgerSettings, Row, ledger_of, visible
from qa.rules.asking import asks
from qa.rules.base import Place
from qa.rules.bench import ANY_EDGE, WHOLE_WORD, Index, Match
from qa.text import Joined, Level, Original, fold_character
from qa.types import Chat, ChatOpinion, Instant, Role


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may know besides the chat: the ledger's settings, the peak hours, the merchant's zone.

    ``earlier_chats`` and ``opinion`` belong to one chat (``dataclasses.replace``): when the same customer's earlier
    chats began, and what the model thinks of this one; None where nobody looked, or no model judges.
    """

    ledger: LedgerSettings
    peak: Hours | None
    zone: ZoneInfo
    earlier_chats: tuple[Instant, ...] | None = None
    opinion: ChatOpinion | None = None


_UNKNOWN: list[Row] = []
"""Stands for rows that nobody has asked for."""


class View:
    """One chat, read-only, with everything that several operators ask for kept after the first question."""

    __slots__ = (
        "_asks", "_coded", "_folded", "_found", "_index", "_joined", "_ledger", "_matches", "_originals", "_rows",
        "_slots", "_turns", "chat", "context", "judged", "kinds", "scopes", "turns",
    )  # fmt: skip

    def __init__(self, chat: Chat, index: Mapping[Level, Index], context: Context) -> None:
        self.chat = chat
        self.context = context
        self.turns = tuple(
            [
                turn
                for turn, message in enumerate(chat.messages)
                if message.kind == "text" and not message.withdrawn and not message.private
            ]
        )
        """Indexes of the turns that text rules read: shown to the customer and made of text."""
        self.kinds = {message.kind for message in chat.messages}
        self.scopes: dict[int, tuple[int, ...] | str] = {}
        self.judged: dict[Any, Any] = {}
        self._index = index
        self._originals: dict[Role | None, Original] = {}
        self._joined: dict[tuple[Level, Role | None], Joined] = {}
        self._matches: dict[Level, dict[int, list[Match] | None]] = {}
        self._slots: dict[Level, dict[int, list[int]]] = {}
        self._found: dict[int, list[Place]] = {}
        self._folded: dict[Level, dict[int, str]] = {}
        self._asks: dict[int, bool] = {}
        self._coded: bool | None = None
        self._turns: dict[Role | None, tuple[int, ...]] = {None: self.turns}
        self._ledger: Ledger | None = None
        self._rows: list[Row] | None = _UNKNOWN

    def turns_of(self, role: Role | None) -> tuple[int, ...]:
        """Text turns of one role (``None``: of everybody), in the order given."""
        known = self._turns.get(role)
        if known is None:
            messages = self.chat.messages
            known = self._turns[role] = tuple([turn for turn in self.turns if messages[turn].role is role])
        return known

    @property
    def ledger(self) -> Ledger:
        """The chat's timing ledger."""
        if self._ledger is None:
            self._ledger = ledger_of(self.rows, self.context.ledger)
        return self._ledger

    @property
    def rows(self) -> list[Row] | None:
        """What was said and the system's events, in order of time; None when one of them has no time."""
        if self._rows is _UNKNOWN:
            self._rows = visible(self.chat.messages)
        return self._rows

    def text(self, turn: int) -> str:
        """Return the original text of a turn."""
        return self.chat.messages[turn].text

    def asks(self, turn: int) -> bool:
        """Whether one of the sentences of a turn asks something."""
        known = self._asks.get(turn)
        if known is None:
            known = self._asks[turn] = asks(self.text(turn))
        return known

    @property
    def coded(self) -> bool:
        """Whether there may be sticker codes (#E-s13, [微笑]) anywhere in the chat."""
        if self._coded is None:
            text = self._join(Level.FOLD, None).text
            self._coded = "#e-" in text or "[" in text
        return self._coded

    def letters(self, turn: int) -> int | None:
        """Letters and digits of a turn; None where sticker codes (#E-s13, [微笑]) may be among them."""
        if self.coded:
            text = self.folded(Level.FOLD)[turn]
            if "#e-" in text or "[" in text:
                return None
        return len(self.folded(Level.SQUASH)[turn])

    def folded(self, level: Level) -> dict[int, str]:
        """Turn → folded text."""
        known = self._folded.get(level)
        if known is None:
            lines = self._join(level, None).lines() if self.turns else []
            known = self._folded[level] = dict(zip(self.turns, lines, strict=True))
        return known

    def found(self, level: Level, slot: int) -> list[Place]:
        """Where a slot's phrases or pattern occur in the turns searched for it, in order; overlaps included."""
        known = self._found.get(slot)
        if known is None:
            groups = self._groups(level, slot)
            known = self._found[slot] = sorted(self._places(level, groups)) if groups else []
        return known

    def anywhere(self, level: Level, slot: int) -> Iterable[Place]:
        """The same in no order, found one by one: for who needs only one of them."""
        known = self._found.get(slot)
        if known is not None:
            return known
        groups = self._groups(level, slot)
        return self._places(level, groups) if groups else ()

    def search(self, level: Level) -> dict[int, list[Match] | None]:
        """Group → matches of what is searched for on a level (``Index.search``); what does not occur is left out."""
        matches = self._matches.get(level)
        if matches is None:
            index = self._index[level]
            matches = self._matches[level] = index.search(self._join(level, index.whose).text)
        return matches

    def _groups(self, level: Level, slot: int) -> Sequence[int]:
        """The groups of a slot that occur, or may."""
        known = self._slots.get(level)
        if known is None:
            known = self._slots[level] = defaultdict(list)
            slots = self._index[level].slots
            for group in self.search(level):
                for other in slots[group]:
                    known[other].append(group)
        groups = known.get(slot)
        if groups is None:
            exception = self._index[level].unsought.get(slot)
            return () if exception is None else (exception,)
        return groups

    def _places(self, level: Level, groups: Sequence[int]) -> Iterator[Place]:
        """The places of these groups' matches in the original."""
        index, matches = self._index[level], self._matches[level]
        joined, turns, messages = self._join(level, index.whose), self.turns_of(index.whose), self.chat.messages
        place = joined.place
        for group in groups:
            edges, spans = index.edges[group], matches.get(group)
            if spans is None:
                spans = index.locate(group, joined.text)
            for _, start, end in spans:
                which, first, last = place(start, end)
                turn = turns[which]
                if edges == ANY_EDGE or not _cuts(messages[turn].text, first, last, edges):
                    yield turn, first, last

    def _join(self, level: Level, whose: Role | None) -> Joined:
        joined = self._joined.get((level, whose))
        if joined is None:
            original = self._originals.get(whose)
            if original is None:
                messages = self.chat.messages
                original = self._originals[whose] = Original([messages[turn].text for turn in self.turns_of(whose)])
            joined = self._joined[level, whose] = original.fold(level)
        return joined


def _cuts(text: str, start: int, end: int, edges: int) -> bool:
    """Whether a match is cut out of a longer run of Latin letters, or of digits."""
    if start and _runs_on(text[start - 1], text[start]):
        return True
    return edges == WHOLE_WORD and end < len(text) and _runs_on(text[end - 1], text[end])


def _runs_on(left: str, right: str) -> bool:
    if "⺀" <= left <= "鿿" or "⺀" <= right <= "鿿":
        return False
    left, right = fold_character(left)[-1:], fold_character(right)[:1]
    return (left.isascii() and right.isascii()) and (
        (left.isalpha() and right.isalpha()) or (left.isdigit() and right.isdigit())
    )
