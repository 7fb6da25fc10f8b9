"""How good opinions are: the measures of an evaluation, each by its usual definition.

``None`` stands for what cannot be said: a rank correlation of two labels, an AUC without the worst one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from qa.models.calibrate import expected_calibration_error, mean_label

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Judged(msgspec.Struct, frozen=True):
    """What was said of units whose labels are known. ``group`` is the chat: what is drawn together by the bootstrap."""

    labels: Ints
    probabilities: Floats
    chosen: Ints
    """The label decided on; not always the most probable one (``Head.decision``)."""
    sure: npt.NDArray[np.bool_]
    """Where the model does not abstain."""
    group: Ints

    def take(self, which: Ints) -> Judged:
        """Return some of the units, in the order given."""
        return Judged(
            labels=self.labels[which],
            probabilities=self.probabilities[which],
            chosen=self.chosen[which],
            sure=self.sure[which],
            group=self.group[which],
        )


class Measure(msgspec.Struct, frozen=True):
    """A figure with its 95 % bootstrap interval."""

    value: float | None
    low: float | None = None
    high: float | None = None


def accuracy(judged: Judged) -> float:
    """Return the share of chosen labels that are right."""
    return float((judged.labels == judged.chosen).mean())


def recalls(judged: Judged) -> list[float]:
    """Return for each label that occurs the share of it that was recognised."""
    return [float((judged.chosen[judged.labels == k] == k).mean()) for k in np.unique(judged.labels)]


def uar(judged: Judged) -> float:
    """Return the unweighted average recall: the mean of ``recalls``."""
    return float(np.mean(recalls(judged)))


def macro_f1(judged: Judged) -> float:
    """Return the mean F1 over the labels that occur among the true ones."""
    return float(np.mean(f1_by_label(judged)))


def f1_by_label(judged: Judged) -> list[float]:
    """Return the F1 of each label that occurs among the true ones."""
    result = []
    for label in np.unique(judged.labels):
        true, said = judged.labels == label, judged.chosen == label
        result.append(2 * float((true & said).sum()) / float(true.sum() + said.sum()))
    return result


def kappa(judged: Judged) -> float | None:
    """Return Cohen's kappa of chosen and true labels; ``None`` where chance agrees always."""
    size = judged.probabilities.shape[1]
    true, said = (np.bincount(x, minlength=size) / len(x) for x in (judged.labels, judged.chosen))
    chance = float(true @ said)
    return (accuracy(judged) - chance) / (1 - chance) if chance < 1 else None


def spearman(judged: Judged) -> float | None:
    """Return the rank correlation of the true place on the scale and the expected one; ``None`` below three labels."""
    if len(np.unique(judged.labels)) < 3:  # noqa: PLR2004
        return None
    ranks = [rankdata(x) for x in (judged.labels, mean_label(judged.probabilities))]
    if ranks[1].std() == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def auc(judged: Judged) -> float | None:
    """Return the area under the ROC curve of the worst label against the rest (Mann–Whitney), if there are both."""
    worst = judged.labels == 0
    many, others = int(worst.sum()), int((~worst).sum())
    if not many or not others:
        return None
    ranks = rankdata(judged.probabilities[:, 0])
    return float((ranks[worst].sum() - many * (many + 1) / 2) / (many * others))


def average_precision(judged: Judged) -> float | None:
    """Return the average precision of the worst label: the sum of precision times step of recall."""
    worst = judged.labels == 0
    if not worst.any() or worst.all():
        return None
    score = judged.probabilities[:, 0]
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(worst[order])
    last = np.append(np.diff(score[order]) != 0, True)  # equal scores are one step
    hits, seen = hits[last], np.flatnonzero(last) + 1
    return float(np.sum(np.diff(np.append(0, hits)) * hits / seen) / worst.sum())


def ece(judged: Judged) -> float:
    """Return the expected calibration error of the most probable label."""
    return expected_calibration_error(judged.probabilities, judged.labels)


def coverage(judged: Judged) -> float:
    """Return the share of units on which the model does not abstain."""
    return float(judged.sure.mean())


def accuracy_when_sure(judged: Judged) -> float | None:
    """Return how often the most probable label is right where the model does not abstain, if anywhere."""
    if not judged.sure.any():
        return None
    best = judged.probabilities.argmax(axis=1)
    return float((best == judged.labels)[judged.sure].mean())


MEASURES: dict[str, Callable[[Judged], float | None]] = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "uar": uar,
    "kappa": kappa,
    "spearman": spearman,
    "auc": auc,
    "ap": average_precision,
    "ece": ece,
    "coverage": coverage,
    "accuracy_when_sure": accuracy_when_sure,
}
"""The keys of the JSON of an evaluation."""


def confusion(judged: Judged) -> list[list[int]]:
    """Return true × chosen label counts, all three labels."""
    size = judged.probabilities.shape[1]
    return np.bincount(judged.labels * size + judged.chosen, minlength=size * size).reshape(size, size).tolist()


def resamples(group: Ints, draws: int, seed: int) -> list[Ints]:
    """Return the units of ``draws`` bootstrap samples: whole chats, with replacement, the same for the same seed."""
    order = np.argsort(group, kind="stable")
    names, first = np.unique(group[order], return_index=True)
    bounds = np.append(first, len(group))
    dice = random.Random(seed)  # noqa: S311 - a reproducible draw, no secret
    samples = []
    for _ in range(draws):
        drawn = np.array(dice.choices(range(len(names)), k=len(names)))
        lengths = bounds[drawn + 1] - bounds[drawn]
        starts = np.repeat(bounds[drawn] - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
        samples.append(order[starts + np.arange(int(lengths.sum()))])
    return samples


def measure_all(
    judged: Judged, draws: int = 0, seed: int = 1, names: Sequence[str] = tuple(MEASURES)
) -> dict[str, Measure]:
    """Return every measure, with a percentile interval of ``draws`` bootstrap samples where there are any."""
    values: dict[str, list[float]] = {name: [] for name in names}
    for which in resamples(judged.group, draws, seed):
        sample = judged.take(which)
        for name in names:
            value = MEASURES[name](sample)
            if value is not None:
                values[name].append(value)
    return {name: _measure(MEASURES[name](judged), values[name]) for name in names}


def _measure(value: float | None, drawn: Sequence[float]) -> Measure:
    if value is None or not drawn:
        return Measure(value)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Measure(value, float(low), float(high))
