"""House rules that no linter knows: no machine in the files, links that resolve, locks that hold, small files."""

from __future__ import annotations

import ast
import gzip
import json
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from qa.cli import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
NOT_OURS = {".git", ".venv", "var", "dist", "node_modules", "vendor", "__pycache__"}
CACHES = re.compile(r"\.(pytest|mypy|ruff)_cache|\.hypothesis|.*\.egg-info")
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".lock", ".txt", ".html", ".css", ".js", ".json", ".jsonl", ".cfg", ""}

MACHINE = re.compile(
    "|".join(
        [
            "/wo" + "rk/(main|shared)",
            "/tm" + "p/v/",
            "/ro" + "ot/",
            "/ho" + "me/[a-z]",
            "/Us" + "ers/[a-z]",
            "/op" + "t/(wheels|pypi)",
            "fa" + "rm-[a-z]",
            "pythonho" + "sted",
            "pypi" + r"\.org",
            r"\.py" + "env",
        ]
    )
)
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
SENTENCE = 18
"""Characters from which a sentence equal to one of somebody's chats is no coincidence any more."""


def ours() -> Iterator[Path]:
    """Every text file of the project, whether git knows it yet or not."""
    folders = [ROOT]
    while folders:
        for path in sorted(folders.pop().iterdir()):
            if path.name in NOT_OURS or CACHES.fullmatch(path.name) or path.name.startswith((".venv", ".coverage")):
                continue
            if path.is_dir():
                folders.append(path)
            elif path.suffix in TEXT:
                yield path


FILES = [*ours()]
PYTHON = [path for path in FILES if path.suffix == ".py" or path == ROOT / "run"]
MARKDOWN = [path for path in FILES if path.suffix == ".md"]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_machine_and_no_registry_in_any_file() -> None:
    found = [
        f"{named(path)}:{number}: {line.strip()[:80]}"
        for path in FILES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if MACHINE.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("path", PYTHON, ids=named)
def test_files_and_functions_are_small(path: Path) -> None:
    source = path.read_text("utf-8")
    assert source.count("\n") <= LONGEST_FILE
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [f.name for f in functions if (f.end_lineno or f.lineno) - f.lineno >= LONGEST_FUNCTION]
    assert long == []


def test_text_files_are_utf8_with_unix_line_ends() -> None:
    kinds = {".py", ".md", ".toml", ".yaml", ".lock", ""}
    wrong = []
    for path in FILES:
        content = path.read_bytes() if path.suffix in kinds else b"\n"
        if b"\r" in content or content.startswith(b"\xef\xbb\xbf") or (content and not content.endswith(b"\n")):
            wrong.append(named(path))
    assert wrong == []


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip()).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    return {slug(heading) for heading in re.findall(r"^#+ +(.+)$", text, flags=re.MULTILINE)}


def test_every_link_in_the_documents_resolves() -> None:
    broken = []
    for path in MARKDOWN:
        text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text("utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", text):
            file, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            there = (path.parent / file) if file else path
            if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
                broken.append(f"{named(path)}: {target}")
    assert broken == []


def pins(lock: str) -> dict[str, set[str]]:
    """The versions of each package in a lock (several where they depend on the Python)."""
    found: dict[str, set[str]] = {}
    for name, number in re.findall(r"^([a-z0-9][\w.-]*)==([^\s;]+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE):
        found.setdefault(name, set()).add(number)
    return found


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock"])
def test_locks_have_a_hash_for_everything_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert not re.search(r"https?:|file:|^-|index-url|find-links", text, re.MULTILINE)


def test_the_test_lock_holds_the_other_one_unchanged() -> None:
    test = pins("requirements-test.lock")
    assert {name: test.get(name) for name in pins("requirements.lock")} == pins("requirements.lock")


def test_the_locks_hold_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = [need for group in project["project"]["optional-dependencies"].values() for need in group]

    def missing(needs: list[str], lock: str) -> set[str]:
        names = {re.split(r"[\[<>=~!; ]", need)[0].lower().replace(".", "-").replace("_", "-") for need in needs}
        return names - pins(lock).keys()

    assert missing([*project["project"]["dependencies"], *extras], "requirements.lock") == set()
    assert missing(project["dependency-groups"]["test"], "requirements-test.lock") == set()


def test_the_version_is_said_once_and_the_same() -> None:
    import qa

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["version"] == qa.__version__


def sentences(text: str) -> Iterator[str]:
    """The pieces of a text between blanks, quotes and ends of sentence that are long enough to be told apart."""
    for piece in re.split(r"[\s\"'`。！？!?|]+", text):
        if len(piece) >= SENTENCE and re.search("[\u4e00-\u9fff]{6}", piece):
            yield piece


@pytest.mark.slow
def test_no_sentence_of_the_shared_chats_is_in_the_project(shared_dir: Path) -> None:
    theirs: set[str] = set()
    for file in sorted((shared_dir / "data").glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                for message in json.loads(line).get("messages", []):
                    theirs.update(sentences(message["text"]))
    assert theirs
    copied = {f"{named(path)}: {s}" for path in FILES for s in sentences(path.read_text("utf-8")) if s in theirs}
    assert copied == set()


def resolves(dotted: str) -> bool:
    """Whether ``qa.module.Name.member`` exists."""
    try:
        pkgutil.resolve_name(dotted)
    except (ImportError, AttributeError):
        return False
    return True


def test_names_in_the_documents_exist() -> None:
    quoted = {
        (named(path), text)
        for path in MARKDOWN
        for text in re.findall(r"`(qa[ .][\w .]+)`", path.read_text("utf-8"))
        if not text.endswith((".py", ".yaml", ".toml"))
    }
    commands = {(file, text) for file, text in quoted if " " in text}
    assert {(file, text) for file, text in commands if text.split()[1] not in COMMANDS} == set()
    assert {(file, text) for file, text in quoted - commands if not resolves(text)} == set()
