"""Phone numbers, cards, identity numbers, addresses, amounts, dates."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from qa.rules import quiet
from qa.rules.base import Judgement, Place, Scoped, Weigh, hit, miss
from qa.rules.batch import MANY, Batch, Flags, Places
from qa.rules.bench import Bench
from qa.rules.columns import beside
from qa.rules.entities import NUMBERS, real_day, split_numbers
from qa.rules.finder import within
from qa.rules.quiet import Known, Look, States
from qa.rules.reasons import ASK, IS_HIT, MISSED
from qa.rules.view import View
from qa.text import Level, fold
from qa.types import Role

_FOLD, _SQUASH = Level.FOLD, Level.SQUASH

Kind = Literal["phone", "mail", "bank_card", "resident_id", "order_number", "url", "amount", "date"]
Found = Callable[[View], list[Place]]

_SPLIT = r"[0-9]{11,}x?"
_NUMBER = "[0-9]{1,9}(?:,[0-9]{3})*(?:[.][0-9]{1,2})?"
_PATTERNS: dict[str, str] = {
    "mail": r"[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(?:[.][a-z0-9-]{1,63})*[.][a-z]{2,24}",
    "url": (
        r"(?:https?://|www[.])[a-z0-9._~:/?#@!$&*+;=%-]+|"
        r"[a-z0-9-]{1,63}(?:[.][a-z0-9-]{1,63})*[.](?:com|cn|net|org|top|vip|shop|cc|me|io|xyz|site|club)"
        r"(?:/[a-z0-9._~:/?#@!$&*+;=%-]*)?"
    ),
    "order_number": r"[0-9]{10,24}",
    "amount": (
        rf"(?:[¥$]|rmb ?){_NUMBER}|{_NUMBER} ?(?:万|千|百)?(?:元|块|圆|rmb)|"
        r"[一二两三四五六七八九十百千万]+(?:元|块钱|圆)"
    ),
    "date": (
        r"[0-9]{4}(?:-[0-9]{1,2}-|/[0-9]{1,2}/|[.][0-9]{1,2}[.]|年[0-9]{1,2}月)[0-9]{1,2}[日号]?|"
        r"[0-9]{1,2}月[0-9]{1,2}[日号]"
    ),
}
_ORDER_WORD = re.compile(r"(?:订单|單號|单号|订單|訂單|运单|運單|order)[^0-9]{0,8}$", re.IGNORECASE)
_ORDER_REACH = 16
_BARE_ORDER = 12
"""Digits from which a number is taken for an order's without the word for it."""
_URL_TAIL = ".,;:!?"


class Entity(Scoped):
    """``at_least`` so many phone numbers, addresses, … of the given ``kinds`` in the turns in scope, each quoted.

    ``phone``: mobile of mainland China, with or without +86. ``resident_id``: 18 characters with region, day and check
    digit. ``bank_card``: 16 to 19 digits with an issuer's beginning and Luhn digit. The digits of these three may be
    written apart (1 3 8-0013❤8000) within one turn. ``order_number``: 10 to 24 digits behind 订单, 单号 or the like, 12
    or more without it, and no phone, card or resident number. ``mail``, ``url``, ``amount`` (¥9.9, 5元, 三百块钱) and
    ``date`` (with month and day, of the calendar) are read as they are written. ``unless_said_by: customer`` leaves out
    those that the customer wrote before, so that what is left was not the customer's own. The finding's value is the
    number found.

    Example: ``{entity: {kinds: [phone, bank_card, resident_id], unless_said_by: customer}}``
    """

    name: ClassVar[str] = "entity"

    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)]
    at_least: int = Field(default=1, ge=1)
    unless_said_by: Literal["customer", "agent", "bot"] | None = None

    def weigh(self, bench: Bench) -> Weigh:
        """Return how given turns are judged."""
        finders = [_finder(kind, bench) for kind in dict.fromkeys(self.kinds)]
        bench.waits_for(*{_slot(kind, bench) for kind in self.kinds})
        key = ("entities", tuple(sorted(set(self.kinds))))
        said_by = self._said_by(Role(self.unless_said_by), bench) if self.unless_said_by else None

        def judge(view: View, turns: tuple[int, ...]) -> Judgement:
            everywhere = view.judged.get(key)
            if everywhere is None:
                everywhere = view.judged[key] = sorted({place for find in finders for place in find(view)})
            found = within(everywhere, turns)
            if found and said_by is not None:
                first = said_by(view)
                found = [place for place in found if first.get(_plain(view, place), place[0]) >= place[0]]
            if len(found) < self.at_least:
                return miss(turns, float(len(found)))
            return hit(tuple(found), value=float(len(found)))

        return judge

    def look(self, bench: Bench) -> Look:
        """Tell by where anything looks like one, and by the digits of plain numbers."""
        slots = {kind: (_SQUASH if kind in NUMBERS else _FOLD, _slot(kind, bench)) for kind in self.kinds}
        runs = bench.pattern(_SQUASH, _SPLIT) if "order_number" in slots else -1

        def look(batch: Batch, rows: Flags) -> Known:
            found = [(kind, batch.found_in(rows, *slot)) for kind, slot in slots.items()]
            row = np.concatenate([places.row for _, places in found])
            told = np.concatenate([_told(batch, kind, places, runs) for kind, places in found])
            row, told = row[told != MISSED], told[told != MISSED]
            return quiet.found(batch, row, (told == IS_HIT) & (self.unless_said_by is None), self.at_least)

        return look

    def _said_by(self, role: Role, bench: Bench) -> Callable[[View], dict[str, int]]:
        """Return what finds the numbers of another side, and in which turn first.

        It is seldom asked for, so these turns are searched only then, and not for every rule.
        """
        own = Bench(bench.wordlist)
        own.whose = role
        finders = [_finder(kind, own) for kind in dict.fromkeys(self.kinds)]
        index = own.freeze()

        def first(view: View) -> dict[str, int]:
            other = View(view.chat, index, view.context)
            said: dict[str, int] = {}
            for place in sorted({place for find in finders for place in find(other)}):
                said.setdefault(_plain(view, place), place[0])
            return said

        return first


def _slot(kind: str, bench: Bench) -> int:
    """Have searched for what a kind looks like."""
    return bench.pattern(_SQUASH, _SPLIT) if kind in NUMBERS else bench.pattern(_FOLD, _PATTERNS[kind])


def _finder(kind: str, bench: Bench) -> Found:
    """Return what finds a kind in all turns of a view, in order."""
    slot = _slot(kind, bench)
    if kind in NUMBERS:
        return lambda view: _split(view, view.found(_SQUASH, slot), kind)
    if kind == "order_number":
        runs = bench.pattern(_SQUASH, _SPLIT)
        return lambda view: _orders(view, view.found(_FOLD, slot), view.found(_SQUASH, runs))
    if kind == "date":
        return lambda view: [place for place in view.found(_FOLD, slot) if real_day(_said(view, place))]
    if kind == "url":
        return lambda view: _urls(view, view.found(_FOLD, slot))
    return lambda view: view.found(_FOLD, slot)


def _told(batch: Batch, kind: Kind, places: Places, runs: int) -> States:
    """Which of what looks like one is surely one, or surely none; numbers in several parts are left to the judge."""
    if kind in ("mail", "amount"):
        return np.full(places.row.size, IS_HIT)
    told = np.full(places.row.size, ASK)
    if kind in ("url", "date") or not told.size:
        return told
    if kind == "order_number":
        there = batch.no_row.copy()
        there[places.row] = True
        numbers = batch.found_in(there, _SQUASH, runs)
        alone = np.isin(places.start * MANY + places.end, numbers.start * MANY + numbers.end)
        alone |= ~beside(places, numbers, -1)
    else:
        alone = told == ASK
    begin = batch.begin.take(places.row)
    for i in alone.nonzero()[0].tolist():
        row, at = places.row.item(i), begin.item(i)
        text = batch.views[batch.chat.item(row)].text(batch.turn.item(row))
        told[i] = _plainly(text, places.start.item(i) - at, places.end.item(i) - at, kind)
    return told


def _plainly(text: str, start: int, end: int, kind: str) -> int:
    """Whether a run of digits that is one number is of a kind; ASK where it is not so plain.

    >>> told = {IS_HIT: "is", MISSED: "is not", ASK: "?"}
    >>> [told[_plainly("单号 1380013800012", 3, end, "order_number")] for end in (14, 15, 16)]
    ['?', '?', 'is']
    """
    digits = text[start:end]
    if not (digits.isascii() and digits.isdigit()) or text[end : end + 1].isdigit():
        return ASK
    kinds = [other for other, (lengths, check) in NUMBERS.items() if len(digits) in lengths and check(digits)]
    if kind == "order_number":
        return IS_HIT if not kinds and _called_order(text, start, end) else MISSED
    return IS_HIT if kind in kinds else MISSED


def _called_order(text: str, start: int, end: int) -> bool:
    """Whether a run of digits is called an order's, or so long that it need not be."""
    return end - start >= _BARE_ORDER or _ORDER_WORD.search(text[max(0, start - _ORDER_REACH) : start]) is not None


def _split(view: View, runs: list[Place], kind: str) -> list[Place]:
    return [(turn, low, high) for turn, s, e in runs for low, high, _ in split_numbers(view.text(turn), s, e, kind)]


def _orders(view: View, found: list[Place], runs: list[Place]) -> list[Place]:
    """Of runs of digits, those that are an order's: called so or long, and nothing else."""
    if not found:
        return []
    others = (place for kind in NUMBERS for place in _split(view, runs, kind))
    taken = {(turn, at) for turn, start, end in others for at in range(start, end)}
    kept = []
    for place in found:
        turn, start, end = place
        text = view.text(turn)
        if (turn, start) in taken or (turn, end - 1) in taken:
            continue
        if text[end : end + 1].isdigit():
            continue
        if _called_order(text, start, end):
            kept.append(place)
    return kept


def _urls(view: View, found: list[Place]) -> list[Place]:
    """Addresses less the sentence's marks behind them; the part of a mail address behind its @ is none."""
    kept = []
    for turn, start, end in found:
        text = view.text(turn)
        if text[max(0, start - 1) : start] not in ("@", "＠") and "@" not in text[start:end]:
            kept.append((turn, start, start + len(text[start:end].rstrip(_URL_TAIL))))
    return kept


def _said(view: View, place: Place) -> str:
    turn, start, end = place
    return fold(view.text(turn)[start:end])


def _plain(view: View, place: Place) -> str:
    """What was written, however it was written, without a country's code."""
    turn, start, end = place
    said = fold(view.text(turn)[start:end], _SQUASH)
    return re.sub(r"^加?(?:0086|86)(?=1[0-9]{10}$)", "", said)
