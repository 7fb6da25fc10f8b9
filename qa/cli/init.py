"""``qa init``: what an installation needs before people can log in: a secret, tables, and the first admin."""

from __future__ import annotations

import secrets
import sys

import click

from qa.accounts import add_first_admin
from qa.cli.common import now, out, pass_settings
from qa.cli.owner import user
from qa.cli.users import print_link
from qa.config import Settings
from qa.models.secret import SECRET_NAME
from qa.store.audit import Act
from qa.store.migrate import ensure_ready
from qa.store.session import describe, opened
from qa.web.keys import make_secret


@click.command("init")
@click.option("--admin", metavar="NAME", help="Login name of the first admin; asked for on a terminal, else: admin.")
@pass_settings
def command(settings: Settings, admin: str | None) -> None:
    """Make the secret and the tables where absent, and the first account.

    There is no default password: the admin gets a one-time link to choose one. Running it again changes nothing.
    """
    made = settings.secret_key is None and not (settings.data_dir / SECRET_NAME).exists()
    make_secret(settings)
    where = "QA_SECRET_KEY" if settings.secret_key else str(settings.data_dir / SECRET_NAME)
    console = out()
    console.print(f"secret: {'made' if made else 'kept'}, {where}", markup=False, highlight=False)
    with opened(settings.database_url) as engine:
        ensure_ready(engine)
        console.print(f"database: {describe(engine)}", markup=False, highlight=False)
        name = admin or _ask()
        added = add_first_admin(engine, Act(f"cli:{user()}", now()), name, secrets.token_urlsafe(32))
    if added is None:
        console.print(
            "there are accounts already; `qa users reset NAME` gives somebody a new one-time link", markup=False
        )
    else:
        print_link(settings, *added)


def _ask() -> str:
    """Return the name typed, or the usual one where nobody is there to type."""
    if not sys.stdin.isatty():
        return "admin"
    answer: str = click.prompt("login name of the first admin", default="admin")
    return answer
