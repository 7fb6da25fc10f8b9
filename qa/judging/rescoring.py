"""The final score: what the machine's items come to when people have said which of its claims hold.

An overturned finding gives its points back, a missed one takes the rule's. The arithmetic is that of ``qa.scoring``, by
the standard that judged the chat, so a review in which everything is confirmed has the machine's score.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import NamedTuple

from qa.rules.inspector import Standard
from qa.rules.pack import Rule
from qa.scoring import Item, Score, score

_MOST_GUESSES = 2_000


class Claimed(NamedTuple):
    """A finding as far as the score cares. ``points``: what it took or gave when it was judged."""

    rule: str
    hits: int
    points: float


class Scorer:
    """Scores one inspected chat again and again, with some claims overturned and some added."""

    def __init__(self, standard: Standard, claimed: Sequence[Claimed], not_applicable: Collection[str]) -> None:
        """``claimed``: the findings of the inspection; ``not_applicable``: rules that could not apply to the chat."""
        self._rules = {rule.id: rule for rule in standard.pack.active}
        self._card = standard.scorecard
        self._passed = {name: _item(rule, 0.0) for name, rule in self._rules.items()}
        self._passed |= {name: _item(self._rules[name], None) for name in not_applicable if name in self._rules}
        self._found = self._as_judged([one for one in claimed if one.rule in self._rules])

    def final(self, overturned: Collection[str] = (), missed: Mapping[str, int] | None = None) -> Score:
        """The score without the ``overturned`` rules' findings and with the ``missed`` ones (rule → how often).

        A missed rule that the machine held not to apply applies from then on.
        """
        found = {name: item for name, item in self._found.items() if name not in overturned}
        added = {
            name: _item(rule, _lost(rule, rule.deduct, hits), earned=True)
            for name, hits in (missed or {}).items()
            if name not in found and (rule := self._rules.get(name)) is not None
        }
        return score(list((self._passed | found | added).values()), self._card.dimensions, self._card.full)

    def _as_judged(self, claimed: Sequence[Claimed]) -> dict[str, Item]:
        """The items of the findings. What an offence took that was not the first is told by the points it took."""
        steps = [self._steps(one) for one in claimed]
        first: dict[str, Item] | None = None
        told = {one.rule: one.points for one in claimed}
        for lost in islice(product(*steps), _MOST_GUESSES):
            found = {
                one.rule: _item(self._rules[one.rule], points, earned=True)
                for one, points in zip(claimed, lost, strict=True)
            }
            first = found if first is None else first
            if all(len(step) == 1 for step in steps):
                break
            card = score(list((self._passed | found).values()), self._card.dimensions, self._card.full)
            points = card.points()
            if all(abs(points.get(rule, 0.0) - taken) < 0.005 for rule, taken in told.items()):  # noqa: PLR2004 - half a hundredth
                return found
        return first or {}

    def _steps(self, one: Claimed) -> list[float]:
        """Item points the finding may have taken: as a first offence, as a second, and so on."""
        rule = self._rules[one.rule]
        each = (rule.deduct, *(rule.repeat.deduct if rule.repeat else ()))
        return list(dict.fromkeys(_lost(rule, points, one.hits) for points in each))


def rules_of(standard: Standard, day: str, fired: Collection[str] = ()) -> Iterator[Rule]:
    """The rules that can be said to have been missed in a chat of that day: in force, and not fired already."""
    for rule in standard.pack.active:
        if rule.in_force(day) and rule.id not in fired:
            yield rule


def _item(rule: Rule, lost: float | None, *, earned: bool = False) -> Item:
    return Item(rule.id, rule.dimension, rule.weight, lost, rule.bonus if earned else 0.0, rule.red_line)


def _lost(rule: Rule, each: float, hits: int) -> float:
    """Item points lost, as ``qa.rules.inspector`` counts them."""
    if rule.red_line:
        return 1.0
    return min(rule.weight, each * (hits if rule.per == "hit" else 1))
