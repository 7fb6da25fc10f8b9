"""What the model's opinions are worth among strangers: verdicts on chats it was sure of, by how sure it was.

``rule_quality.py`` calls it; the verdicts of the first round were drawn by seed, those of the second are the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Thought = Mapping[str, float]
"""What is judged → the probability of the worst label."""
DRAWN, REST = "the opinions of the model, drawn by seed 3", "the opinions of the model, the rest"


class Dial(NamedTuple):
    """A way to set a rule: its name in the table, and whether it would fire."""

    rule: str
    name: str
    fires: Callable[[Thought], bool]


DIALS = (
    Dial("model-unresolved", "unresolved from .80", lambda p: p["resolution"] >= 0.8),
    Dial("model-unresolved", "unresolved from .95", lambda p: p["resolution"] >= 0.95),
    Dial("model-unresolved", "unresolved from .99", lambda p: p["resolution"] >= 0.99),
    Dial(
        "model-unresolved",
        "unresolved from .80, sentiment negative from .95",
        lambda p: p["resolution"] >= 0.8 and p["sentiment"] >= 0.95,
    ),
    Dial("model-dissatisfied", "dissatisfied from .80", lambda p: p["satisfaction"] >= 0.8),
    Dial("model-dissatisfied", "dissatisfied from .95", lambda p: p["satisfaction"] >= 0.95),
    Dial("model-dissatisfied", "dissatisfied from .97", lambda p: p["satisfaction"] >= 0.97),
    Dial(
        "model-dissatisfied",
        "dissatisfied from .80, sentiment negative from .90",
        lambda p: p["satisfaction"] >= 0.8 and p["sentiment"] >= 0.9,
    ),
    Dial(
        "model-dissatisfied",
        "**dissatisfied from .80, sentiment negative from .95**",
        lambda p: p["satisfaction"] >= 0.8 and p["sentiment"] >= 0.95,
    ),
)


def thoughts(inspections: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Chat id → what the model thought of the whole chat, as ``qa nightly --json`` tells it."""
    return {
        one["id"]: {told["of"]: told["probabilities"][0] for told in one["opinions"] if told["turn"] is None}
        for one in inspections
    }


def opinions_table(rounds: Sequence[Mapping[str, Any]], known: Mapping[str, Thought]) -> Iterator[str]:
    """Yield a table: of the chats that were read, how many a dial names, and how many of these are true.

    >>> hit = {"rule": "model-unresolved", "chat": "c", "true": True}
    >>> print(list(opinions_table([{"name": DRAWN, "hits": [hit]}], {"c": {"resolution": 0.9, "sentiment": 0}}))[2])
    | unresolved from .80 | 1 of 1 | 0 of 0 | 1 of 1 (100%) |
    """
    hits = {one["name"]: one["hits"] for one in rounds if one["name"] in {DRAWN, REST}}
    yield "| the model says | of the 30 drawn | of the rest | all |"
    yield "|---|---:|---:|---:|"
    for dial in DIALS:
        parts = [
            [one["true"] for one in hits.get(name, ()) if one["rule"] == dial.rule and _fires(dial, known, one["chat"])]
            for name in (DRAWN, REST)
        ]
        every = [true for part in parts for true in part]
        share = f" ({sum(every) / len(every):.0%})" if every else ""
        told = " | ".join(f"{sum(part)} of {len(part)}" for part in (*parts, every))
        yield f"| {dial.name} | {told}{share} |"


def _fires(dial: Dial, known: Mapping[str, Thought], chat: str) -> bool:
    return chat in known and dial.fires(known[chat])
