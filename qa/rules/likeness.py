"""Whether two turns can be alike, told of many chats by a few bits of each turn, so that few have to be compared."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qa.rules.batch import Batch, Flags, Numbers
from qa.text import Level

_SQUASH = Level.SQUASH
_BITS = 64
_COMPARED = 1_000
"""Letters from which on a turn is always compared, as only its first letters are."""
_FURTHEST = 40
"""Rows apart up to which they are looked at; a chat with more of them is left to the judge."""
_ONES = np.array([byte.bit_count() for byte in range(256)])


def alike_chats(batch: Batch, row: Numbers, ratio: float) -> Flags:
    """Chats in which two of these rows (sorted) may be as alike as this ratio, from 0 to 1.

    The ratio is 1 less the letters that must be taken out of or put into one text to make the other, of all letters of
    both. Every character that only one of them has is such a letter.
    """
    chat, letters = batch.chat.take(row), batch.letters(_SQUASH).take(row)
    bits = batch.keep("characters", lambda: _characters(batch)).take(row)
    likely = batch.no_chat.copy()
    for apart in range(1, row.size):
        same = chat[apart:] == chat[:-apart]
        if not same.any():
            break
        if apart > _FURTHEST:
            likely[chat[apart:][same]] = True
            break
        both = letters[apart:] + letters[:-apart]
        differing = _ONES.take((bits[apart:] ^ bits[:-apart]).view(np.uint8).reshape(-1, 8)).sum(axis=1)
        close = (differing <= (1 - ratio) * both + 1) | (both > _COMPARED)
        likely[chat[apart:][same & close]] = True
    return likely


def _characters(batch: Batch) -> npt.NDArray[np.uint64]:
    """Row → which characters stand in it, one bit for all those of one remainder."""
    codes = batch.folded(_SQUASH).codes
    bits = np.left_shift(np.uint64(1), (codes % _BITS).astype(np.uint64))
    bits[codes == ord("\n")] = 0
    return np.bitwise_or.reduceat(np.append(bits, np.uint64(0)), _begins(batch))


def equal_chats(batch: Batch, row: Numbers, times: int) -> Flags:
    """Chats in which so many of these rows may be equal: they have the same letters, and as many."""
    sums = batch.keep("sums", lambda: _sums(batch)).take(row)
    order = np.lexsort((sums, batch.chat.take(row)))
    chat, sums = batch.chat.take(row).take(order), sums.take(order)
    likely = batch.no_chat.copy()
    apart = times - 1
    likely[chat[apart:][(chat[apart:] == chat[:-apart]) & (sums[apart:] == sums[:-apart])]] = True
    return likely


def _sums(batch: Batch) -> Numbers:
    """Row → the sum of its code points."""
    codes = batch.folded(_SQUASH).codes.astype(np.int64)
    return np.add.reduceat(np.append(codes, ord("\n")), _begins(batch))


def _begins(batch: Batch) -> Numbers:
    """Row → where it begins in the folded text."""
    sizes = batch.letters(_SQUASH) + 1
    return sizes.cumsum() - sizes
