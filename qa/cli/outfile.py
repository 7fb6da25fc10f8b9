"""Files that commands write their results to: a place that cannot be written is told before the work, not after it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from qa.errors import QaError


class OutFile(click.Path):
    """A file to write, in a folder that is there; ``-`` is for the command to understand."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path; a usage error for a folder, and for a file in a folder that is not there."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not path.parent.is_dir():
            self.fail(f"{path}: cannot be written: there is no folder {path.parent}", param, ctx)
        return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all; into what is no plain file (a pipe) just write.

    Raises ``QaError`` naming the file and why it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        unfinished = path.with_name(path.name + ".part")
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as problem:
        raise QaError(f"{path}: cannot be written: {os.strerror(problem.errno or 0)}") from None
