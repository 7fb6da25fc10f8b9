"""Regular expressions, in linear time."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from qa.rules import quiet
from qa.rules.asking import Asked
from qa.rules.base import Judgement, Place, Scoped, Weigh, hit, miss
from qa.rules.batch import Batch, Flags
from qa.rules.bench import Bench
from qa.rules.columns import beside
from qa.rules.finder import Mention, within
from qa.rules.quiet import Known, Look
from qa.rules.view import View
from qa.text import Level


class Pattern(Scoped):
    """A regular expression found in the folded text of the turns in scope.

    ``pattern`` is RE2 syntax (no backreferences or look-around, so no pattern can hang the night) and sees lower-case,
    half-width, simplified text; ``^`` and ``$`` are the turn's ends, and no match runs from one turn into the next.
    A match that begins inside a run of Latin letters or of digits (``vx`` of ``avx``) does not count. ``except``: a
    match that overlaps a match of this second expression does not count. ``at_least``: so many matches.
    ``match: squash`` searches the text without anything but letters and digits. Negated and quoted matches count only
    when ``negated`` / ``quoted`` say so; ``asked: skip`` leaves out those in a question, ``asked: only`` all others.

    Example: ``{regex: {pattern: '订单号?[0-9]{8,}', role: customer}}``
    """

    name: ClassVar[str] = "regex"

    pattern: Annotated[str, Field(min_length=1)]
    except_: Annotated[str, Field(min_length=1)] | None = Field(default=None, alias="except")
    at_least: int = Field(default=1, ge=1)
    match: Literal["fold", "squash"] = "fold"
    negated: bool = False
    quoted: bool = False
    asked: Asked = "count"

    def weigh(self, bench: Bench) -> Weigh:
        """Return how given turns are judged."""
        level = Level(self.match)
        slot = bench.pattern(level, self.pattern)
        except_slot = bench.pattern(level, self.except_, exception=True) if self.except_ else None
        bench.waits_for(slot)
        mention = Mention(self.negated, self.quoted, self.asked)

        def judge(view: View, scope: tuple[int, ...]) -> Judgement:
            found = view.found(level, slot)
            if not found:
                return miss(scope)
            found = [place for place in within(found, scope) if mention.counts(view, place)]
            if found and except_slot is not None:
                found = _clear(found, view.found(level, except_slot))
            return hit(tuple(found)) if len(found) >= self.at_least else miss(scope)

        return judge

    def look(self, bench: Bench) -> Look:
        """Tell by where it matches; a mere mention is not always seen."""
        level = Level(self.match)
        slot = bench.pattern(level, self.pattern)
        except_slot = bench.pattern(level, self.except_, exception=True) if self.except_ else None
        mention, every = Mention(self.negated, self.quoted, self.asked), bench.naming

        def look(batch: Batch, rows: Flags) -> Known:
            places = batch.found_in(rows, level, slot)
            if except_slot is not None and places.row.size:
                places = places.only(~beside(places, batch.found_beside(places, level, except_slot), -1))
            places, sure = mention.look(batch, places, every=every)
            return quiet.found(batch, places.row, sure, self.at_least)

        return look


def _clear(places: list[Place], excluded: list[Place]) -> list[Place]:
    """Of sorted, disjoint places, those that overlap none of the exclusions (sorted and disjoint too).

    >>> _clear([(0, 0, 2), (0, 4, 6), (1, 0, 2)], [(0, 1, 4), (1, 1, 2)])
    [(0, 4, 6)]
    """
    kept, i = [], 0
    for place in places:
        while i < len(excluded) and (excluded[i][0], excluded[i][2]) <= (place[0], place[1]):
            i += 1
        if i == len(excluded) or excluded[i][0] != place[0] or excluded[i][1] >= place[2]:
            kept.append(place)
    return kept
