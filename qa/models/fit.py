"""A candidate from labelled files: fitted on all of them, measured by cross-validation, described by its card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from qa.models.card import Card, DataReport, fingerprint, here
from qa.models.drift import REFERENCE_NAME, build_reference, customer_words
from qa.models.fitting import fit_model
from qa.models.labelled import LabelledChat, counts, read_labelled
from qa.models.model import Model
from qa.models.opinions import ModelError
from qa.models.report import MEASURED, cross_validated
from qa.progress import Progress
from qa.tokens import cutter
from qa.types import Instant

TRAINING_DATA = Path(__file__).resolve().parents[2] / "training_data"
"""Beside the package: the chats we wrote, and the words of the domain."""

DICTIONARY_NAME = "userdict.txt"


Told = Callable[[Sequence[LabelledChat]], Sequence[LabelledChat]]
"""Gives labelled chats back with what rules find in them."""


class Candidate(NamedTuple):
    """What the registry takes: the model's files, and a card whose name and parent it fills in."""

    files: dict[str, bytes]
    card: Card


def authored_data() -> tuple[Path, ...]:
    """Return the folder of the chats we wrote; ``ModelError`` where only the package was installed."""
    folder = TRAINING_DATA / "chats"
    if not folder.is_dir():
        raise ModelError(f"{folder}: the authored chats are not there; name labelled files")
    return (folder,)


def domain_words() -> str:
    """Return the text of the domain's dictionary, empty where there is none."""
    file = TRAINING_DATA / DICTIONARY_NAME
    return file.read_text("utf-8") if file.is_file() else ""


def fit_candidate(
    paths: Sequence[Path], by: str, at: Instant, progress: Progress, told: Told | None = None
) -> Candidate:
    """Read labelled files and return the candidate they make; ``told`` puts in what rules find in the chats.

    Raises ``ModelError`` naming file and line of a mistake, or why nothing can be learnt from them.
    """
    chats = read_labelled(paths)
    return candidate_of(told(chats) if told else chats, tuple(path.name for path in paths), by, at, progress)


def candidate_of(
    chats: Sequence[LabelledChat], sources: tuple[str, ...], by: str, at: Instant, progress: Progress
) -> Candidate:
    """Return the candidate that labelled chats make."""
    words = domain_words()
    with threadpool_limits(1):  # matrices are small: more threads than one only wait for each other, up to ten times
        metrics, thoughts = cross_validated(chats, words, progress)
        model = fit_model(chats, words, progress=progress)
    cut = cutter(words)
    reference = build_reference(thoughts, (customer_words(chat.chat, cut) for chat in chats))
    data = DataReport(fingerprint=fingerprint(chats), chats=len(chats), labels=counts(chats), sources=sources)
    card = Card(
        name="",
        created_at=at,
        created_by=by,
        parent=None,
        data=data,
        settings=model.settings | {"listens_to": listens_to(model)},
        measured=MEASURED,
        metrics=metrics,
        environment=here(),
    )
    return Candidate(model.files() | {REFERENCE_NAME: msgspec.json.encode(reference, order="sorted")}, card)


def listens_to(model: Model) -> dict[str, list[str]]:
    """Return by ``level task`` the rules whose findings a head listens to; heads that listen to none are left out."""
    return {" ".join(name): list(head.rules) for name, head in model.heads.items() if head.rules}
