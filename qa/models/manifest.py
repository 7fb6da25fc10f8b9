"""The manifest of a version: its name, and size and SHA-256 of every file, signed by this installation."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from qa.models.opinions import ModelError
from qa.models.secret import is_signed, key_name, signature

MANIFEST_NAME = "manifest.json"
SIGNATURE_NAME = "manifest.hmac"
MANIFEST_SCHEMA = 1

OUR_FILES = (MANIFEST_NAME, SIGNATURE_NAME)
"""The two files of a version that the manifest does not list."""

_PURPOSE = "model manifest"
_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*")
_LONGEST_NAME = 80


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: its size in bytes and the SHA-256 of its content in hex."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a version consists of. ``key`` names the secret that signed it (``secret.key_name``)."""

    version: str
    files: dict[str, Entry]
    key: str
    schema: int = MANIFEST_SCHEMA


def entry_of(content: bytes) -> Entry:
    """Return size and SHA-256.

    >>> entry_of(b"").sha256[:8]
    'e3b0c442'
    """
    return Entry(size=len(content), sha256=hashlib.sha256(content).hexdigest())


def sealed(version: str, files: Mapping[str, bytes], secret: bytes) -> Mapping[str, bytes]:
    """Return the two files to add: the manifest and its signature; ``ModelError`` for a name no file may have."""
    for name in files:
        if not _FILE_NAME.fullmatch(name) or len(name) > _LONGEST_NAME or name in OUR_FILES:
            raise ModelError(f"{name!r} cannot be the name of a model's file")
    entries = {name: entry_of(content) for name, content in sorted(files.items())}
    content = _encoded(Manifest(version=version, files=entries, key=key_name(secret)))
    return MappingProxyType(
        {MANIFEST_NAME: content, SIGNATURE_NAME: signature(secret, _PURPOSE, content).encode() + b"\n"}
    )


def unsealed(content: bytes, signed: bytes, version: str, secret: bytes) -> Manifest:
    """Return the manifest of ``version`` whose signature is ``signed``; nothing of it is read before that is checked.

    ``ModelError`` names the file and says why it cannot be trusted.
    """
    claimed = signed.removesuffix(b"\n").decode("latin-1")
    if not signed.endswith(b"\n") or not re.fullmatch("[0-9a-f]{64}", claimed):
        raise ModelError(f"{SIGNATURE_NAME}: is damaged: it holds no signature")
    if not is_signed(secret, _PURPOSE, content, claimed):
        raise ModelError(f"{MANIFEST_NAME}: does not match its signature: {_whose(content, secret)}")
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"{MANIFEST_NAME}: is none of ours: {error}") from None
    if manifest.schema != MANIFEST_SCHEMA:
        raise ModelError(f"{MANIFEST_NAME}: is of schema {manifest.schema}; this program reads {MANIFEST_SCHEMA}")
    if manifest.version != version:
        raise ModelError(
            f"{MANIFEST_NAME}: is that of version {manifest.version!r}: versions are not renamed or copied"
        )
    return manifest


def differs(expected: Entry, content: bytes) -> str | None:
    """Return how a file's content is not what its manifest says; None where it is."""
    found = entry_of(content)
    if found.size != expected.size:
        return f"has {found.size:,} bytes instead of {expected.size:,}"
    return None if found == expected else f"was changed: its SHA-256 is not that of {MANIFEST_NAME}"


def _whose(content: bytes, secret: bytes) -> str:
    """Say, for the message alone, whether the manifest at least claims to be signed by us."""
    claimed = re.search(rb'"key": "([0-9a-f]{8})"', content)
    key = claimed[1].decode() if claimed else None
    if key is None or key == key_name(secret):
        return "one of the two was changed"
    return f"it was signed with the secret {key} of another installation (ours is {key_name(secret)}), or was changed"


def _encoded(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1) + b"\n"
