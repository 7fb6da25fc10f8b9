"""Long tables by the page: which rows of a list that is there as a whole are shown, and what somebody looks for in it.

A list that the database gives by its key (the queue, chats, cases) has no numbers of pages; it has the same buttons
(``pages`` of ``macros.html``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from flask import request

from qa.web.safety import plain, whole

ROWS = 50
"""Rows of a page."""
LONGEST = 120
"""Characters of a name that are looked at."""

T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """Some rows of a list. ``number``: of the page, from 1; ``pages``: how many there are; ``total``: rows of all."""

    rows: Sequence[T]
    number: int
    pages: int
    total: int
    first: int
    """Which row of all the first one is, from 1; 0 where there is none."""

    @property
    def last(self) -> int:
        """Which row of all the last one is."""
        return self.first + len(self.rows) - 1 if self.rows else 0


class Line(NamedTuple, Generic[T]):
    """A row of a list in groups: which group it is of, from 1, and how many are in that."""

    group: int
    size: int
    row: T


def cut(rows: Sequence[T], number: int | None, size: int = ROWS) -> Page[T]:
    """Return a page; one that does not exist is taken for the next one that does.

    >>> cut("abcdefg", 2, 3)
    Page(rows='def', number=2, pages=3, total=7, first=4)
    >>> cut("abcdefg", 99, 3).rows, cut("", None).pages, cut("", 5).first
    ('g', 1, 0)
    """
    pages = max(1, -(-len(rows) // size))
    shown = min(max(1, number or 1), pages)
    start = (shown - 1) * size
    return Page(rows[start : start + size], shown, pages, len(rows), start + 1 if rows else 0)


def in_groups(groups: Iterable[Sequence[T]]) -> list[Line[T]]:
    """Return the rows of all groups, one after the other.

    >>> [(one.group, one.size, one.row) for one in in_groups(["ab", "c"])]
    [(1, 2, 'a'), (1, 2, 'b'), (2, 1, 'c')]
    """
    return [Line(number, len(group), row) for number, group in enumerate(groups, 1) for row in group]


def named_like(asked: str, *names: str | None) -> bool:
    """Whether any of the names holds all that was typed, each word of it by itself; case does not matter.

    >>> named_like("acme LI", "Li Mei", "acme"), named_like("wu", "Li Mei", None), named_like("", None)
    (True, False, True)
    """
    told = "\n".join(name for name in names if name).casefold()
    return all(word in told for word in asked.casefold().split())


def asked_page() -> int | None:
    """Return the number of the page that the address asks for."""
    return whole(request.args.get("page"))


def asked_name(field: str = "name") -> str:
    """Return the name that the address looks for; empty: none."""
    return plain(request.args.get(field))[:LONGEST]
