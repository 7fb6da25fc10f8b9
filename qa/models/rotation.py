"""A new secret: every version and every act is checked with the old one and signed with the new.

Done beside (``models.rotating``) and swapped in by renames, so a kill leaves the old registry or the new one:

1. ``secret.new`` is made (where the secret is a file), then ``models.rotating`` written and checked;
2. ``models`` becomes ``models.before-KEY``, ``models.rotating`` becomes ``models``;
3. ``secret.new`` becomes ``secret``.

Begun again after a kill it goes on where it was. What does not verify with the old secret is refused, and nothing done.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from qa.models.folder import locked, read_folder, write_folder
from qa.models.history import CURRENT_NAME, HISTORY_NAME, Act, History, read_history, record
from qa.models.manifest import MANIFEST_NAME, OUR_FILES, SIGNATURE_NAME, differs, sealed, unsealed
from qa.models.opinions import ModelError
from qa.models.registry import LOCK_NAME, MODELS_NAME, VERSION
from qa.models.secret import SECRET_NAME, installation_secret, key_name

_NEW_SECRET = "secret.new"  # noqa: S105 - the name of a file
_ROTATING = "models.rotating"


class Rotated(NamedTuple):
    """What was done: names of the secrets, versions and acts signed anew, and where the old registry lies."""

    old: str
    new: str
    versions: int
    acts: int
    before: Path | None


def rotate_file(data_dir: Path, random_bytes: Callable[[int], bytes]) -> Rotated:
    """Replace ``<data_dir>/secret`` by a new one and sign everything with it.

    Raises:
        ModelError: there is no secret file, or something does not verify with it.
    """
    if not (data_dir / SECRET_NAME).exists():
        raise ModelError(f"{data_dir / SECRET_NAME}: there is no secret file to replace")
    old = installation_secret(data_dir, None, random_bytes)
    new = _new_secret(data_dir, random_bytes)
    done = resign(data_dir, old, new)
    (data_dir / _NEW_SECRET).replace(data_dir / SECRET_NAME)
    _sync(data_dir)
    return done


def resign(data_dir: Path, old: bytes, new: bytes) -> Rotated:
    """Sign the registry of a data directory with ``new``; what is signed with it already stays.

    Raises:
        ModelError: something is signed with neither, or the two are the same.
    """
    if old == new:
        raise ModelError("the old secret and the new one are the same")
    folder, beside = data_dir / MODELS_NAME, data_dir / _ROTATING
    if not folder.exists() and beside.exists():  # killed between the two renames
        beside.rename(folder)
    if not folder.exists():
        return Rotated(key_name(old), key_name(new), 0, 0, None)
    before = data_dir / f"{MODELS_NAME}.before-{key_name(new)}"
    with locked(folder / LOCK_NAME):
        if before.exists():  # the swap is done
            return Rotated(key_name(old), key_name(new), *_counted(folder, new), before)
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        counted = _sign_all(folder, beside, old, new)
        _sync(beside)
        folder.rename(before)
        beside.rename(folder)
        _sync(data_dir)
    return Rotated(key_name(old), key_name(new), *counted, before)


def _new_secret(data_dir: Path, random_bytes: Callable[[int], bytes]) -> bytes:
    """Return the secret to be, which outlives a kill."""
    place = data_dir / "new-secret"
    file = data_dir / _NEW_SECRET
    if not file.exists():
        place.mkdir(mode=0o700, exist_ok=True)
        installation_secret(place, None, random_bytes)
        (place / SECRET_NAME).replace(file)
        place.rmdir()
        _sync(data_dir)
    return file.read_bytes()


def _sign_all(folder: Path, beside: Path, old: bytes, new: bytes) -> tuple[int, int]:
    versions = sorted(path.name for path in folder.iterdir() if VERSION.fullmatch(path.name))
    for version in versions:
        write_folder(beside, _sign_version(folder / version, version, old, new), version, f".unfinished-{version}")
    acts = _sign_acts(folder, beside, old, new)
    return len(versions), acts


def _sign_version(place: Path, version: str, old: bytes, new: bytes) -> dict[str, bytes]:
    """Return the files of a version with the new signature, once every one of them was checked with the old."""
    label = f"{MODELS_NAME}/{version}"
    found, problems = read_folder(place, label)
    if problems:
        raise ModelError("; ".join(map(str, problems)))
    if any(name not in found for name in OUR_FILES):
        raise ModelError(f"{label}: is not signed")
    try:
        manifest = unsealed(found[MANIFEST_NAME], found[SIGNATURE_NAME], version, old)
    except ModelError as error:
        raise ModelError(f"{label}/{error}") from None
    files = {name: content for name, content in found.items() if name not in OUR_FILES}
    if files.keys() != manifest.files.keys():
        raise ModelError(f"{label}: its files are not those of {MANIFEST_NAME}")
    for name, content in files.items():
        wrong = differs(manifest.files[name], content)
        if wrong:
            raise ModelError(f"{label}/{name}: {wrong}")
    return {**files, **sealed(version, files, new)}


def _sign_acts(folder: Path, beside: Path, old: bytes, new: bytes) -> int:
    if not any((folder / name).exists() for name in (CURRENT_NAME, HISTORY_NAME)):
        return 0
    done = History()
    for act in read_history(folder, old).acts:
        done = record(beside, done, _chained(act, done), new)
    return len(done.acts)


def _chained(act: Act, done: History) -> Act:
    """Return the act behind the lines as they are now: these have other hashes."""
    return msgspec.structs.replace(act, previous=done.head)


def _counted(folder: Path, secret: bytes) -> tuple[int, int]:
    acts = read_history(folder, secret).acts if (folder / CURRENT_NAME).exists() else ()
    return sum(bool(VERSION.fullmatch(path.name)) for path in folder.iterdir()), len(acts)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
