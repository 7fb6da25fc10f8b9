"""The model of a night: which version gives opinions, how each process loads it.

The process that runs the night has the version checked by the registry and tells the others the hash of every file, so
none of them needs the installation's secret, and none reads a file that was changed since.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

from qa.models.model import Model
from qa.models.opinions import ModelError
from qa.models.registry import Registry

CURRENT, OFF = "current", "off"


class ModelRef(NamedTuple):
    """A checked version: where its files are, and the SHA-256 of each."""

    version: str
    folder: str
    files: tuple[tuple[str, str], ...]


class Choice(NamedTuple):
    """The model of a run, or why there is none although there should be one."""

    ref: ModelRef | None
    refused: str | None = None


class Models(Protocol):
    """Where a night finds its model."""

    def chosen(self) -> Choice:
        """Return the model that judges new runs."""

    def again(self, version: str) -> Choice:
        """Return the model that a run began with."""


class NoModels:
    """Rules only."""

    def chosen(self) -> Choice:
        """Return none."""
        return Choice(None)

    def again(self, version: str) -> Choice:
        """Return none, and say that the run had one."""
        return Choice(None, f"{version}: models are switched off")


class RegistryModels:
    """The models of an installation: the current one, or (``wanted``) one version for all."""

    def __init__(self, registry: Registry, wanted: str = CURRENT) -> None:
        self._registry, self._wanted = registry, wanted

    def chosen(self) -> Choice:
        """Return the model that judges new runs; a version that cannot be trusted is refused, with the reason."""
        return self._find(None if self._wanted == CURRENT else self._wanted)

    def again(self, version: str) -> Choice:
        """Return the model that a run began with, whatever is current now."""
        return self._find(version)

    def _find(self, version: str | None) -> Choice:
        try:
            stored = self._registry.read(version)
        except ModelError as problem:
            return Choice(None, str(problem))
        files = tuple((name, hashlib.sha256(content).hexdigest()) for name, content in sorted(stored.files.items()))
        return Choice(ModelRef(stored.version, str(self._registry.place(stored.version)), files))


@lru_cache(maxsize=2)
def load(ref: ModelRef) -> Model:
    """Return the model of a checked version; ModelError where a file is not the one that was checked.

    The nights of one process share it: the hashes in ``ref`` say that it is the same.
    """
    contents = {}
    for name, expected in ref.files:
        contents[name] = (Path(ref.folder) / name).read_bytes()
        if hashlib.sha256(contents[name]).hexdigest() != expected:
            raise ModelError(f"{ref.version}/{name}: was changed while the night ran")
    return Model.from_files(contents)
