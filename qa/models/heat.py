"""What each character of many chats says for a label, in one go: ``explain`` added up, without its parts.

A decision taken apart by ``explain`` is some thousand small values, fit for one chat that somebody reads. A night keeps
the loudest words of hundreds. The sums are the same (a test holds them to 1e-9): every occurrence of a feature says
weight times value, shared out between the texts, the places and the characters that the feature has in them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from qa.models.features import CHAT_SLOTS, Slot, choose, side_of
from qa.models.heads import Head, HeadName, counted, slot_matrix
from qa.models.model import Model, Seen
from qa.models.rows import Ints
from qa.models.vocabulary import Floats, located


class Warmth:
    """The places of all known features in some chats, to be asked what they say."""

    def __init__(self, model: Model, seen: Seen) -> None:
        """Find them: occurrences sorted by text and feature, and the pairs of both."""
        self._model, self._seen = model, seen
        text, feature, start, end = located(seen.wording, model.vocabulary)
        order = np.lexsort((start, feature, text))
        self._start, self._end = start[order], end[order]
        text, feature = text[order], feature[order]
        new = np.ones(len(text), dtype=bool)
        new[1:] = (text[1:] != text[:-1]) | (feature[1:] != feature[:-1])
        self._pair = np.cumsum(new) - 1
        self._text, self._feature = text[new], feature[new]
        wide = self._end > self._start
        self._places = np.bincount(self._pair, weights=wide, minlength=len(self._text))
        lengths = np.array([len(text) for text in seen.rows.texts], dtype=np.int64)
        self.first: Ints = np.concatenate(([0], np.cumsum(lengths)))
        """Where the characters of each row begin among those of all rows; at its end, how many there are."""
        self._kept = wide.nonzero()[0]

    def of(self, name: HeadName, units: Sequence[int], label: int = 0) -> Floats:
        """Return what each character of all rows says for a label in the decisions on these units.

        ``units`` are customer turns or chats, at most one of a chat: then a text counts in one decision at most. A
        share counts by how much it exceeds the mean of the other labels'. Figures, having no place, are left out.
        """
        head = self._model.heads[name]
        compared = _against(head, label)
        said = np.zeros(len(self._text))
        for slot, weights in head.text.weights.items():
            acting = weights @ (head.blend.decisions @ compared)
            if slot in CHAT_SLOTS:
                said += self._of_sides(slot, units, acting)
            else:
                said += self._of_rows(slot, units, acting)
        return self._by_character(said)

    def _of_rows(self, slot: Slot, units: Sequence[int], acting: Floats) -> Floats:
        """What each pair of text and feature says in a slot that takes single texts."""
        vocabulary, vectors = self._model.vocabulary, self._seen.vectors
        span = counted(slot, vocabulary)
        taken = choose(slot, self._seen.rows)[list(units)]
        share = np.zeros(len(self._seen.rows.texts))
        share[taken.indices] = taken.data
        here = ((share[self._text] > 0) & (self._feature >= span.start) & (self._feature < span.stop)).nonzero()[0]
        text, feature = self._text[here], self._feature[here]
        said = np.zeros(len(self._text))
        said[here] = share[text] * _values(vectors, text, feature) * acting[feature - span.start]
        return said

    def _of_sides(self, slot: Slot, units: Sequence[int], acting: Floats) -> Floats:
        """What each pair says in a slot that takes all texts of one side together: shared by those with the feature."""
        rows, vocabulary = self._seen.rows, self._model.vocabulary
        chat = side_of(slot, rows)[self._text]
        here = (np.isin(chat, list(units)) & (self._feature < vocabulary.grouped)).nonzero()[0]
        chat, feature = chat[here], self._feature[here]
        _, one, having = np.unique(chat * len(vocabulary) + feature, return_inverse=True, return_counts=True)
        whole = slot_matrix(slot, rows, self._seen.vectors, vocabulary)
        said = np.zeros(len(self._text))
        said[here] = _values(whole, chat, feature) * acting[feature] / having[one]
        return said

    def _by_character(self, said: Floats) -> Floats:
        """Spread what pairs say over the characters of their places."""
        kept = self._kept
        start, end, pair = self._start[kept], self._end[kept], self._pair[kept]
        each = said[pair] / self._places[pair] / (end - start)
        first = self.first[self._text[pair]]
        size = int(self.first[-1]) + 1
        steps = np.bincount(first + start, weights=each, minlength=size)
        steps -= np.bincount(first + end, weights=each, minlength=size)
        return np.asarray(np.cumsum(steps)[:-1], dtype=np.float64)


def _against(head: Head, label: int) -> Floats:
    """The vector that turns the shares of all labels into what one has more than the mean of the others that can be."""
    possible = np.isfinite(head.blend.intercept)
    others = possible & (np.arange(len(possible)) != label)
    vector = np.where(others, -1.0 / max(int(others.sum()), 1), 0.0)
    vector[label] = 1.0
    return vector


def _values(matrix: sparse.csr_array, row: Ints, column: Ints) -> Floats:
    """The values of a sparse matrix at some places."""
    return np.asarray(matrix[row, column], dtype=np.float64).ravel() if len(row) else np.zeros(0)
