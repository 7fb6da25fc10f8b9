"""Which chats a person should label next, so that the next model learns most from it.

Three wishes, one list:

* **uncertainty**: the mean over the heads of the entropy of the calibrated opinion, 1 where all labels are equally
  likely;
* **diversity**: the distance (1 - cosine of hashed tf-idf) to the nearest chat that is suggested already. Each next
  chat has the largest product of both: greedy k-centre (Sener & Savarese, ICLR 2018), weighted by uncertainty;
* **a random share**, drawn by salted hash as samples are (``qa.sampling.draw_key``): what the model is sure of and
  wrong about is found only there, and labels that were all chosen by a model say nothing about chats at large.

The result follows from the chats, the opinions and the salt; the order of the chats does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt
from scipy import sparse

from qa.sampling import draw_key
from qa.types import ChatOpinion, Opinion

Floats = npt.NDArray[np.float64]

RANDOM_SHARE = 0.2
DIMENSIONS = 1 << 14
POOL = 20
"""Times the number wanted: of so many of the most uncertain chats the list is chosen, so that it stays fast."""


class Why(StrEnum):
    """For which wish a chat is in the list."""

    UNCERTAIN = "uncertain"
    RANDOM = "random"


class Suggestion(NamedTuple):
    """A chat to be labelled: the index of the candidate, its uncertainty and its distance from those before it."""

    candidate: int
    why: Why
    uncertainty: float
    distance: float


def uncertainty(opinion: ChatOpinion) -> float:
    """The mean normalised entropy of a chat's opinions, 0 to 1; 0 where there is none.

    >>> uncertainty(ChatOpinion(resolution=Opinion("resolved", 0.5, (0.5, 0.0, 0.5))))
    0.6309297535714574
    """
    given = [one for one in (opinion.sentiment, opinion.satisfaction, opinion.resolution) if one is not None]
    return math.fsum(entropy(one) for one in given) / len(given) if given else 0.0


def entropy(opinion: Opinion) -> float:
    """Shannon's entropy of the probabilities over that of equal ones: 0 certain, 1 knows nothing."""
    terms = [-p * math.log(p) for p in opinion.probabilities if p > 0]
    return abs(math.fsum(terms)) / math.log(len(opinion.probabilities))


def hashed(tokens: Iterable[Iterable[str]], dimensions: int = DIMENSIONS) -> sparse.csr_array:
    """Counts of hashed tokens (CRC-32, the same on every machine), a row a text.

    >>> hashed([["退款", "退款"], []], 8).sum(axis=1).tolist()
    [2.0, 0.0]
    """
    columns: list[int] = []
    ends = [0]
    for some in tokens:
        columns.extend(crc32(token.encode("utf-8", "replace")) % dimensions for token in some)
        ends.append(len(columns))
    found = sparse.csr_array((np.ones(len(columns)), columns, ends), shape=(len(ends) - 1, dimensions))
    found.sum_duplicates()
    return found


def tf_idf(counts: sparse.csr_array) -> sparse.csr_array:
    """Rows of length 1: (1 + ln count) × (1 + ln (n + 1)/(df + 1)); a row of nothing stays nothing."""
    texts = counts.shape[0]
    df = np.bincount(counts.indices, minlength=counts.shape[1])
    found = counts.copy()
    found.data = (1 + np.log(found.data)) * (1 + np.log((texts + 1) / (df[found.indices] + 1)))
    lengths = np.sqrt(found.multiply(found).sum(axis=1))
    found.data /= np.repeat(np.where(lengths > 0, lengths, 1.0), np.diff(found.indptr))
    return found


def suggest(
    keys: Sequence[str],
    uncertain: Sequence[float],
    vectors: sparse.csr_array,
    n: int,
    *,
    salt: str,
    random_share: float = RANDOM_SHARE,
) -> list[Suggestion]:
    """Return up to ``n`` chats to label, those chosen by the model first, then the random ones.

    ``keys`` name the chats, each once; ``uncertain`` and the rows of ``vectors`` (``tf_idf``) belong to them.

    >>> rows = tf_idf(hashed([["a"], ["a"], ["b"], ["c"]]))
    >>> [one.candidate for one in suggest("wxyz", [0.9, 0.8, 0.5, 0.1], rows, 3, salt="s", random_share=0)]
    [0, 2, 3]
    """
    order = sorted(range(len(keys)), key=lambda i: (draw_key(salt, keys[i]), keys[i]))
    n = min(n, len(keys))
    drawn = order[: math.ceil(n * random_share)]
    left = sorted(set(order) - set(drawn), key=lambda i: (-uncertain[i], keys[i]))
    pool = left[: POOL * max(1, n)]
    closeness = np.zeros(len(pool))
    worth = np.array([uncertain[i] for i in pool])
    chosen: list[Suggestion] = []
    rows = vectors[pool]
    taken = np.zeros(len(pool), dtype=bool)
    while len(chosen) < n - len(drawn):
        gain = np.where(taken, -1.0, worth * (1 - closeness))
        best = int(gain.argmax())
        chosen.append(Suggestion(pool[best], Why.UNCERTAIN, float(worth[best]), float(1 - closeness[best])))
        taken[best] = True
        closeness = np.maximum(closeness, (rows @ rows[[best]].T).toarray().ravel().clip(0, 1))
    return chosen + _random(drawn, chosen, uncertain, vectors)


def _random(
    drawn: Sequence[int], chosen: Sequence[Suggestion], uncertain: Sequence[float], vectors: sparse.csr_array
) -> list[Suggestion]:
    others = vectors[[one.candidate for one in chosen]]
    found = []
    for i in drawn:
        near = float((others @ vectors[[i]].T).toarray().max()) if chosen else 0.0
        found.append(Suggestion(i, Why.RANDOM, float(uncertain[i]), 1 - min(1.0, near)))
    return found
