"""How much a text resembles some sentences rather than others: learned from both when a rule is compiled.

Words and expressions find what somebody has written down. What is worded anew shares only pieces with it; how much each
piece argues is a weight of a logistic regression over the distinct runs of one to three characters of a sentence,
scaled to length one. The model is linear, so the part of a text that argues most can be quoted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import exp, sqrt

LONGEST_RUN = 3
"""Characters of a piece: with four, what is worded anew shared less with what was learned (docs/rule-quality.md)."""
FEWEST = 10
"""Sentences of either kind from which something can be learned at all."""
COMPARED = 1_000
"""Characters of a text that are read, so that no message takes the night's time."""
_DIGITS = str.maketrans("123456789", "000000000")
_STRENGTH = 8.0
"""Inverse strength of the penalty; from 4 to 64 the held-out sentences are told apart alike."""


class Resemblance:
    """Weights of pieces; texts are given folded.

    >>> weighed = Resemblance({"转我": 2.0, "退": -3.0}, 0.0)
    >>> [round(weighed.of(text), 2) for text in ("转我", "退我", "")]
    [0.76, 0.15, 0.5]
    >>> weighed.part("退款转我")
    (2, 4)
    """

    def __init__(self, weights: Mapping[str, float], bias: float) -> None:
        self._weights = weights
        self._bias = bias

    def of(self, text: str) -> float:
        """Return how likely the text is one of the sentences (0 to 1), were either kind as frequent as the other."""
        pieces = set(_pieces(text[:COMPARED]))
        weights = self._weights
        argued = sum([weights[piece] for piece in pieces if piece in weights])
        return 1 / (1 + exp(-self._bias - argued / sqrt(len(pieces) or 1)))

    def part(self, text: str) -> tuple[int, int]:
        """Return ``(start, end)`` of the part that argues most for it; the whole text where nothing does.

        A piece shares its weight out among its characters; the part is the run with the greatest sum (Kadane).
        """
        text = text[:COMPARED]
        credit = [0.0] * len(text)
        for start, piece in _placed(text):
            for at in range(start, start + len(piece)):
                credit[at] += self._weights.get(piece, 0.0) / len(piece)
        best, found, sum_, begun = 0.0, (0, len(text)), 0.0, 0
        for at, one in enumerate(credit):
            if sum_ <= 0:
                sum_, begun = 0.0, at
            sum_ += one
            if sum_ > best:
                best, found = sum_, (begun, at + 1)
        return found


@lru_cache(maxsize=32)  # a pack is compiled again for every worker
def learned(like: tuple[str, ...], unlike: tuple[str, ...]) -> Resemblance:
    """Return what tells the folded sentences ``like`` from ``unlike``; at least ``FEWEST`` of either.

    >>> found = learned(tuple(f"转我{i}" for i in range(10)), tuple(f"退您{i}" for i in range(10)))
    >>> found.of("直接转我") > 0.8 > 0.2 > found.of("会退您的")
    True
    """
    from sklearn.feature_extraction.text import CountVectorizer  # noqa: PLC0415 - a second, and few packs need it
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.preprocessing import normalize  # noqa: PLC0415

    counted = CountVectorizer(analyzer=_pieces, binary=True)
    rows = normalize(counted.fit_transform([*like, *unlike]))
    model = LogisticRegression(C=_STRENGTH, class_weight="balanced", solver="liblinear", random_state=0)
    model.fit(rows, [True] * len(like) + [False] * len(unlike))
    weights = zip(counted.get_feature_names_out().tolist(), model.coef_[0].tolist(), strict=True)
    return Resemblance(dict(weights), float(model.intercept_[0]))


def _placed(text: str) -> Iterator[tuple[int, str]]:
    """Where each piece of a text begins, and the piece; which digit it is says nothing."""
    text = text.translate(_DIGITS)
    for length in range(1, LONGEST_RUN + 1):
        for start in range(len(text) - length + 1):
            yield start, text[start : start + length]


def _pieces(text: str) -> Sequence[str]:
    return [piece for _, piece in _placed(text)]
