"""One chat as the operators see it: turns by role, matches by slot, the ledger; each computed once, when asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from qa.hours import Hours
from qa.ledger import Ledger, LedgerSettings, build_ledger
from qa.rules.base import Place
from qa.rules.bench import ANY_EDGE, WHOLE_WORD, Index, Match
from qa.text import Joined, Level, fold_character, join
from qa.types import Chat, Instant, Role


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may know besides the chat: the ledger's settings, the peak hours, the merchant's zone.

    ``earlier_chats`` belongs to one chat (``dataclasses.replace``): when the same customer's earlier chats ended; None
    where nobody looked.
    """

    ledger: LedgerSettings
    peak: Hours | None
    zone: ZoneInfo
    earlier_chats: tuple[Instant, ...] | None = None


class View:
    """One chat, read-only, with everything that several operators ask for kept after the first question."""

    __slots__ = (
        "_folded", "_found", "_index", "_joined", "_ledger", "_matches", "_turns",
        "chat", "context", "judged", "scopes", "turns",
    )  # fmt: skip

    def __init__(self, chat: Chat, index: Mapping[Level, Index], context: Context) -> None:
        self.chat = chat
        self.context = context
        shown = [
            turn
            for turn, message in enumerate(chat.messages)
            if message.kind == "text" and not message.withdrawn and not message.private
        ]
        self.turns = tuple(shown)
        """Indexes of the turns that text rules read: shown to the customer and made of text."""
        self.scopes: dict[int, tuple[int, ...] | str] = {}
        self.judged: dict[Any, Any] = {}
        self._index = index
        self._joined: dict[Level, Joined] = {}
        self._matches: dict[Level, dict[int, list[Match]]] = {}
        self._found: dict[int, list[Place]] = {}
        self._folded: dict[Level, dict[int, str]] = {}
        self._turns: dict[Role | None, tuple[int, ...]] = {None: self.turns}
        self._ledger: Ledger | None = None

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
            self._ledger = build_ledger(self.chat, self.context.ledger)
        return self._ledger

    def text(self, turn: int) -> str:
        """Return the original text of a turn."""
        return self.chat.messages[turn].text

    def folded(self, level: Level) -> dict[int, str]:
        """Turn → folded text."""
        known = self._folded.get(level)
        if known is None:
            lines = self._join(level).lines() if self.turns else []
            known = self._folded[level] = dict(zip(self.turns, lines, strict=True))
        return known

    def found(self, level: Level, slot: int) -> list[Place]:
        """Where a slot's phrases or pattern occur, whoever wrote them; overlapping matches included."""
        known = self._found.get(slot)
        if known is None:
            spans = self._search(level).get(slot)
            known = self._found[slot] = self._places(self._joined[level], spans) if spans else []
        return known

    def matched(self) -> set[int]:
        """Slots of which anything occurs anywhere in the chat."""
        return {slot for level in self._index for slot in self._search(level)}

    def _search(self, level: Level) -> dict[int, list[Match]]:
        matches = self._matches.get(level)
        if matches is None:
            matches = self._matches[level] = self._index[level].search(self._join(level))
        return matches

    def _places(self, joined: Joined, spans: list[Match]) -> list[Place]:
        places = []
        for start, end, edges in spans:
            which, first, last = joined.place(start, end)
            turn = self.turns[which]
            if edges == ANY_EDGE or not _cuts(self.text(turn), first, last, edges):
                places.append((turn, first, last))
        return places

    def _join(self, level: Level) -> Joined:
        joined = self._joined.get(level)
        if joined is None:
            messages = self.chat.messages
            joined = self._joined[level] = join([messages[turn].text for turn in self.turns], level)
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
