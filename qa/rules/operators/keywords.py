"""Words and phrases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from qa.rules import quiet
from qa.rules.asking import Asked
from qa.rules.base import Judgement, Place, Scoped, Weigh, hit, miss
from qa.rules.batch import Batch, Flags
from qa.rules.bench import Bench
from qa.rules.finder import Finder, Words, listed
from qa.rules.quiet import Known, Look
from qa.rules.view import View
from qa.text import Level, fold


class Keywords(Scoped):
    """Words said, or not said, in the turns in scope.

    ``any``: at least one of the words (or of the word lists under ``list``) occurs; with ``at_least``, that many
    occurrences; with ``different``, so many that are not alike. ``all``: each of them occurs; ``all_list``: a word of
    each of these lists; ``groups``: a word of each of these groups of synonyms. ``none``: none of them occurs, which
    cites the turns searched. ``except`` / ``except_list`` are longer ordinary words that contain a wanted one: a hit
    inside one is none.
    ``match: squash`` also finds words written around a filter (微❤信, v.x, full-width). Matches that are negated
    (不能加微信哦) or quoted (您说的“最好”) count only when ``negated`` / ``quoted`` say so; ``asked: skip`` leaves out
    those in a question (能退款吗), ``asked: only`` all others.

    Example: ``{keywords: {list: [apology], role: agent, after: complaint}}``
    """

    name: ClassVar[str] = "keywords"

    any_: Words = Field(default=(), alias="any")
    list_: tuple[str, ...] = Field(default=(), alias="list")
    all_: Words = Field(default=(), alias="all")
    all_list: tuple[str, ...] = ()
    groups: tuple[Annotated[Words, Field(min_length=1)], ...] = ()
    none: Words = ()
    none_list: tuple[str, ...] = ()
    at_least: int = Field(default=1, ge=1)
    different: int = Field(default=1, ge=1)
    except_: Words = Field(default=(), alias="except")
    except_list: tuple[str, ...] = ()
    match: Literal["fold", "squash"] = "fold"
    negated: bool = False
    quoted: bool = False
    asked: Asked = "count"

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        asked = [
            bool(self.any_ or self.list_),
            bool(self.all_ or self.all_list or self.groups),
            bool(self.none or self.none_list),
        ]
        if sum(asked) != 1:
            raise ValueError("give exactly one of any/list, all/all_list/groups, none/none_list")
        for field in ("at_least", "different"):
            if field in self.model_fields_set and not asked[0]:
                raise ValueError(f"{field} counts the words of any/list; all and none have no number")
        return self

    def weigh(self, bench: Bench) -> Weigh:
        """Return the answer to the question asked, of given turns."""
        if self.any_ or self.list_:
            found = self._finder(bench, [*self.any_, *listed(bench, self.list_)])
            bench.waits_for(found.slot)
            if self.different > 1:
                return lambda view, turns: _varied(turns, view, found, self.at_least, self.different)
            return lambda view, turns: _enough(turns, view, found, self.at_least)
        if self.none or self.none_list:
            unwanted = self._finder(bench, [*self.none, *listed(bench, self.none_list)])
            return lambda view, turns: _absent(turns, view, unwanted)
        wanted = [*([word] for word in self.all_), *(bench.wordlist(name) for name in self.all_list), *self.groups]
        finders = [self._finder(bench, words) for words in wanted]
        for finder in finders:
            bench.waits_for(finder.slot)
        return lambda view, turns: _every(turns, view, finders)

    def look(self, bench: Bench) -> Look | None:
        """Tell by where the words stand; which of them are mere mentions is not always seen."""
        if self.any_ or self.list_ or self.none or self.none_list:
            words = [*self.any_, *self.none, *listed(bench, [*self.list_, *self.none_list])]
            finder = self._finder(bench, words)
            denied, every = bool(self.none or self.none_list), bench.naming

            def look(batch: Batch, rows: Flags) -> Known:
                places, sure = finder.look(batch, rows, every=every)
                known = quiet.found(batch, places.row, sure, max(self.at_least, self.different))
                return quiet.denied(batch, known) if denied else known

            return look
        return None

    def _finder(self, bench: Bench, words: Sequence[str]) -> Finder:
        level = Level(self.match)
        excluded = [*self.except_, *listed(bench, self.except_list)]
        except_slot = bench.phrases(level, excluded) if excluded else None
        return Finder(level, bench.phrases(level, words), except_slot, self.negated, self.quoted, self.asked)


def _enough(turns: tuple[int, ...], view: View, places: Finder, at_least: int) -> Judgement:
    found = places(view, turns)
    return hit(tuple(found)) if len(found) >= at_least else miss(turns)


def _varied(turns: tuple[int, ...], view: View, places: Finder, at_least: int, different: int) -> Judgement:
    """As ``_enough``, and so many of the places are not alike, as they are compared."""
    found = _enough(turns, view, places, at_least)
    said = {fold(view.text(turn)[start:end], places.level) for turn, start, end in found.places}
    return found if len(said) >= different else miss(turns)


def _every(turns: tuple[int, ...], view: View, finders: list[Finder]) -> Judgement:
    found: list[Place] = []
    for places in finders:
        one = places(view, turns)
        if not one:
            return miss(turns)
        found += one
    return hit(tuple(sorted(set(found))))


def _absent(turns: tuple[int, ...], view: View, places: Finder) -> Judgement:
    return miss() if places.occurs(view, turns) else hit(searched=turns)
