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
        "card.json": "15a1864809a341a72eb10ca8078966bd74be1ae80361d2e6d0f576cf21f2fd78",
        "lexicon.txt": "49b645a78fe581a149ade43a458c4db7739472cdf0422d3916b863ba8bc92251",
        "model.json": "fa5d8c831f906e5330f219fe1ce4e49ef4f4cc2e24fdde2373ed343c10a8267f",
        "reference.json": "01956574a459af2da301137dc7e50d64d1ddfa8fd0259c0b6b9b733f807487e8",
        "userdict.txt": "d0d6504ce2e454299cca839bf040adfc957afa859f996f91a4208cc8c37cc75e",
        "vocabulary.txt": "a271143a66ee43cf455b18700a90abb9b88c3357a4d3aa600e952221b854952e",
        "weights.npz": "2857902b972c27314cd4570b78520a3fc47ed0708f210db0c1cc164de8f7b63d",
    }
)
"""SHA-256 of each file in ``SHIPPED_FOLDER``; empty: no model comes with this program."""

SHIPPED_MODEL = Shipped(SHIPPED_FOLDER, SHIPPED_SHA256) if SHIPPED_SHA256 else None


def packed(files: Mapping[str, bytes], card: Card) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the files to ship, card among them, and the SHA-256 of each."""
    mine = msgspec.structs.replace(card, name=SHIPPED, parent=None)
    contents = {**files, CARD_NAME: encode_card(mine)}
    return contents, {name: entry_of(content).sha256 for name, content in sorted(contents.items())}
