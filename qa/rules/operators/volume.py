"""How much is written: length of turns, emoji and sticker codes."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from qa.rules import quiet
from qa.rules.base import Judgement, Place, Scoped, Weigh, hit, miss
from qa.rules.batch import Batch, Flags
from qa.rules.bench import Bench
from qa.rules.finder import within
from qa.rules.quiet import Known, Look
from qa.rules.view import View
from qa.text import Level, fold

_FOLD, _SQUASH = Level.FOLD, Level.SQUASH

_CODE = r"#e-[a-z][0-9]{1,4}|\[[a-z\x{4e00}-\x{9fff}]{1,6}\]"
_CODES = re.compile(_CODE.replace(r"\x{4e00}", "一").replace(r"\x{9fff}", "鿿"))
_EMOJI = (
    r"[\x{1f1e6}-\x{1f1ff}]{2}|"
    r"[\x{2600}-\x{27bf}\x{2b50}\x{2b55}\x{3030}\x{303d}\x{1f000}-\x{1f3fa}\x{1f400}-\x{1faff}][\x{1f3fb}-\x{1f3ff}]?"
)
_JOINER = "\u200d"


class Length(Scoped):
    """The length of the turns in scope is ``over`` or ``under`` a number of letters and digits.

    Sticker codes (#E-s13, [微笑]) do not count. ``of: turn``: ``at_least`` so many turns are, each quoted, and the
    finding's value is the longest (or shortest) of them. ``of: average`` and ``of: total`` are figures of all turns in
    scope, quoted together.

    Example: ``{length: {over: 300, at_least: 2}}``
    """

    name: ClassVar[str] = "length"

    over: int | None = Field(default=None, ge=0)
    under: int | None = Field(default=None, ge=1)
    of: Literal["turn", "average", "total"] = "turn"
    at_least: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.over is None) == (self.under is None):
            raise ValueError("give exactly one of over, under")
        if self.of != "turn" and "at_least" in self.model_fields_set:
            raise ValueError("at_least belongs to of: turn")
        return self

    def weigh(self, bench: Bench) -> Weigh:
        """Return how given turns are judged."""
        bench.folds(_SQUASH)

        def judge(view: View, turns: tuple[int, ...]) -> Judgement:
            if self.of == "turn" and self.over is not None:
                folded, over = view.folded(_SQUASH), self.over
                turns_over = [turn for turn in turns if len(folded[turn]) > over]  # codes only make it less
                if len(turns_over) < self.at_least:
                    return miss(turns)
            lengths = {turn: _length(view, turn) for turn in turns}
            if self.of != "turn":
                total = float(sum(lengths.values()))
                value = total / len(lengths) if self.of == "average" else total
                return hit(_whole(view, turns), value=value) if self._beyond(value) else miss(turns, value)
            found = {turn: length for turn, length in lengths.items() if self._beyond(length)}
            if len(found) < self.at_least:
                return miss(turns)
            furthest = max(found.values()) if self.over is not None else min(found.values())
            return hit(_whole(view, tuple(found)), value=float(furthest))

        return judge

    def look(self, bench: Bench) -> Look | None:
        """Tell by the letters, sticker codes among them, whether any turn may be too long."""
        bench.folds(_SQUASH)
        if self.of != "turn" or self.over is None:
            return None
        over = self.over

        def look(batch: Batch, rows: Flags) -> Known:
            (long,) = (rows & (batch.letters(_SQUASH) > over)).nonzero()
            return quiet.found(batch, long, long < 0, self.at_least)

        return look

    def _beyond(self, length: float) -> bool:
        return length > self.over if self.over is not None else length < (self.under or 0)


def _length(view: View, turn: int) -> int:
    letters = view.letters(turn)
    return len(fold(_CODES.sub(" ", view.folded(_FOLD)[turn]), _SQUASH)) if letters is None else letters


class Emoji(Scoped):
    """The number of emoji and sticker codes in the turns in scope is ``at_least`` and/or ``at_most`` a number.

    ``of`` says what is counted: ``emoji`` (a family or a flag is one), ``code`` (#E-s13, [微笑]) or both. Messages that
    are nothing but a sticker of the platform's are no text turns and do not count. Each is quoted; when there are too
    few, the turns are cited.

    Example: ``{emoji: {at_least: 5}}``
    """

    name: ClassVar[str] = "emoji"

    of: Annotated[tuple[Literal["emoji", "code"], ...], Field(min_length=1)] = ("emoji", "code")
    at_least: int | None = Field(default=None, ge=1)
    at_most: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _limited(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_most < self.at_least:
            raise ValueError("at_most is less than at_least")
        return self

    def weigh(self, bench: Bench) -> Weigh:
        """Return how given turns are judged."""
        patterns = {"emoji": _EMOJI, "code": _CODE}
        slots = [bench.pattern(_FOLD, patterns[kind]) for kind in dict.fromkeys(self.of)]
        if self.at_least is not None:
            bench.waits_for(*slots)

        def judge(view: View, turns: tuple[int, ...]) -> Judgement:
            places = sorted(place for slot in slots for place in within(view.found(_FOLD, slot), turns))
            found = _joined(view, places)
            value = float(len(found))
            if (self.at_least or 0) <= value <= (value if self.at_most is None else self.at_most):
                return hit(tuple(found), searched=() if found else turns, value=value)
            return miss(turns, value)

        return judge


def _joined(view: View, places: list[Place]) -> list[Place]:
    """Emoji tied together by zero-width joiners as one."""
    found: list[Place] = []
    for turn, start, end in places:
        if found and found[-1][0] == turn and view.text(turn)[found[-1][2] : start].strip("\ufe0f") == _JOINER:
            found[-1] = (turn, found[-1][1], end)
        else:
            found.append((turn, start, end))
    return found


def _whole(view: View, turns: tuple[int, ...]) -> tuple[Place, ...]:
    return tuple((turn, 0, len(view.text(turn))) for turn in turns)
