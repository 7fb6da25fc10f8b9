"""What every operator is: typed parameters that compile to a judge of one chat.

A condition is *hit*, *missed* or *not applicable*; logic over the three is Kleene's, so an unknown part
decides nothing that the known parts leave open.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

from qa.types import Role

if TYPE_CHECKING:
    from qa.rules.bench import Bench
    from qa.rules.quiet import Glance, Look
    from qa.rules.view import View

Place = tuple[int, int, int]
"""``(turn, start, end)``: a piece of ``chat.messages[turn].text``, in code points."""


class State(Enum):
    """The three answers of a condition."""

    HIT = "hit"
    MISS = "miss"
    NOT_APPLICABLE = "not applicable"


HIT, MISS, NOT_APPLICABLE = State.HIT, State.MISS, State.NOT_APPLICABLE
"""By short names, as to look up a member of an enumeration takes longer than to compare with it."""


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """A condition's answer on one chat, with what it rests on.

    ``places`` are what was found. ``searched`` are the turns that were searched in vain: on a miss, what a
    surrounding ``not`` will cite; on a hit, what an absence rests on. ``value`` is the measured figure.
    """

    state: State
    places: tuple[Place, ...] = ()
    searched: tuple[int, ...] = ()
    reason: str = ""
    value: float | None = None

    @property
    def hits(self) -> int:
        """How often the condition was hit: the places found, or once for an absence or a figure."""
        return max(1, len(self.places)) if self.state is HIT else 0


Judge = Callable[["View"], Judgement]
Weigh = Callable[["View", tuple[int, ...]], Judgement]
"""Judges a chat by these of its turns."""


def hit(places: tuple[Place, ...] = (), *, searched: tuple[int, ...] = (), value: float | None = None) -> Judgement:
    """Return the judgement that the condition is hit."""
    return Judgement(HIT, places, searched, "", value)


def miss(searched: tuple[int, ...] = (), value: float | None = None) -> Judgement:
    """Return the judgement that the condition could have been hit and was not."""
    return Judgement(MISS, (), searched, "", value)


def not_applicable(reason: str) -> Judgement:
    """Return the judgement that the chat does not have what the condition asks about."""
    return Judgement(NOT_APPLICABLE, (), (), reason)


MISSED = miss()
NOT_MET = not_applicable("condition 'applies' not met")


def together(answers: Sequence[Judgement]) -> Judgement:
    """Return one hit of several: all their places, all turns searched, the first figure."""
    if len(answers) == 1:
        return answers[0]
    places = tuple(sorted({place for answer in answers for place in answer.places}))
    value = next((answer.value for answer in answers if answer.value is not None), None)
    return hit(places, searched=searched_by(answers), value=value)


def alternatives(hits: Sequence[Judgement]) -> Judgement:
    """Return one hit of several ways of saying one thing: places that overlap are quoted as one."""
    found = together(hits)
    if len(hits) == 1:
        return found
    return hit(joined_places(found.places), searched=found.searched, value=found.value)


def joined_places(places: Sequence[Place]) -> tuple[Place, ...]:
    """Sorted places with those that overlap made one.

    >>> joined_places([(0, 0, 4), (0, 2, 9), (0, 9, 10), (1, 0, 2)])
    ((0, 0, 9), (0, 9, 10), (1, 0, 2))
    """
    made: list[Place] = []
    for turn, start, end in places:
        if made and made[-1][0] == turn and start < made[-1][2]:
            made[-1] = (turn, made[-1][1], max(end, made[-1][2]))
        else:
            made.append((turn, start, end))
    return tuple(made)


def some(answers: Sequence[Judgement]) -> Judgement:
    """Hit where one is hit, else unknown where one is unknown; a miss cites what all of them searched."""
    hits = [answer for answer in answers if answer.state is HIT]
    if hits:
        return alternatives(hits)
    unknown = next((answer for answer in answers if answer.state is NOT_APPLICABLE), None)
    return unknown or miss(searched_by(answers), next((a.value for a in answers if a.value is not None), None))


def every(answers: Sequence[Judgement]) -> Judgement:
    """Hit where all are hit, else missed where one is missed; a miss cites what the missed ones searched."""
    misses = [answer for answer in answers if answer.state is MISS]
    if misses:
        return miss(searched_by(misses), next((a.value for a in misses if a.value is not None), None))
    unknown = next((answer for answer in answers if answer.state is NOT_APPLICABLE), None)
    return unknown or together(answers)


def searched_by(answers: Sequence[Judgement]) -> tuple[int, ...]:
    """Return the turns that any of these answers searched; most of them searched the same."""
    different = {answer.searched for answer in answers}
    return tuple(sorted(set[int]().union(*different)))


def by_turns(weigh: Weigh, each: Literal["any", "every"] | None) -> Weigh:
    """Return ``weigh`` asked of each turn by itself; unchanged where ``each`` is None or there is only one turn."""
    if each is None:
        return weigh
    combine = some if each == "any" else every

    def judge(view: View, turns: tuple[int, ...]) -> Judgement:
        return combine([weigh(view, (turn,)) for turn in turns])

    return judge


Side = Literal["after", "before", "around"]
SIDES: tuple[Side, ...] = ("after", "before", "around")


@dataclass(frozen=True, slots=True)
class Anchor:
    """Turns on this ``side`` of the hits of a named condition."""

    side: Side
    name: str
    judge: Judge


@dataclass(frozen=True, slots=True)
class Scope:
    """Which turns an operator looks at; equal scopes of one rule set are cut once a chat."""

    role: Role | None
    start: int | None
    stop: int | None
    anchor: Anchor | None
    hit: int | Literal["last", "any", "every"]
    reach: int | None
    first: int | None
    last: int | None

    @property
    def quantified(self) -> bool:
        """Whether each hit of the anchor has its own turns, judged one after the other."""
        return self.anchor is not None and self.hit in ("any", "every")

    @property
    def beyond(self) -> str:
        """The reason why there are no turns beside the anchor."""
        return f"no {_whose(self.role)} {self.anchor.side} {self.anchor.name}" if self.anchor else ""

    @property
    def nobody(self) -> str:
        """The reason why there are no turns of the role."""
        return f"no {_whose(self.role)}"

    @property
    def unhit(self) -> str:
        """The reason why there is no anchor."""
        return f"no {self.anchor.name}" if self.anchor else ""

    def cut(self, view: View) -> tuple[int, ...] | str:
        """Return the turns in scope, or the reason why there are none."""
        turns = self._numbered(view)
        if self.anchor is None or isinstance(turns, str):
            return turns if isinstance(turns, str) else self._ends(turns)
        hits = _hit_turns(self.anchor, view)
        if isinstance(hits, str):
            return hits
        which = len(hits) if self.hit == "last" else int(self.hit)
        if which > len(hits):
            return f"{self.anchor.name} is hit in {len(hits)} turn(s) only"
        return self._beside(turns, hits[which - 1]) or self.beyond

    def windows(self, view: View) -> list[tuple[int, ...]] | str:
        """Return the turns beside each hit of the anchor, or the reason why there are none at all."""
        turns = self._numbered(view)
        assert self.anchor is not None
        if isinstance(turns, str):
            return turns
        hits = _hit_turns(self.anchor, view)
        return hits if isinstance(hits, str) else [self._beside(turns, turn) for turn in hits]

    def _numbered(self, view: View) -> tuple[int, ...] | str:
        turns = view.turns_of(self.role)
        if not turns:
            return self.nobody
        if self.start is None and self.stop is None:
            return turns
        return turns[(self.start or 1) - 1 : self.stop] or f"{len(turns)} {_whose(self.role)}(s) only"

    def _beside(self, turns: tuple[int, ...], at: int) -> tuple[int, ...]:
        assert self.anchor is not None
        side, reach = self.anchor.side, self.reach or len(turns)
        low, high = bisect_left(turns, at), bisect_right(turns, at)
        if side == "after":
            return self._ends(turns[high : high + reach])
        if side == "before":
            return self._ends(turns[max(0, low - reach) : low])
        return self._ends(turns[max(0, low - reach) : high + reach])

    def _ends(self, turns: tuple[int, ...]) -> tuple[int, ...]:
        if self.first is not None:
            turns = turns[: self.first]
        if self.last is not None:
            turns = turns[-self.last :]
        return turns


def _whose(role: Role | None) -> str:
    return f"{role.value} turn" if role else "turn"


def _hit_turns(anchor: Anchor, view: View) -> list[int] | str:
    """The turns in which a named condition is hit, in order, or the reason why there are none."""
    judgement = anchor.judge(view)
    if judgement.state is not HIT:
        return f"no {anchor.name}"
    return sorted({turn for turn, _, _ in judgement.places}) or f"{anchor.name} is at no turn"


Need = tuple[Role | None, int]
"""So many text turns of a role (None: of anybody)."""


@dataclass(frozen=True, slots=True)
class Silence:
    """What a condition answers in every chat that has the turns it ``needs``, but none of what it waits for.

    It waits for matches in ``slots`` and for messages of these ``kinds``. The answer is None where it is only known
    not to be a hit.
    """

    answer: Judgement | None
    slots: frozenset[int] = frozenset()
    often: float = 0.0
    """How often one of them occurs, as far as their length tells."""
    kinds: frozenset[str] = frozenset()
    needs: frozenset[Need] = frozenset()


class Operator(BaseModel, ABC):
    """Base of all operators. A subclass names itself and documents itself: docs/rules.md is made from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: ClassVar[str]

    waits_for_kind: ClassVar[str | None] = None
    """It cannot be hit in a chat without messages of this kind …"""
    without_kind: ClassVar[Judgement | None] = None
    """… and this is its answer then, where it is always the same."""

    @abstractmethod
    def compile(self, bench: Bench) -> Judge:
        """Return the judge; phrases and patterns are registered with ``bench`` to be searched for together."""

    def glance(self, bench: Bench) -> Glance | None:  # noqa: ARG002 - for those who search
        """Return what can be told of many chats without asking the judge (``quiet.py``); None: nothing."""
        return None


class Scoped(Operator, ABC):
    """An operator that looks at some turns only.

    ``role`` says whose turns, ``from``–``to`` which of them (1: the first of the chat). ``after``, ``before`` and
    ``around`` keep those on that side of a hit of a condition named in the rule's ``let``, at most ``reach`` of them;
    ``hit`` says of which hit. Of these ``first`` keeps that many from the start, then ``last`` that many from the end.
    With ``turns`` each turn is judged by itself.
    """

    by_turn: ClassVar[bool] = True
    """Whether one turn by itself can be judged."""
    counts_none: ClassVar[bool] = False
    """Whether an empty scope has an answer, instead of being not applicable."""

    role: Literal["customer", "agent", "bot", "system", "any"] = "agent"
    from_: int | None = Field(default=None, alias="from", ge=1)
    to: int | None = Field(default=None, ge=1)
    after: str | None = None
    before: str | None = None
    around: str | None = None
    hit: Annotated[int, Field(ge=1)] | Literal["last", "any", "every"] = 1
    reach: int | None = Field(default=None, ge=1)
    first: int | None = Field(default=None, ge=1)
    last: int | None = Field(default=None, ge=1)
    each: Literal["any", "every"] | None = Field(default=None, alias="turns")

    @model_validator(mode="after")
    def _one_scope(self) -> Self:
        anchors = [name for name in ("after", "before", "around") if getattr(self, name) is not None]
        if len(anchors) > 1:
            raise ValueError("give at most one of after, before, around")
        for field in ("hit", "reach"):
            if not anchors and field in self.model_fields_set:
                raise ValueError(f"{field} belongs to after, before or around")
        if self.around is not None and self.reach is None:
            raise ValueError("around needs reach: how many turns on each side")
        if self.from_ is not None and self.to is not None and self.to < self.from_:
            raise ValueError("to is less than from")
        if self.each is not None and not self.by_turn:
            raise ValueError(f"{self.name} compares turns with each other: a single turn cannot be judged")
        return self

    def without_anchor(self) -> Judgement | None:
        """Return its answer where its anchor is not hit; None: that depends on the chat."""
        anchor = self.after or self.before or self.around
        return None if self.counts_none else not_applicable(f"no {anchor}")

    @abstractmethod
    def weigh(self, bench: Bench) -> Weigh:
        """Return the function that judges given turns; what is searched for is registered with ``bench``."""

    def look(self, bench: Bench) -> Look | None:  # noqa: ARG002 - for those who search
        """Return what is told of given turns of many chats without asking the judge (``quiet.py``); None: nothing."""
        return None

    def compile(self, bench: Bench) -> Judge:
        """Return the judge of the turns in scope."""
        bench.whose = None if self.role == "any" else Role(self.role)
        weigh = by_turns(self.weigh(bench), self.each)
        bench.whose = None
        scope = self.scope(bench)
        number, nothing = bench.scope(scope), self.counts_none

        def one(view: View) -> Judgement:
            turns = view.scopes.get(number)
            if turns is None:
                turns = view.scopes[number] = scope.cut(view)
            if isinstance(turns, str):
                return weigh(view, ()) if nothing else not_applicable(turns)
            return weigh(view, turns)

        def several(view: View) -> Judgement:
            windows = scope.windows(view)
            if isinstance(windows, str):
                return not_applicable(windows)
            empty = not_applicable(scope.beyond)
            answers = [weigh(view, turns) if turns or nothing else empty for turns in windows]
            return some(answers) if self.hit == "any" else every(answers)

        return several if scope.quantified else one

    def scope(self, bench: Bench) -> Scope:
        """Return the turns it looks at."""
        return Scope(
            role=None if self.role == "any" else Role(self.role),
            start=self.from_,
            stop=self.to,
            anchor=self._anchor(bench),
            hit=self.hit,
            reach=self.reach,
            first=self.first,
            last=self.last,
        )

    def _anchor(self, bench: Bench) -> Anchor | None:
        for side in SIDES:
            name: str | None = getattr(self, side)
            if name is not None:
                return Anchor(side, name, bench.named(name))
        return None
