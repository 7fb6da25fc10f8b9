"""``qa backup`` and ``qa restore``: an installation in one file, and back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from qa.backups import Manifest, restore, write_backup
from qa.cli.common import err, now, out, pass_settings, progress
from qa.cli.owner import user
from qa.config import Settings
from qa.errors import ConfigError
from qa.models.secret import SECRET_NAME, installation_secret, key_name
from qa.store.audit import Act
from qa.store.migrate import require_ready
from qa.store.session import describe, opened
from qa.types import MICROSECONDS


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--with-secret", is_flag=True, help="Put the secret into it too: who has the file can then sign.")
@pass_settings
def backup_command(settings: Settings, file: Path, with_secret: bool) -> None:
    """Write everything into one file while others work: all tables as they are at one moment, models, kept backtests.

    The same file restores into SQLite and PostgreSQL. It holds chats as they were written, so keep it like the
    database; only its owner can read it. Not in it: sessions, settings and rule packs (your own files), and the secret
    unless asked for.
    """
    secret = _secret(settings)
    if with_secret and (settings.secret_key is not None or secret is None):
        raise ConfigError(
            "--with-secret: "
            + (
                "there is no secret file"
                if secret is None
                else "the secret is QA_SECRET_KEY: keep it with your settings"
            )
        )
    with opened(settings.database_url, read_only=True) as engine, progress() as shown:
        require_ready(engine)
        written = write_backup(
            engine,
            file,
            now(),
            data_dir=settings.data_dir,
            key=None if secret is None else key_name(secret),
            secret=secret if with_secret else None,
            progress=shown,
        )
    out().print(f"{file}: {written.size:,} bytes, {_told(written.manifest)}")
    out().print(f"sha256 {written.sha256}")
    if with_secret:
        err().print("the SECRET is in it: whoever has this file can sign models that this installation trusts")
    elif secret is not None:
        where = "QA_SECRET_KEY" if settings.secret_key else settings.data_dir / SECRET_NAME
        err().print(
            f"the secret ({key_name(secret)}) is NOT in it: keep a copy of {where} elsewhere; without it the models of "
            "this installation are refused after a restore"
        )


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_settings
def restore_command(settings: Settings, file: Path) -> None:
    """Put a backup into an empty database; every hash is checked before anything is touched.

    The database is the one of the settings (QA_DATABASE_URL). One that holds anything is refused, as is a backup of a
    newer program; an older one is brought up to date. Stopped or killed, nothing is kept: do it again.
    """
    with opened(settings.database_url) as engine:
        with progress() as shown:
            done = restore(engine, file, Act(f"cli:{user()}", now()), data_dir=settings.data_dir, progress=shown)
        out().print(f"{describe(engine)}: {_told(done.manifest)}")
    if done.secret:
        err().print(f"secret: put back, {settings.data_dir / SECRET_NAME}")
    _tell_key(settings, done.manifest)


def _told(manifest: Manifest) -> str:
    made = datetime.fromtimestamp(manifest.made_at / MICROSECONDS).astimezone()
    versions = len({name.split("/")[1] for name in manifest.models if name.count("/") > 1})
    return (
        f"{manifest.rows:,} rows in {len(manifest.tables)} tables and {versions} versions of the model, "
        f"as of {made:%Y-%m-%d %H:%M:%S %z}, schema {manifest.schema}"
    )


def _tell_key(settings: Settings, manifest: Manifest) -> None:
    """Say where the models cannot be used yet, because another secret signed them."""
    secret = _secret(settings)
    if manifest.models and manifest.key and (secret is None or key_name(secret) != manifest.key):
        file = settings.data_dir / SECRET_NAME
        err().print(
            f"the models were signed with the secret {manifest.key}, which is not here: put it back ({file} or "
            "QA_SECRET_KEY), or sign them anew with `qa secret rotate --old-key-file`"
        )


def _secret(settings: Settings) -> bytes | None:
    """Return the installation's secret; None where there is none yet, and none is made."""
    configured = settings.secret_key.get_secret_value() if settings.secret_key else None
    if configured is None and not (settings.data_dir / SECRET_NAME).exists():
        return None
    return installation_secret(settings.data_dir, configured, lambda _n: b"")
