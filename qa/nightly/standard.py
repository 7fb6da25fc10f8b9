"""The standard in force: the merchant's rule pack, or the house's, with the scorecard."""

from __future__ import annotations

from pathlib import Path

from qa.rules.inspector import Standard, load_scorecard
from qa.rules.pack import load_house, load_pack


def standard_for(pack: Path | None, scorecard: Path | None) -> Standard:
    """Return what chats are judged by; PackError names the place of any mistake in the files."""
    located = load_house() if pack is None else load_pack(pack)
    return Standard(pack=located.pack, scorecard=load_scorecard(scorecard))
