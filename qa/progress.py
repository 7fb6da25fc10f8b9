"""What a long task tells while it works; the command line draws it, tests ignore it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told by a long task how far it is."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage of ``total`` steps (None: unknown); the one before it has ended."""

    def advance(self, steps: int = 1) -> None:
        """Say that ``steps`` more steps of the stage are done."""


class Quiet:
    """Progress that nobody watches."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Ignore."""

    def advance(self, steps: int = 1) -> None:
        """Ignore."""
