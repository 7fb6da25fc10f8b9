"""The answers of conditions as numbers, for columns of them: hit, missed, and why one is not applicable."""

from __future__ import annotations

ASK, IS_HIT, MISSED, UNTOLD = 0, 1, 2, 3
"""UNTOLD: not applicable for a reason that is not known here. Higher numbers stand for reasons (``Reasons``)."""


class Reasons:
    """Reasons why a condition is not applicable, by number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []

    def __call__(self, text: str) -> int:
        """Return the state that stands for this reason."""
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = UNTOLD + 1 + len(self._texts)
            self._texts.append(text)
        return number

    def text(self, state: int) -> str:
        """Return the reason that a state stands for.

        >>> reasons = Reasons()
        >>> reasons.text(reasons("no times"))
        'no times'
        """
        return self._texts[state - UNTOLD - 1]
