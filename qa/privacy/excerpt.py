"""One line of a message around what was found in it, masked as its reader may see it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from qa.privacy.masking import mask
from qa.privacy.policy import MaskPolicy

_BEFORE, _AROUND = 24, 72
"""Characters of a message shown before what was found in it, and in all."""


class Excerpt(NamedTuple):
    """What stands before the quote, the quote, what follows."""

    before: str
    quote: str
    after: str


def excerpt(text: str, start: int, end: int, policy: MaskPolicy) -> Excerpt:
    """Return the place from ``start`` to ``end`` (code points) of a message with what stands around it.

    The whole message is masked and cut then: a piece by itself may not show whose number it is.

    >>> excerpt("您的电话13800138000对吗", 0, 4, MaskPolicy())
    Excerpt(before='', quote='您的电话', after='***********对吗')
    """
    masked = masked_text(text, policy)  # it keeps its length, so that the place is still the place
    first = max(0, start - _BEFORE)
    last = min(len(masked), max(end, first + _AROUND))
    before = ("…" if first else "") + masked[first:start]
    return Excerpt(before, masked[start:end], masked[end:last] + ("…" if last < len(masked) else ""))


@lru_cache(maxsize=4_096)
def masked_text(text: str, policy: MaskPolicy) -> str:
    """Return a text as it may be seen; the same lines stand at the head of a list for everybody, all day."""
    return mask(text, policy.hidden, policy.partly).text.replace("\0", "␀")
