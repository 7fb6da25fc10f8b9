"""The timing ledger of docs/ledger.md, straight from its definition: datetimes and word sets, sitting by sitting."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from qa.phrases import COURTESY_PARTICLES, FORMS_OF_ADDRESS, HOLDING_WRAPPERS

_BETWEEN = set(".,!~;、。…—–-·•・\"'“”‘’()「」《》^_")
_MODIFIERS = {"Mn", "Cf", "Sk"}
Row = tuple[datetime, int, Any]


@dataclass
class Wait:
    """One wait of the customer; seconds are None until it is answered."""

    turn: int
    opened: datetime
    response: float | None = None
    substantive: float | None = None
    unanswered: bool = False
    reopened: bool = False
    """The first of a later sitting."""


@dataclass
class Ledger:
    """The waits of a chat and its figures; ``reason``: why there are none."""

    waits: list[Wait] = field(default_factory=list)
    complete: float | None = None
    reason: str = ""

    @property
    def unanswered(self) -> int:
        """How many waits nobody answered."""
        return len([wait for wait in self.waits if wait.unanswered])

    def rate(self, seconds: float) -> float | None:
        """Share of the waits that were answered in so many seconds."""
        answered = [wait.response for wait in self.waits if wait.response is not None]
        asked = len(answered) + self.unanswered
        return len([response for response in answered if response <= seconds]) / asked if asked else None

    def figure(self, name: str) -> float | None:
        """One of the figures of the rules, in seconds."""
        responses = [wait.response for wait in self.waits if wait.response is not None]
        if name == "first_response":
            return self.waits[0].response if self.waits else None
        if name == "first_substantive":
            return self.waits[0].substantive if self.waits else None
        if name == "average_response":
            return sum(responses) / len(responses) if responses else None
        if name == "longest_wait":
            return max(responses) if responses else None
        return self.complete


class Words:
    """Whether a text is made only of phrases, fillers, punctuation and stickers, at least one phrase among them."""

    def __init__(self, phrases: Sequence[str], fillers: Sequence[str], trailers: Sequence[str], stickers: bool) -> None:
        self.phrases = {simple(word) for word in phrases}
        self.fillers = {simple(word) for word in fillers}
        self.trailers = {simple(word) for word in trailers}
        self.stickers = stickers
        self.longest = max(len(word) for word in self.phrases | self.fillers | self.trailers)

    def match(self, text: str) -> bool:
        """Try every way to cut the text into words."""
        text = simple(text)
        reached = {(0, False)}
        for start in range(len(text)):
            for seen in (False, True):
                if (start, seen) not in reached:
                    continue
                if text[start] in _BETWEEN or unicodedata.category(text[start]) in _MODIFIERS:
                    reached.add((start + 1, seen))
                if unicodedata.category(text[start]) == "So":
                    reached.add((start + 1, seen or self.stickers))
                for end in range(start + 1, min(len(text), start + self.longest) + 1):
                    word = text[start:end]
                    if word in self.phrases:
                        reached.add((end, True))
                    if word in self.fillers or (seen and word in self.trailers):
                        reached.add((end, seen))
        return (len(text), True) in reached


def simple(text: str) -> str:
    """Half-width, lower case, no blanks."""
    half = "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in text)
    return "".join(half.lower().split())


def courtesy_words(phrases: Sequence[str]) -> Words:
    """What a customer says to thank or to nod."""
    return Words(phrases, COURTESY_PARTICLES, FORMS_OF_ADDRESS, stickers=True)


def holding_words(phrases: Sequence[str]) -> Words:
    """What an agent says to win time."""
    return Words(phrases, HOLDING_WRAPPERS, (), stickers=False)


def make_ledger(messages: Sequence[Any], courtesy: Words, holding: Words, reopen_after: float) -> Ledger:
    """The ledger of a chat; all hours count."""
    rows: list[Row] = []
    for turn, message in enumerate(messages):
        if message.withdrawn or message.private:
            continue
        if message.role == "system" and message.kind not in ("transfer", "closed"):
            continue
        if message.at is None:
            return Ledger(reason="no times")
        rows.append((message.at, turn, message))
    rows.sort(key=lambda row: row[0])
    ledger = Ledger()
    serving = False
    settled = False
    for sitting in _sittings(rows, reopen_after):
        before = len(ledger.waits)
        serving, answer, owed = _sit(sitting, ledger, serving, courtesy, holding)
        if before and len(ledger.waits) > before:
            ledger.waits[before].reopened = True
        if ledger.waits and not settled:
            settled = True
            if answer is not None and not owed and before == 0:
                ledger.complete = (answer - ledger.waits[0].opened).total_seconds()
    spoke = {row[2].role for row in rows}
    if not {"customer", "agent"} <= spoke:
        ledger.reason = "one-sided"
    return ledger


def _sittings(rows: Sequence[Row], reopen_after: float) -> list[list[Row]]:
    sittings: list[list[Row]] = [[]]
    last = None
    for at, turn, message in rows:
        if last is not None and (at - last).total_seconds() > reopen_after:
            sittings.append([])
        last = at
        if message.role == "system" and message.kind == "closed":
            sittings.append([])
        else:
            sittings[-1].append((at, turn, message))
    return sittings


def _sit(  # noqa: C901, PLR0912 - written in one go, as such code is
    rows: Sequence[Row], ledger: Ledger, serving: bool, courtesy: Words, holding: Words
) -> tuple[bool, datetime | None, bool]:
    """One sitting: adds its waits; returns whether the bot serves on, the last answer, and whether one is owed."""
    opened: tuple[datetime, int] | None = None
    transfer: tuple[datetime, int] | None = None
    asked: tuple[datetime, int] | None = None
    pending: list[Wait] = []
    person = bot_here = thanked = False
    answer: datetime | None = None
    for at, turn, message in rows:
        if message.role == "customer":
            asked = (at, turn)
            if opened is None:
                if message.kind in ("sticker", "emoji", "emotion") or courtesy.match(message.text):
                    thanked = thanked or not pending
                else:
                    opened, thanked = (at, turn), False
        elif message.role == "bot":
            if not person:
                bot_here = serving = True
                opened = None
        elif message.role == "agent":
            if not person:
                if serving and transfer is not None:
                    opened = transfer
                elif bot_here and opened is None:
                    opened = asked
                thanked = thanked and opened is None
                person, serving = True, False
            held = (opened is not None or bool(pending)) and holding.match(message.text)
            if opened is not None:
                wait = Wait(opened[1], opened[0], (at - opened[0]).total_seconds())
                ledger.waits.append(wait)
                pending.append(wait)
                opened = None
            if not held:
                for wait in pending:
                    wait.substantive = (at - wait.opened).total_seconds()
                pending = []
            if not thanked:
                answer = at
        elif transfer is None and not person:
            transfer = (at, turn)
    if not person and serving and transfer is not None:
        opened = transfer
    elif not person and bot_here:
        opened = None
    if opened is not None:
        ledger.waits.append(Wait(opened[1], opened[0], unanswered=True))
    return serving, answer, opened is not None or bool(pending)
