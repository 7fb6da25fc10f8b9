"""What the commands on packs share: their arguments, and reading the pack that was meant."""

from __future__ import annotations

from pathlib import Path

import click

from qa.errors import PackError
from qa.rules.engine import compile_pack
from qa.rules.inspector import Standard, load_scorecard
from qa.rules.mistakes import nearest
from qa.rules.pack import PRESET, Located, load_house, load_pack, load_shipped, shipped_names

PACK = click.Path(path_type=Path, dir_okay=False)


def located_pack(pack: Path | None) -> Located:
    """Return the pack of a file or of a shipped pack's name, the house pack without one; a file of that name wins.

    PackError names the place of a mistake, or the shipped packs there are.
    """
    if pack is None:
        return load_house()
    name = str(pack)
    if pack.exists() or name.startswith(PRESET):
        return load_pack(pack)
    if name in shipped_names():
        return load_shipped(name)
    raise no_such_pack(name)


def no_such_pack(name: str, besides: str = "") -> PackError:
    """Return the error for a name that is neither a file nor a shipped pack, nor what is named besides."""
    return PackError(f"{name}: no such file, nor a shipped pack{besides}{nearest(name, shipped_names())}")


def is_at_hand(pack: str) -> bool:
    """Whether this names a file that is there, or a shipped pack."""
    return Path(pack).exists() or pack.startswith(PRESET) or pack in shipped_names()


def named_pack(pack: Path) -> Located:
    """Return the pack of a file or of a shipped pack's name, compiled so that every mistake is told with its place."""
    located = located_pack(pack)
    compile_pack(located, only=[rule.id for rule in located.pack.rules])
    return located


def judging_standard(pack: Path | None, scorecard: Path | None) -> Standard:
    """Return a pack (None: the house pack) with the scorecard, as chats are judged by them."""
    located = load_house() if pack is None else named_pack(pack)
    return Standard(pack=located.pack, scorecard=load_scorecard(scorecard))
