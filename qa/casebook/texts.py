"""What people write into a case: cleaned, masked, short enough, or refused with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from qa.errors import QaError
from qa.privacy import mask

LONGEST_TITLE = 120
LONGEST_LABEL = 40
"""Of a tag, scenario, question type, name of a collection."""
LONGEST_TEXT = 4_000
MOST_TAGS = 12
MOST_NOTES = 200

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]+")
_BLANK = re.compile(r"\s+")
_BETWEEN_TAGS = re.compile(r"[,，、;；\n]+")


class Problem(StrEnum):
    """What is wrong with what somebody wrote."""

    TITLE = "title"
    LONG = "long"
    TAGS = "tags"
    NOTE = "note"
    KIND = "kind"
    BLIND = "blind"
    NAME = "name"
    FOLD = "fold"
    MERCHANT = "merchant"


class CaseError(QaError):
    """A case or collection cannot be like that; ``problem`` and ``about`` tell why."""

    status = 422

    def __init__(self, problem: Problem, about: str = "") -> None:
        """Make the error; ``about`` is a field or value."""
        super().__init__(f"{problem.value}: {about}")
        self.problem, self.about = problem, about


def line(typed: str | None, field: str, longest: int = LONGEST_LABEL) -> str | None:
    """Return one line of text, personal data hidden; None where nothing was written.

    >>> line("  催单  电话13800138000 ", "title", 120)
    '催单 电话***********'

    Raises:
        CaseError: it is longer than ``longest`` characters.
    """
    plain = _BLANK.sub(" ", _CONTROL.sub(" ", typed or "")).strip()
    if len(plain) > longest:
        raise CaseError(Problem.LONG, field)
    return mask(plain).text if plain else None


def lines(typed: str | None, field: str) -> str:
    """Return a text of several lines, personal data hidden; empty where nothing was written.

    Raises:
        CaseError: it is longer than ``LONGEST_TEXT`` characters.
    """
    plain = _CONTROL.sub("", (typed or "").replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(plain) > LONGEST_TEXT:
        raise CaseError(Problem.LONG, field)
    return mask(plain).text if plain else ""


def tags(typed: str | Iterable[str]) -> tuple[str, ...]:
    """Return tags, each once, in the order in which they were written.

    >>> tags("退款，安抚 情绪, 退款")
    ('退款', '安抚 情绪')

    Raises:
        CaseError: there are more than ``MOST_TAGS``, or one is longer than ``LONGEST_LABEL`` characters.
    """
    parts = _BETWEEN_TAGS.split(typed) if isinstance(typed, str) else typed
    found = dict.fromkeys(one for part in parts if (one := line(part, "tags")) is not None)
    if len(found) > MOST_TAGS:
        raise CaseError(Problem.TAGS, str(MOST_TAGS))
    return tuple(found)
