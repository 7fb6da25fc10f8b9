"""A registry to try things on: a model that is a few bytes, a card, a secret, and an installation that stands still."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from qa.models.card import Bin, Card, DataReport, Environment, Figure, HeadReport
from qa.models.opinions import ModelError
from qa.models.registry import By, Registry, Shipped

SECRET = bytes(range(32))
OTHER_SECRET = bytes(range(32, 64))
DAY = "2026-11-21"
NOW = 1_795_219_200_000_000
"""2026-11-21T08:00 in Shanghai."""
LEAD = By("lead", NOW)
HERE = Environment(
    libraries={"jieba": "0.42.1", "numpy": "2.4.6", "python": "3.11.9", "scikit-learn": "1.9.1", "scipy": "1.17.1"},
    dictionary="d" * 64,
    qa="0.1.0",
)
FILES = {
    "model.json": b'{"heads": ["turn sentiment"], "bias": [0.25, -1.5]}',
    "heads.npz": bytes(range(256)) * 3,
    "words.txt": "退款\n物流\n".encode(),
}


class FakeModel:
    """A model that takes any files with a readable ``model.json``, and keeps note of what it was given."""

    given: list[Mapping[str, bytes]] = []  # noqa: RUF012 - shared on purpose: did anything arrive at all?

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.kept = dict(files)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> FakeModel:
        cls.given.append(files)
        try:
            json.loads(files["model.json"])
        except (KeyError, ValueError) as error:
            raise ModelError(f"model.json: is unfit: {error}") from None
        return cls(files)


def report(macro_f1: float = 0.7, *, half: float = 0.03, ece: float = 0.02) -> HeadReport:
    figures = {
        "macro_f1": Figure(macro_f1, macro_f1 - half, macro_f1 + half),
        "ece": Figure(ece, ece / 2, ece * 2),
        "spearman": Figure(None),
    }
    bins = (Bin(0.3, 0.6, 40, 0.5, 0.475), Bin(0.6, 1.0, 0, None, None))
    return HeadReport(n=400, figures=figures, reliability=bins)


def card(macro_f1: float = 0.7, **changes: Any) -> Card:
    labels = {"turn sentiment": {"negative": 3, "neutral": 5, "positive": 2}}
    made = Card(
        name="",
        created_at=NOW,
        created_by="lead",
        parent=None,
        data=DataReport(fingerprint="f" * 64, chats=1_260, labels=labels, sources=("wuliu.txt",)),
        settings={"C": 0.5, "ngrams": [1, 2]},
        measured="5-fold cross-validation by chat",
        metrics={"turn sentiment": report(macro_f1)},
        environment=HERE,
    )
    return msgspec.structs.replace(made, **changes)


def registry(folder: Path, *, secret: bytes = SECRET, here: Environment = HERE, ship: bool = True) -> Registry:
    return Registry(folder, lambda: secret, shipped(folder) if ship else None, lambda: here)


def shipped(folder: Path, its: Card | None = None) -> Shipped:
    """A shipped model in a folder beside the data directory, made when first asked for."""
    from qa.models.card import encode_card
    from qa.models.manifest import entry_of

    contents = {"model.json": b'{"shipped": true}', "card.json": encode_card(its or card(0.69, name="shipped"))}
    place = folder.parent / f"{folder.name}-shipped"
    if not place.exists():
        place.mkdir()
        for name, content in contents.items():
            (place / name).write_bytes(content)
    return Shipped(place, {name: entry_of(content).sha256 for name, content in contents.items()})


def put(file: Path, content: bytes) -> None:
    """Overwrite a file of a version as somebody who may do anything would."""
    file.unlink(missing_ok=True)
    file.write_bytes(content)
