"""The answers of conditions as numbers, for columns of them: hit, missed, and why one is not applicable."""

from __future__ import annotations

ASK, IS_HIT, MISSED, UNTOLD = 0, 1, 2, 3
"""UNTOLD: not applicable for a reason that is not known here. Higher numbers stand for reasons (``Reasons``)."""


class Reasons:
    """Reasons why a condition is not applicable, by number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.texts: dict[int, str] = {}
        """The reasons by the states that stand for them."""

    def __call__(self, text: str) -> int:
        """Return the state that stands for this reason.

        >>> reasons = Reasons()
        >>> reasons.texts[reasons("no times")]
        'no times'
        """
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = UNTOLD + 1 + len(self.texts)
            self.texts[number] = text
        return number
