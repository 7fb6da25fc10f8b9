from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from qa.config import CONFIG_NAME, Settings, load_settings
from qa.errors import ConfigError
from qa.policy import Policy, PolicyBook

KEY = "0123456789abcdef0123456789abcdef"


def written(folder: Path, text: str) -> Path:
    file = folder / CONFIG_NAME
    file.write_text(text, "utf-8")
    return file


def test_defaults() -> None:
    settings = load_settings(None, {})
    assert settings.data_dir == Path("var")
    assert settings.database_url == "sqlite:///var/zhijian.sqlite3"
    assert settings.timezone == "Asia/Shanghai"
    assert settings.zone == ZoneInfo("Asia/Shanghai")
    assert (settings.secret_key, settings.workers, settings.scorecard, settings.file) == (None, None, None, None)


def test_the_file_says_and_the_environment_wins(tmp_path: Path) -> None:
    file = written(tmp_path, 'timezone = "Asia/Tokyo"\nworkers = 3\nsecret_key = "' + KEY + '"\n')
    settings = load_settings(file, {"QA_WORKERS": "5", "QA_TIMEZONE": ""})
    assert (settings.timezone, settings.workers, settings.file) == ("Asia/Tokyo", 5, file)
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == KEY


def test_the_database_is_in_the_data_directory_unless_named(tmp_path: Path) -> None:
    assert load_settings(None, {"QA_DATA_DIR": str(tmp_path)}).database_url == f"sqlite:///{tmp_path}/zhijian.sqlite3"
    url = "postgresql://qa@db/qa"
    assert load_settings(None, {"QA_DATABASE_URL": url}).database_url == url


def test_paths_of_the_file_are_relative_to_it_and_of_the_environment_to_here(tmp_path: Path) -> None:
    file = written(tmp_path, 'data_dir = "data"\nscorecard = "/etc/card.yaml"\n[packs]\nacme = "acme.yaml"\n')
    settings = load_settings(file, {})
    assert settings.data_dir == tmp_path / "data"
    assert settings.scorecard == Path("/etc/card.yaml")
    assert settings.packs == {"acme": tmp_path / "acme.yaml"}
    assert load_settings(file, {"QA_DATA_DIR": "here"}).data_dir == Path("here")


def test_which_file_is_read(tmp_path: Path) -> None:
    in_data = written(tmp_path, "workers = 1\n")
    named = tmp_path / "named.toml"
    named.write_text("workers = 2\n", "utf-8")
    given = tmp_path / "given.toml"
    given.write_text("workers = 3\n", "utf-8")
    environ = {"QA_DATA_DIR": str(tmp_path)}
    assert load_settings(None, environ).file == in_data
    assert load_settings(None, {**environ, "QA_CONFIG": str(named)}).workers == 2
    assert load_settings(given, {**environ, "QA_CONFIG": str(named)}).workers == 3


def test_policy_tables_pass_through_as_they_are(tmp_path: Path) -> None:
    file = written(tmp_path, "[policy]\nrate = 0.3\n[merchants.acme]\nrate = 0.5\n[[periods]]\nfrom = 2026-11-10\n")
    mapping = load_settings(file, {}).policy_mapping()
    assert mapping["rate"] == 0.3
    assert mapping["merchants"] == {"acme": {"rate": 0.5}}
    assert [period["from"].isoformat() for period in mapping["periods"]] == ["2026-11-10"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("timezone = \n", "not readable as TOML"),
        ("workers = 1\nworkers = 2\n", "not readable as TOML"),
        ('timezon = "Asia/Tokyo"\n', "timezon: no such setting (did you mean timezone?)"),
        ('file = "x"\n', "file: no such setting"),
        ('timezone = "Asia/Shanghia"\n', "timezone: 'Asia/Shanghia' is no time zone of the IANA list (did you mean"),
        ('timezone = "../../etc/passwd"\n', "timezone: '../../etc/passwd' is no time zone"),
        ('timezone = "Asia"\n', "timezone: 'Asia' is no time zone"),
        ("workers = 0\n", "workers: Input should be greater than or equal to 1"),
        ("data_dir = 5\n", "data_dir: Input is not a valid path"),
        ("packs = 5\n", "packs: Input should be a valid dictionary"),
        ("[packs]\nacme = 1\n", "packs.acme: Input is not a valid path"),
        ("[merchants]\nacme = 1\n", "merchants.acme: Input should be a valid dictionary"),
    ],
)
def test_a_mistake_in_the_file_names_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})
    assert str(caught.value).startswith(f"{file}: {said}")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("QA_WORKERS", "many", "QA_WORKERS: Input should be a valid integer"),
        ("QA_TIMEZONE", "Mars/Olympus", "QA_TIMEZONE: 'Mars/Olympus' is no time zone"),
        ("QA_TIMEZON", "Asia/Tokyo", "QA_TIMEZON: no such setting (did you mean QA_TIMEZONE?)"),
        ("QA_CONFIG", "/nowhere/at.toml", "/nowhere/at.toml: no such settings file (QA_CONFIG names it)"),
        ("QA_SECRET_KEY", "hunter2", "QA_SECRET_KEY: is too short"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(variable: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(None, {variable: value})
    assert str(caught.value).startswith(said)
    assert "hunter2" not in str(caught.value)


def test_a_missing_file_that_was_asked_for_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such settings file \\(--config names it\\)"):
        load_settings(tmp_path / "none.toml", {})


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    file = tmp_path / CONFIG_NAME
    file.write_bytes('timezone = "上海"\n'.encode("gb18030"))
    with pytest.raises(ConfigError, match="not readable as TOML"):
        load_settings(file, {})


def test_variables_of_the_tests_are_none_of_ours() -> None:
    assert load_settings(None, {"QA_TEST_PG_BINDIR": "/x", "QA_SHARED": "/y", "PATH": "/z"}) == Settings()


def test_secrets_are_never_printed() -> None:
    settings = load_settings(None, {"QA_SECRET_KEY": KEY, "QA_DATABASE_URL": "postgresql://qa:hunter2@db/qa"})
    for shown in (repr(settings), str(settings)):
        assert KEY not in shown
        assert "hunter2" not in shown


def test_the_example_loads_and_shows_the_defaults(root: Path) -> None:
    settings = load_settings(root / "docs" / "examples" / "zhijian.toml", {})
    book = PolicyBook.from_mapping(settings.policy_mapping(), where=str(settings.file))
    usual = book.resolve("other", date(2026, 11, 20))
    assert settings.timezone == Settings().timezone
    assert usual == Policy(salt=usual.salt)
    assert book.resolve("acme", date(2026, 11, 20)).rate == 0.5
    assert book.resolve("other", date(2026, 11, 11)).joint_review
