"""What a pack wants to know of other chats: the customer's earlier ones, the agent's earlier offences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from qa.rules.operators.memory import EarlierChats
from qa.rules.pack import Pack
from qa.types import History

UNKNOWN = History()
"""The history of a chat whose past nobody looked up."""


class Lookback(NamedTuple):
    """How far back to look, and for what. ``hours``: for the customer's chats; None: no rule asks.

    ``days``: for each rule that takes more from repeated offenders, over how many local days.
    """

    hours: float | None
    days: dict[str, int]


def lookback(pack: Pack) -> Lookback:
    """Return what the rules of a pack that judge ask for."""
    conditions = [(rule.when, rule.applies, *rule.let.values()) for rule in pack.active]
    hours = [EarlierChats.model_validate(body).within_hours for body in _bodies(conditions)]
    days = {rule.id: rule.repeat.within_days for rule in pack.active if rule.repeat is not None}
    return Lookback(max(hours, default=None), days)


def _bodies(node: Any) -> Iterator[dict[str, Any]]:
    """The parameters of every ``earlier_chats`` in these conditions."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == EarlierChats.name and isinstance(value, dict):
                yield value
            else:
                yield from _bodies(value)
    elif isinstance(node, list | tuple):
        for part in node:
            yield from _bodies(part)
