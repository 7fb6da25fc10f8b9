"""The examples in deploy: they parse, and what they call exists."""

from __future__ import annotations

import configparser
import importlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from qa.cli import COMMANDS, main
from qa.config import Settings

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())


def unit(file: Path) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string(file.read_text("utf-8"))
    return parsed


def yaml(name: str) -> Any:
    return YAML(typ="safe").load((DEPLOY / name).read_text("utf-8"))


def takes(words: list[str]) -> None:
    """Let the command line parse these words without running anything."""
    assert words[0] in COMMANDS
    command = main.get_command(click.Context(main), words[0])
    assert command is not None
    command.make_context(words[0], words[1:])


def dask_takes(module: str, words: list[str]) -> None:
    """Let Dask's own command line parse these words."""
    assert module in ("distributed.cli.dask_scheduler", "distributed.cli.dask_worker")
    importlib.import_module(module).main.make_context(module, [*words])


@pytest.mark.parametrize("file", UNITS, ids=lambda file: file.name)
def test_units_parse_and_call_what_exists(file: Path) -> None:
    found = unit(file)
    assert found["Unit"]["Description"]
    if file.suffix == ".timer":
        assert found["Timer"]["Persistent"] == "true"
        assert re.fullmatch(r"\*-\*-\* \d\d:\d\d:00", found["Timer"]["OnCalendar"])
        assert file.with_suffix(".service") in UNITS
        return
    service = found["Service"]
    assert (service["User"], service["NoNewPrivileges"], service["ProtectSystem"]) == ("zhijian", "yes", "strict")
    called = re.search(r"-m (\S+) (.+)", service["ExecStart"].rstrip("'"))
    assert called
    words = shlex.split(re.sub(r"\$\([^)]*\)", "today", called[2]))
    if called[1] == "qa":
        takes(words)
    else:
        dask_takes(called[1], words)
        assert "PYTHONPATH=" in service["Environment"]
    settings = [line.split("=")[0] for line in re.findall(r"QA_\w+=", file.read_text("utf-8"))]
    assert {name[3:].lower() for name in settings} <= Settings.model_fields.keys()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
def test_systemd_itself_accepts_the_units() -> None:
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, UNITS)], capture_output=True, text=True, check=False
    )
    found = [line for line in checked.stderr.splitlines() if "zhijian-" in line and "is not executable" not in line]
    assert found == [], "only the program itself may be missing where nothing is installed"


def commands(services: dict[str, Any]) -> Iterator[list[str]]:
    for service in services.values():
        if service["image"] == "zhijian" and "entrypoint" not in service:
            yield service["command"]


def test_compose_parses_and_calls_what_exists() -> None:
    found = yaml("compose.yaml")
    services = found["services"]
    assert services.keys() == {"database", "web", "once", "scheduler", "worker", "night"}
    for words in commands(services):
        takes(words)
    for name in ("scheduler", "worker"):
        *python, module = services[name]["entrypoint"]
        assert python == ["python", "-m"]
        dask_takes(module, services[name]["command"])
        assert "ports" not in services[name], "whoever reaches it can run programs"
    for name in ("scheduler", "worker", "night"):
        assert services[name]["profiles"] == ["cluster"]
        assert services[name]["environment"] == services["web"]["environment"]
    assert services["worker"]["command"][0] == services["night"]["command"][-1] == "tcp://scheduler:8786"
    assert services["web"]["read_only"] is True
    assert all(port.startswith("127.0.0.1:") for port in services["web"]["ports"])
    variables = {name for name in services["web"]["environment"] if name.startswith("QA_")}
    assert {name[3:].lower() for name in variables} <= Settings.model_fields.keys()
    named = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", ())}
    assert named == found["volumes"].keys()
    assert (DEPLOY / services["web"]["build"]["context"] / services["web"]["build"]["dockerfile"]).is_file()


def test_the_image_holds_what_it_copies_and_runs_as_nobody_in_particular() -> None:
    lines = (DEPLOY / "Containerfile").read_text("utf-8").splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY ")]
    assert all((DEPLOY.parent / name).exists() for name in copied)
    kept = (DEPLOY / "Containerfile.dockerignore").read_text("utf-8").split()
    assert {f"!{name}" for name in copied} <= set(kept)
    assert lines.index("USER zhijian") < next(at for at, line in enumerate(lines) if line.startswith("ENTRYPOINT"))
    images = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert images == ["python:3.11-slim"]  # no host of a registry
    takes(["serve", "--host", "0.0.0.0", "--port", "8765"])
    services = yaml("compose.yaml")["services"]
    mounted = {volume.split(":")[1] for volume in services["web"]["volumes"]}
    made = next(line for line in lines if "install -d -m 0700 -o zhijian" in line).split()
    assert mounted <= set(made), "a new volume belongs to root where the image has no such folder"
    others = {name for name, service in services.items() if service["image"] == "zhijian"} - {"web"}
    assert all("healthcheck" in services[name] for name in others), "the image's asks the workbench"
    assert "-h" in services["database"]["healthcheck"]["test"], "by TCP: see there"


@pytest.mark.skipif(shutil.which("sh") is None, reason="no shell on this machine")
def test_the_command_of_an_installation_takes_its_settings_along(tmp_path: Path) -> None:
    whoami = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    settings = "# ours\n\nQA_TIMEZONE='Mars/Base & $HOME'\nQA_METRICS_TOKEN=$(id)&\nQA_LOG_JSON=1"
    (tmp_path / "environment").write_text(settings, "utf-8")
    text = (DEPLOY / "qa").read_text("utf-8")
    assert (DEPLOY / "qa").stat().st_mode & 0o111
    here = {"zhijian ]": f"{whoami} ]", "/etc/zhijian": str(tmp_path), "/var/lib/zhijian": str(tmp_path / "var")}
    here |= {"/opt/zhijian/.venv/bin/python": sys.executable, "=/opt/zhijian": f"={DEPLOY.parent}"}
    for theirs, ours in here.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    (tmp_path / "qa").write_text(text, "utf-8")
    said = subprocess.run(
        ["sh", tmp_path / "qa", "db", "current"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (said.returncode, "QA_TIMEZONE: 'Mars/Base & $HOME'" in said.stderr) == (2, True), said.stderr


def test_alarms_are_about_figures_that_there_are() -> None:
    source = (DEPLOY.parent / "qa" / "web" / "measures.py").read_text("utf-8")
    given = set(re.findall(r'"(zhijian_\w+)"', source)) | {f"zhijian_night_{n}_chats" for n in ("inspected", "broken")}
    asked = {name for rule in yaml("zhijian-alerts.yaml")["groups"][0]["rules"]
             for name in re.findall(r"zhijian_\w+", rule["expr"])}  # fmt: skip
    assert {name.removesuffix("_bucket") for name in asked} <= given
    assert yaml("prometheus.yaml")["scrape_configs"][0]["job_name"] == "zhijian"


def test_the_proxy_passes_on_what_the_workbench_believes() -> None:
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    assert text.count("{") == text.count("}")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert all(line.endswith((";", "{", "}")) for line in lines)
    for header in ("Host $host", "X-Forwarded-For $remote_addr", "X-Forwarded-Proto $scheme"):
        assert f"proxy_set_header {header};" in text
