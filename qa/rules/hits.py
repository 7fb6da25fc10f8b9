"""What rules find in chats, without the rules that read the model's opinion: what a model may be told of.

A rule that reads the opinion cannot be asked before there is one, and must not have a say in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from qa.rules.context import house_context
from qa.rules.drafts import Opinion
from qa.rules.engine import RuleSet, compile_pack
from qa.rules.operators.opinion import ModelOpinion
from qa.rules.pack import Pack, Rule
from qa.types import Chat, Finding

ALWAYS = "9999"
"""The day that stands for all days: rules that have no end are in force."""


def reads_opinion(rule: Rule) -> bool:
    """Tell whether a rule asks what the model thinks."""
    return any(_names(node) for node in (rule.when, rule.applies, rule.let))


def parted(rules: Iterable[Rule]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ids of the rules that do not read the model's opinion, and of those that do."""
    every = tuple(rules)
    reading = tuple(rule.id for rule in every if reads_opinion(rule))
    return tuple(rule.id for rule in every if rule.id not in reading), reading


def found_by(opinion: Opinion) -> dict[str, Finding]:
    """Return by rule what it found."""
    return {finding.rule: finding for finding in opinion.findings}


class HitFinder:
    """Asks a pack's rules about chats outside any night: in the pack's own context, on no particular day."""

    def __init__(self, pack: Pack) -> None:
        """Compile the rules; PackError where one cannot be compiled."""
        self._rules: RuleSet = compile_pack(pack, only=parted(pack.active)[0])
        self._context = house_context(pack)

    def find(self, chats: Sequence[Chat]) -> list[dict[str, Finding]]:
        """Return for each chat by rule what it found."""
        asked = [(chat, self._context) for chat in chats]
        return [found_by(opinion) for opinion in self._rules.judge_many(asked, ALWAYS)]


def _names(node: Any) -> bool:
    """Whether a condition, or one inside it, is the operator that reads the opinion.

    >>> _names({"all": [{"opinion": {"of": "resolution", "is": "unresolved"}}]}), _names({"say": ["opinion"]})
    (True, False)
    """
    if isinstance(node, dict):
        return ModelOpinion.name in node or any(map(_names, node.values()))
    return isinstance(node, list | tuple) and any(map(_names, node))
