"""A pydantic error in the words of a person who writes packs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

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
    return path, _WORDS.get(kind) or str(error["msg"]).removeprefix("Value error, ")


def _stands_for_words(path: Path) -> bool:
    """Whether this names, behind the field, one of the kinds of value that it takes: one of some words."""
    return bool(path) and str(path[-1]).startswith("literal[")


def _none_of(error: ErrorDetails, number: ErrorDetails | None = None) -> str:
    """What is wrong with a value that is none of some words, and no number either where one was possible."""
    given, words = error["input"], _WORD.findall(error["ctx"]["expected"])
    if number is not None and not isinstance(given, str):
        return f"{number['msg']}, or be one of {', '.join(words)}"
    return f"{given!r} is not one of its values{nearest(str(given), words)}"


_WORD = re.compile(r"'([^']+)'")
_WORDS = {"tuple_type": "must be a list", "dict_type": "must be a mapping", "model_type": "must be a mapping"}


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
