"""The features of text that a model knows, and texts as rows of their weights.

Three kinds: runs of characters, words and pairs of words, and groups of words that say the same (``lexicon``); where
groups have numbers, the tone of a text besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from qa.models.lexicon import Lexicon, groups_in, places_of_tones, tones_in
from qa.models.ngrams import Keys, Occurrences, Table, occurrences
from qa.models.wording import Ints, Wording, shown

Floats = npt.NDArray[np.float64]
_KINDS = 3


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Known features: runs of characters first (``chars``), words and pairs up to ``words``, groups, then tones.

    ``names`` are the features as people read them, for comparing two models; nothing is computed from them.
    ``whole``: what a text holds that is not known counts to its length, so that a text half unknown is half as loud.
    """

    keys: Keys
    names: tuple[str, ...]
    chars: int
    table: Table
    lexicon: Lexicon | None = None
    whole: bool = False

    def __len__(self) -> int:
        return len(self.names)

    @property
    def words(self) -> int:
        """Return where words end and groups begin."""
        return len(self.keys)

    @property
    def grouped(self) -> int:
        """Return where groups end and tones begin."""
        return self.words + (self.lexicon.groups if self.lexicon else 0)

    def told_apart(self, feature: int) -> str:
        """Return a feature's name with its kind: a run of characters may read like a word."""
        kind = "run" if feature < self.chars else "word" if feature < self.words else "group"
        return f"{kind} {self.names[feature]}"

    @classmethod
    def of(
        cls, keys: Keys, names: Sequence[str], chars: int, lexicon: Lexicon | None = None, *, whole: bool = False
    ) -> Vocabulary:
        """Return the vocabulary of these keys, named by ``names``, and of the groups of a lexicon."""
        groups = lexicon.features if lexicon else ()
        return cls(keys, (*names, *groups), chars, Table(keys), lexicon, whole)


def learn(wording: Wording, fewest: int, lexicon: Lexicon | None = None, *, whole: bool = False) -> Vocabulary:
    """Return the vocabulary of all features that occur in at least ``fewest`` texts, and of all groups."""
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
    return Vocabulary.of(keys, names, len(parts[0][0]), lexicon, whole=whole)


def vectors(
    wording: Wording, vocabulary: Vocabulary, found: Occurrences | None = None, index: Ints | None = None
) -> sparse.csr_array:
    """Return one row a text: ``1 + ln(count)`` of each known feature, each kind scaled to length 1.

    Of a ``whole`` vocabulary the square of the length of runs, and of words, is the share of them that is known.
    """
    found = found or occurrences(wording)
    feature, which = _features(vocabulary, wording, found, index)
    rows = weigh(_counts(found.text[which], feature, (wording.texts, vocabulary.grouped)), vocabulary)
    if vocabulary.whole:
        loud = _known_shares(vocabulary, found, feature, which, wording.texts)
        rows.data *= loud[_blocks(rows, vocabulary)]
    if vocabulary.lexicon is None or len(vocabulary) == vocabulary.grouped:
        return rows
    return _with_tones(rows, vocabulary, vocabulary.lexicon)


def gathered(vectors: sparse.csr_array, vocabulary: Vocabulary, group: Ints, groups: int) -> sparse.csr_array:
    """Return one row a group of texts: ``1 + ln(texts that have it)`` of each feature, scaled as ``vectors`` does.

    ``group`` is that of each text, -1 for a text of none. The tones of texts are left out: they do not add up.
    """
    of = np.repeat(group, np.diff(vectors.indptr))
    (mine,) = ((of >= 0) & (vectors.indices < vocabulary.grouped)).nonzero()
    return weigh(_counts(of[mine], vectors.indices[mine], (groups, vocabulary.grouped)), vocabulary)


def located(wording: Wording, vocabulary: Vocabulary) -> tuple[Ints, Ints, Ints, Ints]:
    """Return every occurrence of a known feature: its text, the feature, and the start and end of its place there."""
    found = occurrences(wording)
    feature, which = _features(vocabulary, wording, found)
    if vocabulary.lexicon is not None and len(vocabulary) > vocabulary.grouped:
        (grouped,) = (feature >= vocabulary.words).nonzero()
        for tone, some in places_of_tones(vocabulary.lexicon, feature[grouped] - vocabulary.words):
            which = np.concatenate((which, which[grouped[some]]))
            feature = np.concatenate((feature, np.full(len(some), vocabulary.grouped + tone)))
    first, last, text = found.first[which], found.last[which], found.text[which]
    # an edge has no place of its own: what begins at one begins with the text
    outside = wording.text[first] != text
    starts = np.where(outside, 0, wording.starts[first])
    return text, feature, starts, wording.ends[last]


def _features(
    vocabulary: Vocabulary, wording: Wording, found: Occurrences, index: Ints | None = None
) -> tuple[Ints, Ints]:
    """Every known feature that occurs, and of which occurrence it is one."""
    index = indexed(vocabulary, found) if index is None else index
    (which,) = (index >= 0).nonzero()
    if vocabulary.lexicon is None:
        return index[which], which
    group, where = groups_in(vocabulary.lexicon, wording, found)
    return np.concatenate((index[which], vocabulary.words + group)), np.concatenate((which, where))


def _with_tones(rows: sparse.csr_array, vocabulary: Vocabulary, lexicon: Lexicon) -> sparse.csr_array:
    """Return the rows with the tones of each text behind its groups."""
    (here,) = (rows.indices >= vocabulary.words).nonzero()
    text = np.searchsorted(rows.indptr, here, side="right") - 1
    tones = tones_in(lexicon, text, rows.indices[here] - vocabulary.words, rows.shape[0])
    text, tone = tones.nonzero()
    ends = rows.indptr[text + 1]  # put in by hand: for one chat sparse.hstack takes as long as all the rest
    data = np.insert(rows.data, ends, tones[text, tone])
    indices = np.insert(rows.indices, ends, vocabulary.grouped + tone)
    more = np.concatenate(([0], np.cumsum(np.bincount(text, minlength=rows.shape[0])))).astype(rows.indptr.dtype)
    return sparse.csr_array((data, indices, rows.indptr + more), shape=(rows.shape[0], len(vocabulary)))


def _known_shares(vocabulary: Vocabulary, found: Occurrences, feature: Ints, which: Ints, texts: int) -> Floats:
    """The root of the share of each text's runs, and of its words, that is known; of groups 1."""
    single = which[feature < vocabulary.words]
    loud = np.ones(_KINDS * texts)
    for kind, part in enumerate((slice(0, found.chars), slice(found.chars, None))):
        every = np.bincount(found.text[part], minlength=texts)
        mine = single[(single < found.chars) == (kind == 0)]
        known = np.bincount(found.text[mine], minlength=texts)
        loud[kind::_KINDS] = np.sqrt(known / np.maximum(every, 1))
    return loud


def _counts(row: Ints, column: Ints, shape: tuple[int, int]) -> sparse.csr_array:
    """Return how often each pair of row and column occurs: what scipy makes of ones, in half the time."""
    rows, columns = shape
    pairs = np.sort(row * columns + column)
    (new,) = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)].nonzero()
    counts = np.diff(np.append(new, len(pairs))).astype(np.float64)
    pairs, begins = pairs[new], np.arange(rows + 1) * columns
    ends = np.searchsorted(pairs, begins)
    made = sparse.csr_array((counts, pairs - np.repeat(begins[:-1], np.diff(ends)), ends), shape=shape)
    made.has_canonical_format = True
    return made


def indexed(vocabulary: Vocabulary, found: Occurrences) -> Ints:
    """Return the feature of each occurrence or -1; a word of one character is not taken for that character."""
    index = vocabulary.table.find(found.keys)
    index[: found.chars][index[: found.chars] >= vocabulary.chars] = -1
    index[found.chars :][index[found.chars :] < vocabulary.chars] = -1
    return index


def weigh(counts: sparse.csr_array, vocabulary: Vocabulary) -> sparse.csr_array:
    """Return sublinear counts with each row's runs, words and groups each scaled to length 1."""
    counts.sum_duplicates()
    data = 1.0 + np.log(counts.data)
    block = _blocks(counts, vocabulary)
    length = np.sqrt(np.bincount(block, weights=data * data, minlength=_KINDS * counts.shape[0]))
    return sparse.csr_array((data / length[block], counts.indices, counts.indptr), shape=counts.shape)


def _blocks(rows: sparse.csr_array, vocabulary: Vocabulary) -> Ints:
    """For each value of a matrix its row and kind as one number."""
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    kind = (rows.indices >= vocabulary.chars).astype(np.int64) + (rows.indices >= vocabulary.words)
    return np.asarray(_KINDS * row + kind)
