from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from qa.cli import main

PACK = """\
pack: acme
version: "1"
name: {zh: 某店, en: Acme}
extends: house
off: [red-insult]
change: {low-csat: {deduct: 1, max_deduct: 1}}
wordlists: {slang: [老铁, "[b]家人们"]}
rules:
  - id: slang
    name: {zh: 俚语, en: Slang}
    dimension: process
    severity: minor
    deduct: 2
    message: {zh: 俚, en: Slang}
    when: {keywords: {list: [slang]}}
"""


def run(folder: Path, *arguments: str | Path) -> Result:
    environment = {"QA_DATA_DIR": str(folder), "COLUMNS": "60"}
    return CliRunner().invoke(main, ["rules", "diff", *map(str, arguments)], env=environment, catch_exceptions=False)


def pack(folder: Path) -> Path:
    path = folder / "acme.yaml"
    path.write_text(PACK, "utf-8")
    return path


def test_readable(tmp_path: Path) -> None:
    result = run(tmp_path, "house", pack(tmp_path))
    assert result.exit_code == 0
    first, *lines = result.stdout.splitlines()
    assert first.startswith("house ")
    assert " → acme 1 (" in first
    assert lines[0] == "+ added slang 俚语 · Slang (process, minor, −2)"
    assert lines[1].startswith("− removed red-insult ")
    assert lines[1].endswith("(professionalism, critical, score 0)")
    assert lines[2:] == [
        "~ changed low-csat",
        "    deduct: 5.0 → 1.0",
        "    max_deduct: 5.0 → 1.0",
        "~ word list slang, used by slang",
        "    + 2: 老铁、[b]家人们",
    ]


def test_json(tmp_path: Path) -> None:
    found = json.loads(run(tmp_path, "house", pack(tmp_path), "--json").stdout)
    assert list(found) == ["old", "new", "added", "removed", "changed", "wordlists", "reordered"]
    assert found["changed"] == [
        {
            "rule": "low-csat",
            "fields": [
                {"field": "deduct", "old": 5.0, "new": 1.0},
                {"field": "max_deduct", "old": 5.0, "new": 1.0},
            ],
        }
    ]


def test_alike(tmp_path: Path) -> None:
    assert run(tmp_path, "house", "house").stdout.endswith("\nboth judge alike\n")


def test_mistakes(tmp_path: Path) -> None:
    missing = run(tmp_path, "house", tmp_path / "none.yaml")
    assert (missing.exit_code, "none.yaml: no such file" in missing.stderr) == (2, True)
    path = pack(tmp_path)
    path.write_text(PACK.replace("keywords:", "keyword:"), "utf-8")
    wrong = run(tmp_path, path, "house")
    assert wrong.exit_code == 2
    assert f"error: {path}:15:" in wrong.stderr
