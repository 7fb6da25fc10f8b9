"""Groups of estimates that the sample can tell apart: between them there is an order, inside one there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def tiers(items: Iterable[T], interval: Callable[[T], tuple[float | None, float | None]]) -> list[list[T]]:
    """Return the items in groups, the highest first: of two groups no interval reaches into the other's.

    Intervals of one group overlap in a chain, so its first and last need not. Items without an interval are left out;
    inside a group they keep their order.

    >>> tiers([(80, 88), (60, 70), (87, 93)], lambda item: item)
    [[(80, 88), (87, 93)], [(60, 70)]]
    """
    known = [
        (low, high, number, item)
        for number, item in enumerate(items)
        for low, high in [interval(item)]
        if low is not None and high is not None
    ]
    groups: list[list[tuple[int, T]]] = []
    lowest = 0.0
    for low, high, number, item in sorted(known, key=lambda one: (-one[1], one[2])):
        if not groups or high < lowest:
            groups.append([])
            lowest = low
        lowest = min(lowest, low)
        groups[-1].append((number, item))
    return [[item for _, item in sorted(group, key=lambda one: one[0])] for group in groups]
