"""Sentences that a turn resembles, where no word or expression was written for it."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from qa.errors import PackError
from qa.rules.base import Judgement, Place, Scoped, Weigh, hit, miss
from qa.rules.bench import Bench
from qa.rules.finder import Words, listed
from qa.rules.resemblance import FEWEST, learned
from qa.rules.view import View
from qa.text import Level, fold, join


class Resembles(Scoped):
    """A turn in scope resembles the sentences of ``like`` more than those of ``unlike``, by ``at_least`` so much.

    For what agents word anew each time: the lead writes sentences that shall be found (``like``, or word lists under
    ``like_list``) and sentences of the same words that shall not (``unlike``, ``unlike_list``), at least ten of either;
    the more, the better. What tells them apart is learned when the pack is compiled. 0.5 is undecided, 1 is certain.
    The finding's value is the likeness of the turn most alike, its quotes are the parts of the turns that argue most.
    Letters and digits count, nothing else; negation is learned from the sentences too.

    Example: ``{resembles: {like_list: [red_sentences], unlike_list: [red_innocent], at_least: 0.8}}``
    """

    name: ClassVar[str] = "resembles"

    like: Words = ()
    like_list: tuple[str, ...] = ()
    unlike: Words = ()
    unlike_list: tuple[str, ...] = ()
    at_least: float = Field(default=0.8, gt=0, lt=1)

    def weigh(self, bench: Bench) -> Weigh:
        """Return how given turns are judged."""
        bench.folds(Level.SQUASH)
        like = _folded([*self.like, *listed(bench, self.like_list)])
        unlike = _folded([*self.unlike, *listed(bench, self.unlike_list)])
        for name, sentences in (("like", like), ("unlike", unlike)):
            if len(sentences) < FEWEST:
                raise PackError(f"{name} needs at least {FEWEST} different sentences, not {len(sentences)}")
        both = sorted({*like} & {*unlike})
        if both:
            raise PackError(f"{both[0]!r} is in like and in unlike")
        resemblance = learned(like, unlike)

        def judge(view: View, turns: tuple[int, ...]) -> Judgement:
            folded = view.folded(Level.SQUASH)
            alike = {turn: resemblance.of(folded[turn]) for turn in turns if folded[turn]}
            most = max(alike.values(), default=None)
            if most is None or most < self.at_least:
                return miss(turns, most)
            return hit(tuple(part(view, turn) for turn, share in alike.items() if share >= self.at_least), value=most)

        def part(view: View, turn: int) -> Place:
            text = join([view.text(turn)], Level.SQUASH)
            _, start, end = text.place(*resemblance.part(text.text))
            return turn, start, end

        return judge


def _folded(sentences: list[str]) -> tuple[str, ...]:
    """The sentences as they are compared, each once."""
    return tuple(dict.fromkeys(text for sentence in sentences if (text := fold(sentence, Level.SQUASH))))
