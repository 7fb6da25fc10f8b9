"""How long a chat lasts, and what only its source knows of it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from qa.rules.base import Judge, Judgement, Operator, hit, miss, not_applicable
from qa.rules.bench import Bench
from qa.rules.comparing import Comparing
from qa.rules.view import View
from qa.types import MICROSECONDS


class Duration(Operator):
    """The chat lasts ``over`` or ``under`` a number of seconds, from its start to its end.

    These are what the source gives, else the first and the last message. A chat that was taken up again after a pause
    lasts until its end all the same. The value is the seconds; not applicable without times.

    Example: ``{duration: {over: 3600}}``
    """

    name: ClassVar[str] = "duration"

    over: float | None = Field(default=None, ge=0)
    under: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.over is None) == (self.under is None):
            raise ValueError("give exactly one of over, under")
        return self

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - times are not searched for words
        """Return the judge."""
        return self._judge

    def _judge(self, view: View) -> Judgement:
        rows, chat = view.rows, view.chat
        if not rows:
            return not_applicable("no times")
        begun = rows[0][0] if chat.started_at is None else chat.started_at
        ended = rows[-1][0] if chat.ended_at is None else chat.ended_at
        seconds = (ended - begun) / MICROSECONDS
        beyond = seconds > self.over if self.over is not None else seconds < (self.under or 0)
        return hit(value=seconds) if beyond else miss(value=seconds)


class SourceField(Comparing):
    """A field of the source's own, by its ``name``, compared with a value: an order's status, the shop's region.

    Any field that the import does not know is kept under its name (``order_status``; within a mapping
    ``order.status``). ``is``: equal to a text, a number, true or false; ``in``: one of these texts; ``at_least``,
    ``at_most``: for numbers, or texts that are one; ``has``: a text that holds this one, or a list that has it;
    ``known``: whether the source gives it at all. A field that is not given is not applicable, except for ``known``.

    Example: ``{source_field: {name: order_status, in: [refunding, cancelled]}}``
    """

    name: ClassVar[str] = "source_field"

    field: Annotated[str, Field(alias="name", min_length=1)]

    def compile(self, bench: Bench) -> Judge:  # noqa: ARG002 - fields are not searched for words
        """Return the judge."""
        path = self.field.split(".")

        def judge(view: View) -> Judgement:
            value = _read(view.chat.extra, self.field, path)
            known = self.asks_known(value)
            if known is not None:
                return hit() if known else miss()
            if value is None:
                return not_applicable(f"{self.field} unknown")
            figure = _number(value)
            if figure is None and (self.at_least is not None or self.at_most is not None):
                return not_applicable(f"{self.field} is no number")
            return hit(value=figure) if self._holds(value, figure) else miss(value=figure)

        return judge

    def _holds(self, value: Any, figure: float | None) -> bool:
        if self.at_least is not None:
            return figure is not None and figure >= self.at_least
        if self.at_most is not None:
            return figure is not None and figure <= self.at_most
        if self.in_ is not None:
            return str(value) in self.in_
        if self.has is not None:
            return self.has in (value if isinstance(value, list) else str(value))
        if isinstance(self.is_, bool) or isinstance(value, bool):
            return value is self.is_
        return figure == self.is_ if isinstance(self.is_, float | int) else str(value) == self.is_


def _read(extra: dict[str, Any] | None, name: str, path: list[str]) -> Any:
    """The value of a field, or of one within mappings; None where it is not given."""
    if not extra or name in extra:
        return (extra or {}).get(name)
    value: Any = extra
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _number(value: Any) -> float | None:
    """A number, or a text that is one.

    >>> _number("12.5"), _number(3), _number(True), _number("nan"), _number("x")
    (12.5, 3.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None
