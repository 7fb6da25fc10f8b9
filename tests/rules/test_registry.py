"""A new operator is a new class in the package and no other edit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

from qa.rules.base import Operator
from qa.rules.registry import collect, operators

CODE = '''
from __future__ import annotations
from typing import ClassVar
from qa.rules.base import Operator, hit

class Always(Operator):
    """Hit on every chat."""
    name: ClassVar[str] = "{name}"
    def compile(self, bench):
        return lambda view: hit()
'''


TRY = """
import sys
from qa.rules import operators as package
package.__path__.append(sys.argv[1])
from qa.rules.registry import operators
try:
    print(" ".join(operators()))
except ValueError as problem:
    print(problem)
"""


def operators_with(tmp_path: Path, root: Path, name: str) -> str:
    """What a fresh process says of its operators when the package has one file more."""
    (tmp_path / "brand_new.py").write_text(CODE.replace("{name}", name))
    command = [sys.executable, "-c", TRY, str(tmp_path)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def test_a_new_file_is_found(tmp_path: Path, root: Path) -> None:
    assert set(operators_with(tmp_path, root, "always").split()) == {*operators(), "always"}


def test_a_name_used_twice_is_refused(tmp_path: Path, root: Path) -> None:
    said = operators_with(tmp_path, root, "keywords")
    assert said == ("operator 'keywords' is defined in qa.rules.operators.brand_new and qa.rules.operators.keywords\n")


def test_the_operators_are_sorted_and_explain_themselves() -> None:
    found = operators()
    assert list(found) == sorted(found)
    assert len(found) >= 12
    assert all(operator.name == name and operator.__doc__ for name, operator in found.items())


def test_imported_and_abstract_classes_are_no_operators() -> None:
    module = ModuleType("m")
    vars(module).update(Operator=Operator, Keywords=operators()["keywords"])
    assert collect([module]) == {}
