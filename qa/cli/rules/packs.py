"""What the commands on packs share: their arguments, and reading the pack that was meant."""

from __future__ import annotations

from pathlib import Path

import click

from qa.errors import PackError
from qa.rules.engine import compile_pack
from qa.rules.inspector import Standard, load_scorecard
from qa.rules.pack import Located, load_house, load_pack

PACK = click.Path(path_type=Path, dir_okay=False)
HOUSE = "house"
"""Stands for the house pack where a command wants a file; a file of that name wins."""


def located_pack(pack: Path | None) -> Located:
    """Return the pack of a file, the house pack without one; PackError names the place of a mistake."""
    return load_house() if pack is None else load_pack(pack)


def named_pack(pack: Path) -> Located:
    """Return the pack of a file, or of the word house, compiled once so that every mistake is told with its place."""
    house = str(pack) == HOUSE and not pack.exists()
    if not house and not pack.exists():
        raise PackError(f"{pack}: no such file (the house pack is called {HOUSE})")
    located = located_pack(None if house else pack)
    compile_pack(located)
    return located


def judging_standard(pack: Path | None, scorecard: Path | None) -> Standard:
    """Return a pack (None: the house pack) with the scorecard, as chats are judged by them."""
    located = load_house() if pack is None else named_pack(pack)
    return Standard(pack=located.pack, scorecard=load_scorecard(scorecard))
