"""What every operator is: typed parameters that compile to a judge of one chat.

A condition is *hit*, *missed* or *not applicable*; logic over the three is Kleene's, so an unknown part
decides nothing that the known parts leave open.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from qa.types import Role

if TYPE_CHECKING:
    from qa.rules.bench import Bench
    from qa.rules.view import View

Place = tuple[int, int, int]
"""``(turn, start, end)``: a piece of ``chat.messages[turn].text``, in code points."""


class State(Enum):
    """The three answers of a condition."""

    HIT = "hit"
    MISS = "miss"
    NOT_APPLICABLE = "not applicable"


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
        return max(1, len(self.places)) if self.state is State.HIT else 0


Judge = Callable[["View"], Judgement]
Turns = Callable[["View"], "tuple[int, ...] | str"]
"""Turns in scope, or the reason why there are none."""


def hit(places: tuple[Place, ...] = (), *, searched: tuple[int, ...] = (), value: float | None = None) -> Judgement:
    """Return the judgement that the condition is hit."""
    return Judgement(State.HIT, places, searched, "", value)


def miss(searched: tuple[int, ...] = (), value: float | None = None) -> Judgement:
    """Return the judgement that the condition could have been hit and was not."""
    return Judgement(State.MISS, (), searched, "", value)


def not_applicable(reason: str) -> Judgement:
    """Return the judgement that the chat does not have what the condition asks about."""
    return Judgement(State.NOT_APPLICABLE, (), (), reason)


class Operator(BaseModel, ABC):
    """Base of all operators. A subclass names itself and documents itself: docs/rules.md is made from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: ClassVar[str]

    @abstractmethod
    def compile(self, bench: Bench) -> Judge:
        """Return the judge; phrases and patterns are registered with ``bench`` to be searched for together."""


class Scoped(Operator, ABC):
    """An operator that looks at some turns only.

    ``role`` says whose turns; ``after`` keeps those after the first hit of a condition named in the rule's ``let``;
    of these, ``first`` keeps that many from the start, then ``last`` that many from the end.
    """

    role: Literal["customer", "agent", "bot", "system", "any"] = "agent"
    first: int | None = Field(default=None, ge=1)
    last: int | None = Field(default=None, ge=1)
    after: str | None = None

    def turns(self, bench: Bench) -> Turns:
        """Compile the scope to a function of the view (cached there, since many rules share a scope)."""
        role = None if self.role == "any" else Role(self.role)
        anchor = bench.named(self.after) if self.after is not None else None
        key = (role, self.first, self.last, anchor)
        nobody = f"no {self.role} turn" if role else "no turn"

        def of(view: View) -> tuple[int, ...] | str:
            known = view.scopes.get(key)
            if known is None:
                known = view.scopes[key] = self._cut(view, role, anchor) or nobody
            return known

        return of

    def _cut(self, view: View, role: Role | None, anchor: Judge | None) -> tuple[int, ...] | str:
        turns = view.turns_of(role)
        if anchor is not None:
            judgement = anchor(view)
            if judgement.state is not State.HIT:
                return f"no {self.after}"
            if not judgement.places:
                return f"{self.after} is at no turn"
            start = min(turn for turn, _, _ in judgement.places)
            turns = tuple(turn for turn in turns if turn > start)
            if not turns:
                return f"no {self.role} turn after {self.after}"
        if self.first is not None:
            turns = turns[: self.first]
        if self.last is not None:
            turns = turns[-self.last :]
        return turns
