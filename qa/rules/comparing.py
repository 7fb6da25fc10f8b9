"""What operators have in common that compare a value of the source with one of the rule's."""

from __future__ import annotations

from abc import ABC
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from qa.rules.base import Operator

COMPARISONS = ("is", "in", "has", "at_least", "at_most")


class Comparing(Operator, ABC):
    """An operator that asks one question of a value: how it compares with the rule's, or whether it is known."""

    field: str
    is_: str | bool | float | None = Field(default=None, alias="is")
    in_: Annotated[tuple[str, ...], Field(min_length=1)] | None = Field(default=None, alias="in")
    has: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    known: bool | None = None

    @model_validator(mode="after")
    def _one_comparison(self) -> Self:
        values = (self.is_, self.in_, self.has, self.at_least, self.at_most)
        given = [name for name, value in zip(COMPARISONS, values, strict=True) if value is not None]
        if len(given) + (self.known is not None) != 1:
            raise ValueError(f"give exactly one of {', '.join(COMPARISONS)}, known")
        if given:
            self.check_comparison(given[0])
        return self

    def check_comparison(self, name: str) -> None:
        """Raise ValueError where the field cannot be compared so; ``name``: one of ``COMPARISONS``."""

    def asks_known(self, value: Any) -> bool | None:
        """Return whether the value is known or not as the rule asks; None: it asks something else."""
        return None if self.known is None else (value is not None) == self.known
