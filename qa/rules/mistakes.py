"""A pydantic error in the words of a person who writes packs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]


def first_mistake(problem: ValidationError, model: type[BaseModel]) -> tuple[Path, str]:
    """Return where the first mistake is, from the validated value down, and what is wrong.

    Where a field is missing and an unknown one stands in its place, that one is the mistake.
    """
    errors = problem.errors(include_url=False)
    error = errors[0]
    path: Path = error["loc"]
    if error["type"] == "missing":
        beside = (e for e in errors if e["type"] == "extra_forbidden" and e["loc"][:-1] == path[:-1])
        error = next(beside, error)
        path = error["loc"]
    words = [e for e in errors if e["loc"][:-1] == path[:-1] and _stands_for_words(e["loc"])]
    if words:  # a number was wanted, or one of some words
        return path[:-1], _none_of(words[0], number=error if error is not words[0] else None)
    kind = error["type"]
    if kind == "extra_forbidden":
        return path, f"unknown field {path[-1]!r}{_did_you_mean(str(path[-1]), model, path)}"
    if kind == "missing":
        return path, f"{path[-1]!r} is missing"
    if kind in {"enum", "literal_error"} and _WORD.search(error["ctx"]["expected"]):
        return path, _none_of(error)
    return path, _told(error)


def _told(error: ErrorDetails) -> str:
    """What is wrong with a value, in our words where we have some."""
    words = _WORDS.get(error["type"])
    if words is None:
        return str(error["msg"]).removeprefix("Value error, ")
    form = str(error.get("ctx", {}).get("pattern"))
    known = error.get("ctx", {}) | {"given": error["input"], "form": _FORMS.get(form, f"of the form {form}")}
    return words.format_map(known)


def flag_for_number(model: type[BaseModel], given: Any) -> str | None:
    """Return the field in which true or false stands where a number is wanted: pydantic would take true for 1."""
    fields = {field.alias or name: str(field.annotation) for name, field in model.model_fields.items()}
    flags = [name for name, value in given.items() if isinstance(value, bool)] if isinstance(given, dict) else []
    return next((name for name in flags if _NUMBER.search(fields.get(name, "")) and "bool" not in fields[name]), None)


def _stands_for_words(path: Path) -> bool:
    """Whether this names, behind the field, one of the kinds of value that it takes: one of some words."""
    return bool(path) and str(path[-1]).startswith("literal[")


def _none_of(error: ErrorDetails, number: ErrorDetails | None = None) -> str:
    """What is wrong with a value that is none of some words, and no number either where one was possible."""
    given, words = error["input"], _WORD.findall(error["ctx"]["expected"])
    if number is not None and not isinstance(given, str):
        return f"{_told(number)}, or be one of {', '.join(words)}"
    return f"{given!r} is not one of its values{nearest(str(given), words)}"


_NUMBER = re.compile("int|float")
NOT_A_FLAG = "must be a number, neither true nor false"
_WORD = re.compile(r"'([^']+)'")
_WORDS = {
    "tuple_type": "must be a list, such as [a, b]",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "string_type": "must be a text: put it in quotation marks",
    "string_pattern_mismatch": "{given!r} is not {form}",
    "string_too_short": "an empty text: at least {min_length} character is needed",
    "too_short": "must have at least {min_length} item",
    "bool_type": "{given!r} is neither true nor false",
    "bool_parsing": "{given!r} is neither true nor false",
    "float_type": "must be a number",
    "float_parsing": "{given!r} is not a number",
    "int_type": "must be a whole number",
    "int_parsing": "{given!r} is not a whole number",
    "int_from_float": "{given} is not a whole number",
    "greater_than": "must be greater than {gt:g}",
    "greater_than_equal": "must be greater than or equal to {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be less than or equal to {le:g}",
}
_FORMS = {
    r"^[a-z][a-z0-9-]{1,60}$": "an id: small letters, digits and hyphens, a letter first",
    r"^[a-z0-9][a-z0-9_-]{0,60}$": "an id: small letters, digits, _ and -",
}
"""What the patterns of ids mean."""


def _did_you_mean(word: str, model: type[BaseModel], path: Path) -> str:
    """Return what was meant, for a field of the model itself; fields of parts are few and in the documentation."""
    if len(path) != 1:
        return ""
    return nearest(word, [field.alias or name for name, field in model.model_fields.items()])


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: what was meant, or all that are known.

    >>> nearest("keyword", ["keywords", "regex"]), nearest("x", ["keywords", "regex"])
    ("; did you mean 'keywords'?", ' (known: keywords, regex)')
    """
    words = list(known)
    close = get_close_matches(word, words, n=1)
    return f"; did you mean {close[0]!r}?" if close else f" (known: {', '.join(words) or 'none'})"
