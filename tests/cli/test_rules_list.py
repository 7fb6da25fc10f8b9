from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qa.cli import main
from qa.rules.pack import load_house, shipped_names

Run = Callable[..., Result]
CHAT = "# c-1 merchant=bank\n客户: 会亏吗\n客服: 您放心，稳赚不赔的\n"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """``qa rules`` with the given arguments."""
    environment = {"QA_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "200"}

    def invoke(*arguments: str | Path, config: Path | None = None) -> Result:
        head = ["--config", str(config)] if config else []
        line = [*head, "rules", *(str(one) for one in arguments)]
        return CliRunner().invoke(main, line, env=environment, catch_exceptions=False)

    return invoke


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    path = tmp_path / "chat.txt"
    path.write_text(CHAT, encoding="utf-8")
    return path


def test_list(run: Run) -> None:
    shown = run("list").output
    assert [line.split()[0] for line in shown.splitlines()] == ["pack", *shipped_names()]
    assert "金融行业质检标准 · Finance standard" in shown


def test_list_as_json(run: Run) -> None:
    found = {one["pack"]: one for one in map(json.loads, run("list", "--json").output.splitlines())}
    house = load_house().pack
    assert tuple(found) == shipped_names()
    assert (found["house"]["rules"], found["house"]["own_rules"]) == (len(house.rules), len(house.rules))
    platforms = found["platform-presets"]
    assert platforms["rules"] == len(house.rules) + platforms["own_rules"]
    assert platforms["experimental"] == found["house"]["experimental"] + platforms["own_rules"]
    assert platforms["red_lines"] == found["house"]["red_lines"] == sum(rule.red_line for rule in house.active)
    assert found["finance"]["red_lines"] > platforms["red_lines"]


@pytest.mark.parametrize("name", ["finance", "preset:finance"])
def test_commands_take_a_shipped_name(run: Run, chat: Path, name: str) -> None:
    assert run("check", name).output.startswith("finance ")
    assert "all as expected" in run("test", name, "--rule", "fin-stock-tips").output
    assert "稳赚不赔" in run("try", name, chat, "--rule", "fin-promised-returns").output
    assert "+ added fin-promised-returns" in run("diff", "house", name).output


def test_a_file_of_the_name_wins(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("finance").write_text('pack: own\nversion: "1"\nname: {zh: 己, en: Own}\nextends: house\n', encoding="utf-8")
    assert run("check", "finance").output.startswith("own ")
    assert run("check", "preset:finance").output.startswith("finance ")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("finanz", "finanz: no such file, nor a shipped pack; did you mean 'finance'?"),
        ("preset:finanz", "no shipped pack 'finanz'; did you mean 'finance'?"),
        ("nowhere.yaml", "nowhere.yaml: no such file, nor a shipped pack (known: house, finance, medical, "),
    ],
)
def test_a_name_that_is_none(run: Run, name: str, message: str) -> None:
    done = run("check", name)
    assert done.exit_code != 0
    assert message in done.output


def test_the_settings_name_a_preset(run: Run, chat: Path, tmp_path: Path) -> None:
    config = tmp_path / "zhijian.toml"
    config.write_text('[packs]\nbank = "preset:finance"\n', encoding="utf-8")
    assert "pack finance" in run("try", chat, config=config).output
    assert "pack house" in run("try", chat).output
