"""The counts of a night (``qa.store.night_counts``) packed into the columns of one row, and unpacked."""

from __future__ import annotations

import struct
from typing import Any

import orjson

from qa.store.night_counts import AgentCounts, Counts, Place


def packed(counts: Counts) -> dict[str, Any]:
    """Return the columns of a night's counts.

    ``rules`` is JSON, the names in order and four numbers of each; ``pairs`` are unsigned numbers of 32 bits, the
    lowest byte first: the place of one rule times how many there are plus that of the other, then in how many chats;
    ``agents`` is JSON (``unpacked_agents``).
    """
    names = sorted(counts.rules)
    places = {name: place for place, name in enumerate(names)}
    pairs = sorted((places[one] * len(names) + places[other], n) for (one, other), n in counts.pairs.items())
    agents = [
        [*place, *(one.chat or (None, 0)), one.deeds, [[*key, *one.strata[key]] for key in sorted(one.strata)]]
        for place, one in sorted(counts.agents.items())
    ]
    return {
        "inspected": counts.inspected,
        "rules": orjson.dumps([names, [counts.rules[name] for name in names]]),
        "pairs": struct.pack(f"<{2 * len(pairs)}I", *(number for pair in pairs for number in pair)),
        "agents": orjson.dumps(agents),
    }


def unpacked_rules(content: bytes) -> dict[str, list[int]]:
    """Return rule → fired and ``WORDS``, in the order of the names."""
    names, numbers = orjson.loads(content)
    return dict(zip(names, numbers, strict=True))


def unpacked_agents(content: bytes) -> dict[Place, AgentCounts]:
    """Return what is counted of each agent."""
    found = {}
    for agent, team, chat, revision, deeds, strata in orjson.loads(content):
        one = found[agent, team] = AgentCounts()
        one.chat, one.deeds = None if chat is None else (chat, revision), deeds
        one.strata = {(wave, channel, targeted): numbers for wave, channel, targeted, *numbers in strata}
    return found
