"""What the model thinks of a chat."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from qa.rules import quiet
from qa.rules.base import Judge, Judgement, Operator, Place, hit, miss, not_applicable
from qa.rules.bench import Bench
from qa.rules.quiet import Glance
from qa.rules.reasons import ASK
from qa.rules.view import View
from qa.types import ChatOpinion

LABELS: dict[str, tuple[str, ...]] = {
    "sentiment": ("negative", "neutral", "positive"),
    "resolution": ("unresolved", "partly", "resolved"),
    "satisfaction": ("dissatisfied", "neutral", "satisfied"),
}
"""The labels of each opinion, the worst first: the order of ``Opinion.probabilities``."""
_NO_MODEL = "no model"
_SHOWN = 3
"""Turns quoted for an opinion."""


class ModelOpinion(Operator):
    """The model is sure enough of its opinion ``of`` the chat: of the sentiment, the resolution or the satisfaction.

    ``is`` is the opinion (sentiment: negative, neutral, positive; resolution: unresolved, partly, resolved;
    satisfaction: dissatisfied, neutral, satisfied), ``probability`` the least probability it must have. Not applicable
    where the model abstains or none judges. Quoted are the customer's turns of which the model thinks the same most
    surely, else the customer's last one; the finding's value is the probability.

    Example: ``{opinion: {of: resolution, is: unresolved, probability: 0.8}}``
    """

    name: ClassVar[str] = "opinion"

    of: Literal["sentiment", "resolution", "satisfaction"]
    is_: str = Field(alias="is")
    probability: float = Field(default=0.5, gt=0, le=1)

    @model_validator(mode="after")
    def _known_label(self) -> Self:
        if self.is_ not in LABELS[self.of]:
            raise ValueError(f"{self.of} is {', '.join(LABELS[self.of])}, not {self.is_!r}")
        return self

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - no words are searched
        """Return the judge."""
        return self._judge

    def glance(self, bench: Bench) -> Glance:
        """Tell where no model judges."""
        no_model = bench.reasons(_NO_MODEL)
        return quiet.each(lambda view: no_model if view.context.opinion is None else ASK)

    def _judge(self, view: View) -> Judgement:
        of_chat = view.context.opinion
        if of_chat is None:
            return not_applicable(_NO_MODEL)
        opinion = getattr(of_chat, self.of)
        if opinion is None:
            return not_applicable("nothing for the model to judge")
        if opinion.abstains:
            return not_applicable("the model abstains")
        value = opinion.probabilities[LABELS[self.of].index(self.is_)]
        if opinion.label != self.is_ or value < self.probability:
            return miss(value=value)
        return hit(self._places(view, of_chat), value=value)

    def _places(self, view: View, of_chat: ChatOpinion) -> tuple[Place, ...]:
        """The turns of which the model thinks the same (of the resolution, which no turn has: is discontent with)."""
        of, rank = ("satisfaction", 0) if self.of == "resolution" else (self.of, LABELS[self.of].index(self.is_))
        surest = sorted(of_chat.turns, key=lambda turn: (-getattr(turn, of).probabilities[rank], turn.turn))
        alike = [turn.turn for turn in surest if getattr(turn, of).label == LABELS[of][rank]]
        messages = view.chat.messages
        return tuple((turn, 0, len(messages[turn].text)) for turn in sorted(alike[:_SHOWN]))
