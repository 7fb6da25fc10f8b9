"""A pydantic error in the words of a person who writes packs."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError

Path = tuple[str | int, ...]


def first_mistake(problem: ValidationError, model: type[BaseModel]) -> tuple[Path, str]:
    """Return where the first mistake is, from the validated value down, and what is wrong.

    Where a field is missing and an unknown one stands in its place, that one is the mistake.
    """
    errors = problem.errors(include_url=False, include_input=False)
    error = errors[0]
    path: Path = error["loc"]
    if error["type"] == "missing":
        beside = (e for e in errors if e["type"] == "extra_forbidden" and e["loc"][:-1] == path[:-1])
        error = next(beside, error)
        path = error["loc"]
    kind = error["type"]
    if kind == "extra_forbidden":
        return path, f"unknown field {path[-1]!r}{_did_you_mean(str(path[-1]), model, path)}"
    if kind == "missing":
        return path, f"{path[-1]!r} is missing"
    return path, _WORDS.get(kind) or str(error["msg"]).removeprefix("Value error, ")


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
