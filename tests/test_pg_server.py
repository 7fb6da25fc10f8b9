"""The helper that finds and starts PostgreSQL for the other tests."""

from __future__ import annotations

from pathlib import Path

import pg_server
import psycopg
import pytest


def binaries(folder: Path) -> Path:
    """A folder that looks like one of PostgreSQL."""
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres", "pg_ctl"):
        (folder / name).write_text("")
        (folder / name).chmod(0o755)
    return folder


def test_a_named_folder_comes_before_the_path(tmp_path: Path) -> None:
    named, on_path = binaries(tmp_path / "named"), binaries(tmp_path / "on path")
    environ = {"PATH": str(on_path)}
    assert pg_server.find_bindir(environ) == on_path
    assert pg_server.find_bindir({**environ, "QA_TEST_PG_BINDIR": str(named)}) == named


def test_a_named_folder_without_binaries_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    environ = {"PATH": str(binaries(tmp_path / "on path")), "QA_TEST_PG_BINDIR": str(tmp_path)}
    with pytest.raises(pg_server.NoPostgresError, match="QA_TEST_PG_BINDIR"):
        pg_server.find_bindir(environ)


def test_no_server_anywhere_fails_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pg_server, "_candidates", lambda _: iter(()))
    with pytest.raises(pg_server.NoPostgresError, match="apt-get install postgresql"):
        pg_server.find_bindir({})


@pytest.mark.postgres
@pytest.mark.slow
def test_the_server_of_the_test_lock_runs_even_from_a_folder_others_cannot_enter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bundle = pg_server._bundle()
    assert bundle is not None
    bindir = max(bundle.glob("pginstall*/bin"), key=pg_server._number)
    closed = pg_server._reachable_by_all
    monkeypatch.setattr(pg_server, "_reachable_by_all", lambda place: place != bindir and closed(place))
    with (
        pg_server.running({"QA_TEST_PG_BINDIR": str(bindir)}) as server,
        psycopg.connect(host=str(server.folder), user="qa", dbname="postgres") as connection,
    ):
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
    assert not server.folder.exists()
