"""From decision values to probabilities that mean what they say, and to a threshold below which to abstain.

Temperature with an offset for each label (vector scaling with one slope; Guo et al. 2017, "On Calibration of Modern
Neural Networks"), fitted on out-of-fold decision values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BINS = 15
"""Bins of equal width for the expected calibration error, as is usual."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """``softmax(slope · decision + offsets)`` are the probabilities."""

    slope: float
    offsets: tuple[float, ...]

    def apply(self, decisions: Floats) -> Floats:
        """Return probabilities; a label with decision -inf gets 0, whatever the slope's sign.

        >>> Calibration(-1.0, (0.0, 0.0, 0.0)).apply(np.array([[2.0, 2.0, -np.inf]])).tolist()
        [[0.5, 0.5, 0.0]]
        """
        unseen = np.isneginf(decisions)
        acting = self.slope * np.where(unseen, 0.0, decisions) + np.array(self.offsets)
        return np.asarray(softmax(np.where(unseen, -np.inf, acting), axis=1))


class ReliabilityBin(msgspec.Struct, frozen=True):
    """Opinions whose probability lies in a bin: how many, how sure on average, how often right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def fit_calibration(decisions: Floats, labels: Ints, weights: Floats) -> Calibration:
    """Return the slope and offsets that make ``labels`` most likely; labels that never occur keep offset 0."""
    present = np.unique(labels)
    z = decisions[:, present]
    y = np.searchsorted(present, labels)
    hot = np.eye(len(present))[y]
    total = weights.sum()

    def loss(x: Floats) -> tuple[float, Floats]:
        logs = log_softmax(x[0] * z + np.append(x[1:], 0.0), axis=1)
        rest = (np.exp(logs) - hot) * weights[:, None] / total
        value = -float((weights * logs[np.arange(len(y)), y]).sum() / total) + 1e-6 * float(x @ x)
        return value, np.concatenate(([float((rest * z).sum())], rest.sum(axis=0)[:-1])) + 2e-6 * x

    start = np.zeros(len(present))
    start[0] = 1.0
    from scipy.optimize import minimize  # noqa: PLC0415 - 0.2 s and 17 MB that judging can do without

    best = minimize(loss, start, jac=True, method="L-BFGS-B").x
    offsets = np.zeros(decisions.shape[1])
    offsets[present] = np.append(best[1:], 0.0)
    return Calibration(float(best[0]), tuple(offsets.tolist()))


def expected_calibration_error(probabilities: Floats, labels: Ints, bins: int = BINS) -> float:
    """Return the ECE: the mean distance of confidence and accuracy over bins of equal width, weighted by their size.

    >>> p = np.array([[0.9, 0.1], [0.9, 0.1]])
    >>> round(expected_calibration_error(p, np.array([0, 1])), 3)  # 90 % sure, 50 % right
    0.4
    """
    table = reliability(probabilities, labels, bins)
    return sum(row.count * abs(row.confidence - row.accuracy) for row in table) / max(len(labels), 1)


def reliability(probabilities: Floats, labels: Ints, bins: int = BINS) -> list[ReliabilityBin]:
    """Return the bins that hold anything, the least sure first."""
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    which = np.minimum((sure * bins).astype(int), bins - 1)
    return [
        ReliabilityBin(
            b / bins,
            (b + 1) / bins,
            int(np.sum(which == b)),
            float(sure[which == b].mean()),
            float(right[which == b].mean()),
        )
        for b in np.unique(which).tolist()
    ]


def threshold_for(probabilities: Floats, labels: Ints, precision: float) -> float:
    """Return the lowest probability from which on opinions are right at least ``precision`` of the time.

    1 + a hair (always abstain) where no such probability exists; a tail of fewer than 20 opinions decides nothing.

    >>> p = np.array([[0.9, 0.1]] * 30 + [[0.6, 0.4]] * 30)
    >>> threshold_for(p, np.array([0] * 30 + [0, 1] * 15), 0.9)
    0.9
    """
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    order = np.argsort(-sure, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    ends = np.append(np.diff(sure[order]) < 0, True)  # equal probabilities stay together
    good = (share >= precision) & ends & (np.arange(1, len(order) + 1) >= _FEWEST)
    if not good.any():
        return NEVER
    return float(sure[order][good.nonzero()[0][-1]])


_FEWEST = 20
NEVER = 1.0000001
"""A threshold that no probability reaches."""


def fit_decision(probabilities: Floats, labels: Ints) -> tuple[float, ...]:
    """Return what to add to each log probability so that the best sum is the label with the best macro-F1.

    Coordinate search on a fixed grid, the middle label held at 0: repeatable, and smooth enough for three labels.
    """
    logs = np.log(np.maximum(probabilities, 1e-12))
    present = np.unique(labels)
    offsets = np.zeros(probabilities.shape[1])
    grid = np.round(np.arange(-1.5, 1.5001, 0.05), 2)
    for _ in range(3):
        for label in present.tolist():
            scores = []
            for value in grid:
                offsets[label] = value
                scores.append(macro_f1(labels, (logs + offsets).argmax(axis=1)))
            smooth = np.convolve(np.pad(scores, 1, mode="edge"), np.ones(3) / 3, mode="valid")
            offsets[label] = float(grid[int(np.argmax(smooth))])
    return tuple((offsets - offsets[1]).tolist())


def macro_f1(labels: Ints, chosen: Ints) -> float:
    """Return the mean of the F1 of all labels that occur in either.

    >>> round(macro_f1(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])), 4)  # F1 2/3 and 4/5
    0.7333
    """
    size = int(max(labels.max(), chosen.max())) + 1
    right = np.bincount(labels[labels == chosen], minlength=size)
    both = np.bincount(labels, minlength=size) + np.bincount(chosen, minlength=size)
    return float(np.mean([2 * r / b for r, b in zip(right, both, strict=True) if b]))


def mean_label(probabilities: Floats, order: Sequence[int] = (0, 1, 2)) -> Floats:
    """Return the expected place on the scale of labels: what ranks best by an ordinal measure."""
    return np.asarray(probabilities @ np.array(order, dtype=np.float64))
