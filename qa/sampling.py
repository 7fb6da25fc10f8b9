"""The draw: which chats of a night are inspected, so that anyone can redo it and get the same chats.

Pure functions of ids, sizes and a salt: no randomness, no clock, no dependence on the order of the chats, on the
process or on ``PYTHONHASHSEED``. docs/sampling.md tells an auditor how to redo a draw with ``b2sum``.

A night's frame is split into the *targeted* part (inspected with certainty; not drawn here) and the *rest*. Of the
rest, n = ceil(rate × rest) chats are drawn: :func:`allocate` shares n out over the strata, :func:`take` picks in each
stratum the chats with the smallest :func:`draw_key`. Chats that arrive late form a *wave* of their own: a new frame
with its own strata and its own n (:func:`late_arrivals`, then the same functions). Earlier waves stay as they are,
so every inclusion probability on record remains true.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import Generic, NamedTuple, TypeVar

from qa.types import Chat

KEY_BYTES = 16

Stratum = TypeVar("Stratum", str, tuple[str, ...])
"""What a stratum is called: a text, or one text per stratifying field. Anything that sorts the same everywhere."""

Unit = TypeVar("Unit")


class StratumDraw(NamedTuple, Generic[Stratum]):
    """One line of the design: how many chats a stratum has and how many of them were drawn."""

    stratum: Stratum
    size: int
    drawn: int

    @property
    def probability(self) -> float:
        """Inclusion probability of each chat of the stratum."""
        return self.drawn / self.size


class Draw(NamedTuple, Generic[Stratum]):
    """A finished draw: chat ids in the order (stratum, key), and the strata in ascending order."""

    ids: tuple[str, ...]
    strata: tuple[StratumDraw[Stratum], ...]


def night_salt(policy_salt: str, merchant: str, day: date) -> str:
    """The salt of one merchant's night: BLAKE2b, 16 bytes, hexadecimal, of ``salt:merchant:day``.

    Unambiguous because the policy's salt holds no colon and the day is always ten characters long; hashed so that the
    salt of one night can be shown to an auditor without giving away the policy's salt, and with it tomorrow's draw.

    >>> night_salt("zhijian", "acme", date(2026, 11, 20))
    '7999f91d7c2b747311a366e577fd2268'
    """
    if ":" in policy_salt:
        raise ValueError("the policy's salt must not hold a colon")
    return hashlib.blake2b(f"{policy_salt}:{merchant}:{day.isoformat()}".encode(), digest_size=KEY_BYTES).hexdigest()


def draw_key(salt: str, chat_id: str) -> bytes:
    r"""The chat's place in the draw: BLAKE2b, 16 bytes, of salt, one line feed and id, in UTF-8 (RFC 7693).

    The salt holds no line feed, so no two pairs share a message. By hand:
    ``printf '%s\n%s' '7999f91d7c2b747311a366e577fd2268' 'c-1001' | b2sum -l 128``

    >>> draw_key("7999f91d7c2b747311a366e577fd2268", "c-1001").hex()
    '8d59c52ebef16ba36c42ad94c826282b'
    """
    if "\n" in salt:
        raise ValueError("the salt of a night must not hold a line feed")
    return hashlib.blake2b(f"{salt}\n{chat_id}".encode(), digest_size=KEY_BYTES).digest()


def stratum_of(chat: Chat, stratify: Collection[str] = ("agent",)) -> tuple[str, ...]:
    """The stratum of a chat, one text per field of ``stratify``: agent id first, then channel; unknown is ``""``.

    >>> stratum_of(Chat(id="c-1", messages=()), ("agent", "channel"))
    ('', '')
    """
    fields = {"agent": chat.agent.id or "", "channel": chat.channel or ""}
    return tuple(fields[name] for name in stratify)


def sample_size(rest: int, rate: float) -> int:
    """ceil(rate × rest), with the rate as it is written: 0.3 is three tenths, not the nearest binary fraction.

    >>> sample_size(10, 0.3), sample_size(11, 0.3), sample_size(0, 0.3)
    (3, 4, 0)
    """
    if rest < 0 or not 0 < rate <= 1:
        raise ValueError(f"cannot draw {rate} of {rest} chats")
    return math.ceil(Fraction(repr(rate)) * rest)


def allocate(sizes: Mapping[Stratum, int], rate: float, minimum: int = 1) -> dict[Stratum, int]:
    """How many chats to draw from each stratum; in ascending order of the strata.

    n = ceil(rate × Σ size). Each stratum first gets min(its size, ``minimum``). If these minimums come to n or more,
    they are the allocation. Else the remainder r = n - Σ minimums is shared out in proportion to *size*:

    1. a stratum whose share r × size / Σ size exceeds what it has left is filled up and leaves; r and Σ size shrink by
       it; repeated until no stratum overflows;
    2. of the other strata each gets the whole part of its share, and what is still left goes, one chat each, to the
       largest fractional parts (largest remainder, Hamilton). Equal parts: the larger stratum first, then the
       stratum that sorts first by code points.

    The shares are exact fractions. The sum is max(n, Σ minimums) and no stratum gets more than it has.

    >>> allocate({"a": 10, "b": 89, "c": 1}, 0.3)  # n = 30, minimums 3, c is full; 27 shared 10 : 89 = 2.73 + 24.27
    {'a': 4, 'b': 25, 'c': 1}
    >>> allocate({"a": 2, "b": 1, "c": 1}, 0.3)  # n = 2, but the minimums need 3
    {'a': 1, 'b': 1, 'c': 1}
    """
    allocation = {stratum: min(sizes[stratum], minimum) for stratum in sorted(sizes)}
    remainder = sample_size(sum(sizes.values()), rate) - sum(allocation.values())
    if remainder <= 0:
        return allocation
    room = {stratum: size - allocation[stratum] for stratum, size in sizes.items() if size}
    for stratum, extra in _share_out(remainder, sizes, room).items():
        allocation[stratum] += extra
    return allocation


def _share_out(remainder: int, sizes: Mapping[Stratum, int], room: Mapping[Stratum, int]) -> dict[Stratum, int]:
    """``remainder`` in proportion to size, nowhere above ``room``, by largest remainder."""
    shares: dict[Stratum, int] = {}
    still = dict(room)
    total = sum(sizes[stratum] for stratum in still)
    while full := [stratum for stratum, left in still.items() if remainder * sizes[stratum] > left * total]:
        for stratum in full:
            shares[stratum] = still.pop(stratum)
        remainder -= sum(shares[stratum] for stratum in full)
        total -= sum(sizes[stratum] for stratum in full)
    if not still:
        return shares
    shares |= {stratum: remainder * sizes[stratum] // total for stratum in still}
    left = remainder - sum(shares[stratum] for stratum in still)
    by_claim = sorted(still, key=lambda s: (-(remainder * sizes[s] % total), -sizes[s], s))
    for stratum in by_claim[:left]:
        shares[stratum] += 1
    return shares


def design(sizes: Mapping[Stratum, int], rate: float, minimum: int = 1) -> tuple[StratumDraw[Stratum], ...]:
    """The allocation with sizes and probabilities, one line per stratum that has chats, in ascending order.

    >>> [(line.stratum, line.drawn, line.probability) for line in design({"b": 4, "a": 8}, 0.5)]
    [('a', 4, 0.5), ('b', 2, 0.5)]
    """
    return tuple(StratumDraw(s, sizes[s], n) for s, n in allocate(sizes, rate, minimum).items() if sizes[s])


def take(units: Iterable[tuple[Stratum, bytes, Unit]], allocation: Mapping[Stratum, int]) -> Iterator[Unit]:
    """The first units of each stratum, as many as allocated; streams, holding one unit at a time.

    ``units`` come grouped by stratum (in any order of the strata, so a database may sort them by its own rules) and
    ascending by key within it. Anything else, or a stratum with fewer units than allocated, is a ``ValueError``:
    the sizes and the units then do not describe the same frame.

    >>> list(take([("a", b"1", "c-7"), ("a", b"2", "c-1"), ("b", b"0", "c-2")], {"a": 1, "b": 1}))
    ['c-7', 'c-2']
    """
    wanted = dict(allocation)
    current: Stratum | None = None
    last = b""
    left = 0
    for stratum, key, unit in units:
        if stratum != current:
            if left:
                raise ValueError(f"stratum {current!r} has {left} chats fewer than allocated")
            if stratum not in wanted:
                raise ValueError(f"stratum {stratum!r} has no allocation, or its chats are not grouped together")
            current, last, left = stratum, b"", wanted.pop(stratum)
        if key < last:
            raise ValueError(f"chats of stratum {stratum!r} are not in the order of their keys")
        last = key
        if left:
            left -= 1
            yield unit
    if left or any(wanted.values()):
        raise ValueError("strata have fewer chats than allocated")


def draw(units: Iterable[tuple[Stratum, str]], salt: str, rate: float, minimum: int = 1) -> Draw[Stratum]:
    """The whole draw in memory: ``units`` are (stratum, chat id) of the rest, in any order, each id once.

    >>> done = draw([("a-7", f"c-{i}") for i in range(10)], "7999f91d7c2b747311a366e577fd2268", 0.3)
    >>> done.ids, done.strata[0].probability
    (('c-1', 'c-2', 'c-0'), 0.3)
    """
    keyed = sorted((stratum, draw_key(salt, chat_id), chat_id) for stratum, chat_id in units)
    lines = design(Counter(stratum for stratum, _, _ in keyed), rate, minimum)
    return Draw(tuple(take(keyed, {line.stratum: line.drawn for line in lines})), lines)


def late_arrivals(closed: Iterable[str], earlier: Collection[str]) -> tuple[str, ...]:
    """The frame of the next wave: closed chats of the day that no earlier wave's frame holds, ascending, each once.

    A chat of an earlier frame stays in that wave, drawn or not, even if it has changed since.

    >>> late_arrivals(["c-3", "c-1", "c-2"], {"c-1"})
    ('c-2', 'c-3')
    """
    seen = frozenset(earlier)
    return tuple(sorted({chat_id for chat_id in closed if chat_id not in seen}))


def audit_sample(salt: str, ids: Iterable[str], rate: float = 0.02, count: int | None = None) -> set[str]:
    """The clean chats that go to blind audit: ceil(rate × number), so at least one where there is any.

    The smallest keys under the salt with ``:audit`` appended win: which chats are audited says nothing about, and
    does not follow from, which were sampled. With ``count`` (how many different ids there are) the ids are streamed.

    >>> len(audit_sample("7999f91d7c2b747311a366e577fd2268", map(str, range(51)))), audit_sample("s", [])
    (2, set())
    """
    if count is None:
        ids = set(ids)
        count = len(ids)
    keyed = ((draw_key(f"{salt}:audit", chat_id), chat_id) for chat_id in ids)
    return {chat_id for _, chat_id in heapq.nsmallest(sample_size(count, rate), keyed)}
