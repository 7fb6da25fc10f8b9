"""The floors of qa/__init__.py, enforced: imports only point down, and the world is touched only where it may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

QA = Path(__file__).resolve().parent.parent / "qa"

FLOORS = {
    0: {"qa"},  # the version
    1: {"types", "errors", "progress"},
    2: {
        "text", "phrases", "hours", "ledger", "sampling", "estimates", "scoring", "flagging", "policy", "config",
        "tokens", "sources", "people",
    },
    3: {"rules", "models", "store", "privacy"},
    5: {"cli", "web", "__main__"},
}  # fmt: skip
USE_CASE = 4
"""Every other module is a use case."""

NEIGHBOURS = {
    ("ledger", "hours"): "a wait counts inside business hours",
    ("demo", "intake"): "the demo runs the real import",
    ("demo", "nightly"): "the demo runs the real nights",
    ("__main__", "cli"): "python -m qa is the command",
    ("cli", "web"): "qa serve starts the workbench; qa users prints its links",
}
"""Imports between modules of one floor, each with its reason; everything else must go through a floor below."""

EDGE_LIBRARIES = {
    "alembic", "argon2", "click", "dask", "distributed", "flask", "flask_babel", "flask_wtf", "jinja2", "joblib",
    "requests", "rich", "sklearn", "skops", "socket", "sqlalchemy", "subprocess", "urllib.request", "waitress",
    "werkzeug",
}  # fmt: skip
"""What floors 1 and 2 do without: values in, values out."""

UNREPEATABLE = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns", "time.localtime",
    "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns", "time.process_time",
    "time.sleep", "os.urandom", "uuid.uuid1", "uuid.uuid4",
}  # fmt: skip
"""Calls whose result differs from run to run; ``random`` and ``secrets`` besides, except ``random.Random(seed)``."""

MAY = {
    ("store", "time.monotonic"): "how long to go on trying for a locked SQLite file",
    ("store", "time.sleep"): "the pause between two tries",
    ("nightly", "time.monotonic"): "how long a worker of the cluster may owe an answer",
    ("nightly", "time.perf_counter"): "seconds by stage, which are no part of a result",
    ("nightly", "time.sleep"): "a worker process looks now and then whether its night still lives",
    ("demo", "time.perf_counter"): "seconds it took, shown to the user",
}


def modules() -> list[Path]:
    return sorted(QA.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = ("qa", *path.relative_to(QA).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def unit_of(module: str) -> str:
    """The room a module belongs to: ``qa.rules.engine`` is in ``rules``."""
    return module.split(".")[1] if "." in module else "qa"


def floor_of(unit: str) -> int:
    return next((floor for floor, units in FLOORS.items() if unit in units), USE_CASE)


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: imports name the whole path here"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def full_names(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for: ``from time import time as t`` makes ``t`` ``time.time``."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            names |= {alias.asname or alias.name: f"{prefix}{alias.name}" for alias in node.names}
    return names


def misplaced(module: str, tree: ast.AST) -> list[str]:
    """What a module imports from where it may not."""
    unit = unit_of(module)
    found = []
    for line, target in imports(tree):
        if not target.startswith("qa."):
            continue
        room = target.split(".")[1]
        room = room if (QA / room).is_dir() or (QA / f"{room}.py").is_file() else "qa"
        below = floor_of(room) < floor_of(unit)
        if not (room == unit or below or (unit, room) in NEIGHBOURS):
            found.append(f"line {line}: {unit} (floor {floor_of(unit)}) imports {target} (floor {floor_of(room)})")
    return found


def unrepeatable(module: str, tree: ast.AST) -> list[str]:
    """The calls of a module that answer differently each time."""
    aliases = full_names(tree)
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute | ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        first, *rest = ast.unparse(node).split(".")
        called = ".".join([*aliases.get(first, first).split("."), *rest][-2:])
        dice = called.startswith(("random.", "secrets.")) and called != "random.Random"
        if (called in UNREPEATABLE or dice) and (unit_of(module), called) not in MAY:
            found.append(f"line {node.lineno}: {called}")
    return found


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_down(path: Path) -> None:
    assert misplaced(name_of(path), ast.parse(path.read_text("utf-8"))) == []


@pytest.mark.parametrize("path", [p for p in modules() if floor_of(unit_of(name_of(p))) <= 2], ids=name_of)
def test_lower_floors_know_no_edge(path: Path) -> None:
    names = {target for _, target in imports(ast.parse(path.read_text("utf-8")))}
    used = {lib for lib in EDGE_LIBRARIES for name in names if f"{name}.".startswith(f"{lib}.")}
    assert used == set()


@pytest.mark.parametrize("path", [p for p in modules() if floor_of(unit_of(name_of(p))) < 5], ids=name_of)
def test_no_clock_and_no_dice_below_the_edge(path: Path) -> None:
    assert unrepeatable(name_of(path), ast.parse(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("qa.text", "from qa.rules.engine import run"),
        ("qa.text", "def f():\n    from qa import store"),
        ("qa.nightly", "from qa.cli import main"),
        ("qa.sampling", "import qa.estimates"),
        ("qa.demo", "import qa.__main__"),
    ],
)
def test_a_wrong_import_is_seen(module: str, code: str) -> None:
    assert misplaced(module, ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "import time\ntime.time()",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.datetime.now()",
        "from time import perf_counter as p\np()",
        "import time as t\nf = t.monotonic",
        "import datetime as dt\ndt.date.today()",
        "import random\nrandom.choice([1])",
        "from random import shuffle\nshuffle([])",
        "from secrets import token_hex\ntoken_hex()",
    ],
)
def test_a_clock_or_a_die_is_seen(code: str) -> None:
    assert unrepeatable("qa.text", ast.parse(code))


def test_a_seeded_generator_is_allowed() -> None:
    assert unrepeatable("qa.text", ast.parse("import random\nrandom.Random(7).choice([1])")) == []


def test_every_module_postpones_annotations() -> None:
    future = "__future__.annotations"
    found = {name_of(path): {target for _, target in imports(ast.parse(path.read_text("utf-8")))} for path in modules()}
    assert [module for module, names in found.items() if names and future not in names] == []
