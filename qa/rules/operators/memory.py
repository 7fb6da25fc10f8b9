"""What other chats say: earlier contacts of the same customer."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from qa.rules import quiet
from qa.rules.base import Judge, Judgement, Operator, hit, miss, not_applicable
from qa.rules.bench import Bench
from qa.rules.quiet import Glance
from qa.rules.reasons import ASK
from qa.rules.view import View
from qa.types import MICROSECONDS, Instant

_HOUR = 3600 * MICROSECONDS
_UNKNOWN = "earlier chats unknown"


class EarlierChats(Operator):
    """The same customer had ``at_least`` so many chats that began within ``within_hours`` before this one began.

    Not applicable where the customer is unknown, earlier chats were not looked up (a file tried by hand, the screening
    for red lines) or this one has no start. The finding's value is their number.

    Example: ``{earlier_chats: {within_hours: 72, at_least: 2}}``
    """

    name: ClassVar[str] = "earlier_chats"

    within_hours: float = Field(default=72, gt=0, le=8760)
    at_least: int = Field(default=1, ge=1)

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - other chats are not searched for words
        """Return the judge."""

        def judge(view: View) -> Judgement:
            earlier = view.context.earlier_chats
            if earlier is None:
                return not_applicable(_UNKNOWN)
            start = _start(view)
            if start is None:
                return not_applicable("no times")
            limit = start - self.within_hours * _HOUR
            value = float(sum(limit <= begun < start for begun in earlier))
            return hit(value=value) if value >= self.at_least else miss(value=value)

        return judge

    def glance(self, bench: Bench) -> Glance:
        """Tell where nobody looked."""
        unknown = bench.reasons(_UNKNOWN)
        return quiet.each(lambda view: unknown if view.context.earlier_chats is None else ASK)


def _start(view: View) -> Instant | None:
    if view.chat.started_at is not None:
        return view.chat.started_at
    return min((message.at for message in view.chat.messages if message.at is not None), default=None)
