from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn import metrics

from qa.models import scores
from qa.models.calibrate import NEVER, fit_calibration, fit_decision, threshold_for
from qa.models.scores import Judged, measure_all, resamples


def judged(size: int = 400, classes: tuple[int, ...] = (0, 1, 2)) -> Judged:
    dice = np.random.default_rng(5)
    labels = dice.choice(classes, size)
    decisions = dice.normal(size=(size, 3)) + 1.5 * np.eye(3)[labels]
    decisions[:, [k for k in range(3) if k not in classes]] = -np.inf
    exp = np.exp(decisions)
    probabilities = np.round(exp / exp.sum(axis=1, keepdims=True), 2)  # with ties
    return Judged(
        labels, probabilities, probabilities.argmax(axis=1), probabilities.max(axis=1) > 0.6, np.arange(size) // 4
    )


def test_measures_are_those_of_scikit_learn() -> None:
    one = judged()
    worst = one.labels == 0
    assert scores.accuracy(one) == pytest.approx(metrics.accuracy_score(one.labels, one.chosen))
    assert scores.macro_f1(one) == pytest.approx(metrics.f1_score(one.labels, one.chosen, average="macro"))
    assert scores.uar(one) == pytest.approx(metrics.balanced_accuracy_score(one.labels, one.chosen))
    assert scores.kappa(one) == pytest.approx(metrics.cohen_kappa_score(one.labels, one.chosen))
    assert scores.auc(one) == pytest.approx(metrics.roc_auc_score(worst, one.probabilities[:, 0]))
    assert scores.average_precision(one) == pytest.approx(
        metrics.average_precision_score(worst, one.probabilities[:, 0])
    )
    assert scores.spearman(one) == pytest.approx(spearmanr(one.labels, one.probabilities @ [0, 1, 2])[0])
    assert scores.confusion(one) == metrics.confusion_matrix(one.labels, one.chosen).tolist()


def test_two_of_three_classes() -> None:
    one = judged(classes=(0, 2))
    found = measure_all(one, draws=20)
    assert found["spearman"].value is None
    assert scores.macro_f1(one) == pytest.approx(metrics.f1_score(one.labels, one.chosen, average="macro"))
    assert found["auc"].low is not None
    assert found["auc"].low <= found["auc"].value <= found["auc"].high


def test_without_the_worst_there_is_no_auc() -> None:
    one = judged(classes=(1, 2))
    assert (scores.auc(one), scores.average_precision(one)) == (None, None)


def test_the_bootstrap_draws_whole_chats_and_repeats_itself() -> None:
    group = np.array([3, 1, 1, 3, 7])
    drawn = resamples(group, 50, 9)
    for which in drawn:
        counts = np.bincount(which, minlength=5)
        assert counts[0] == counts[3]
        assert counts[1] == counts[2]
    assert all((a == b).all() for a, b in zip(drawn, resamples(group, 50, 9), strict=True))
    assert len({tuple(which) for which in drawn}) > 5


def test_calibration_undoes_what_was_done() -> None:
    dice = np.random.default_rng(2)
    logits = dice.normal(size=(20_000, 3))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (dice.random(len(true))[:, None] > true.cumsum(axis=1)).sum(axis=1)
    found = fit_calibration(3 * logits + np.array([1.0, 0, -1]), labels, np.ones(len(labels)))
    assert found.slope == pytest.approx(1 / 3, abs=0.02)
    assert np.abs(found.apply(3 * logits + np.array([1.0, 0, -1])) - true).mean() < 0.01


def test_calibration_of_two_labels_leaves_the_third_at_zero() -> None:
    decisions = np.array([[1.0, -np.inf, -1.0], [-1.0, -np.inf, 1.0]] * 10)
    found = fit_calibration(decisions, np.array([0, 2] * 10), np.ones(20))
    assert found.apply(decisions)[:, 1].tolist() == [0.0] * 20


def test_no_threshold_where_precision_cannot_be_had() -> None:
    probabilities = np.tile([0.8, 0.2], (100, 1))
    assert threshold_for(probabilities, np.arange(100) % 2, 0.9) == NEVER


def test_decisions_favour_the_rare_label_where_that_helps() -> None:
    probabilities = np.tile([0.3, 0.7, 0.0], (200, 1))
    probabilities[:40] = [0.45, 0.55, 0.0]
    labels = np.array([0] * 30 + [1] * 170)
    offsets = np.array(fit_decision(probabilities, labels))
    chosen = (np.log(np.maximum(probabilities, 1e-12)) + offsets).argmax(axis=1)
    assert (chosen[:40] == 0).all()
    assert (chosen[40:] == 1).all()
