"""What the model thinks of a chat, once there is one to ask."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from qa.rules.base import Judge, Operator, not_applicable
from qa.rules.bench import Bench

_LABELS: dict[str, tuple[str, ...]] = {
    "sentiment": ("negative", "neutral", "positive"),
    "resolution": ("unresolved", "partly", "resolved"),
    "satisfaction": ("dissatisfied", "neutral", "satisfied"),
}


class ModelOpinion(Operator):
    """The model is sure enough of its opinion ``of`` the chat: of the sentiment, the resolution or the satisfaction.

    ``is`` is the opinion (sentiment: negative, neutral, positive; resolution: unresolved, partly, resolved;
    satisfaction: dissatisfied, neutral, satisfied), ``probability`` the least probability it must have. Not applicable
    where the model abstains or there is none: this version has none, so a rule with this operator never fires.

    Example: ``{opinion: {of: resolution, is: unresolved, probability: 0.8}}``
    """

    name: ClassVar[str] = "opinion"

    of: Literal["sentiment", "resolution", "satisfaction"]
    is_: str = Field(alias="is")
    probability: float = Field(default=0.5, gt=0, le=1)

    @model_validator(mode="after")
    def _known_label(self) -> Self:
        if self.is_ not in _LABELS[self.of]:
            raise ValueError(f"{self.of} is {', '.join(_LABELS[self.of])}, not {self.is_!r}")
        return self

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - no words are searched
        """Return the judge, which abstains."""
        answer = not_applicable("no model")
        return lambda _: answer
