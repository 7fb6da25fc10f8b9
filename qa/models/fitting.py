"""Fitting a model: vocabulary, text stages, blends and calibration, each on opinions that never saw what they judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from qa.models.calibrate import fit_calibration, fit_decision, threshold_for
from qa.models.features import (
    CHAT_SLOTS,
    TURN_SLOTS,
    Figures,
    Slot,
    beside_each_other,
    chat_figures,
    neighbour_figures,
    turn_figures,
)
from qa.models.heads import (
    Blend,
    Head,
    HeadName,
    Scale,
    TextStage,
    apply_blend,
    as_it_is,
    as_usual,
    column_scales,
    fit_blend,
    fit_text,
    make_folds,
    out_of_fold,
    probabilities,
    scales_of,
    text_design,
)
from qa.models.hits import Hits, learnable, rule_figures
from qa.models.labelled import LabelledChat, labels_of
from qa.models.lexicon import our_lexicon, parse_lexicon
from qa.models.model import Model
from qa.models.opinions import HEADS, LABELS, Level, ModelError, Task
from qa.models.rows import Ints, Rows, is_pretokenized, lay_out
from qa.models.settings import Settings
from qa.models.vocabulary import Floats, Vocabulary, learn, vectors
from qa.models.wording import read, read_ids
from qa.progress import Progress, Quiet
from qa.tokens import cutter

UNLABELLED = -1
TONE_STRENGTH = 10.0
"""Inverse penalty of the tones: four figures of thousands of turns need none to speak of."""
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Material:
    """Labelled chats laid out for fitting."""

    rows: Rows
    vocabulary: Vocabulary
    vectors: sparse.csr_array
    labels: dict[HeadName, Ints]
    """For each head the index of each unit's label, ``UNLABELLED`` where there is none."""
    weights: Floats
    """Of each chat."""
    folds: Ints
    """Of each chat."""
    hits: tuple[Hits | None, ...] = ()
    """What rules found in each chat; empty where they are not to be listened to."""

    def of_units(self, level: Level, per_chat: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return a chat's value for each unit of a level."""
        return per_chat if level is Level.CHAT else per_chat[self.rows.chat[self.rows.customers]]


class _Fitted(NamedTuple):
    """A regression: weights of a design's columns, intercepts, and what it says out of fold."""

    coefficients: Floats
    intercept: Floats
    decisions: Floats


@dataclass(frozen=True, slots=True)
class _Text:
    """A fitted text stage and what it says out of fold."""

    stage: TextStage
    decisions: Floats


def fit_model(
    chats: Sequence[LabelledChat],
    dictionary: str = "",
    settings: Settings | None = None,
    tasks: Sequence[HeadName] = HEADS,
    progress: Progress | None = None,
) -> Model:
    """Fit every head of ``tasks`` that ``chats`` have labels for.

    Raises ``ModelError`` where they have labels for none, or are pretokenized in part.
    """
    settings = settings or Settings()
    progress = progress or Quiet()
    material = prepare(chats, dictionary, settings)
    known = [
        name for name in tasks if len(np.unique(material.labels[name])) > 1 + (UNLABELLED in material.labels[name])
    ]
    if not known:
        raise ModelError("these chats hold no labels of two kinds for any task: there is nothing to learn")
    progress.stage("fitting", 2 * len(known))
    heads = _fit_heads(material, settings, known, progress)
    return Model(settings, material.vocabulary, heads, dictionary)


def prepare(chats: Sequence[LabelledChat], dictionary: str, settings: Settings) -> Material:
    """Return what fitting works on: rows, vocabulary, vectors, labels, folds."""
    if len({is_pretokenized(chat.chat) for chat in chats}) != 1:
        raise ModelError("chats to learn from must be all text or all pretokenized, and at least one")
    rows = lay_out([chat.chat for chat in chats])
    wording = read_ids(rows.texts) if rows.pretokenized else read(rows.texts, cutter(dictionary))
    grouped = (settings.lexicon or settings.tones) and not rows.pretokenized
    lexicon = parse_lexicon(our_lexicon()) if grouped else None
    vocabulary = learn(wording, settings.fewest_texts, lexicon, whole=settings.whole)
    return Material(
        rows=rows,
        vocabulary=vocabulary,
        vectors=vectors(wording, vocabulary),
        labels={name: _labels(chats, rows, *name) for name in HEADS},
        weights=np.array([chat.weight for chat in chats]),
        folds=make_folds([chat.chat.id for chat in chats], settings.folds),
        hits=tuple(chat.hits for chat in chats) if settings.rules and not rows.pretokenized else (),
    )


def opinions_out_of_fold(material: Material, name: HeadName, settings: Settings) -> Floats:
    """Return the calibrated out-of-fold probabilities of one head of turns, listening to nobody but itself."""
    text = _fit_text_stage(material, name, settings)
    plain = turn_figures(material.rows, material.vectors, material.vocabulary.chars)
    around = neighbour_figures(material.rows, name[1], probabilities(text.decisions))
    parts = [
        plain.only(plain.names if settings.places else ()),
        around.only(around.names if settings.neighbours else ()),
    ]
    return _fit_head(material, name, settings, text, beside_each_other(parts), (name[1],))[1]


def _labels(chats: Sequence[LabelledChat], rows: Rows, level: Level, task: Task) -> Ints:
    order: dict[str | None, int] = {label: index for index, label in enumerate(LABELS[task])}
    order[None] = UNLABELLED
    if level is Level.CHAT:
        return np.array([order[chat.label(task)] for chat in chats], dtype=np.int64)
    found = [labels_of(chat, level, task) for chat in chats]
    mine = rows.customers
    pairs = zip(rows.chat[mine].tolist(), rows.turn[mine].tolist(), strict=True)
    return np.array([order[found[chat][turn]] for chat, turn in pairs], dtype=np.int64)


def _fit_heads(material: Material, settings: Settings, known: Sequence[HeadName], progress: Progress) -> list[Head]:
    text = {}
    for name in known:
        text[name] = _fit_text_stage(material, name, settings)
        progress.advance()
    plain = turn_figures(material.rows, material.vectors, material.vocabulary.chars)
    turn_tasks = tuple(task for level, task in known if level is Level.TURN)
    around = [
        neighbour_figures(material.rows, task, probabilities(text[Level.TURN, task].decisions))
        for task in turn_tasks
        if settings.neighbours
    ]
    finished: dict[Task, Floats] = {}
    heads = []
    for name in known:
        level, task = name
        if level is Level.TURN:
            figures = beside_each_other([plain.only(plain.names if settings.places else ()), *around])
            listens = turn_tasks if settings.neighbours else ()
        else:
            figures = chat_figures(material.rows, {task: finished[task] for task in turn_tasks})
            listens = turn_tasks
        head, opinions = _fit_head(material, name, settings, text[name], figures, listens)
        if level is Level.CHAT:
            head, opinions = _with_rules(material, settings, text[name], figures, (head, opinions))
        if level is Level.TURN:
            finished[task] = opinions
        heads.append(head)
        progress.advance()
    return heads


def _fit_text_stage(material: Material, name: HeadName, settings: Settings) -> _Text:
    """Fit the words of a head on everything, and out of fold; the tones of turns apart from them."""
    slots = TURN_SLOTS if name[0] is Level.TURN else CHAT_SLOTS
    scales = scales_of(slots, (settings.characters, settings.words, settings.lexicon), settings.around)
    design = text_design(material.rows, material.vectors, material.vocabulary, scales)
    strength = settings.turn_strength if name[0] is Level.TURN else settings.chat_strength
    words = _regress(material, name, design, strength, settings.balance)
    weights = _by_slot(words.coefficients, scales, material.vocabulary)
    tones = _tones(material) if name[0] is Level.TURN and settings.tones else None
    if tones is None:
        return _Text(TextStage(weights, words.intercept), words.decisions)
    apart = _regress(material, name, tones, TONE_STRENGTH, settings.balance)
    weights[Slot.OWN][material.vocabulary.grouped :] = _kept(settings.tones * apart.coefficients)
    intercept = words.intercept + settings.tones * apart.intercept
    return _Text(TextStage(weights, intercept), words.decisions + settings.tones * apart.decisions)


def _regress(material: Material, name: HeadName, design: sparse.csr_array, strength: float, balance: float) -> _Fitted:
    """Fit a head's labels by a design, on everything and out of fold."""
    level, _ = name
    labels = material.labels[name]
    weights = np.asarray(material.of_units(level, material.weights), dtype=np.float64)
    given = labels != UNLABELLED

    def fit(train: Flags) -> tuple[Floats, Floats]:
        use = train & given
        _need_two_kinds(name, labels[use])
        return fit_text(design[use], labels[use], weights[use], strength, balance)

    def predict(train: Flags, rest: Flags) -> Floats:
        coefficients, intercept = fit(train)
        return np.asarray(design[rest] @ coefficients) + intercept

    decisions = out_of_fold(np.asarray(material.of_units(level, material.folds)), predict, len(labels))
    return _Fitted(*fit(np.ones(len(labels), dtype=bool)), decisions)


def _need_two_kinds(name: HeadName, labels: Ints) -> None:
    kinds = np.unique(labels).tolist()
    if len(kinds) < 2:  # noqa: PLR2004 - nothing tells one kind apart
        told = ", ".join(LABELS[name[1]][kind] for kind in kinds) or "no label"
        raise ModelError(
            f"{name[1]} of {name[0]}s: only {told} among {len(labels)} labels to learn from, in a fold or in all; "
            "two kinds are needed"
        )


def _tones(material: Material) -> sparse.csr_array | None:
    """The tone of each customer turn; None where the groups have no numbers, or there are none."""
    columns = slice(material.vocabulary.grouped, len(material.vocabulary))
    return None if columns.start == columns.stop else material.vectors[material.rows.customers][:, columns]


def _by_slot(coefficients: Floats, scales: dict[Slot, Scale], vocabulary: Vocabulary) -> dict[Slot, Floats]:
    """Cut the coefficients of the design into those of slots, scales folded in."""
    weights: dict[Slot, Floats] = {}
    start = 0
    for slot, scale in scales.items():
        columns = column_scales(slot, scale, vocabulary)
        stop = start + len(columns)
        weights[slot] = _kept(columns[:, None] * coefficients[start:stop])
        start = stop
    return weights


def _kept(weights: Floats) -> Floats:
    """Round to what a file keeps."""
    return weights.astype(np.float16).astype(np.float64)


def _with_rules(
    material: Material, settings: Settings, text: _Text, figures: Figures, without: tuple[Head, Floats]
) -> tuple[Head, Floats]:
    """Return a chat's head that listens to rules as well, if that makes it better out of fold; else the one without.

    Better is a log loss that is less by more than the standard error of the difference: chance alone turns none on.
    """
    rules = learnable(material.hits)
    if not rules:
        return without
    head, before = without
    more = beside_each_other([figures, rule_figures(rules, material.hits)])
    found, after = _fit_head(material, head.name, settings, text, more, head.listens)
    labels = material.labels[head.name]
    (given,) = (labels != UNLABELLED).nonzero()
    old, new = (-np.log(np.maximum(said[given, labels[given]], 1e-12)) for said in (before, after))
    gain = old - new
    error = gain.std() / np.sqrt(len(given))
    return (found, after) if gain.mean() > error else without


def _fit_head(
    material: Material, name: HeadName, settings: Settings, text: _Text, figures: Figures, listens: tuple[Task, ...]
) -> tuple[Head, Floats]:
    """Fit blend and calibration; return the head and its out-of-fold probabilities of all units."""
    level, task = name
    labels = material.labels[name]
    weights = np.asarray(material.of_units(level, material.weights), dtype=np.float64)
    given = labels != UNLABELLED

    def fit(train: Flags) -> Blend:
        if not figures.names and not settings.reweigh:
            return as_it_is(text.stage.intercept)
        use = train & given
        some = replace(figures, values=figures.values[use])
        return fit_blend(text.decisions[use], some, labels[use], weights[use], settings.blend_strength)

    def predict(train: Flags, rest: Flags) -> Floats:
        blend = fit(train)
        some = replace(figures, values=figures.values[rest])
        return apply_blend(blend, text.decisions[rest], as_usual(blend, some).values)

    decisions = out_of_fold(np.asarray(material.of_units(level, material.folds)), predict, len(labels))
    calibration = fit_calibration(decisions[given], labels[given], weights[given])
    opinions = calibration.apply(decisions)
    head = Head(
        level=level,
        task=task,
        text=text.stage,
        blend=fit(np.ones(len(labels), dtype=bool)),
        listens=listens,
        calibration=calibration,
        decision=fit_decision(opinions[given], labels[given]),
        threshold=threshold_for(opinions[given], labels[given], settings.precision),
    )
    return head, opinions
