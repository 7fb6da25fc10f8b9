"""Nothing in the package can be made to run code that comes in a file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FORBIDDEN = {"cloudpickle", "copyreg", "dill", "marshal", "pickle", "pickletools", "shelve", "skops", "_pickle"}
CALLS = {"joblib.load", "joblib.dump", "numpy.lib.format.read_array", "pandas.read_pickle", "eval", "exec"}


def dangers(tree: ast.AST) -> list[str]:
    """What could unpickle or run: imports, calls by their full name, and numpy told to allow it."""
    names: dict[str, str] = {}
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            full = {alias.asname or alias.name: f"{prefix}{alias.name}" for alias in node.names}
            names |= full
            found += [f"line {node.lineno}: {one}" for one in full.values() if FORBIDDEN & set(one.split("."))]
            found += [f"line {node.lineno}: {one}" for one in full.values() if one in CALLS]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        first, _, rest = ast.unparse(node.func).partition(".")
        called = names.get(first, first) + (f".{rest}" if rest else "")
        if called in CALLS:
            found.append(f"line {node.lineno}: {called}")
        for keyword in node.keywords:
            allowed = keyword.arg == "allow_pickle" and getattr(keyword.value, "value", None) is not False
            found += [f"line {node.lineno}: allow_pickle"] * allowed
        if called == "numpy.load" and not any(keyword.arg == "allow_pickle" for keyword in node.keywords):
            found.append(f"line {node.lineno}: numpy.load without allow_pickle=False")
    return found


def test_nothing_is_ever_unpickled(root: Path) -> None:
    modules = sorted((root / "qa").rglob("*.py"))
    assert len(modules) > 50
    found = {str(path.relative_to(root)): dangers(ast.parse(path.read_text("utf-8"))) for path in modules}
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "def f():\n    import marshal as m",
        "import joblib\njoblib.load('x')",
        "from joblib import load\nload('x')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x')",
        "from skops.io import load",
        "eval('1')",
    ],
)
def test_a_way_to_unpickle_is_seen(code: str) -> None:
    assert dangers(ast.parse(code))


def test_numpy_without_objects_is_allowed() -> None:
    assert dangers(ast.parse("import numpy as np\nnp.load('x', allow_pickle=False)")) == []
