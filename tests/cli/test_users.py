from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from qa.cli import main
from qa.store.session import opened, write_tx


@pytest.fixture
def qa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db_url: str):
    """Run a command on an installation of the test's own, on each of the two databases."""
    monkeypatch.setenv("QA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("QA_DATABASE_URL", db_url)

    def run(*words: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(main, [*words], input=typed, catch_exceptions=False)

    return run


LINK = re.compile(r"http://127\.0\.0\.1:8765/link/([\w-]{43})")


def test_init_makes_secret_tables_and_one_admin_with_a_link(qa, tmp_path: Path) -> None:
    first = qa("init")
    assert first.exit_code == 0
    secret = tmp_path / "data" / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert len(secret.read_bytes()) == 32
    assert first.stdout.startswith(f"secret: made, {secret}\n")
    assert "admin admin: one-time link" in first.stdout
    assert LINK.search(first.stdout)
    kept = secret.read_bytes()
    again = qa("init", "--admin", "eve")
    assert again.exit_code == 0
    assert not LINK.search(again.stdout)
    assert "there are accounts already" in again.stdout
    assert secret.read_bytes() == kept


def test_add_list_disable_reset(qa) -> None:
    qa("init", "--admin", "root")
    made = qa("users", "add", "Wu", "--role", "agent", "--merchant", "acme", "--agent-id", "a-7", "--shown-as", "吴")
    token = LINK.findall(made.stdout)[0]
    assert [one["name"] for one in json.loads(qa("users", "list", "--json").stdout)["users"]] == ["root", "wu"]
    listed = qa("users", "list").stdout.splitlines()
    assert re.split(r"\s{2,}", listed[2].strip()) == ["wu", "agent", "吴", "acme", "a-7", "link sent"]
    assert qa("users", "disable", "wu").stdout == "wu is disabled; 0 sessions ended\n"
    assert "disabled 20" in qa("users", "list").stdout
    refused = qa("users", "reset", "wu")
    assert (refused.exit_code, refused.stderr) == (2, "error: account 'wu' is disabled: --enable opens it again\n")
    renewed = qa("users", "reset", "wu", "--enable")
    assert LINK.findall(renewed.stdout)[0] != token


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add", "wu", "--role", "agent"], "give the agent's id"),
        (["add", "a b", "--role", "lead"], "cannot be a login name"),
        (["add", "root", "--role", "lead"], "there is an account 'root' already"),
        (["disable", "root"], "the only admin"),
        (["disable", "nobody"], "no account 'nobody'"),
        (["reset", "nobody"], "no account 'nobody'"),
    ],
)
def test_mistakes_are_one_line(qa, words: list[str], message: str) -> None:
    qa("init", "--admin", "root")
    result = qa("users", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_no_command_before_there_is_a_store(qa) -> None:
    assert qa("users", "list").exit_code == 5
    assert qa("audit", "verify").exit_code == 5


def test_the_links_address_is_the_public_one(qa, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_PUBLIC_URL", "https://qa.example/")
    assert "  https://qa.example/link/" in qa("init").stdout


@pytest.mark.parametrize(
    "url", ["qa.example", "ftp://qa.example", "https://qa.example/path", "https://a@b", "https://x y"]
)
def test_what_is_no_public_address(qa, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("QA_PUBLIC_URL", url)
    result = qa("init")
    assert result.exit_code == 2
    assert "QA_PUBLIC_URL: must be http:// or https://" in result.stderr


def test_the_log_is_checked_and_a_broken_link_named(qa, db_url: str) -> None:
    qa("init", "--admin", "root")
    qa("users", "add", "li", "--role", "lead")
    good = qa("audit", "verify")
    assert good.exit_code == 0
    known = re.fullmatch(r"the log holds: 2 rows, last link (2:[0-9a-f]{64})\n", good.stdout)[1]
    qa("users", "disable", "li")
    assert qa("audit", "verify", "--known", known).exit_code == 0
    with opened(db_url) as engine, write_tx(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER ALL"))
        else:
            connection.execute(text("DROP TRIGGER audit_log_no_update"))
        connection.execute(text("UPDATE audit_log SET subject = 'user:9' WHERE id = 2"))
    bad = qa("audit", "verify")
    assert (bad.exit_code, bad.stdout) == (
        1,
        "BROKEN at row 2: was changed: its hash is another\n1 rows before it hold\n",
    )
    assert qa("audit", "verify", "--known", "x").exit_code == 2
