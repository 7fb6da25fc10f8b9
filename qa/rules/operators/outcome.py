"""What the source knows about the chat: CSAT, tier, tags, category, order data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from qa.rules import quiet
from qa.rules.base import Judge, Judgement, hit, miss, not_applicable
from qa.rules.bench import Bench
from qa.rules.comparing import Comparing
from qa.rules.quiet import Glance
from qa.rules.reasons import IS_HIT, MISSED
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
_NUMBER = (float, ("is", "at_least", "at_most"))
_FLAG = (bool, ("is",))
_TEXT = (str, ("is", "in"))
_KINDS: dict[str, tuple[type, tuple[str, ...]]] = {
    **dict.fromkeys(("csat", "order_amount"), _NUMBER),
    **dict.fromkeys(("escalated", "resolved", "converted"), _FLAG),
    **dict.fromkeys(("category", "channel", "team", "tier"), _TEXT),
    "tags": (str, ("has",)),
}
"""What each field is, and what it can be compared with."""
_NAMES = {float: "number", bool: "true or false", str: "text"}


class Metadata(Comparing):
    """A field of the chat compared with a value.

    Numbers (csat, order_amount): ``is``, ``at_least``, ``at_most``. True or false (escalated, resolved, converted):
    ``is``. Texts (category, channel, team, tier): ``is``, ``in``. tags: ``has``. ``known`` asks of any field whether
    the source gives it (no tag is none given); to all other questions an unknown field is not applicable. There is no
    text to quote: the finding's value is the field's.

    Example: ``{field: {field: csat, at_most: 2}}``
    """

    name: ClassVar[str] = "field"

    field: Literal[
        "csat", "escalated", "category", "channel", "team", "tier", "tags", "resolved", "converted", "order_amount"
    ]

    def check_comparison(self, name: str) -> None:
        """Raise ValueError where the field is not compared so, or not with a value of this kind."""
        kind, comparisons = _KINDS[self.field]
        if name not in comparisons:
            raise ValueError(f"{self.field} is compared with {' or '.join(comparisons)}, not with {name!r}")
        if self.is_ is not None and type(self.is_) is not kind:
            raise ValueError(f"{self.field} is compared with a {_NAMES[kind]}, not with {self.is_!r}")

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - metadata is not searched for words
        """Return the judge."""
        read, compare = _FIELDS[self.field], self._compare()

        def judge(view: View) -> Judgement:
            value = read(view.chat)
            known = self.asks_known(value)
            if known is not None:
                return hit() if known else miss()
            if value is None:
                return not_applicable(f"{self.field} unknown")
            figure = float(value) if isinstance(value, int | float) else None
            return hit(value=figure) if compare(value) else miss(value=figure)

        return judge

    def glance(self, bench: Bench) -> Glance:
        """Tell by asking, which takes no longer."""
        read, compare, unknown = _FIELDS[self.field], self._compare(), bench.reasons(f"{self.field} unknown")

        def state(view: View) -> int:
            value = read(view.chat)
            known = self.asks_known(value)
            if known is not None:
                return IS_HIT if known else MISSED
            if value is None:
                return unknown
            return IS_HIT if compare(value) else MISSED

        return quiet.each(state)

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
