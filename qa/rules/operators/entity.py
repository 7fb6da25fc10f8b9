"""Phone numbers, cards, identity numbers, addresses, amounts, dates."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from qa.rules import quiet
from qa.rules.base import Judgement, Place, Scoped, Weigh, hit, miss
from qa.rules.batch import Batch, Flags
from qa.rules.bench import Bench
from qa.rules.entities import NUMBERS, real_day, split_numbers
from qa.rules.finder import within
from qa.rules.quiet import Known, Look
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
        """Tell by where anything looks like one."""
        slots = {(_SQUASH if kind in NUMBERS else _FOLD, _slot(kind, bench)) for kind in self.kinds}

        def look(batch: Batch, rows: Flags) -> Known:
            row = np.concatenate([batch.found(level, slot).row for level, slot in slots])
            row = row[rows.take(row)]
            return quiet.found(batch, row, row < 0)

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
        if end - start >= _BARE_ORDER or _ORDER_WORD.search(text[max(0, start - _ORDER_REACH) : start]):
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
