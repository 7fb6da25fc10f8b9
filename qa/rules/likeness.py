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
    row = _of_several(batch, row, 2)
    chat, letters = batch.chat.take(row), batch.letters(_SQUASH).take(row)
    bits = _characters(batch, row)
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


def _characters(batch: Batch, row: Numbers) -> npt.NDArray[np.uint64]:
    """Of each of these rows which characters stand in it, one bit for all those of one remainder."""
    codes, begins = _said(batch, row)
    if not codes.size:
        return np.zeros(row.size, np.uint64)
    bits = np.left_shift(np.uint64(1), (codes % _BITS).astype(np.uint64))
    return np.bitwise_or.reduceat(bits, begins)


def equal_chats(batch: Batch, row: Numbers, times: int) -> Flags:
    """Chats in which so many of these rows may be equal: they have the same letters, and as many."""
    row = _of_several(batch, row, times)
    codes, begins = _said(batch, row)
    sums = np.add.reduceat(codes.astype(np.int64), begins) if codes.size else np.zeros(row.size, np.int64)
    order = np.lexsort((sums, batch.chat.take(row)))
    chat, sums = batch.chat.take(row).take(order), sums.take(order)
    likely = batch.no_chat.copy()
    apart = times - 1
    likely[chat[apart:][(chat[apart:] == chat[:-apart]) & (sums[apart:] == sums[:-apart])]] = True
    return likely


def _of_several(batch: Batch, row: Numbers, number: int) -> Numbers:
    """Those of these rows whose chats have so many of them."""
    chat = batch.chat.take(row)
    return row[np.bincount(chat, minlength=1).take(chat) >= number]


def _said(batch: Batch, row: Numbers) -> tuple[npt.NDArray[np.uint32], Numbers]:
    """The letters of these rows, none of which is empty, one row after the other; and where each of them begins."""
    sizes = batch.letters(_SQUASH)
    begins = (sizes + 1).cumsum() - sizes - 1
    sizes = sizes.take(row)
    begin = sizes.cumsum() - sizes
    at = np.arange(sizes.sum()) + np.repeat(begins.take(row) - begin, sizes)
    return batch.folded(_SQUASH).codes.take(at), begin
