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
        "card.json": "816158d6357733c497a1b49590c8df8432d50e6c5a8f2afe567df178bf12c92b",
        "model.json": "9b92a83d190a24365f8688f3bcd87c695c9af53bc32f0edb69b49fd9c5aa0e09",
        "reference.json": "45d1708720e897382b493e10824d8a9256bde3e25eb425d666a3482062f0e333",
        "userdict.txt": "d0d6504ce2e454299cca839bf040adfc957afa859f996f91a4208cc8c37cc75e",
        "vocabulary.txt": "a271143a66ee43cf455b18700a90abb9b88c3357a4d3aa600e952221b854952e",
        "weights.npz": "83afe78afc98e0b972276d4f6ae7ccd5394206d8b27cb844c74e6c5114112f27",
    }
)
"""SHA-256 of each file in ``SHIPPED_FOLDER``; empty: no model comes with this program."""

SHIPPED_MODEL = Shipped(SHIPPED_FOLDER, SHIPPED_SHA256) if SHIPPED_SHA256 else None


def packed(files: Mapping[str, bytes], card: Card) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the files to ship, card among them, and the SHA-256 of each."""
    mine = msgspec.structs.replace(card, name=SHIPPED, parent=None)
    contents = {**files, CARD_NAME: encode_card(mine)}
    return contents, {name: entry_of(content).sha256 for name, content in sorted(contents.items())}
