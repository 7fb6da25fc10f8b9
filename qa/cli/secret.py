"""``qa secret``: the installation's secret, which signs forms and versions of the model."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from qa.cli.common import now, out, pass_settings
from qa.cli.owner import user
from qa.config import Settings
from qa.errors import ConfigError
from qa.models.rotation import Rotated, resign, rotate_file
from qa.store import audit
from qa.store.audit import Act
from qa.store.migrate import ensure_ready
from qa.store.session import opened, write_tx
from qa.web.keys import make_secret

_RAW = 32


@click.group("secret")
def command() -> None:
    """The installation's secret. It signs the forms of the workbench and the versions of the model, nothing else."""


@command.command("rotate")
@click.option(
    "--old-key-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Holds the secret until now, where QA_SECRET_KEY is the new one already.",
)
@pass_settings
def rotate_command(settings: Settings, old_key_file: Path | None) -> None:
    """Change the secret and sign the versions of the model with the new one, after checking them with the old.

    Where the secret is a file, a new one is made. With QA_SECRET_KEY: put the key until now into a file that only you
    can read, set the new one, and name the file; so too after a restore into an installation with another secret.
    Stop `qa serve` and the nights first. Nobody is logged out, but pages that are open must be loaded again. What was
    killed goes on when begun again.
    """
    if old_key_file is not None:
        done = resign(settings.data_dir, _key_of(old_key_file), make_secret(settings))
    elif settings.secret_key is not None:
        raise ConfigError("QA_SECRET_KEY is set: name a file with the key until now by --old-key-file")
    else:
        done = rotate_file(settings.data_dir, secrets.token_bytes)
    with opened(settings.database_url) as engine:
        ensure_ready(engine)
        with write_tx(engine) as connection:
            facts = {"old": done.old, "versions": done.versions, "acts": done.acts}
            audit.append(connection, Act(f"cli:{user()}", now()), "secret.rotate", f"secret:{done.new}", facts)
    _tell(done)


def _key_of(file: Path) -> bytes:
    """Return the key in a file: 32 bytes as in ``secret``, else the text of QA_SECRET_KEY."""
    content = file.read_bytes()
    return content if len(content) == _RAW else content.strip()


def _tell(done: Rotated) -> None:
    console = out()
    console.print(f"secret: {done.old} → {done.new}")
    console.print(f"signed anew: {done.versions} versions of the model, {done.acts} promotions and rollbacks")
    if done.before is not None:
        console.print(f"as it was before: {done.before}; remove it when `qa models verify` is content")
