"""What the source knows about the chat: CSAT, tier, tags, category, order data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from qa.rules.base import Judge, Judgement, Operator, hit, miss, not_applicable
from qa.rules.bench import Bench
from qa.rules.view import View
from qa.types import Chat

_FIELDS: dict[str, Callable[[Chat], Any]] = {
    "csat": lambda chat: chat.csat,
    "escalated": lambda chat: chat.escalated,
    "category": lambda chat: chat.category,
    "channel": lambda chat: chat.channel,
    "team": lambda chat: chat.agent.team,
    "tier": lambda chat: chat.customer.tier,
    "tags": lambda chat: chat.tags or None,
    "resolved": lambda chat: chat.outcome.resolved,
    "converted": lambda chat: chat.outcome.converted,
    "order_amount": lambda chat: chat.outcome.order_amount,
}


class Metadata(Operator):
    """A field of the chat compared with a value: ``is``, ``in``, ``has`` (tags), ``at_least``, ``at_most``.

    An unknown field is not applicable. There is no text to quote: the finding's value is the field's.
    """

    name: ClassVar[str] = "field"

    field: Literal[
        "csat", "escalated", "category", "channel", "team", "tier", "tags", "resolved", "converted", "order_amount"
    ]
    is_: str | bool | float | None = Field(default=None, alias="is")
    in_: tuple[str, ...] | None = Field(default=None, alias="in")
    has: str | None = None
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_comparison(self) -> Self:
        given = [x for x in (self.is_, self.in_, self.has, self.at_least, self.at_most) if x is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of is, in, has, at_least, at_most")
        return self

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - metadata is not searched for words
        """Return the judge."""
        read, compare = _FIELDS[self.field], self._compare()

        def judge(view: View) -> Judgement:
            value = read(view.chat)
            if value is None:
                return not_applicable(f"{self.field} unknown")
            figure = float(value) if isinstance(value, int | float) else None
            return hit(value=figure) if compare(value) else miss(value=figure)

        return judge

    def _compare(self) -> Callable[[Any], bool]:
        if self.in_ is not None:
            return lambda value: value in self.in_  # type: ignore[operator]
        if self.has is not None:
            return lambda value: self.has in value
        if self.at_least is not None:
            return lambda value: value >= self.at_least
        if self.at_most is not None:
            return lambda value: value <= self.at_most
        return lambda value: bool(value == self.is_)
