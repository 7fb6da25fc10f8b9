from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from qa.cli import main
from qa.cli.serve import options
from qa.config import Settings


def test_it_refuses_to_start_without_a_secret(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["serve"], env={"QA_DATA_DIR": str(tmp_path / "data")})
    assert result.exit_code == 2
    assert "run `qa init`" in result.stderr
    assert not (tmp_path / "data").exists()


def test_it_refuses_an_address_for_others_without_its_name(tmp_path: Path) -> None:
    environ = {"QA_DATA_DIR": str(tmp_path), "QA_SECRET_KEY": "0f1e2d3c4b5a69788796a5b4c3d2e1f0"}
    result = CliRunner().invoke(main, ["serve", "--host", "0.0.0.0"], env=environ)
    assert result.exit_code == 2
    assert "set public_url" in result.stderr


KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
LONG_S = 180
"""Nothing takes so long, however busy the machine is."""


def test_a_port_that_is_taken(tmp_path: Path, db_url: str) -> None:
    environ = {"QA_DATA_DIR": str(tmp_path), "QA_DATABASE_URL": db_url, "QA_SECRET_KEY": KEY}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(main, ["serve", "--port", str(taken.getsockname()[1])], env=environ)
    assert result.exit_code == 2
    assert "choose another --port" in result.stderr


def test_forwarded_headers_pass_only_behind_a_proxy_that_is_trusted() -> None:
    assert options(Settings())["clear_untrusted_proxy_headers"] is True
    assert options(Settings(trusted_proxies=1))["clear_untrusted_proxy_headers"] is False


@pytest.mark.slow
def test_for_real(root: Path, tmp_path: Path, db_url: str) -> None:
    environ = {**os.environ, "QA_DATA_DIR": str(tmp_path), "QA_DATABASE_URL": db_url, "QA_SECRET_KEY": KEY}
    command = [sys.executable, "-m", "qa", "serve", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        address = re.fullmatch(r"workbench: http://127\.0\.0\.1:(\d+)\n", process.stdout.readline())
        connection = http.client.HTTPConnection("127.0.0.1", int(address[1]), timeout=LONG_S)
        connection.request("GET", "/login", headers={"Host": f"127.0.0.1:{address[1]}"})
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.headers["Server"] is None
        assert "登录" in answer.read().decode()
        connection.close()
    finally:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LONG_S)
    assert "there is no account yet: `qa init` makes the first one" in err
    assert "Traceback" not in err
