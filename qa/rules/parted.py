"""Where exactly two values of a rule's field differ, so that people read the difference and not the whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from rapidfuzz import fuzz

_LONG, _AROUND = 60, 15
"""Texts from this length on are shown where they differ, with so much around it."""
_ALIKE = 50
"""From what likeness on one member of a list is another one changed."""


def parted(old: Any, new: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the innermost places in which two values differ: keys of mappings, members of lists.

    A member that came and one like it that went are one that changed.

    >>> list(parted({"any": [{"x": "abcd"}, {"y": 2}]}, {"any": [{"y": 2}, {"x": "abcdef"}]}, "when"))
    [('when.any.0.x', 'abcd', 'abcdef')]
    >>> list(parted({"any": [1, 2]}, {"any": [1]}, "when"))
    [('when.any', 2, None)]
    """
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() & new.keys():
        for key in dict.fromkeys([*old, *new]):
            if old.get(key) != new.get(key):
                yield from parted(old.get(key), new.get(key), f"{place}.{key}")
    elif isinstance(old, list) and isinstance(new, list):
        gone = [one for one in old if one not in new]
        come = [one for one in new if one not in old]
        if not (gone or come):  # the same in another order
            yield place, old, new
        for one in gone:
            like = max(come, key=lambda other: _likeness(one, other), default=None)
            if like is None or _likeness(one, like) < _ALIKE:
                yield place, one, None
            else:
                come.remove(like)
                yield from parted(one, like, f"{place}.{old.index(one)}")
        yield from ((place, None, one) for one in come)
    else:
        yield place, old, new


def _likeness(old: Any, new: Any) -> float:
    """How much two members have in common, from 0 to 100; only mappings are looked into."""
    if not (isinstance(old, dict) and isinstance(new, dict) and old.keys() & new.keys()):
        return 0
    return fuzz.ratio(orjson.dumps(old), orjson.dumps(new))


def aside(old: Any, new: Any) -> tuple[Any, Any]:
    """Two long texts without what both begin and end with.

    >>> aside("a" * 90 + "x" + "b" * 90, "a" * 90 + "yy" + "b" * 90)
    ('…aaaaaaaaaaaaaaaxbbbbbbbbbbbbbbb…', '…aaaaaaaaaaaaaaayybbbbbbbbbbbbbbb…')
    """
    if not (isinstance(old, str) and isinstance(new, str)) or min(len(old), len(new)) < _LONG:
        return old, new
    start = max(0, _common(old, new) - _AROUND)
    end = max(0, _common(old[start + _AROUND :][::-1], new[start + _AROUND :][::-1]) - _AROUND)
    cut = [f"{'…' * (start > 0)}{text[start : len(text) - end]}{'…' * (end > 0)}" for text in (old, new)]
    return cut[0], cut[1]


def _common(left: str, right: str) -> int:
    """How many characters two texts have in common from their beginning."""
    shorter = min(len(left), len(right))
    return next((i for i in range(shorter) if left[i] != right[i]), shorter)
