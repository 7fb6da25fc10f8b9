"""The key that signs form tokens, derived from the installation's secret."""

from __future__ import annotations

import secrets

from qa.config import Settings
from qa.errors import ConfigError
from qa.models.secret import SECRET_NAME, installation_secret, signature

_DISTINCT = 8  # different characters; 32 random hex digits have about 14 of 16


def web_key(settings: Settings) -> bytes:
    """Return the key, the same for every process of the installation, worth nothing for any other purpose.

    Raises ``ConfigError`` where there is no strong secret: none is made here, ``qa init`` does.
    """
    configured = settings.secret_key.get_secret_value() if settings.secret_key else None
    if configured is not None and len(set(configured)) < _DISTINCT:
        raise ConfigError("QA_SECRET_KEY is easy to guess: use random characters")
    if configured is None and not (settings.data_dir / SECRET_NAME).exists():
        raise ConfigError(
            f"there is no secret to sign with: run `qa init`, which makes {settings.data_dir / SECRET_NAME}, "
            "or set QA_SECRET_KEY to 32 random characters or more"
        )
    return signature(make_secret(settings), "forms of the workbench", b"").encode()


def make_secret(settings: Settings) -> bytes:
    """Return the installation's secret; the file is made if it is needed and absent."""
    configured = settings.secret_key.get_secret_value() if settings.secret_key else None
    return installation_secret(settings.data_dir, configured, secrets.token_bytes)
