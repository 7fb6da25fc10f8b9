"""What rules found, as figures of a chat: how often each of them fired.

The models know no rules: who calls brings the findings of rules that do not read the model's own opinions, by rule. Of
a chat whose rules nobody asked (``None``), or whose words are ids, nothing is known, and such a figure says nothing:
it is taken as usual. A rule that a model does not know is passed over; one that it knows and that is not there any more
has not fired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from qa.models.features import Figures
from qa.models.labelled import LabelledChat
from qa.types import Chat, ChatOpinion, Finding

Hits = Mapping[str, Finding]
"""By rule what it found in a chat; a rule that is not there found nothing."""

PREFIX = "rule "
"""What the name of such a figure begins with; the rule's id follows."""
FEWEST = 20
"""Chats to learn from in which a rule must have fired, and as many in which it must not, to be learnt of."""


@runtime_checkable
class Judge(Protocol):
    """What judges chats."""

    def judge(self, chats: Sequence[Chat]) -> list[ChatOpinion]:
        """Give one opinion a chat."""


@runtime_checkable
class Listener(Protocol):
    """What judges chats by what rules found in them, too."""

    rules: frozenset[str]

    def judge(self, chats: Sequence[Chat], hits: Sequence[Hits | None] | None = None) -> list[ChatOpinion]:
        """Give one opinion a chat."""


def opinions_on(judge: Judge, chats: Sequence[LabelledChat]) -> list[ChatOpinion]:
    """Return the opinions on labelled chats, by what rules found in them as well where the judge listens to that."""
    plain = [one.chat for one in chats]
    if isinstance(judge, Listener):
        return judge.judge(plain, [one.hits for one in chats])
    return judge.judge(plain)


def learnable(hits: Sequence[Hits | None]) -> tuple[str, ...]:
    """Return the rules that fired often enough, and not nearly always, in the order of their ids."""
    known = [one for one in hits if one is not None]
    count = Counter(rule for one in known for rule in one)
    return tuple(sorted(rule for rule, often in count.items() if FEWEST <= often <= len(known) - FEWEST))


def rule_figures(rules: Iterable[str], hits: Sequence[Hits | None]) -> Figures:
    """Return for each chat ``ln(1 + hits)`` of each rule; NaN where nobody asked the rules.

    >>> from qa.types import Finding, Result
    >>> found = rule_figures(("a", "b"), [{"b": Finding("b", Result.FAILED)}, {}, None])
    >>> found.names, found.values.round(2).tolist()
    (('rule a', 'rule b'), [[0.0, 0.69], [0.0, 0.0], [nan, nan]])
    """
    known = tuple(rules)
    values = np.zeros((len(hits), len(known)))
    for row, one in enumerate(hits):
        if one is None:
            values[row] = np.nan
            continue
        for column, rule in enumerate(known):
            if rule in one:
                values[row, column] = np.log1p(one[rule].hits)
    return Figures(tuple(PREFIX + rule for rule in known), values)


def rule_of(figure: str) -> str | None:
    """Return the id of the rule whose figure that is, None for another figure.

    >>> rule_of("rule greeting-missing"), rule_of("customer speaks last")
    ('greeting-missing', None)
    """
    return figure.removeprefix(PREFIX) if figure.startswith(PREFIX) else None
