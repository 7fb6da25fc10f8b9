"""The proxy example, in front of the workbench: a real nginx takes deploy/nginx.conf and speaks TLS."""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import web_kit

CONF = Path(__file__).resolve().parents[1] / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
OPENSSL = shutil.which("openssl")

pytestmark = pytest.mark.skipif(not (NGINX and OPENSSL), reason="no nginx (or no openssl) on this machine")


class Proxy(NamedTuple):
    """Where it listens, and the certificate that it shows."""

    plain: int
    tls: int
    certificate: Path


class _ByAddress(http.client.HTTPSConnection):
    """Connects to this machine under the name on the certificate."""

    def connect(self) -> None:
        """Connect; the certificate is checked."""
        plain = socket.create_connection(("127.0.0.1", self.port or 0), timeout=LONG_S)
        self.sock = self._context.wrap_socket(plain, server_hostname="qa.example")  # type: ignore[attr-defined]


TRIES = 5
LONG_S = 180
"""Nothing takes so long, however busy the machine is."""


def free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]


def configuration(folder: Path, base: str, ports: list[int]) -> str:
    """The example with other ports, files and upstream; the rest as it is committed."""
    text = CONF.read_text("utf-8")
    text = re.sub(r"listen \[::\]:.*\n", "", text)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{ports[0]};")
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{ports[1]} ssl")
    text = text.replace("/etc/ssl/qa.example", str(folder)).replace("http://127.0.0.1:8765", base)
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; events {{}}"
    return f"{head}\nhttp {{ {temporary}\n{text}\n}}\n"


@contextlib.contextmanager
def running(folder: Path, base: str) -> Iterator[Proxy]:
    assert NGINX
    assert OPENSSL
    names = ["-subj", "/CN=qa.example", "-addext", "subjectAltName=DNS:qa.example"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run([OPENSSL, "req", *kind, *names, *files], check=True, capture_output=True)
    for _ in range(TRIES):
        ports = free_ports(2)
        file = folder / "nginx.conf"
        file.write_text(configuration(folder, base, ports), "utf-8")
        server = subprocess.Popen([NGINX, "-c", str(file), "-e", str(folder / "error.log")])
        if all(_listens(port, server) for port in ports):
            break  # else another program may have taken a port meanwhile
    try:
        assert server.poll() is None, (folder / "error.log").read_text("utf-8")
        yield Proxy(ports[0], ports[1], folder / "fullchain.pem")
    finally:
        server.terminate()
        server.wait(LONG_S)


def _listens(port: int, server: subprocess.Popen[bytes]) -> bool:
    """Wait until it listens; False: it ended."""
    deadline = time.monotonic() + LONG_S
    while server.poll() is None:
        assert time.monotonic() < deadline, f"nginx does not listen on {port}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=LONG_S):
            return True
        time.sleep(0.05)
    return False


def ask(
    proxy: Proxy, path: str, headers: dict[str, str] | None = None, form: str | None = None
) -> tuple[http.client.HTTPResponse, str]:
    connection = _ByAddress("qa.example", proxy.tls, context=ssl.create_default_context(cafile=str(proxy.certificate)))
    sent = {"Host": "qa.example", **(headers or {})}
    if form is not None:
        sent |= {"Content-Type": "application/x-www-form-urlencoded", "Referer": "https://qa.example/login"}
    with contextlib.closing(connection):
        connection.request("GET" if form is None else "POST", path, body=form, headers=sent)
        answer = connection.getresponse()
        return answer, answer.read().decode()


def test_the_example_serves_the_workbench_over_tls(tmp_path: Path) -> None:
    (tmp_path / "proxy").mkdir()
    settings = {"public_url": "https://qa.example", "trusted_proxies": 1}
    with (
        web_kit.fresh_sqlite(tmp_path) as engine,
        web_kit.kit_on(engine, tmp_path, **settings) as kit,
        web_kit.served(kit.app) as base,
        running(tmp_path / "proxy", base) as proxy,
    ):
        kit.user("lead")
        seen: list[str | None] = []
        kit.app.before_request_funcs[None].insert(0, lambda: seen.append(web_kit.request.remote_addr))

        plain = http.client.HTTPConnection("127.0.0.1", proxy.plain, timeout=LONG_S)
        plain.request("GET", "/login?next=%2Fqueue", headers={"Host": "qa.example"})
        answer = plain.getresponse()
        plain.close()
        assert (answer.status, answer.headers["Location"]) == (301, "https://qa.example/login?next=%2Fqueue")

        claimed = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9", "X-Forwarded-Host": "evil.example"}
        page, text = ask(proxy, "/login", claimed)
        assert page.status == 200
        assert page.headers["Strict-Transport-Security"].startswith("max-age=")
        assert seen == ["127.0.0.1"], "what a browser claims of its address must not be believed"

        cookie = page.headers["Set-Cookie"].split(";")[0]
        assert cookie.startswith("__Host-")
        token = re.findall(r'name="csrf-token" content="([^"]+)"', text)[0]
        form = f"csrf_token={token}&name=lead&password={web_kit.PASSWORD.replace(' ', '+')}"
        entered, _ = ask(proxy, "/login", {"Cookie": cookie}, form)
        assert (entered.status, entered.headers["Location"]) == (303, "/")

        for inside in ("/metrics", "/readyz"):
            assert ask(proxy, inside)[0].status == 404
        assert ask(proxy, "/healthz")[0].status == 200
        assert ask(proxy, "/", {"Host": "evil.example"})[0].status == 400
