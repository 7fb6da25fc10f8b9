"""The elements of a JSON array that is too large to hold, one at a time, as bytes with their line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from qa.sources.files import LongLine, Pending

_OUTSIDE = re.compile(rb'["\[\]{},]')
_INSIDE = re.compile(rb'["\\]')
_SPACE = b" \t\r\n"


class Piece(NamedTuple):
    """``element``: the text of one value; ``stray``: text where none may be; ``unclosed``: the array has no end."""

    line: int
    raw: bytes | LongLine
    kind: Literal["element", "stray", "unclosed"] = "element"


@dataclass(slots=True)
class _State:
    pending: Pending
    depth: int = 0
    """0 outside the array, 1 between its elements, more within one."""
    in_string: bool = False
    skip: int = 0
    """1 if the next byte is escaped by a backslash at the end of the last chunk."""
    line: int = 1
    start: int = 1
    """Line on which the pending element begins."""
    closed: bool = False
    count: int = 0
    ready: list[Piece] = field(default_factory=list)


def elements(chunks: Iterable[bytes], limit: int) -> Iterator[Piece]:
    """Every element of the array that ``chunks`` (beginning with space or ``[``) hold; faults come as pieces too."""
    state = _State(Pending(limit))
    for chunk in chunks:
        _scan(state, chunk)
        yield from state.ready
        state.ready.clear()
    if not state.closed:
        rest = state.pending.take()
        yield Piece(state.start, rest, "unclosed")
    elif state.pending.size:
        yield from _finish(state, "stray")


def _scan(state: _State, chunk: bytes) -> None:
    position, begin = state.skip, 0
    state.skip = 0
    while True:
        match = (_INSIDE if state.in_string else _OUTSIDE).search(chunk, position)
        if match is None:
            break
        position = match.end()
        token = match[0]
        if token == b'"':
            state.in_string = not state.in_string
        elif token == b"\\":
            position += 1
        else:
            begin = _structure(state, chunk, token, begin, match.start())
    state.skip = max(0, position - len(chunk))
    _add(state, chunk[begin:])


def _structure(state: _State, chunk: bytes, token: bytes, begin: int, at: int) -> int:
    """Follow one structural byte; returns where the bytes not yet taken begin."""
    if token in b"[{":
        state.depth += 1
        opens = state.depth == 1 and not state.closed and token == b"["
        if not opens:
            return begin
        _add(state, chunk[begin:at])
        state.ready.extend(_finish(state, "stray"))
        return at + 1
    if token == b"," and state.depth != 1:
        return begin
    if token != b",":
        state.depth -= 1
        if state.depth > 0 or state.closed:
            return begin
    _add(state, chunk[begin:at])
    _end_of_element(state, last=token != b",")
    return at + 1


def _end_of_element(state: _State, *, last: bool) -> None:
    found = list(_finish(state, "element"))
    if not found and not (last and state.count == 0):
        found = [Piece(state.line, b"")]  # [1,] or [,1]: an element is missing
    state.count += len(found)
    state.closed = state.closed or last
    state.ready.extend(found)


def _add(state: _State, data: bytes) -> None:
    if not state.pending.size:
        body = data.lstrip(_SPACE)
        state.line += data.count(b"\n", 0, len(data) - len(body))
        state.start = state.line
        data = body
    state.pending.add(data)
    state.line += data.count(b"\n")


def _finish(state: _State, kind: Literal["element", "stray"]) -> Iterator[Piece]:
    if state.pending.size:
        yield Piece(state.start, state.pending.take(), kind)
