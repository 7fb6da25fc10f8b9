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
    assert list(tmp_path.iterdir()) == []
    path = pack(tmp_path)
    path.write_text(PACK.replace("keywords:", "keyword:"), "utf-8")
    wrong = run(tmp_path, path, "house")
    assert wrong.exit_code == 2
    assert f"error: {path}:15:" in wrong.stderr


def test_of_a_long_condition_what_differs_is_shown(tmp_path: Path) -> None:
    shared = "|".join(f"词{number}" for number in range(60))
    rule = PACK.partition("    when:")[0].replace("off: [red-insult]\n", "").replace("change: {low", "# change: {low")
    when = "    when: {{any: [{{regex: {{pattern: '{}'}}}}, {{keywords: {{any: [{}]}}}}]}}\n"
    examples = '    examples: {{bad: ["客服: 甲{}"]}}\n'
    for name, word in (("a", "旧"), ("b", "新")):
        text = rule + when.format(f"{shared}|{word}|{shared}", f"甲, {word}") + examples.format(f'", "客服: {word}')
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
    lines = run(tmp_path, tmp_path / "a.yaml", tmp_path / "b.yaml").stdout.splitlines()
    pattern = [f"…56|词57|词58|词59|{word}|词0|词1|词2|词3|词4…" for word in "旧新"]
    assert lines[1:] == [
        "~ changed slang",
        f"    when.any.0.regex.pattern: {' → '.join(pattern)}",
        "    when.any.1.keywords.any:",
        "      − 旧",
        "      + 新",
        "    examples.bad:",
        "      − 客服: 旧",
        "      + 客服: 新",
    ]
