"""`run`: what it decides (in process), and that it sets up and starts for real (in a copy, with empty locks)."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

RUN = Path(__file__).resolve().parent.parent / "run"

FAKE_QA = """\
import json, os, sys
print(json.dumps({"words": sys.argv[1:], "cwd": os.getcwd(), "prefix": sys.prefix, "home": os.environ.get("HOME")}))
sys.exit(int(os.environ.get("FAKE_EXIT", "0")))
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, its .venv and locks in a folder of the test's own; nothing is really installed."""
    loader = SourceFileLoader("run_script", str(RUN))
    module = module_from_spec(spec_from_loader("run_script", loader))
    loader.exec_module(module)
    places = {
        "ROOT": tmp_path,
        "VENV": tmp_path / ".venv",
        "STAMP": tmp_path / ".venv" / "stamp.json",
        "UNFINISHED": tmp_path / ".venv.unfinished",
        "LOCK_APP": tmp_path / "app.lock",
        "LOCK_TEST": tmp_path / "test.lock",
    }
    for name, place in places.items():
        monkeypatch.setattr(module, name, place)
    module.LOCK_APP.write_text("a\n")
    module.LOCK_TEST.write_text("a\nb\n")
    module.done = []

    def make_venv() -> None:
        module.done.append("venv")
        shutil.rmtree(module.VENV, ignore_errors=True)
        (module.VENV / "bin").mkdir(parents=True)
        module.venv_python().symlink_to(sys.executable)

    monkeypatch.setattr(module, "make_venv", make_venv)
    monkeypatch.setattr(module, "install", lambda lock: module.done.append(lock.name))
    monkeypatch.setattr(module, "usable", lambda: module.venv_python().exists())
    return module


def test_the_first_start_installs_and_the_second_does_not(run: ModuleType) -> None:
    assert run.ensure(run.LOCK_APP) == run.venv_python()
    assert run.done == ["venv", "app.lock"]
    run.ensure(run.LOCK_APP)
    assert run.done == ["venv", "app.lock"]
    assert not run.UNFINISHED.exists()


def test_the_test_lock_covers_the_other_one(run: ModuleType) -> None:
    run.ensure(run.LOCK_TEST)
    run.ensure(run.LOCK_APP)
    assert run.done == ["venv", "test.lock"]


def test_a_changed_lock_is_installed_into_the_same_venv(run: ModuleType) -> None:
    run.ensure(run.LOCK_APP)
    run.LOCK_APP.write_text("a 2\n")
    run.ensure(run.LOCK_APP)
    assert run.done == ["venv", "app.lock", "app.lock"]


def test_a_failed_installation_is_thrown_away_at_the_next_start(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_lock: Path) -> None:
        raise run.SetupError("no network")

    with monkeypatch.context() as patch:
        patch.setattr(run, "install", fail)
        with pytest.raises(run.SetupError):
            run.ensure(run.LOCK_APP)
    assert not run.ready(run.LOCK_APP)
    run.ensure(run.LOCK_APP)
    assert run.done == ["venv", "venv", "app.lock"]


def test_a_venv_whose_python_is_gone_is_made_again(run: ModuleType) -> None:
    run.ensure(run.LOCK_APP)
    run.venv_python().unlink()
    run.venv_python().symlink_to("/nowhere/python3.11")
    run.ensure(run.LOCK_APP)
    assert run.done == ["venv", "app.lock", "venv", "app.lock"]


def test_a_venv_of_another_python_is_not_trusted(run: ModuleType) -> None:
    run.ensure(run.LOCK_APP)
    stamp = json.loads(run.STAMP.read_text("utf-8"))
    run.STAMP.write_text(json.dumps({**stamp, "python": "/usr/bin/python3.99"}))
    assert not run.ready(run.LOCK_APP)
    run.STAMP.write_text("{half a st")
    assert not run.ready(run.LOCK_APP)


def test_a_missing_lock_is_said(run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    run.LOCK_APP.unlink()
    assert run.main(["demo"]) == 1
    assert "incomplete" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "lock", "started"),
    [
        (["demo", "--no-serve"], "app.lock", ["qa", "demo", "--no-serve"]),
        (["nightly"], "app.lock", ["qa", "nightly"]),
        (["qa", "show", "c-1"], "app.lock", ["qa", "show", "c-1"]),
        (["qa"], "app.lock", ["qa"]),
    ],
)
def test_any_other_word_is_a_command(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, words: list[str], lock: str, started: list[str]
) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(run.os, "execve", lambda _path, command, _env: calls.append(command))
    monkeypatch.setattr(run.subprocess, "call", lambda *_, **__: 0)
    assert run.main(words) == 0
    assert calls == [[str(run.venv_python()), "-m", *started]]
    assert run.done == ["venv", lock]


def steps_of(run: ModuleType, monkeypatch: pytest.MonkeyPatch, words: list[str], codes: dict[str, int]) -> list[str]:
    """The commands that ``run`` starts; one whose text contains a key of ``codes`` ends with that code."""
    steps: list[str] = []

    def step(command: list[object]) -> int:
        steps.append(" ".join(map(str, command[1:])))
        return next((code for part, code in codes.items() if part in steps[-1]), 0)

    monkeypatch.setattr(run, "step", step)
    steps.append(f"→ {run.main(words)}")
    return steps[-1:] + steps[:-1]


def test_a_whole_run_ends_with_the_coverage_gate(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    result, postgres, chromium, core, others, report = steps_of(run, monkeypatch, ["test"], {})
    assert result == "→ 0"
    assert postgres.endswith("pg_server.py")
    assert chromium.endswith("chromium.py")
    assert core.endswith("-m core --cov --cov-report=")
    assert "-m not core" in others
    assert "--fail-under 95" in report
    assert "qa/ledger.py,qa/ledger/*" in report


@pytest.mark.parametrize(
    ("broken", "steps"), [("pg_server", 1), ("chromium", 2), ("-m core", 3), ("-m not core", 4), ("-m coverage", 5)]
)
def test_a_whole_run_fails_where_a_step_fails(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, broken: str, steps: int
) -> None:
    result, *started = steps_of(run, monkeypatch, ["test"], {broken: 4})
    assert (result, len(started)) == ("→ 4", steps)


def test_arguments_go_to_pytest_and_quick_leaves_out_the_slow(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert steps_of(run, monkeypatch, ["test", "tests/test_text.py", "-x"], {}) == [
        "→ 0",
        "-m pytest tests/test_text.py -x",
    ]
    assert steps_of(run, monkeypatch, ["test", "--quick", "-x"], {})[1] == f"-m pytest -m {run.QUICK} -n 2 -x"


def test_lint_runs_every_check_and_fails_with_any(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    result, *checks = steps_of(run, monkeypatch, ["lint"], {"format": -11})
    assert result == "→ -11"
    assert [check.split()[1] for check in checks] == ["ruff", "ruff", "mypy", "pytest"]


def test_without_a_word_it_explains_itself(run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([]) == 0
    assert "./run demo" in capsys.readouterr().out


def test_it_is_executable_and_needs_the_standard_library_only() -> None:
    assert os.access(RUN, os.X_OK)
    names = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(ast.parse(RUN.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert names <= sys.stdlib_module_names


def test_an_old_python_gets_a_message() -> None:
    source = RUN.read_text("utf-8")
    ast.parse(source, feature_version=(3, 6))
    code = (
        f"import sys; sys.version_info = (3, 9, 2); sys.version = '3.9.2 (x)'; exec(compile({source!r}, 'run', 'exec'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: Zhijian needs Python 3.11 or newer; this is 3.9.2. Try: python3.11 run\n"


# --- for real ----------------------------------------------------------------------------------------------------


LONG_S = 600
"""Nothing takes so long, however busy the machine is: pip may install itself twice meanwhile."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in a folder with a space, whose locks are empty and whose qa only tells how it was started."""
    folder = tmp_path / "a folder" / "checkout"
    (folder / "qa").mkdir(parents=True)
    shutil.copy2(RUN, folder / "run")
    for lock in ("requirements.lock", "requirements-test.lock"):
        (folder / lock).write_text("# nothing\n")
    (folder / "qa" / "__init__.py").write_text("")
    (folder / "qa" / "__main__.py").write_text(FAKE_QA)
    return folder


def start(checkout: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """Start ``run`` from another folder, with an empty HOME and no uv."""
    home = checkout.parent / "empty home"
    home.mkdir(exist_ok=True)
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), **environment}
    command = [getattr(sys, "_base_executable", sys.executable), str(checkout / "run"), *words]
    return subprocess.Popen(
        command, cwd=checkout.parent, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_two_starts_at_once_in_a_fresh_checkout(checkout: Path) -> None:
    starts = [start(checkout, "nightly", "--date", "2026-11-20", FAKE_EXIT="75") for _ in range(2)]
    outputs = [process.communicate(timeout=LONG_S) for process in starts]
    assert [process.returncode for process in starts] == [75, 75], outputs
    for out, _ in outputs:
        told = json.loads(out)
        assert told["words"] == ["nightly", "--date", "2026-11-20"]
        assert told["cwd"] == str(checkout.parent)
        assert told["prefix"] == str(checkout / ".venv")
    assert sorted(("making .venv" in err, "waiting for it" in err) for _, err in outputs) == [
        (False, True),
        (True, False),
    ]


HELD = """
import atexit, sys, time
from pathlib import Path

def wait():
    while not (Path(__file__).parent / "go").exists():
        time.sleep(0.01)

if "venv" in sys.orig_argv:
    atexit.register(wait)
"""
"""What Python imports at its start; making .venv then ends when it is told to, so that the kill comes before."""


@pytest.mark.slow
@pytest.mark.faults
def test_killed_while_setting_up_the_next_start_mends_it(checkout: Path, tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.mkdir()
    (held / "sitecustomize.py").write_text(HELD)
    process = start(checkout, "doctor", PYTHONPATH=str(held))
    deadline = time.monotonic() + LONG_S
    while not (checkout / ".venv" / "pyvenv.cfg").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(LONG_S)
    (held / "go").touch()  # the installer that was left may end: the next start waits for it
    process.communicate(timeout=LONG_S)
    assert (checkout / ".venv.unfinished").exists()
    again = start(checkout, "doctor")
    out, err = again.communicate(timeout=LONG_S)
    assert again.returncode == 0, err
    assert json.loads(out)["words"] == ["doctor"]
    assert not (checkout / ".venv.unfinished").exists()
