"""Words, pairs of words and runs of characters as features: a vocabulary of our own, looked up with numpy alone.

A feature is known by a 64-bit key of its symbols. Keys of all spans of a text come from one running sum: with
``P[i] = Σ_{j<i} m(c_j)·B^j`` (mod 2^64) the span ``[s, e)`` has the value ``(P[e] - P[s])·B^-s``, the polynomial hash
of Karp and Rabin (1987), here over mixed symbols and with a mixed result. scikit-learn's character analyser
does the same work in Python, one n-gram at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qa.models.wording import STOP, Ints, Wording

Keys = npt.NDArray[np.uint64]

LONGEST = 4
"""Characters of the longest run that is a feature."""
_BASE = 0x9E3779B97F4A7C15 | 1
_INVERSE = pow(_BASE, -1, 1 << 64)
_WORD_SALT, _PAIR_SALT = 0x5851F42D4C957F2D, 0x14057B7EF767814F
_LOAD = 4
"""Slots of the look-up table for each key, at least."""


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Features as they occur: text by text is not promised. ``first``/``last`` are the symbols of a span, inclusive."""

    keys: Keys
    text: Ints
    first: Ints
    last: Ints
    chars: int
    """This many, from the first on, are runs of characters; words and pairs of words follow."""
    symbols: int
    """This many, from the first on, are single symbols."""
    words: int
    """This many, from ``chars`` on, are single words."""


def occurrences(wording: Wording) -> Occurrences:
    """Return every run of 1 to ``LONGEST`` symbols, every word, and every pair of neighbouring words of each text.

    The edges of a text count as a symbol and as a word, so that the first and the last are features of their own.
    """
    codes, text, words = wording.codes, wording.text, wording.words
    size = len(codes)
    stop = codes == STOP
    starts = np.arange(size, dtype=np.int64)
    firsts, lasts = [starts[~stop]], [starts[~stop]]
    inner_stop = np.zeros(size, dtype=bool)  # of the runs that begin here: an edge inside, not at an end
    for length in range(2, LONGEST + 1):
        first = starts[: max(size - length + 1, 0)]
        last = first + length - 1
        if length > 2:  # noqa: PLR2004 - a run of two has no inside
            inner_stop[: len(first)] |= stop[last - 1]
        good = ~inner_stop[: len(first)]
        if length == 2:  # noqa: PLR2004
            good &= ~(stop[first] & stop[last])
        firsts.append(first[good])
        lasts.append(last[good])
    first, last = np.concatenate(firsts), np.concatenate(lasts)
    chars = len(first)
    sums = _running_sums(codes)
    keys = [_spans(sums, first, last)]
    begin, end = words, np.append(words[1:], size) - 1
    word_keys = _spans(sums, begin, end, _WORD_SALT)
    is_word = ~stop[begin]
    pairs = is_word[:-1] | is_word[1:]
    pair_keys = _mix(word_keys[:-1] * np.uint64(_PAIR_SALT) + word_keys[1:])
    first = np.concatenate((first, begin[is_word], begin[:-1][pairs]))
    last = np.concatenate((last, end[is_word], end[1:][pairs]))
    keys += [word_keys[is_word], pair_keys[pairs]]
    # a span may begin or end at an edge, which stands between two texts: its inside says whose it is
    owner = text[np.where(stop[first], first + 1, first)]
    return Occurrences(np.concatenate(keys), owner, first, last, chars, len(firsts[0]), int(is_word.sum()))


def span_keys(codes: npt.NDArray[np.uint32], first: Ints, last: Ints, *, word: bool = False) -> Keys:
    """Return the keys of spans of symbols, both ends inclusive: as runs of characters, or as whole words."""
    return _spans(_running_sums(codes), first, last, _WORD_SALT if word else 0)


class Table:
    """Keys → their index, by open addressing: a handful of vectorised probes however many keys there are."""

    __slots__ = ("_bits", "_keys", "_probes", "_slots")

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._bits = max(int(_LOAD * max(len(keys), 1) - 1).bit_length(), 4)
        self._slots = np.full(1 << self._bits, -1, dtype=np.int32)
        self._probes = 0
        todo = np.arange(len(keys), dtype=np.int32)
        home = self._home(keys)
        while len(todo):
            at = (home[todo] + self._probes) & (len(self._slots) - 1)
            free = self._slots[at] < 0
            self._slots[at[free][::-1]] = todo[free][::-1]  # of several that want one slot the first gets it
            todo = todo[self._slots[at] != todo]
            self._probes += 1

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, keys: Keys) -> Ints:
        """Return the index of each key, -1 where it is not in the table."""
        found = np.full(len(keys), -1, dtype=np.int64)
        if not len(self._keys):
            return found
        todo: Ints | None = None
        at = self._home(keys)
        which = self._slots.take(at)
        for _ in range(self._probes):  # of what is left: free slots end the search, taken ones may hold another key
            (used,) = (which >= 0).nonzero()
            todo = used if todo is None else todo.take(used)
            which, at = which.take(used), at.take(used)
            found[todo] = which
            (other,) = (self._keys.take(which) != keys.take(todo)).nonzero()
            todo = todo.take(other)
            found[todo] = -1
            if not len(todo):
                break
            at = (at.take(other) + 1) & (len(self._slots) - 1)
            which = self._slots.take(at)
        return found

    def _home(self, keys: Keys) -> Ints:
        return (keys >> np.uint64(64 - self._bits)).astype(np.int64)


def _spans(sums: Keys, first: Ints, last: Ints, salt: int = 0) -> Keys:
    moved_back = (sums[last + 1] - sums[first]) * _powers(_INVERSE, len(sums))[first]
    return _mix(moved_back ^ np.uint64(salt))


def _running_sums(codes: npt.NDArray[np.uint32]) -> Keys:
    mixed = _mix(codes.astype(np.uint64) + np.uint64(1))
    sums = np.zeros(len(codes) + 1, dtype=np.uint64)
    np.cumsum(mixed * _powers(_BASE, len(codes)), out=sums[1:])
    return sums


_KNOWN_POWERS: dict[int, Keys] = {}


def _powers(base: int, count: int) -> Keys:
    """``base**0 … base**(count-1)`` mod 2^64; the longest row asked for is kept."""
    known = _KNOWN_POWERS.get(base)
    if known is None or len(known) < count:
        row = np.full(max(count, 4096), base, dtype=np.uint64)
        row[0] = 1
        known = np.cumprod(row)
        _KNOWN_POWERS[base] = known
    return known[:count]


def _mix(values: Keys) -> Keys:
    """Spread every bit over all: the finaliser of splitmix64 (Steele, Lea and Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
