"""A draft as a YAML file that people go on writing: comments, one rule after the other, what is left at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from qa.drafting.draft import Draft, Left

_WIDTH = 120


class Head(NamedTuple):
    """What a pack begins with; ``sheet`` is the name of the file it was drawn up from."""

    pack: str
    version: str
    name_zh: str
    name_en: str
    sheet: str


def written(draft: Draft, head: Head) -> str:
    """Return the pack file."""
    return "\n".join([*_head(draft, head), *_rules(draft), *_left(draft)]) + "\n"


def totals(draft: Draft) -> str:
    """Return how the items of the sheet add up."""
    return f"{draft.items} items = {len(draft.rules)} rules + {len(draft.left)} not expressed"


def left_line(one: Left) -> str:
    """Return an item that is no rule, in one line: number, names, weight, reason, what the sheet says of it."""
    item = one.item
    weight = "red line" if item.red_line else "no points" if item.points is None else f"{item.points:g} points"
    names = item.zh if item.en is None else f"{item.zh} · {item.en}"
    remarks = f" | {item.remarks}" if item.remarks else ""
    return f"item {item.number} {names} ({item.dimension.value}, {weight}): {one.reason}{remarks}"


def _head(draft: Draft, head: Head) -> Iterator[str]:
    yield _comment(f"Drawn up from {head.sheet} by qa rules new: {totals(draft)}.")
    yield "# A draft: read every rule, run qa rules check, test and backtest before it is published."
    if draft.untranslated:
        numbers = ", ".join(map(str, draft.untranslated))
        yield f"# Without an English name of their own (the Chinese one stands in): items {numbers}."
    yield f"pack: {_scalar(head.pack)}"
    yield f"version: {_scalar(head.version)}"
    yield f"name: {_flow({'zh': head.name_zh, 'en': head.name_en})}"
    yield "extends: house"
    yield ""


def _rules(draft: Draft) -> Iterator[str]:
    if not draft.rules:
        yield "rules: []"
        return
    yield "rules:"
    for one in draft.rules:
        item = one.item
        remarks = f": {item.remarks}" if item.remarks else ""
        yield _comment(f"item {item.number}, row {item.row} of the sheet{remarks}", 2)
        if one.beside:
            yield _comment(
                f"The house measures the same in {', '.join(one.beside)}: to be off where this replaces it.", 2
            )
        body = list(_block(one.rule, 4))
        yield f"  - {body[0].lstrip()}"
        yield from body[1:]
        yield ""


def _left(draft: Draft) -> Iterator[str]:
    if draft.left:
        yield f"# Not expressed, {len(draft.left)} of {draft.items} items:"
        yield from (_comment(left_line(one)) for one in draft.left)
    else:
        yield f"# Nothing is left: all {draft.items} items are rules."
    yield from (_comment(f"Note: {note}") for note in draft.notes)


def _comment(text: str, indent: int = 0) -> str:
    return " " * indent + "# " + "".join(char if char.isprintable() else "�" for char in text)


def _block(value: dict[str, Any] | list[Any], indent: int) -> Iterator[str]:
    pad = " " * indent
    pairs = value.items() if isinstance(value, dict) else (("-", part) for part in value)
    for key, part in pairs:
        lead = f"{pad}- " if isinstance(value, list) else f"{pad}{key}: "
        flow = _flow(part)
        if isinstance(part, str) and _literal(part):
            yield f"{lead}|-"
            yield from (" " * (indent + 2) + line for line in part.split("\n"))
        elif not isinstance(part, dict | list) or _short(part, lead + flow):
            yield lead + flow
        else:
            yield lead.rstrip()
            yield from _block(part, indent + 2)


def _short(part: Any, line: str) -> bool:
    """Whether it reads well on one line: it fits, and holds no chat."""
    return len(line.encode("gb18030", "replace")) <= _WIDTH and not _several_lines(part)


def _several_lines(part: Any) -> bool:
    if isinstance(part, dict | list):
        return any(map(_several_lines, part.values() if isinstance(part, dict) else part))
    return isinstance(part, str) and "\n" in part


def _literal(text: str) -> bool:
    """Whether a text of several lines can stand as it is."""
    return "\n" in text and all(char.isprintable() or char == "\n" for char in text) and not text[0].isspace()


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: str | float) -> str:
    r"""Return a scalar as YAML reads it back the same.

    >>> _scalar("m-item-03"), _scalar("yes"), _scalar("老铁: “x”"), _scalar(6.0), _scalar(True), _scalar("a\u2028b")
    ('m-item-03', '"yes"', '"老铁: “x”"', '6', 'true', '"a\\u2028b"')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if float(value).is_integer() else repr(value)
    if value.isascii() and value.replace("-", "").replace("_", "").isalpha() and value.lower() not in _WORDS_OF_YAML:
        return value if value[0].isalpha() else json.dumps(value)
    if _is_id(value):
        return value
    return '"' + "".join(_character(char) for char in value) + '"'


_WORDS_OF_YAML = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}


def _is_id(value: str) -> bool:
    return value.startswith("m-item-") and value.removeprefix("m-item-").isdigit()


def _character(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"  # noqa: PLR2004 - the plane's end
