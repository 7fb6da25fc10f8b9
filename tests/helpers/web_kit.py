"""What tests of pages need: an application with accounts, clients and browsers that are logged in, and watchers.

The fixtures of tests/web and tests/browser are made from this; docs/web.md shows how to use them.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import chromium
import fresh_stores
from flask import Flask, Response, g, request
from flask.testing import FlaskClient
from sqlalchemy import Engine, event
from werkzeug.serving import WSGIRequestHandler, make_server

from qa.accounts import NewUser, add_user
from qa.config import Settings
from qa.people import User, UserRole
from qa.signing_in import Ticket, use_link
from qa.store import accounts
from qa.store.audit import Act
from qa.store.session import opened, read_tx
from qa.web import create_app
from qa.web.passwords import hash_password
from qa.web.permissions import UNAUDITED

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
NOW = 1_795_000_000_000_000
"""The instant at which tests begin: 2026-11-18T11:06:40Z."""
PASSWORD = "seven green bicycles"
PASSWORD_HASH = hash_password(PASSWORD)
HOUR = 3_600_000_000

SCOPES: dict[UserRole, dict[str, Any]] = {
    UserRole.AGENT: {"merchants": ("acme",), "agent_id": "a-1"},
    UserRole.MERCHANT_VIEWER: {"merchants": ("acme",)},
    UserRole.SPECIALIST: {"merchants": ("acme",), "team": "red"},
}
"""What accounts of a role are limited to unless a test says otherwise; the other roles see everything."""

AXE = Path(__file__).resolve().parent.parent / "browser" / "vendor" / "axe-core" / "axe.min.js"
_CSRF = re.compile(r'name="csrf-token" content="([^"]+)"')
_numbers = itertools.count(1)


@dataclass
class Clock:
    """A clock that tests turn."""

    at: int = NOW

    def __call__(self) -> int:
        return self.at

    def forward(self, *, hours: float = 0, minutes: float = 0) -> None:
        """Let time pass."""
        self.at += round(hours * HOUR + minutes * HOUR / 60)


@dataclass
class Kit:
    """An application on a database of its own, and the people in it."""

    app: Flask
    engine: Engine
    clock: Clock
    users: dict[str, User] = field(default_factory=dict)

    def user(self, role: UserRole | str, name: str | None = None, **scope: Any) -> User:
        """Return the account of that name (else of that role), made with ``PASSWORD`` if it is not there."""
        role = UserRole(role)
        name = name or role.value
        if name not in self.users:
            new = NewUser(name, role, f"{name.title()} Li", **(scope or SCOPES.get(role, {})))
            token = f"link-{next(_numbers)}"
            add_user(self.engine, Act("tests", self.clock()), new, token)
            self.session(token)
            with read_tx(self.engine) as connection:
                made = accounts.find_user(connection, name)
            assert made is not None
            self.users[name] = made
        return self.users[name]

    def session(self, link: str) -> str:
        """Use a one-time link; return the token of the session it opens."""
        ticket = Ticket(f"session-{next(_numbers)}", 12 * HOUR)
        use_link(self.engine, link, PASSWORD_HASH, ticket, self.clock())
        return ticket.token

    def client(self, role: UserRole | str | None = None, name: str | None = None, **scope: Any) -> Client:
        """Return a client, logged in as the account of that role or name; None: as a stranger."""
        client = Client(self.app, Response, use_cookies=True)
        if role is not None:
            client.log_in(self.user(role, name, **scope).name)
        return client


class Client(FlaskClient):
    """A test client that knows the form token."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request and read the whole answer, so that no file stays open."""
        kwargs.setdefault("buffered", True)
        return super().open(*args, **kwargs)

    def log_in(self, name: str, password: str = PASSWORD) -> Any:
        """Log in by the form."""
        return self.send("/login", name=name, password=password)

    def send(self, path: str, *, headers: dict[str, str] | None = None, **form: Any) -> Any:
        """POST a form with a fresh token."""
        return self.post(path, data={"csrf_token": self.token(), **form}, headers=headers)

    def token(self) -> str:
        """Return a form token of this session, from a page that everybody may see."""
        page = self.get("/about", follow_redirects=True).get_data(as_text=True)
        return _CSRF.findall(page)[0]


@contextlib.contextmanager
def fresh_sqlite(folder: Path) -> Iterator[Engine]:
    """An engine on a SQLite file of the test's own that has all tables."""
    file = folder / "zhijian.sqlite3"
    file.write_bytes(fresh_stores.migrated_sqlite())
    with opened(f"sqlite:///{file}") as engine:
        yield engine


@contextlib.contextmanager
def kit_on(engine: Engine, folder: Path, **settings: Any) -> Iterator[Kit]:
    """An application on a database that has its tables; writes that leave no row in the audit log fail the test."""
    clock = Clock()
    chosen = Settings(data_dir=folder, secret_key=KEY, **settings)
    app = create_app(chosen, engine, clock)
    with _audit_watched(app, engine) as unlogged:
        yield Kit(app, engine, clock)
    assert unlogged == [], "writes that left no row in the audit log (or list them in permissions.UNAUDITED)"


@contextlib.contextmanager
def _audit_watched(app: Flask, engine: Engine) -> Iterator[list[str]]:
    """Collect requests that succeeded in writing something and logged nothing."""
    seen = threading.local()
    unlogged: list[str] = []

    def before() -> None:
        seen.rows = 0

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO audit_log"):
            seen.rows = getattr(seen, "rows", 0) + 1

    def after(response: Response) -> Response:
        refused = response.status_code >= 400 or (g.get("user") is None and response.location == "/login")
        wrote = request.method not in {"GET", "HEAD", "OPTIONS"} and not refused
        if wrote and not getattr(seen, "rows", 0) and request.endpoint not in UNAUDITED:
            unlogged.append(f"{request.method} {request.path}")
        return response

    app.before_request_funcs.setdefault(None, []).insert(0, before)
    app.after_request_funcs.setdefault(None, []).append(after)
    event.listen(engine, "before_cursor_execute", count)
    try:
        yield unlogged
    finally:
        event.remove(engine, "before_cursor_execute", count)


class _Silent(WSGIRequestHandler):
    def log(self, *_args: Any) -> None:
        pass


@contextlib.contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve on a free port of 127.0.0.1 in a thread; the address, without a slash at the end."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Silent)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="workbench")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_REPORT = """
document.addEventListener("securitypolicyviolation", (event) =>
  window.qaReport(`CSP: ${event.violatedDirective} refused ${event.blockedURI || "inline"} at ${event.sourceFile}`));
window.addEventListener("error", (event) => window.qaReport(`script: ${event.message}`));
window.addEventListener("unhandledrejection", (event) => window.qaReport(`promise: ${event.reason}`));
"""


@dataclass
class Browser:
    """A real Chromium on a served application. What goes wrong in any page is in ``problems``, and fails the test."""

    chromium: Any
    base: str
    kit: Kit
    problems: list[str] = field(default_factory=list)

    def page(
        self, role: UserRole | str | None = None, name: str | None = None, *, width: int = 1280, height: int = 800,
        dark: bool = False, **scope: Any,
    ) -> Any:  # fmt: skip
        """Return a page in a context of its own, logged in as that role; relative addresses work."""
        context = self.chromium.new_context(
            base_url=self.base, viewport={"width": width, "height": height}, locale="zh-CN",
            timezone_id="Asia/Shanghai", color_scheme="dark" if dark else "light", reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(60_000)
        context.expose_function("qaReport", lambda problem: self.problems.append(problem))  # noqa: PLW0108 - it wants a function of Python
        context.add_init_script(_REPORT)
        if role is not None:
            user = self.kit.user(role, name, **scope)
            context.add_cookies([{"name": "zhijian", "value": self._session_of(user), "url": self.base}])
        page = context.new_page()
        page.on("response", self._look_at)
        return page

    def _look_at(self, response: Any) -> None:
        if response.status >= 500:
            self.problems.append(f"{response.status} {response.url}")

    def _session_of(self, user: User) -> str:
        from qa.store import sessions
        from qa.store.session import write_tx

        token, at = f"browser-{next(_numbers)}", self.kit.clock()
        with write_tx(self.kit.engine) as connection:
            sessions.start(connection, user.id, token, at, at + 12 * HOUR)
        return token


@contextlib.contextmanager
def browser_on(chromium_browser: Any, kit: Kit) -> Iterator[Browser]:
    """A browser on the kit's application; CSP violations, script errors and answers of 500 fail at the end."""
    with served(kit.app) as base:
        browser = Browser(chromium_browser, base, kit)
        try:
            yield browser
        finally:
            for context in chromium_browser.contexts:
                context.close()
    assert browser.problems == []


@contextlib.contextmanager
def started_chromium() -> Iterator[Any]:
    """Chromium, found by ``chromium.find``; it fails loudly where there is none."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=str(chromium.find()), args=[*chromium.FLAGS], timeout=180_000
        )
        yield launched
        launched.close()


def axe(page: Any) -> list[str]:
    """Return what axe-core finds wrong with the page, a line each: rule, element, advice."""
    page.evaluate(AXE.read_text("utf-8"))
    report = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {json.dumps(node['target'])}: {(node['failureSummary'] or '').splitlines()[-1].strip()}"
        for violation in report["violations"]
        for node in violation["nodes"]
    ]


def scrolls_sideways(page: Any) -> bool:
    """Whether the page is wider than its window."""
    wide: bool = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wide


def until(page: Any, probe: str, arg: Any = None) -> None:
    """Wait until JavaScript says true; Playwright's own wait asks again by ``eval``, which our policy forbids."""
    for _ in range(3_000):
        if page.evaluate(probe, arg):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never became true: {probe}")


def skeleton(page: Any) -> str:
    """Return tags, ids, classes and event attributes of the page without its texts: what no input may change."""
    found: str = page.evaluate(
        """() => [...document.querySelectorAll("body *")].map((e) =>
             [e.localName, e.id, e.className.baseVal ?? e.className,
              ...[...e.attributes].map((a) => a.name).filter((n) => n.startsWith("on"))].join("|")).join("\\n")"""
    )
    return found
