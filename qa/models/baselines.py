"""What anyone can have: the majority, and a plain TF-IDF with logistic regression as scikit-learn gives it.

The plain one is jieba words and runs of 1 or 2 characters of the turn alone (of a chat: of all the customer said), each
through a stock ``TfidfVectorizer``, and a stock ``LogisticRegression``. No context, no calibration, nothing tuned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from qa.models.evaluate import Fit, Judge, Said
from qa.models.heads import HeadName
from qa.models.labelled import LabelledChat, labels_of
from qa.models.opinions import LABELS, Level, ModelError
from qa.models.rows import is_pretokenized, is_read
from qa.models.scores import Floats, Ints
from qa.tokens import cutter
from qa.types import Role

_SIZE = 3


def majority(name: HeadName) -> Fit:
    """Return the fit that remembers the most frequent label, and is sure of it everywhere."""

    def fit(train: Sequence[LabelledChat]) -> Judge:
        most = np.bincount(_labels(train, name), minlength=_SIZE).argmax()
        return lambda chats: _said(np.tile(np.eye(_SIZE)[most], (len(_units(chats, name)), 1)), chats, name)

    return fit


def plain(name: HeadName) -> Fit:
    """Return the fit of plain TF-IDF with logistic regression."""

    def fit(train: Sequence[LabelledChat]) -> Judge:
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - only evaluation needs it
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
        from sklearn.pipeline import make_pipeline, make_union  # noqa: PLC0415

        words = _words(train)
        union = make_union(
            TfidfVectorizer(analyzer=words),
            TfidfVectorizer(analyzer="char", ngram_range=(1, 2))
            if not _ids(train)
            else TfidfVectorizer(analyzer=_pairs),
        )
        pipeline = make_pipeline(union, LogisticRegression(max_iter=1000))
        texts = [text for _, text, label in _labelled_units(train, name) if label is not None]
        labels = _labels(train, name)
        if len(np.unique(labels)) < 2:  # noqa: PLR2004
            raise ModelError("only one label occurs: there is nothing to learn")
        pipeline.fit(texts, labels)

        def judge(chats: Sequence[LabelledChat]) -> Said:
            texts = [text for _, text, _ in _labelled_units(chats, name)]
            result = np.zeros((len(texts), _SIZE))
            result[:, pipeline.classes_] = pipeline.predict_proba(texts)
            return _said(result, chats, name)

        return judge

    return fit


def _ids(chats: Sequence[LabelledChat]) -> bool:
    return bool(chats) and is_pretokenized(chats[0].chat)


def _words(chats: Sequence[LabelledChat]) -> Callable[[str], list[str]]:
    return str.split if _ids(chats) else cutter()


def _pairs(text: str) -> list[str]:
    """Pairs of word ids, in place of runs of characters."""
    ids = text.split()
    return [f"{a} {b}" for a, b in pairwise(ids)]


def _labelled_units(chats: Sequence[LabelledChat], name: HeadName) -> list[tuple[tuple[int, int], str, str | None]]:
    """Return for each unit where it is, its text and its label."""
    level, task = name
    found: list[tuple[tuple[int, int], str, str | None]] = []
    for index, one in enumerate(chats):
        mine = [(t, m) for t, m in enumerate(one.chat.messages) if m.role is Role.CUSTOMER and is_read(m)]
        if level is Level.CHAT:
            found.append(((index, -1), " ".join(m.text for _, m in mine), one.label(task)))
        else:
            labels = labels_of(one, level, task)
            found += [((index, turn), message.text, labels[turn]) for turn, message in mine]
    return found


def _units(chats: Sequence[LabelledChat], name: HeadName) -> list[tuple[int, int]]:
    return [unit for unit, _, _ in _labelled_units(chats, name)]


def _labels(chats: Sequence[LabelledChat], name: HeadName) -> Ints:
    order = {label: index for index, label in enumerate(LABELS[name[1]])}
    return np.array([order[label] for _, _, label in _labelled_units(chats, name) if label is not None], dtype=np.int64)


def _said(probabilities: Floats, chats: Sequence[LabelledChat], name: HeadName) -> Said:
    """These never abstain, and choose the most probable label."""
    chosen = probabilities.argmax(axis=1)
    return Said(probabilities, _units(chats, name), chosen.tolist(), [True] * len(probabilities))
