"""The installation's secret, and the signatures made with it.

The secret is ``secret_key`` of the settings (``QA_SECRET_KEY``) or else 32 random bytes in ``<data_dir>/secret``, made
when first needed. Whoever has it can sign models that this installation trusts, so a file that others can read is
refused.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from qa.models.opinions import ModelError

SECRET_NAME = "secret"  # noqa: S105 - the name of the file
SECRET_BYTES = 32
SHORTEST_KEY = 32
"""Characters of ``secret_key``, as in ``qa.config``."""

_OTHERS = 0o077


def installation_secret(data_dir: Path, configured: str | None, random_bytes: Callable[[int], bytes]) -> bytes:
    """Return the configured key as UTF-8, else the content of ``<data_dir>/secret``, which is made if absent.

    Raises ``ModelError`` for a key that is too short, and for a file that is no plain file of 32 bytes, belongs to
    somebody else, or can be read or written by others.
    """
    if configured is not None:
        if len(configured) < SHORTEST_KEY:
            raise ModelError(f"secret_key: is too short: {SHORTEST_KEY} characters or more")
        return configured.encode()
    file = data_dir / SECRET_NAME
    try:
        if not os.path.lexists(file):
            _make(file, random_bytes(SECRET_BYTES))
        return _read(file)
    except OSError as error:
        raise ModelError(f"{file}: {error.strerror}; make it readable, or set QA_SECRET_KEY") from None


def signature(secret: bytes, purpose: str, content: bytes) -> str:
    """Return the HMAC-SHA256 in hex of ``content``; what is signed for one purpose is worth nothing for another.

    >>> signature(b"k" * 32, "manifest", b"") == signature(b"k" * 32, "act", b"")
    False
    """
    return hmac.new(secret, b"zhijian " + purpose.encode() + b"\0" + content, hashlib.sha256).hexdigest()


def is_signed(secret: bytes, purpose: str, content: bytes, claimed: str) -> bool:
    """Whether ``claimed`` is the signature of ``content``, compared in constant time."""
    return hmac.compare_digest(signature(secret, purpose, content).encode(), claimed.encode())


def key_name(secret: bytes) -> str:
    """Return eight hex digits that tell one secret from another without telling anything about either."""
    return signature(secret, "name of the key", b"")[:8]


def _make(file: Path, content: bytes) -> None:
    """Put the file there whole or not at all; where two processes do so at once, one of them wins and both go on.

    ``mkstemp`` creates with O_EXCL and mode 0600; ``link`` refuses a name that is taken.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(prefix=".secret-", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(unfinished, file)
    except FileExistsError:
        pass
    finally:
        os.unlink(unfinished)  # noqa: PTH108 - a name, as mkstemp gave it


def _read(file: Path) -> bytes:
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        os.close(handle)
        raise ModelError(f"{file}: is no plain file")
    with os.fdopen(handle, "rb") as stream:
        if about.st_uid not in (os.geteuid(), 0):
            raise ModelError(f"{file}: belongs to another user (uid {about.st_uid})")
        if about.st_mode & _OTHERS:
            mode = f"{stat.S_IMODE(about.st_mode):04o}"
            raise ModelError(f"{file}: others can reach it (mode {mode}); if nobody did: chmod 600 {file}")
        content = stream.read(SECRET_BYTES + 1)
    if len(content) != SECRET_BYTES:
        raise ModelError(f"{file}: is damaged: a secret has {SECRET_BYTES} bytes")
    return content
