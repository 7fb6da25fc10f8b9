"""Linear heads: words of several slots first, then their decisions blended with named figures.

The text stage gives each label a decision value, linear in the words; the blend is linear in these decision values and
in the figures. So a final decision value is still a sum over words and figures, and can be taken apart exactly.
In training the blend sees only decisions on chats that the text stage was not fitted on.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.special import softmax

from qa.models.calibrate import Calibration
from qa.models.features import CHAT_SLOTS, Figures, Slot, choose, side_of
from qa.models.hits import rule_of
from qa.models.opinions import LABELS, Level, ModelError, Task
from qa.models.rows import Ints, Rows
from qa.models.vocabulary import Floats, Vocabulary, gathered

HeadName = tuple[Level, Task]

Scale = tuple[float, float, float]
"""What the runs of characters, the words and the groups of words of a slot are multiplied by."""

_SEED = 20261121
LABEL_COUNT = 3
_ITERATIONS = 300
_TOLERANCE = 1e-2


@dataclass(frozen=True, slots=True)
class TextStage:
    """Weights of each slot (features × labels; the scale of the slot is in them) and the intercept of each label."""

    weights: Mapping[Slot, Floats]
    intercept: Floats


@dataclass(frozen=True, slots=True)
class Blend:
    """How text decisions (labels × labels) and figures (figures × labels) add up.

    A figure counts by how far it is from ``usual``, its mean in training: what is as usual says nothing.
    """

    names: tuple[str, ...]
    usual: Floats
    decisions: Floats
    figures: Floats
    intercept: Floats


@dataclass(frozen=True, slots=True)
class Head:
    """One question the model answers."""

    level: Level
    task: Task
    text: TextStage
    blend: Blend
    listens: tuple[Task, ...]
    """Tasks whose opinions on turns are among the figures."""
    calibration: Calibration
    decision: tuple[float, ...]
    """Added to log probabilities where a label has to be chosen for macro-F1 (``evaluate``); judging adds nothing."""
    threshold: float
    """The model abstains where its best probability is lower."""

    @property
    def name(self) -> HeadName:
        """Level and task."""
        return self.level, self.task

    @property
    def rules(self) -> tuple[str, ...]:
        """Rules whose findings are among the figures."""
        return tuple(rule for figure in self.blend.names if (rule := rule_of(figure)) is not None)


def counted(slot: Slot, vocabulary: Vocabulary) -> slice:
    """Return which features count in a slot: all, all but tones, or words and pairs of words alone."""
    if slot is Slot.OWN:
        return slice(0, len(vocabulary))
    if slot in CHAT_SLOTS:
        return slice(0, vocabulary.grouped)
    return slice(vocabulary.chars, vocabulary.words)


def slot_matrix(slot: Slot, rows: Rows, vectors: sparse.csr_array, vocabulary: Vocabulary) -> sparse.csr_array:
    """Return units × the features that count in a slot, before any scale."""
    if slot in CHAT_SLOTS:
        return gathered(vectors, vocabulary, side_of(slot, rows), rows.chats)
    return sparse.csr_array(choose(slot, rows) @ vectors[:, counted(slot, vocabulary)])


def text_design(
    rows: Rows, vectors: sparse.csr_array, vocabulary: Vocabulary, scales: Mapping[Slot, Scale]
) -> sparse.csr_array:
    """Return units × features of all slots side by side."""
    blocks = []
    for slot, scale in scales.items():
        view = slot_matrix(slot, rows, vectors, vocabulary)
        columns = column_scales(slot, scale, vocabulary)
        blocks.append(
            sparse.csr_array((view.data * columns[view.indices], view.indices, view.indptr), shape=view.shape)
        )
    return sparse.csr_array(sparse.hstack(blocks, format="csr"))


def column_scales(slot: Slot, scale: Scale, vocabulary: Vocabulary) -> Floats:
    """Return the scale of each feature that counts in a slot; that of tones is 0, they are fitted apart."""
    v = vocabulary
    sizes = (v.chars, v.words - v.chars, v.grouped - v.words, len(v) - v.grouped)
    return np.repeat(np.array((*scale, 0.0)), sizes)[counted(slot, vocabulary)]


def fit_text(
    design: sparse.csr_array, labels: Ints, weights: Floats, strength: float, balance: float
) -> tuple[Floats, Floats]:
    """Return features × 3 weights and 3 intercepts; a label that does not occur gets weights 0 and intercept -inf.

    ``strength`` is the inverse of the penalty; ``balance`` 0 takes labels as they fall, 1 gives each the same sum of
    weights.
    """
    return _one_against_rest(design, labels, weights * _label_weights(labels, weights, balance), strength)


def fit_blend(decisions: Floats, figures: Figures, labels: Ints, weights: Floats, strength: float) -> Blend:
    """Fit the blend; figures are standardised inside, and the weights returned are for differences from the usual.

    A figure that is unknown (NaN) is taken as usual.
    """
    mean = _usual(figures.values)
    values = np.where(np.isnan(figures.values), mean, figures.values)
    spread = values.std(axis=0)
    spread[spread < 1e-9] = np.inf  # noqa: PLR2004 - a figure that never changes says nothing
    known = np.isfinite(decisions).all(axis=0)
    finite = np.where(known, decisions, 0.0)
    design = np.hstack([finite, (values - mean) / spread])
    coefficients, intercept = _jointly(design, labels, weights, strength)
    size = decisions.shape[1]
    raw = coefficients[size:] / spread[:, None]
    return Blend(figures.names, mean, coefficients[:size], raw, intercept)


def _usual(values: Floats) -> Floats:
    """The mean of each figure where it is known; 0 where it never is."""
    known = ~np.isnan(values)
    if known.all():
        return np.asarray(values.mean(axis=0))
    return np.asarray(np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def as_it_is(intercept: Floats) -> Blend:
    """Return the blend that leaves text decisions as they are; ``intercept`` is theirs, -inf for an unseen label."""
    base = np.where(np.isfinite(intercept), 0.0, -np.inf)
    return Blend((), np.zeros(0), np.eye(LABEL_COUNT), np.zeros((0, LABEL_COUNT)), base)


def apply_blend(blend: Blend, decisions: Floats, figures: Floats) -> Floats:
    """Return units × labels decision values; no figure may be unknown (``as_usual``)."""
    finite = np.where(np.isfinite(decisions), decisions, 0.0)
    return finite @ blend.decisions + (figures - blend.usual) @ blend.figures + blend.intercept


def as_usual(blend: Blend, figures: Figures) -> Figures:
    """Return the figures that a blend listens to, the unknown ones as they usually are."""
    mine = figures.only(blend.names)
    unknown = np.isnan(mine.values)
    return Figures(mine.names, np.where(unknown, blend.usual, mine.values)) if unknown.any() else mine


def out_of_fold(
    folds: Ints, predict: Callable[[npt.NDArray[np.bool_], npt.NDArray[np.bool_]], Floats], size: int
) -> Floats:
    """Return for every unit what ``predict(train, rest)`` says when its fold is not trained on."""
    result = np.zeros((size, LABEL_COUNT))
    for fold in np.unique(folds):
        rest = folds == fold
        result[rest] = predict(~rest, rest)
    return result


def make_folds(groups: Sequence[str], count: int) -> Ints:
    """Return a fold for each unit, the same for those of one group; groups are dealt out in a fixed shuffled order.

    >>> make_folds(["a", "b", "a", "c"], 2).tolist() == make_folds(["a", "b", "a", "c"], 2).tolist()
    True
    """
    names = sorted(set(groups))
    if len(names) < count:
        apart = "" if len(names) == len(groups) else f" in {len(names)} groups that must stay together"
        raise ModelError(f"{len(groups)} chats{apart} cannot be put into {count} folds")
    random.Random(_SEED).shuffle(names)  # noqa: S311 - a reproducible deal, no secret
    fold = {name: index % count for index, name in enumerate(names)}
    return np.array([fold[name] for name in groups], dtype=np.int64)


def probabilities(decisions: Floats) -> Floats:
    """Return the softmax of decision values; -inf becomes 0.

    >>> probabilities(np.array([[0.0, 0.0, -np.inf]])).tolist()
    [[0.5, 0.5, 0.0]]
    """
    return np.asarray(softmax(decisions, axis=1))


def scales_of(slots: Sequence[Slot], own: Scale, around: float) -> dict[Slot, Scale]:
    """Return each slot's scale: ``own`` for a turn itself, ``around`` for the words that stand around it.

    A slot whose scale is 0 is left out.
    """
    scales: dict[Slot, Scale] = {}
    for slot in slots:
        if slot is Slot.OWN:
            scales[slot] = own
        elif slot in CHAT_SLOTS:
            scales[slot] = (1.0, 1.0, 1.0)
        elif around:
            scales[slot] = (0.0, around, 0.0)
    return scales


def _label_weights(labels: Ints, weights: Floats, balance: float) -> Floats:
    total = np.bincount(labels, weights=weights, minlength=LABEL_COUNT)
    share = total / total.sum() * np.count_nonzero(total)
    return np.asarray(np.where(share > 0, share, 1.0)[labels] ** -balance)


def _one_against_rest(
    design: sparse.csr_array, labels: Ints, weights: Floats, strength: float
) -> tuple[Floats, Floats]:
    """Fit each label against the rest by dual coordinate descent: ten times faster here than a joint fit, no worse."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - a second, and judging needs none

    present = _present(labels)
    coefficients, intercept = _nothing(design.shape[1])
    matrix = sparse.csr_matrix(design, copy=True)  # sorted in place below this line, the caller's not
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    with _unconverged():
        for label in present[: 1 if len(present) == 2 else None].tolist():  # noqa: PLR2004 - two labels mirror each other
            model = LogisticRegression(
                C=strength, solver="liblinear", dual=True, tol=_TOLERANCE, max_iter=_ITERATIONS, random_state=_SEED
            ).fit(matrix, labels == label, sample_weight=weights)
            coefficients[:, label], intercept[label] = model.coef_[0], model.intercept_[0]
    if len(present) == 2:  # noqa: PLR2004
        first, second = present.tolist()
        coefficients[:, first] /= 2
        intercept[first] /= 2
        coefficients[:, second], intercept[second] = -coefficients[:, first], -intercept[first]
    return coefficients, intercept


def _jointly(design: Floats, labels: Ints, weights: Floats, strength: float) -> tuple[Floats, Floats]:
    """Fit all labels at once: the multinomial model, for the few columns of a blend."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    present = _present(labels)
    coefficients, intercept = _nothing(design.shape[1])
    with _unconverged():
        model = LogisticRegression(C=strength, tol=1e-4, max_iter=_ITERATIONS).fit(
            design, labels, sample_weight=weights
        )
    if len(present) == 2:  # noqa: PLR2004 - one row for two labels: shared between them
        coefficients[:, present] = np.hstack([-model.coef_.T, model.coef_.T]) / 2
        intercept[present] = [-model.intercept_[0] / 2, model.intercept_[0] / 2]
    else:
        coefficients, intercept = model.coef_.T.astype(np.float64), model.intercept_.astype(np.float64)
    return coefficients, intercept


def _present(labels: Ints) -> Ints:
    present = np.unique(labels)
    if len(present) < 2:  # noqa: PLR2004
        raise ModelError(f"only one label occurs: {', '.join(LABELS_SHOWN[i] for i in present)}")
    return present


def _nothing(features: int) -> tuple[Floats, Floats]:
    return np.zeros((features, LABEL_COUNT)), np.full(LABEL_COUNT, -np.inf)


@contextmanager
def _unconverged() -> Iterator[None]:
    """Near the optimum is near enough: no warning."""
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


LABELS_SHOWN = tuple("/".join(labels[i] for labels in LABELS.values()) for i in range(LABEL_COUNT))
