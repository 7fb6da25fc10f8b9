"""JSON (RFC 8259) and nothing else, as fast as orjson reads it.

What orjson leaves open is settled here: duplicate keys are found, lone surrogates are repaired and reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, NamedTuple, NoReturn

import orjson

REPLACEMENT = "\ufffd"
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_SPACED_COLONS = (b" :", b"\t:", b"\n:", b"\r:")


class Parsed(NamedTuple):
    """A JSON value; ``repaired`` are the paths of strings in which a lone surrogate became U+FFFD."""

    value: Any
    repaired: tuple[str, ...] = ()


def parse_json(raw: bytes) -> Any:
    r"""The value of a JSON text in UTF-8; ``ValueError`` with line and column if it is none.

    Of equal keys the last counts, as RFC 8259 lets it (``duplicate_key`` finds them); lone surrogates are repaired.

    >>> parse_json(b'{"a": [1, "\\ud800"]}')
    {'a': [1, '\ufffd']}
    """
    return parse(raw).value


def parse(raw: bytes) -> Parsed:
    """As ``parse_json``, telling also what was repaired."""
    try:
        return Parsed(orjson.loads(raw))
    except orjson.JSONDecodeError as error:
        if _SURROGATE_ESCAPE.search(raw):
            return _parse_with_surrogates(raw)
        raise ValueError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None


def _parse_with_surrogates(raw: bytes) -> Parsed:
    """Read with the standard library what orjson refuses, a lone surrogate escape; all else stays refused."""
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"not JSON: not valid UTF-8 (line 1, column {error.start + 1})") from None
    except RecursionError:
        raise ValueError("not JSON: nested too deeply (line 1, column 1)") from None
    repaired: list[str] = []
    value = _repair(value, "", repaired)
    return Parsed(value, tuple(repaired))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"not JSON: {constant} (line 1, column 1)")


def _finite(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise ValueError(f"not JSON: the number {digits[:40]} is too large (line 1, column 1)")
    return value


def _integer(digits: str) -> int | float:
    # As orjson: beyond 64 bits an integer is a double.
    value = _finite(digits)
    exact = int(value) if abs(value) > 2**65 else int(digits)
    return exact if -(2**63) <= exact < 2**64 else value


def _repair(value: Any, path: str, repaired: list[str]) -> Any:
    if isinstance(value, str):
        if not _SURROGATE.search(value):
            return value
        repaired.append(path)
        return _SURROGATE.sub(REPLACEMENT, value)
    if isinstance(value, list):
        return [_repair(item, f"{path}[{index}]", repaired) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return _repair_object(value, path, repaired)
    return value


def _repair_object(value: dict[str, Any], path: str, repaired: list[str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, item in value.items():
        name = _SURROGATE.sub(REPLACEMENT, key)
        inner = f"{path}.{name}" if path else name
        if name != key:
            repaired.append(inner)
        if name in out:
            raise ValueError(f"not JSON: the key {name!r} twice after repair of lone surrogates (line 1, column 1)")
        out[name] = _repair(item, inner, repaired)
    return out


def duplicate_key(raw: bytes, value: Any) -> str | None:
    r"""The first key that occurs twice in one object of ``raw``, or None; ``value`` is what ``raw`` parsed to.

    Cheap where it matters: without space before a colon anywhere, every key puts one ``":`` into the text, and
    so does nothing else but an escaped quote before a colon. Only if the count is not that of the decoded keys
    does the standard library read the text again.

    >>> text = b'{"a": {"b": 1, "b": 2}}'
    >>> duplicate_key(text, orjson.loads(text))
    'b'
    """
    if raw.count(b'":') == _count_keys(value) and not any(spaced in raw for spaced in _SPACED_COLONS):
        return None
    return next(_duplicates(raw), None)


def _count_keys(value: Any) -> int:
    """Keys in all objects of a value; a loop, for the value may be deep."""
    total = 0
    stack = [value]
    while stack:
        top = stack.pop()
        if type(top) is dict:
            total += len(top)
            stack.extend([item for item in top.values() if type(item) is dict or type(item) is list])
        elif type(top) is list:
            stack.extend(top)
    return total


def _duplicates(raw: bytes) -> Iterator[str]:
    found: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in items:
            if key in seen:
                found.append(key)
            seen.add(key)

    try:
        json.loads(raw.decode("utf-8", "surrogatepass"), object_pairs_hook=pairs, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):  # it was accepted before, so only depth is left: 1,024 levels of orjson
        found.append("(nested too deeply to tell)")
    yield from found
