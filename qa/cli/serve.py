"""``qa serve``: the workbench."""

from __future__ import annotations

import logging
import socket

import click
import waitress

from qa.accounts import list_users
from qa.cli.common import err, pass_settings
from qa.cli.users import HOST, PORT
from qa.config import Settings
from qa.errors import ConfigError
from qa.store.migrate import ensure_ready
from qa.store.session import opened
from qa.web import create_app
from qa.web.safety import public_address
from qa.web.security import MAX_BODY

THREADS = 8
_LOCAL = {"127.0.0.1", "localhost", "::1"}


@click.command("serve")
@click.option("--host", default=HOST, show_default=True, metavar="H", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, metavar="P")
@pass_settings
def command(settings: Settings, host: str, port: int) -> None:
    """Serve the workbench until it is stopped (Ctrl-C).

    It needs a strong secret: QA_SECRET_KEY, or the one that `qa init` makes. To be reached from other machines it also
    needs public_url, the address people type: requests that name another host are refused.
    """
    check_address(settings, host)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with opened(settings.database_url) as engine:
        app = create_app(settings, engine)  # first: without a secret nothing is touched
        ensure_ready(engine)
        if not list_users(engine):
            err().print("there is no account yet: `qa init` makes the first one", markup=False)
        with _listening(host, port) as listener:
            server = waitress.create_server(app, sockets=[listener], **options(settings))
            click.echo(f"workbench: {public_address(settings, host, listener.getsockname()[1])}")
            server.run()


def check_address(settings: Settings, host: str) -> None:
    """Raise ``ConfigError`` where other machines are to reach it and nobody said under which name."""
    if host not in _LOCAL and settings.public_url is None:
        raise ConfigError(f"--host {host}: set public_url (QA_PUBLIC_URL) to the address under which people reach it")


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from None


def options(settings: Settings) -> dict[str, object]:
    """Return how waitress is run; behind trusted proxies it leaves their headers for the application to read."""
    return {
        "threads": THREADS,
        "ident": None,
        "max_request_body_size": 64 * MAX_BODY,  # each view has a limit of its own, with a page that says so
        "clear_untrusted_proxy_headers": settings.trusted_proxies == 0,
    }
