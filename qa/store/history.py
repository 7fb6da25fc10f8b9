"""What the store knows of other chats of a customer and of an agent: the past that some rules ask for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from functools import cached_property

from sqlalchemy import BigInteger, Connection, Engine, bindparam, func, select, true

from qa.store.inspections import RANK_BITS
from qa.store.nights import RunKind, State
from qa.store.session import read_tx
from qa.store.tables import chats, findings, inspections, nights, runs
from qa.types import MICROSECONDS, History, Instant, Offences, Result

_HOUR = 3600 * MICROSECONDS
_IN_LIST = 500

_OFFENCES_OF_RUN = (
    select(chats.c.agent_id, chats.c.day, func.min(chats.c.chat_id))
    .select_from(findings.join(inspections, inspections.c.id == findings.c.inspection_id))
    .join(chats, chats.c.id == inspections.c.chat_pk)
    .where(
        findings.c.rule == bindparam("rule"),
        findings.c.inspection_id >= bindparam("first", type_=BigInteger),
        findings.c.inspection_id < bindparam("next", type_=BigInteger),
        findings.c.outcome == Result.FAILED.value,
        chats.c.agent_id.is_not(None),
    )
    .group_by(chats.c.agent_id, chats.c.day)
)
"""Made once: a night asks it for every rule and run of the days before."""

AgentOffences = dict[str, dict[str, Offences]]
"""Agent id → rule id → earlier offences."""


class Past:
    """The histories of chats of one merchant and day, as far back as a standard asks.

    ``hours``: for the customer's other chats (None: not asked). ``days``: rule id → over how many local days the
    agent's offences count. The offences are read once: the work of the day itself adds nothing to them.
    """

    def __init__(self, engine: Engine, merchant: str, day: str, hours: float | None, days: Mapping[str, int]) -> None:
        self._engine, self._merchant, self._day = engine, merchant, day
        self._hours, self._days = hours, days

    @cached_property
    def _offences(self) -> AgentOffences:
        if not self._days:
            return {}
        with read_tx(self._engine) as connection:
            return offences(connection, self._merchant, self._day, self._days)

    def of(self, connection: Connection, pks: Iterable[int]) -> Callable[[int, str | None], History]:
        """Return a function from the key and the agent of one of these chats to its history."""
        earlier = {} if self._hours is None else earlier_chats(connection, pks, self._hours)

        def history(pk: int, agent: str | None) -> History:
            return History(earlier.get(pk), self._offences.get(agent, {}) if agent is not None else {})

        return history


def earlier_chats(connection: Connection, pks: Iterable[int], hours: float) -> dict[int, tuple[Instant, ...]]:
    """When the same customers' other chats began, at most ``hours`` before each of the given chats; ascending.

    A chat without customer id is left out: nothing is known of it. One of a known customer without any is ().
    """
    this, before = chats.alias("this"), chats.alias("before")
    window = bindparam("window", round(hours * _HOUR), BigInteger)
    joined = this.outerjoin(
        before,
        (before.c.merchant == this.c.merchant)
        & (before.c.customer_id == this.c.customer_id)
        & before.c.customer_id.is_not(None)
        & (before.c.current == true())
        & (before.c.started_at < this.c.started_at)
        & (before.c.started_at >= this.c.started_at - window),
    )
    found: dict[int, list[Instant]] = {}
    wanted = tuple(pks)
    for first in range(0, len(wanted), _IN_LIST):
        some = wanted[first : first + _IN_LIST]
        query = select(this.c.id, before.c.started_at).select_from(joined)
        query = query.where(this.c.id.in_(some), this.c.customer_id.is_not(None))
        for pk, begun in connection.execute(query):
            found.setdefault(pk, [])
            if begun is not None:
                found[pk].append(begun)
    return {pk: tuple(sorted(begun)) for pk, begun in found.items()}


def offences(connection: Connection, merchant: str, day: str, days: Mapping[str, int]) -> AgentOffences:
    """What every agent was found to do against each rule within its number of days before ``day`` (local, ISO).

    Only what the nights themselves found counts: that is what agents were told, whatever a re-scoring says later. Days
    are counted, not chats. A rule's findings are read run by run through their index, never the whole table.
    """
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for rule, back in days.items():
        first = (date.fromisoformat(day) - timedelta(days=back)).isoformat()
        for run in _runs(connection, merchant, first, day):
            of_run = {"rule": rule, "first": run << RANK_BITS, "next": (run + 1) << RANK_BITS}
            for agent, on, chat in connection.execute(_OFFENCES_OF_RUN, of_run):
                seen = found[agent, rule]
                seen[on] = min(chat, seen.get(on, chat))
    result: AgentOffences = defaultdict(dict)
    for (agent, rule), seen in found.items():
        last = max(seen)
        result[agent][rule] = Offences(len(seen), last, seen[last])
    return dict(result)


def _runs(connection: Connection, merchant: str, first: str, before: str) -> list[int]:
    """The runs that made what agents of a merchant were told about the days from ``first`` until ``before``."""
    told = [kind.value for kind in RunKind if kind is not RunKind.RESCORE]
    query = (
        select(runs.c.id)
        .join(nights, nights.c.id == runs.c.night_id)
        .where(nights.c.merchant == merchant, nights.c.day >= first, nights.c.day < before, runs.c.kind.in_(told))
        .where(runs.c.state == State.DONE.value)
        .order_by(runs.c.id)
    )
    return list(connection.execute(query).scalars())
