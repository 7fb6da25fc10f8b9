"""``qa serve``: the workbench."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory

import click
import waitress
from flask import Flask
from sqlalchemy import Engine

from qa.accounts import list_users
from qa.cli import processes as several
from qa.cli.common import err, pass_settings
from qa.cli.jsonlog import set_up
from qa.cli.users import HOST, PORT
from qa.config import Settings
from qa.errors import ConfigError
from qa.store.migrate import ensure_ready
from qa.store.session import opened
from qa.store.words import phrases
from qa.web import create_app
from qa.web.keys import web_key
from qa.web.measures import SHARED
from qa.web.safety import public_address
from qa.web.security import MAX_BODY

THREADS = 8
_SWITCH_S = 0.001  # a thread that comes back from the database waits so long for each that computes
_LOCAL = {"127.0.0.1", "localhost", "::1"}


@click.command("serve")
@click.option("--host", default=HOST, show_default=True, metavar="H", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, metavar="P")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes that answer; one for each core, where many work at once.",
)
@pass_settings
def command(settings: Settings, host: str, port: int, processes: int) -> None:
    """Serve the workbench until it is stopped (Ctrl-C or SIGTERM; what was begun is answered first).

    It needs a strong secret: QA_SECRET_KEY, or the one that `qa init` makes. To be reached from other machines it also
    needs public_url, the address people type: requests that name another host are refused.
    """
    check_address(settings, host)
    several.check(processes)
    set_up(settings)
    web_key(settings)  # first: without a secret nothing is touched
    with opened(settings.database_url) as engine:
        ensure_ready(engine)
        if not list_users(engine):
            err().print("there is no account yet: `qa init` makes the first one", markup=False)
    with listening(host, port) as listener:
        start(settings, listener, address_of(settings, listener), processes)


def start(settings: Settings, listener: socket.socket, address: str, processes: int = 1) -> None:
    """Say the ``address`` and serve the workbench there until the process is told to end."""
    with opened(settings.database_url) as engine, _counting(processes):
        app = create_app(settings, engine)
        _warm(app)
        click.echo(f"workbench: {address}")
        if processes > 1:
            several.supervise(processes, partial(_answer, app, engine, settings, listener))
        else:
            several.end_on_sigterm()
            run(app, settings, listener)


def address_of(settings: Settings, listener: socket.socket) -> str:
    """Return the address of what is served on this socket, as people type it."""
    host, port = listener.getsockname()[:2]
    return public_address(settings, f"[{host}]" if ":" in host else host, port)


@contextmanager
def _counting(processes: int) -> Iterator[None]:
    """Let several processes count their requests together, in a folder that goes with them."""
    if processes == 1:
        yield
        return
    with TemporaryDirectory(prefix="zhijian-measures-") as folder:
        os.environ[SHARED] = folder
        try:
            yield
        finally:
            del os.environ[SHARED]


def _warm(app: Flask) -> None:
    """Load what the first ones would wait for: templates, the dictionary of the words. Touches no database."""
    sys.setswitchinterval(_SWITCH_S)
    for name in app.jinja_env.list_templates(extensions=["html"]):
        app.jinja_env.get_template(name)
    phrases("您好")


def _answer(app: Flask, engine: Engine, settings: Settings, listener: socket.socket) -> None:
    """Answer requests in one process of several, whose connections are its own: the engine had none when it began."""
    try:
        run(app, settings, listener)
    finally:
        engine.dispose()


def run(app: Flask, settings: Settings, listener: socket.socket) -> None:
    """Answer what comes in on this socket until the process is told to end."""
    waitress.create_server(app, sockets=[listener], **options(settings)).run()


def check_address(settings: Settings, host: str) -> None:
    """Raise ``ConfigError`` where other machines are to reach it and nobody said under which name."""
    if host not in _LOCAL and settings.public_url is None:
        raise ConfigError(f"--host {host}: set public_url (QA_PUBLIC_URL) to the address under which people reach it")


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens there. Raises ``ConfigError`` where that cannot be."""
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
