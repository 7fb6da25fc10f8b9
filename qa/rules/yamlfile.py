"""YAML with the line and column of everything: strict YAML 1.2, no duplicate keys, no aliases, no tags."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from qa.errors import PackError

Path = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = (_TAG + "map", _TAG + "seq")
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""What an escape can write and neither a database nor an automaton can hold."""
_MAX_DEPTH = 40
_NO_ALIASES = "anchors and aliases are not allowed: write it out"
_SAID = {
    "found undefined alias": _NO_ALIASES,
    "found character '\\t'": "a tab: lines are indented with blanks",
}
"""Beginnings of the parser's reasons that we say in other words."""
_COLON = re.compile(r"[ \t-]*[A-Za-z_][\w-]*(：|:(?=[^\s:/]))")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: plain dicts, lists, strings, numbers; and where each of them stands."""

    file: str
    value: Any
    positions: dict[Path, tuple[int, int]]

    def where(self, path: Path) -> str:
        """``file:line:column`` of a path, or of its nearest ancestor that is in the file."""
        while path and path not in self.positions:
            path = path[:-1]
        line, column = self.positions.get(path, (1, 1))
        return f"{self.file}:{line}:{column}"

    def error(self, path: Path, reason: str) -> PackError:
        """Return the error to raise for a mistake at ``path``."""
        dotted = ".".join(str(part) for part in path)
        return PackError(f"{self.where(path)}: {dotted + ': ' if dotted else ''}{reason}")


def parse_yaml(text: str, file: str) -> Document:
    """Parse one YAML document; PackError with ``file:line:column`` for whatever is wrong with it."""
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        reason = str(problem.problem or problem.context)
        reason = next((words for begins, words in _SAID.items() if reason.startswith(begins)), reason)
        raise PackError(f"{place}: {reason}{_odd_colon(text, mark.line + 1 if mark else 0)}") from None
    except ReaderError as problem:
        line, column = _line_column(text, problem.position)
        raise PackError(f"{file}:{line}:{column}: character {chr(problem.character)!r} is not allowed") from None
    except RecursionError:
        raise PackError(f"{file}:1:1: nested too deeply") from None
    except (ValueError, YAMLError) as problem:
        raise PackError(f"{file}:1:1: not readable as YAML: {problem}") from None
    if root is None:
        raise PackError(f"{file}:1:1: the file is empty")
    positions: dict[Path, tuple[int, int]] = {}
    seen: set[int] = set()
    return Document(file, _value(root, (), positions, seen, file), positions)


def _odd_colon(text: str, lines: int) -> str:
    r"""What may have led to a mistake in the first lines: a key whose colon is full-width, or has no blank behind it.

    >>> _odd_colon("pack：acme\nname: x", 2)
    '; in line 1 the colon is full-width: write it as on an English keyboard, with a blank behind it'
    """
    for line, said in enumerate(text.split("\n")[:lines], 1):
        odd = _COLON.match(said)
        if odd is not None and odd[1] == "：":
            return (
                f"; in line {line} the colon is full-width: write it as on an English keyboard, with a blank behind it"
            )
        if odd is not None and line >= lines - 1:
            return f"; in line {line} a blank is missing behind the colon"
    return ""


def _value(node: Node, path: Path, positions: dict[Path, tuple[int, int]], seen: set[int], file: str) -> Any:
    line, column = node.start_mark.line + 1, node.start_mark.column + 1
    positions.setdefault(path, (line, column))
    if id(node) in seen or node.anchor:
        raise PackError(f"{file}:{line}:{column}: {_NO_ALIASES}")
    if len(path) > _MAX_DEPTH:
        raise PackError(f"{file}:{line}:{column}: nested too deeply")
    if not isinstance(node, ScalarNode) and str(node.tag) not in _PLAIN_TAGS:
        raise PackError(f"{file}:{line}:{column}: tags ({node.tag}) are not allowed")
    seen.add(id(node))
    if isinstance(node, MappingNode):
        return _mapping(node, path, positions, seen, file)
    if isinstance(node, SequenceNode):
        return [_value(item, (*path, i), positions, seen, file) for i, item in enumerate(node.value)]
    assert isinstance(node, ScalarNode)
    return _scalar(node, file)


def _mapping(
    node: MappingNode, path: Path, positions: dict[Path, tuple[int, int]], seen: set[int], file: str
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
        if not isinstance(key_node, ScalarNode) or key_node.anchor:
            raise PackError(f"{file}:{line}:{column}: a key must be a plain word")
        key = str(key_node.value)
        if _FORBIDDEN.search(key):
            raise PackError(f"{file}:{line}:{column}: a key must be a plain word")
        if key in result:
            raise PackError(f"{file}:{line}:{column}: {key!r} is given twice")
        positions[*path, key] = (line, column)
        result[key] = _value(value_node, (*path, key), positions, seen, file)
    return result


def _scalar(node: ScalarNode, file: str) -> str | int | float | bool | None:
    text, kind = str(node.value), str(node.tag).removeprefix(_TAG)
    mark = node.start_mark
    if wrong := _FORBIDDEN.search(text):
        place = f"{file}:{mark.line + 1}:{mark.column + 1}"
        raise PackError(f"{place}: holds {wrong[0]!r}, which is no character of a text")
    try:
        return _READERS[kind](text)
    except (KeyError, ValueError):
        raise PackError(f"{file}:{mark.line + 1}:{mark.column + 1}: cannot read {text!r} as {kind}") from None


def _integer(text: str) -> int:
    number = int(text, 10)
    if abs(number) >= 2**63:
        raise ValueError(text)
    return number


def _line_column(text: str, position: int) -> tuple[int, int]:
    r"""1-based line and column of a position.

    >>> _line_column("ab\nc", 3)
    (2, 1)
    """
    before = text[:position]
    return before.count("\n") + 1, position - before.rfind("\n")


_READERS: dict[str, Callable[[str], str | int | float | bool | None]] = {
    "str": str,
    "timestamp": str,  # a date stays the text it was written as
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": _integer,
    "float": float,
}
