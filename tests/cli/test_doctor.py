from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from qa import tokens
from qa.cli import doctor, main
from qa.cli.doctor import Check, Level, diagnose
from qa.store.session import opened

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_a_fresh_installation_is_fit(tmp_path: Path) -> None:
    checks = by_name(diagnose(None, {"QA_DATA_DIR": str(tmp_path / "new")}))
    assert {name for name, check in checks.items() if check.level is Level.FAIL} == set()
    assert checks["data directory"].detail.endswith("can be made, writable")
    assert checks["migrations"] == Check(
        "migrations", Level.WARN, "no tables yet", "qa db upgrade, or the first import makes them"
    )
    assert checks["secret key"].level is Level.WARN
    assert checks["salt"].level is Level.WARN
    assert not (tmp_path / "new").exists()


def test_a_finished_installation_has_nothing_to_mend(tmp_path: Path, store_engine: object, db_url: str) -> None:
    assert store_engine
    config = tmp_path / "zhijian.toml"
    config.write_text('[policy]\nsalt = "of our own"\n', "utf-8")
    environ = {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path), "QA_SECRET_KEY": KEY}
    checks = by_name(diagnose(config, environ))
    assert {name: check.level for name, check in checks.items() if name != "fonts"} == dict.fromkeys(
        [name for name in checks if name != "fonts"], Level.OK
    )
    assert str(config) in checks["settings"].detail


def test_broken_settings_are_one_failure_and_the_rest_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the defaults are below it
    checks = by_name(diagnose(None, {"QA_TIMEZONE": "Mars", "QA_DATA_DIR": str(tmp_path)}))
    assert checks["settings"].level is Level.FAIL
    assert "QA_TIMEZONE: 'Mars'" in checks["settings"].detail
    assert checks["dictionary"].level is Level.OK


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense"])
def test_a_database_url_that_cannot_be_used(tmp_path: Path, url: str) -> None:
    check = by_name(diagnose(None, {"QA_DATABASE_URL": url, "QA_DATA_DIR": str(tmp_path)}))["database"]
    assert check.level is Level.FAIL
    assert "sqlite:///FILE or postgresql://" in check.detail


def test_a_server_that_is_not_there_and_its_password_unsaid(tmp_path: Path) -> None:
    environ = {"QA_DATABASE_URL": f"postgresql://qa:hunter2@/qa?host={tmp_path}", "QA_DATA_DIR": str(tmp_path)}
    check = by_name(diagnose(None, environ))["database"]
    assert check.level is Level.FAIL
    assert check.advice
    assert "hunter2" not in check.detail


def test_a_schema_of_another_version_says_what_to_do(tmp_path: Path, db_url: str) -> None:
    with opened(db_url) as engine, engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('0000')"))
    check = by_name(diagnose(None, {"QA_DATABASE_URL": db_url, "QA_DATA_DIR": str(tmp_path)}))["migrations"]
    assert (check.level, check.advice) == (Level.FAIL, "qa db upgrade")
    assert "0000" in check.detail


def test_a_data_directory_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    check = by_name(diagnose(None, {"QA_DATA_DIR": str(tmp_path / "file")}))["data directory"]
    assert check.level is Level.FAIL
    assert "QA_DATA_DIR" in check.advice


def test_an_accelerator_that_differs_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tokens, "tokenize_with", lambda engine, probe: [engine, probe])
    assert by_name(diagnose(None, {"QA_DATA_DIR": str(tmp_path)}))["tokens"].level is Level.FAIL


def test_a_crashing_check_is_a_failure_and_stops_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def crash() -> str:
        raise OSError("disk gone")

    monkeypatch.setattr(tokens, "dictionary_hash", crash)
    checks = by_name(diagnose(None, {"QA_DATA_DIR": str(tmp_path)}))
    assert checks["dictionary"].detail == "OSError: disk gone"
    assert checks["opencc"].level is Level.OK


def test_a_wrong_policy_is_a_failure_that_names_file_and_key(tmp_path: Path) -> None:
    config = tmp_path / "zhijian.toml"
    config.write_text("[policy]\nrate = 3\n", "utf-8")
    check = by_name(diagnose(config, {"QA_DATA_DIR": str(tmp_path)}))["policy"]
    assert check.level is Level.FAIL
    assert check.detail.startswith(f"{config}.rate: ")


def test_missing_libraries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "LIBRARIES", ("click", "no-such-library"))
    monkeypatch.setattr(doctor, "OPTIONAL", {"no-such-extra": "something is slow"})
    checks = by_name(diagnose(None, {"QA_DATA_DIR": str(tmp_path)}))
    assert (checks["libraries"].level, checks["libraries"].detail) == (Level.FAIL, "missing: no-such-library")
    assert (checks["no-such-extra"].level, checks["no-such-extra"].advice) == (Level.WARN, "pip install no-such-extra")


@pytest.mark.parametrize(
    ("program", "listing", "level", "said"),
    [
        (None, "", Level.WARN, "fc-list is not here"),
        ("/bin/fc-list", None, Level.WARN, "fc-list gave no answer"),
        ("/bin/fc-list", "", Level.WARN, "none with Chinese"),
        ("/bin/fc-list", "Noto Sans CJK SC,Noto\nWenQuanYi\n", Level.OK, "2 with Chinese, such as Noto Sans CJK SC"),
    ],
)
def test_fonts_only_warn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str | None, listing: str | None, level: Level, said: str
) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda _: program)

    def listed(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        if listing is None:
            raise subprocess.TimeoutExpired("fc-list", 1)
        return subprocess.CompletedProcess([], 0, stdout=listing)

    monkeypatch.setattr(doctor.subprocess, "run", listed)
    check = by_name(diagnose(None, {"QA_DATA_DIR": str(tmp_path)}))["fonts"]
    assert check.level is level
    assert check.detail.startswith(said)


def test_the_report_for_people(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["doctor"], env={"QA_DATA_DIR": str(tmp_path)})
    assert result.exit_code == 0
    assert "ok    python" in result.stdout
    assert "→ qa db upgrade" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("0 failures")


def test_the_report_for_programs_and_the_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bad = CliRunner().invoke(main, ["doctor", "--json"], env={"QA_DATA_DIR": str(tmp_path), "QA_WORKERS": "x"})
    good = CliRunner().invoke(main, ["doctor", "--json"], env={"QA_DATA_DIR": str(tmp_path)})
    assert (bad.exit_code, json.loads(bad.stdout)["ok"]) == (1, False)
    assert (good.exit_code, json.loads(good.stdout)["ok"]) == (0, True)
    assert set(json.loads(good.stdout)["checks"][0]) == {"name", "level", "detail", "advice"}
