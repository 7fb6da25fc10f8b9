"""The features of text that a model knows, and texts as rows of their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from qa.models.ngrams import Keys, Occurrences, Table, occurrences
from qa.models.wording import Ints, Wording, shown

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Known features: runs of characters first (``chars`` of them), then words and pairs of words.

    ``names`` are the features as people read them, for comparing two models; nothing is computed from them.
    """

    keys: Keys
    names: tuple[str, ...]
    chars: int
    table: Table

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def of(cls, keys: Keys, names: Sequence[str], chars: int) -> Vocabulary:
        """Return the vocabulary of these keys."""
        return cls(keys, tuple(names), chars, Table(keys))


def learn(wording: Wording, fewest: int) -> Vocabulary:
    """Return the vocabulary of all features that occur in at least ``fewest`` texts."""
    found = occurrences(wording)
    parts = []
    for part in (slice(0, found.chars), slice(found.chars, None)):
        keys, text = found.keys[part], found.text[part]
        order = np.lexsort((text, keys))
        keys, text, where = keys[order], text[order], order
        new_key = np.ones(len(keys), dtype=bool)
        new_key[1:] = keys[1:] != keys[:-1]
        new_text = new_key.copy()
        new_text[1:] |= text[1:] != text[:-1]
        begins = new_key.nonzero()[0]
        texts = np.add.reduceat(new_text, begins) if len(begins) else np.zeros(0, dtype=np.int64)
        kept = begins[texts >= fewest]
        parts.append((keys[kept], where[kept] + (part.start or 0)))
    keys = np.concatenate([keys for keys, _ in parts])
    where = np.concatenate([where for _, where in parts])
    codes = wording.codes.tolist()
    names = [shown(codes[found.first[i] : found.last[i] + 1]) for i in where.tolist()]
    return Vocabulary.of(keys, names, len(parts[0][0]))


def vectors(wording: Wording, vocabulary: Vocabulary, found: Occurrences | None = None) -> sparse.csr_array:
    """Return one row a text: ``1 + ln(count)`` of each known feature, characters and words each scaled to length 1."""
    found = found or occurrences(wording)
    index = _within(vocabulary, found)
    known = index >= 0
    shape = (wording.texts, len(vocabulary))
    return weigh(
        sparse.csr_array((np.ones(int(known.sum())), (found.text[known], index[known])), shape=shape), vocabulary
    )


def gathered(vectors: sparse.csr_array, vocabulary: Vocabulary, group: Ints, groups: int) -> sparse.csr_array:
    """Return one row a group of texts: ``1 + ln(texts that have it)`` of each feature, scaled as ``vectors`` does.

    ``group`` is that of each text, -1 for a text of none.
    """
    of = np.repeat(group, np.diff(vectors.indptr))
    (mine,) = (of >= 0).nonzero()
    counts = sparse.csr_array((np.ones(len(mine)), (of[mine], vectors.indices[mine])), shape=(groups, vectors.shape[1]))
    return weigh(counts, vocabulary)


def located(wording: Wording, vocabulary: Vocabulary) -> tuple[Ints, Ints, Ints, Ints]:
    """Return every occurrence of a known feature: its text, the feature, and the start and end of its place there."""
    found = occurrences(wording)
    index = _within(vocabulary, found)
    known = index >= 0
    first, last, text = found.first[known], found.last[known], found.text[known]
    # an edge has no place of its own: what begins at one begins with the text
    outside = wording.text[first] != text
    starts = np.where(outside, 0, wording.starts[first])
    return text, index[known], starts, wording.ends[last]


def _within(vocabulary: Vocabulary, found: Occurrences) -> Ints:
    """Feature of each occurrence or -1; a word of one character is not taken for that character."""
    index = vocabulary.table.find(found.keys)
    index[: found.chars][index[: found.chars] >= vocabulary.chars] = -1
    index[found.chars :][index[found.chars :] < vocabulary.chars] = -1
    return index


def weigh(counts: sparse.csr_array, vocabulary: Vocabulary) -> sparse.csr_array:
    """Return sublinear counts with each row's characters and each row's words scaled to length 1."""
    counts.sum_duplicates()
    data = 1.0 + np.log(counts.data)
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    block = 2 * rows + (counts.indices >= vocabulary.chars)
    length = np.sqrt(np.bincount(block, weights=data * data, minlength=2 * counts.shape[0]))
    return sparse.csr_array((data / length[block], counts.indices, counts.indptr), shape=counts.shape)
