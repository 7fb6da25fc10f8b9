"""The service star 服务之星: whose chats of a month were best, as far as the sample can tell them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from qa.estimates import Estimate, StratumSummary, estimate_mean
from qa.estimates import tiers as apart
from qa.people import Scope
from qa.store import stars
from qa.store.session import read_tx
from qa.store.stars import AgentChat, Cell, Deeds, Which

ENOUGH = 20
"""Inspected chats of a month below which nothing is said of an agent."""
PAGE = 50
_POINTS = (0.0, 100.0)
_KEPT = 8


class Standing(NamedTuple):
    """One agent in a month: the mean score with its interval, and what stands out."""

    merchant: str
    agent_id: str
    name: str | None
    team: str | None
    score: Estimate
    praised: int
    marked: int
    red_confirmed: int
    red_open: int
    last_chat: int = 0
    """Key of a chat that tells the name."""

    @property
    def knowable(self) -> bool:
        """Whether there are enough chats for an interval to mean something."""
        return self.score.n >= ENOUGH and self.score.low is not None and self.score.high is not None


class Stars(NamedTuple):
    """A month. ``tiers``: groups that the sample tells apart, the best first; within one, nobody is ahead."""

    month: str
    months: list[str]
    tiers: tuple[tuple[Standing, ...], ...]
    too_few: tuple[Standing, ...]

    @property
    def nominated(self) -> tuple[Standing, ...]:
        """The first tier without those of whom a person confirmed a red line; nobody where it is no tier apart."""
        return tuple(one for one in self.tiers[0] if not one.red_confirmed) if len(self.tiers) > 1 else ()


_Listed = tuple[tuple[tuple[Standing, ...], ...], tuple[Standing, ...]]
"""Tiers, and those with too few chats."""
_kept: WeakKeyDictionary[Engine, dict[Any, tuple[Hashable | None, _Listed]]] = WeakKeyDictionary()
"""By scope and month: what was listed, without names, and of which state of the store."""


def tiers(standings: Iterable[Standing]) -> tuple[tuple[Standing, ...], ...]:
    """Return groups of which no interval reaches into another group's, the best first; inside by merchant and agent.

    >>> def agent(name, low, value, high):
    ...     score = Estimate(name="score", value=value, low=low, high=high, n=30, size=90)
    ...     return Standing("m", name, None, None, score, 0, 0, 0, 0)
    >>> found = tiers([agent("a", 80, 84, 88), agent("b", 87, 90, 93), agent("c", 60, 65, 70)])
    >>> [[one.agent_id for one in tier] for tier in found]
    [['a', 'b'], ['c']]
    """
    ordered = sorted(standings, key=lambda one: (one.merchant, one.agent_id))
    return tuple(map(tuple, apart(ordered, lambda one: (one.score.low, one.score.high))))


def standings(cells: Sequence[Cell], done: Sequence[Deeds]) -> list[Standing]:
    """Return each agent's standing from the sums of the strata, without names.

    Agents without an inspected chat are left out.
    """
    strata: defaultdict[tuple[str, str], list[StratumSummary]] = defaultdict(list)
    for one in cells:
        strata[one.merchant, one.agent_id].append(
            StratumSummary(
                stratum=one.stratum, size=one.size, n=one.n, drawn=one.drawn, certainty=one.targeted,
                y=one.total, yy=one.squares,
            )
        )  # fmt: skip
    return [
        Standing(
            one.merchant, one.agent_id, None, one.team,
            estimate_mean("score", strata[one.merchant, one.agent_id], bounds=_POINTS),
            one.praised, one.marked, one.red_confirmed, one.red_open, one.last_chat,
        )
        for one in done
    ]  # fmt: skip


def month_of(engine: Engine, scope: Scope, month: str | None) -> Stars:
    """Return the nomination list of a month (None or one without nights: the newest that has some).

    The last ones are kept for whoever goes through their pages, as long as nothing has changed.
    """
    with read_tx(engine) as connection:
        known = stars.months(connection, scope)
        chosen = month if month in known else (known[0] if known else "")
        if not chosen:
            return Stars("", known, (), ())
        state = stars.standing_of(connection, scope, chosen)
        kept, key = _kept.setdefault(engine, {}), (scope, chosen)
        then, found = kept.get(key, (None, None))
        if found is None or state is None or state != then:
            sums, done = stars.cells_and_deeds(connection, scope, chosen)
            found = _listed(standings(sums, done))
            if len(kept) >= _KEPT:
                kept.clear()
            kept[key] = state, found
        tiered, few = found
        names = stars.agent_names(connection, [one.last_chat for group in (*tiered, few) for one in group])
    return Stars(chosen, known, tuple(_named(tier, names) for tier in tiered), _named(few, names))


def _named(group: Sequence[Standing], names: Mapping[int, str | None]) -> tuple[Standing, ...]:
    return tuple(one._replace(name=names.get(one.last_chat)) for one in group)


def _listed(every: Sequence[Standing]) -> _Listed:
    few = sorted((one for one in every if not one.knowable), key=lambda one: (-one.score.n, one.merchant, one.agent_id))
    return tiers(one for one in every if one.knowable), tuple(few)


def chats_behind(
    engine: Engine, scope: Scope, agent: tuple[str, str], month: str, which: Which, after: int | None
) -> tuple[list[AgentChat], int | None]:
    """Return a page of the chats behind an agent's figures, and the key behind which the next one begins."""
    with read_tx(engine) as connection:
        rows = stars.agent_chats(connection, scope, agent, month, which, after, PAGE + 1)
    return rows[:PAGE], rows[PAGE - 1].inspection_id if len(rows) > PAGE else None
