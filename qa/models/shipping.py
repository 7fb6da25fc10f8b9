"""The model that comes with the program: its files, and what they must be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from qa.models.card import CARD_NAME, Card, encode_card
from qa.models.history import SHIPPED
from qa.models.manifest import entry_of
from qa.models.registry import Shipped

SHIPPED_FOLDER = Path(__file__).with_name(SHIPPED)

SHIPPED_SHA256: Mapping[str, str] = MappingProxyType(
    {
        "card.json": "dc598ab87fe2377033a07ccb5cb4a67776a52492e26f543570e0599b7e21c0ce",
        "lexicon.txt": "6f105d80654929cd71299eb8137f7826d248fa78205725ea4670961ee56f20f0",
        "model.json": "4c2550ea6077c43f97e667fe861e2da499dd3a203f55877aeed208e2c1bd519a",
        "reference.json": "b20dd76353bd7bc5510b521b813d0e25dfd126a55b7b820fda92f6f8dad1c1db",
        "userdict.txt": "d0d6504ce2e454299cca839bf040adfc957afa859f996f91a4208cc8c37cc75e",
        "vocabulary.txt": "a271143a66ee43cf455b18700a90abb9b88c3357a4d3aa600e952221b854952e",
        "weights.npz": "6676c60d3e2c36ba37b050c82d1c5a8ff0aa34b7b7eaa1b8cfbe22de165d9b30",
    }
)
"""SHA-256 of each file in ``SHIPPED_FOLDER``; empty: no model comes with this program."""

SHIPPED_MODEL = Shipped(SHIPPED_FOLDER, SHIPPED_SHA256) if SHIPPED_SHA256 else None


def packed(files: Mapping[str, bytes], card: Card) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the files to ship, card among them, and the SHA-256 of each."""
    mine = msgspec.structs.replace(card, name=SHIPPED, parent=None)
    contents = {**files, CARD_NAME: encode_card(mine)}
    return contents, {name: entry_of(content).sha256 for name, content in sorted(contents.items())}
