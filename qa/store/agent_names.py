"""What agents are called: their names stand in their chats, and only there; ids are what everything is kept by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, String, column, select, values

from qa.store.board_tables import chat_facts
from qa.store.stars import agent_names

_PART = 500
Who = tuple[str, str]
"""A merchant and the id of an agent of theirs."""


def names_of(connection: Connection, agents: Sequence[Who], last: str) -> dict[Who, str]:
    """Return what agents are called in their newest inspected chat up to a day; who is not named there is left out."""
    found: dict[Who, str] = {}
    for start in range(0, len(agents), _PART):
        newest = dict(_newest(connection, agents[start : start + _PART], last))
        names = agent_names(connection, list(newest.values()))
        found |= {who: name for who, pk in newest.items() if (name := names.get(pk))}
    return found


def _newest(connection: Connection, agents: Sequence[Who], last: str) -> Iterator[tuple[Who, int]]:
    """Yield the newest inspected chat of each: one step in an index."""
    asked = values(column("merchant", String), column("agent", String), name="asked").data(list(agents)).cte("asked")
    f, a = chat_facts.c, asked.c
    of_agent = select(f.chat_pk).where(f.agent_id == a.agent, f.merchant == a.merchant, f.day <= last)
    chat = of_agent.order_by(f.day.desc(), f.inspection_id.desc()).limit(1).correlate(asked).scalar_subquery()
    for merchant, agent, pk in connection.execute(select(a.merchant, a.agent, chat)):
        if pk is not None:
            yield (merchant, agent), pk
