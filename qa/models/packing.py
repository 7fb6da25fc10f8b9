"""A model as files and back: JSON for what is said, npy arrays in a zip for what is counted. Nothing executable."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from qa.errors import QaError
from qa.models.calibrate import Calibration
from qa.models.features import Slot
from qa.models.heads import LABEL_COUNT, Blend, Head, TextStage, counted
from qa.models.lexicon import LEXICON_NAME, Lexicon, parse_lexicon
from qa.models.opinions import HEADS, LABELS, Level, ModelError, Task
from qa.models.settings import Settings
from qa.models.vocabulary import Vocabulary
from qa.tokens import parse_userdict

FORMAT = 3
"""Raised whenever an older program could no longer read the files, or would read them wrongly."""
READ = (2, FORMAT)
"""Formats that are read here. 2: no tones, and no figures of rules."""
MODEL, WEIGHTS, VOCABULARY, DICTIONARY = "model.json", "weights.npz", "vocabulary.txt", "userdict.txt"
FILES = (MODEL, WEIGHTS, VOCABULARY, DICTIONARY, LEXICON_NAME)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold: bytes must not depend on the day
_LARGEST = 1 << 28


class _HeadFile(msgspec.Struct, forbid_unknown_fields=True):
    level: Level
    task: Task
    labels: list[str]
    slots: list[Slot]
    figures: list[str]
    usual: list[float]
    listens: list[Task]
    text_intercept: list[float | None]
    intercept: list[float | None]
    slope: float
    offsets: list[float]
    decision: list[float]
    threshold: float


class _ModelFile(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    settings: Settings
    features: int
    chars: int
    heads: list[_HeadFile]


def pack(settings: Settings, vocabulary: Vocabulary, heads: Sequence[Head], dictionary: str) -> dict[str, bytes]:
    """Return the files of a model; the one of groups is empty where it knows none."""
    described = _ModelFile(FORMAT, settings, vocabulary.words, vocabulary.chars, [_described(head) for head in heads])
    arrays: dict[str, npt.NDArray[Any]] = {"keys": vocabulary.keys}
    for head in heads:
        name = f"{head.level}-{head.task}"
        arrays[f"{name}-decisions"] = head.blend.decisions
        arrays[f"{name}-figures"] = head.blend.figures
        for slot, weights in head.text.weights.items():
            arrays[f"{name}-{slot.name.lower()}"] = weights.astype(np.float16)
    return {
        MODEL: msgspec.json.format(msgspec.json.encode(described), indent=1),
        WEIGHTS: _zipped(arrays),
        VOCABULARY: "".join(f"{name}\n" for name in vocabulary.names[: vocabulary.words]).encode(),
        DICTIONARY: dictionary.encode(),
        LEXICON_NAME: vocabulary.lexicon.text.encode() if vocabulary.lexicon else b"",
    }


def unpack(files: Mapping[str, bytes]) -> tuple[Settings, Vocabulary, list[Head], str]:
    """Return what ``pack`` was given; raises ``ModelError`` on anything missing, malformed or of the wrong shape."""
    missing = [name for name in FILES if name not in files]
    if missing:
        raise ModelError(f"the model lacks {', '.join(missing)}")
    try:
        described = msgspec.json.decode(files[MODEL], type=_ModelFile)
        names = files[VOCABULARY].decode().split("\n")[:-1]
        dictionary = files[DICTIONARY].decode()
        arrays = _unzipped(files[WEIGHTS])
        parse_userdict(dictionary, DICTIONARY)
        lexicon = files[LEXICON_NAME].decode()
        vocabulary = _vocabulary(described, names, arrays, parse_lexicon(lexicon) if lexicon else None)
        heads = [_head(head, vocabulary, arrays) for head in described.heads]
    except QaError as error:
        raise ModelError(f"unfit model: {error}") from None
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ModelError(f"unfit model: {type(error).__name__}: {error}") from None
    _check_heads(described)
    return described.settings, vocabulary, heads, dictionary


def _described(head: Head) -> _HeadFile:
    return _HeadFile(
        level=head.level,
        task=head.task,
        labels=list(LABELS[head.task]),
        slots=list(head.text.weights),
        figures=list(head.blend.names),
        usual=head.blend.usual.tolist(),
        listens=list(head.listens),
        text_intercept=_nullable(head.text.intercept),
        intercept=_nullable(head.blend.intercept),
        slope=head.calibration.slope,
        offsets=list(head.calibration.offsets),
        decision=list(head.decision),
        threshold=head.threshold,
    )


def _nullable(values: npt.NDArray[np.float64]) -> list[float | None]:
    """JSON knows no -inf: a label that was never seen has no intercept."""
    return [float(value) if np.isfinite(value) else None for value in values]


def _finite(values: Sequence[float | None]) -> npt.NDArray[np.float64]:
    if len(values) != LABEL_COUNT:
        raise ModelError(f"{len(values)} intercepts for {LABEL_COUNT} labels")
    return np.array([-np.inf if value is None else value for value in values])


def _check_heads(described: _ModelFile) -> None:
    if described.format not in READ:
        known = " and ".join(map(str, READ))
        raise ModelError(f"unfit model: files of format {described.format}, this program reads {known}")
    names = [(head.level, head.task) for head in described.heads]
    if len(set(names)) != len(names) or not set(names) <= set(HEADS) or not names:
        raise ModelError(f"unfit model: heads {', '.join(f'{level} {task}' for level, task in names) or 'none'}")
    turns = {task for level, task in names if level is Level.TURN}
    for head in described.heads:
        if not set(head.listens) <= turns:
            raise ModelError(f"unfit model: {head.level} {head.task} listens to a head that is not there")


def _vocabulary(
    described: _ModelFile, names: Sequence[str], arrays: Mapping[str, npt.NDArray[Any]], lexicon: Lexicon | None
) -> Vocabulary:
    keys = arrays["keys"]
    if keys.dtype != np.uint64 or keys.shape != (described.features,) or len(names) != described.features:
        raise ModelError("the vocabulary and its keys differ in length")
    if not 0 <= described.chars <= described.features or len(np.unique(keys)) != len(keys):
        raise ModelError("the vocabulary is malformed")
    return Vocabulary.of(keys, names, described.chars, lexicon, whole=described.settings.whole)


def _head(head: _HeadFile, vocabulary: Vocabulary, arrays: Mapping[str, npt.NDArray[Any]]) -> Head:
    if tuple(head.labels) != LABELS[head.task]:
        raise ModelError(f"{head.task} has labels {head.labels}")
    name = f"{head.level}-{head.task}"
    weights = {}
    for slot in head.slots:
        span = counted(slot, vocabulary)
        weights[slot] = _array(arrays, f"{name}-{slot.name.lower()}", (span.stop - span.start, LABEL_COUNT))
    blend = Blend(
        names=tuple(head.figures),
        usual=np.array(head.usual, dtype=np.float64),
        decisions=_array(arrays, f"{name}-decisions", (LABEL_COUNT, LABEL_COUNT)),
        figures=_array(arrays, f"{name}-figures", (len(head.figures), LABEL_COUNT)),
        intercept=_finite(head.intercept),
    )
    if len(head.usual) != len(head.figures):
        raise ModelError(f"{name}: {len(head.usual)} usual values of {len(head.figures)} figures")
    if len(head.offsets) != LABEL_COUNT or len(head.decision) != LABEL_COUNT:
        raise ModelError(f"{name}: calibration is not for {LABEL_COUNT} labels")
    return Head(
        level=head.level,
        task=head.task,
        text=TextStage(weights, _finite(head.text_intercept)),
        blend=blend,
        listens=tuple(head.listens),
        calibration=Calibration(head.slope, tuple(head.offsets)),
        decision=tuple(head.decision),
        threshold=head.threshold,
    )


def _array(arrays: Mapping[str, npt.NDArray[Any]], name: str, shape: tuple[int, int]) -> npt.NDArray[np.float64]:
    found = arrays[name]
    if found.shape != shape or found.dtype not in (np.float16, np.float64) or not np.isfinite(found).all():
        raise ModelError(f"{name} is not {shape[0]} × {shape[1]} finite numbers")
    return found.astype(np.float64)


def _zipped(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Return an .npz whose bytes depend on the arrays alone (``np.savez`` writes the time of day)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, values in arrays.items():
            one = io.BytesIO()
            np.lib.format.write_array(one, np.ascontiguousarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), one.getvalue(), zipfile.ZIP_DEFLATED, 6)
    return out.getvalue()


def _unzipped(data: bytes) -> dict[str, npt.NDArray[Any]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(info.file_size for info in archive.infolist()) > _LARGEST:
            raise ModelError(f"weights of more than {_LARGEST >> 20} MB")
    with np.load(io.BytesIO(data), allow_pickle=False) as loaded:
        return {name: loaded[name] for name in loaded.files}
