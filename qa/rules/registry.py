"""Operators, found by looking in the package ``qa.rules.operators``."""

from __future__ import annotations

import inspect
import pkgutil
from functools import lru_cache
from importlib import import_module
from types import ModuleType

from qa.rules import operators as package
from qa.rules.base import Operator


@lru_cache(maxsize=1)
def operators() -> dict[str, type[Operator]]:
    """Name → operator class, sorted by name; two classes of one name are refused."""
    modules = [
        import_module(f"{package.__name__}.{info.name}")
        for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name)
    ]
    return collect(modules)


def collect(modules: list[ModuleType]) -> dict[str, type[Operator]]:
    """Return the concrete operators defined in these modules; ValueError when a name is used twice."""
    found: dict[str, type[Operator]] = {}
    for module in modules:
        for value in vars(module).values():
            if not (isinstance(value, type) and issubclass(value, Operator)) or inspect.isabstract(value):
                continue
            if value.__module__ != module.__name__:
                continue
            if value.name in found:
                raise ValueError(
                    f"operator {value.name!r} is defined in {found[value.name].__module__} and {module.__name__}"
                )
            found[value.name] = value
    return dict(sorted(found.items()))
