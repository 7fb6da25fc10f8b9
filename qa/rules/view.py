"""One chat as the operators see it: turns by role, matches by slot, the ledger; each computed once, when asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from qa.hours import Hours
from qa.ledger import Ledger, LedgerSettings, Row, ledger_of, visible
from qa.rules.asking import asks
from qa.rules.base import Place
from qa.rules.bench import ANY_EDGE, WHOLE_WORD, Index, Match
from qa.text import Joined, Level, Original, fold_character
from qa.types import Chat, ChatOpinion, Instant, Role

if TYPE_CHECKING:
    from qa.rules.batch import Share


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


_FOLD, _SQUASH = Level.FOLD, Level.SQUASH
_UNKNOWN: list[Row] = []
"""Stands for rows that nobody has asked for."""


class View:
    """One chat, read-only, with everything that several operators ask for kept after the first question."""

    __slots__ = (
        "_asks", "_coded", "_folded", "_found", "_index", "_joined", "_kinds", "_ledger", "_matches", "_occurring",
        "_originals", "_rows", "_shared", "_turns", "_whole", "chat", "context", "judged", "scopes", "turns",
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
        self._kinds: set[str] | None = None
        self.scopes: dict[int, tuple[int, ...] | str] = {}
        self.judged: dict[Any, Any] = {}
        self._index = index
        self._originals: dict[Role | None, Original] = {}
        self._joined: dict[tuple[Level, Role | None], Joined] = {}
        self._matches: dict[Level, dict[int, list[Match] | None]] = {}
        self._occurring: int | None = None
        self._shared: Share | None = None
        self._found: dict[int, list[Place]] = {}
        self._folded: dict[Level, dict[int, str]] = {}
        self._asks: dict[int, bool] = {}
        self._coded: bool | None = None
        self._whole: dict[tuple[int, ...], tuple[Place, ...]] = {}
        self._turns: dict[Role | None, tuple[int, ...]] = {None: self.turns}
        self._ledger: Ledger | None = None
        self._rows: list[Row] | None = _UNKNOWN

    @property
    def kinds(self) -> set[str]:
        """Kinds of the messages."""
        if self._kinds is None:
            self._kinds = {message.kind for message in self.chat.messages}
        return self._kinds

    def turns_of(self, role: Role | None) -> tuple[int, ...]:
        """Text turns of one role (``None``: of everybody), in the order given."""
        known = self._turns.get(role)
        if known is None:
            messages = self.chat.messages
            known = self._turns[role] = tuple([turn for turn in self.turns if messages[turn].role is role])
        return known

    def has(self, role: Role | None, number: int) -> bool:
        """Whether there are so many text turns of a role."""
        if role in self._turns or number > 1:
            return len(self.turns_of(role)) >= number
        messages = self.chat.messages
        for turn in self.turns:  # noqa: SIM110 - a generator costs more than the loop
            if messages[turn].role is role:
                return True
        return False

    def texts_of(self, role: Role | None) -> list[str]:
        """Return what those turns say."""
        messages = self.chat.messages
        return [messages[turn].text for turn in self.turns_of(role)]

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

    def whole(self, turns: tuple[int, ...]) -> tuple[Place, ...]:
        """Return these turns as places, each from its start to its end."""
        known = self._whole.get(turns)
        if known is None:
            messages = self.chat.messages
            known = self._whole[turns] = tuple([(turn, 0, len(messages[turn].text)) for turn in turns])
        return known

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
            text = self._join(_FOLD, None).text
            self._coded = "#e-" in text or "[" in text
        return self._coded

    def letters(self, turn: int) -> int | None:
        """Letters and digits of a turn; None where sticker codes (#E-s13, [微笑]) may be among them."""
        if self.coded:
            text = self.folded(_FOLD)[turn]
            if "#e-" in text or "[" in text:
                return None
        return len(self.folded(_SQUASH)[turn])

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
            if self._shared is not None and self._shared.knows(level, slot):
                known = self._shared.places(level, slot) if self.occurring >> slot & 1 else []
            else:
                known = [place for group in self._groups(level, slot) for place in self._places(level, group)]
                known.sort()
            self._found[slot] = known
        return known

    def turns_with(self, level: Level, slot: int) -> set[int]:
        """Return the turns in which ``found`` has a place."""
        known = self._found.get(slot)
        if known is not None or self._shared is not None:
            return {place[0] for place in self.found(level, slot)}
        found: set[int] = set()
        index = self._index[level]
        turns, joined = self.turns_of(index.whose), self._join(level, index.whose)
        for group in self._groups(level, slot):
            if index.edges[group] == ANY_EDGE:
                found.update([turns[which] for which in joined.texts(self._spans(level, group))])
            else:
                found.update([place[0] for place in self._places(level, group)])
        return found

    def anywhere(self, level: Level, slot: int) -> Iterable[Place]:
        """The same in no order, found one by one: for who needs only one of them."""
        known = self._found.get(slot)
        if known is not None or self._shared is not None:
            return self.found(level, slot)
        return self._one_by_one(level, slot)

    def search(self, level: Level) -> dict[int, list[Match] | None]:
        """Group → matches of what is searched for on a level (``Index.search``); what does not occur is left out."""
        matches = self._matches.get(level)
        if matches is None:
            index = self._index[level]
            matches = self._matches[level] = index.search(self._join(level, index.whose).text)
        return matches

    @property
    def occurring(self) -> int:
        """Which slots of all levels occur, as a number: the n-th bit stands for slot n."""
        known = self._occurring
        if known is None and self._shared is not None:
            known = self._occurring = self._shared.occurring()
        if known is None:
            known = 0
            for level, index in self._index.items():
                bits = index.bits
                for group in self.search(level):
                    known |= bits[group]
            self._occurring = known
        return known

    def _groups(self, level: Level, slot: int) -> Sequence[int]:
        """The groups of a slot that occur, or may."""
        index = self._index[level]
        if self.occurring >> slot & 1:
            matches = self._matches.get(level)
            groups = index.groups[slot]
            return groups if matches is None else [*filter(matches.__contains__, groups)]
        exception = index.unsought.get(slot)
        return () if exception is None else (exception,)

    def _places(self, level: Level, group: int) -> list[Place]:
        """The places of a group's matches in the original."""
        index = self._index[level]
        turns, edges = self.turns_of(index.whose), index.edges[group]
        joined = self._join(level, index.whose)
        places = [(turns[which], start, end) for which, start, end in joined.places(self._spans(level, group))]
        if edges == ANY_EDGE:
            return places
        return [place for place in places if not self.cuts(place, edges)]

    def _one_by_one(self, level: Level, slot: int) -> Iterator[Place]:
        index = self._index[level]
        turns, place = self.turns_of(index.whose), self._join(level, index.whose).place
        for group in self._groups(level, slot):
            edges = index.edges[group]
            for _, start, end in self._spans(level, group):
                which, first, last = place(start, end)
                found = turns[which], first, last
                if edges == ANY_EDGE or not self.cuts(found, edges):
                    yield found

    def _spans(self, level: Level, group: int) -> list[Match]:
        """A group's matches in the folded text."""
        spans = self._matches[level].get(group) if self._shared is None else None
        if spans is None:
            index = self._index[level]
            spans = index.locate(group, self._join(level, index.whose).text)
        return spans

    def cuts(self, place: Place, edges: int) -> bool:
        """Whether a match is cut out of a longer run of Latin letters, or of digits."""
        turn, start, end = place
        text = self.text(turn)
        if start and _runs_on(text[start - 1], text[start]):
            return True
        return edges == WHOLE_WORD and end < len(text) and _runs_on(text[end - 1], text[end])

    def share(self, shared: Share) -> None:
        """Take what was folded and found by somebody who does it for many chats, instead of doing it again."""
        self._shared = shared

    def _join(self, level: Level, whose: Role | None) -> Joined:
        joined = self._joined.get((level, whose))
        if joined is None and self._shared is not None:
            joined = self._shared.joined(level, whose)
            if joined is not None:
                self._joined[level, whose] = joined
        if joined is None:
            original = self._originals.get(whose)
            if original is None:
                original = self._originals[whose] = Original(self.texts_of(whose))
            joined = self._joined[level, whose] = original.fold(level)
        return joined


def _runs_on(left: str, right: str) -> bool:
    if "⺀" <= left <= "鿿" or "⺀" <= right <= "鿿":
        return False
    left, right = fold_character(left)[-1:], fold_character(right)[:1]
    return (left.isascii() and right.isascii()) and (
        (left.isalpha() and right.isalpha()) or (left.isdigit() and right.isdigit())
    )
