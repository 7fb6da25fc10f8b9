"""JSON Lines, and JSON files that hold one chat or an array of chats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import ClassVar

from qa.sources.base import Note, Raw, ReadOptions, Rejected, Source, abridge
from qa.sources.fields import kind_of
from qa.sources.files import LongLine, StreamError, Utf8Stream, open_utf8, split_lines
from qa.sources.json_stream import elements
from qa.sources.strict_json import duplicate_key, parse

_SPACE = b" \t\r\n"
_IDENTIFIER = re.compile(r"(?:\A|\.)(?:id|merchant)\Z")


class JsonLines(Source):
    """One chat a line; a ``.json`` file may also be one chat, or an array of chats."""

    name: ClassVar[str] = "jsonl"
    suffixes: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson", ".json")

    @classmethod
    def sniff(cls, head: bytes) -> bool:
        """Begins with a brace or bracket."""
        return head.lstrip(_SPACE)[:1] in {b"{", b"["}

    def read(self, path: Path, options: ReadOptions) -> Iterator[Raw | Rejected]:
        """Every line that is not blank, or every element."""
        stream = open_utf8(path, options)
        reader = _Reader(str(path), stream)
        try:
            first, chunks = _peek(stream.chunks)
            if path.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson")):
                yield from reader.lines(chunks, options.max_line_bytes)
            elif first.startswith(b"["):
                yield from reader.array(chunks, options.max_line_bytes)
            else:
                yield from reader.lines_or_one(chunks, options.max_line_bytes)
        except StreamError as error:
            yield Rejected(reader.file, reader.line + 1, "", f"{error}; the chats before this line were read", "")


def _peek(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first chunk that is not blank, without leading space, and all chunks again."""
    blank: list[bytes] = []
    for chunk in chunks:
        if body := chunk.lstrip(_SPACE):
            return body, chain(blank, [chunk], chunks)
        # Blank chunks keep only their line ends, which count lines; a file of nothing but space stays small.
        blank.append(b"\n" * chunk.count(b"\n"))
    return b"", iter(blank)


class _Reader:
    """Turns the texts of one file into candidates."""

    def __init__(self, file: str, stream: Utf8Stream) -> None:
        self.file = file
        self.encoding = stream.encoding
        self.line = 0
        self.notes: tuple[Note, ...] = (Note(file, 1, "", stream.guess),) if stream.guess else ()

    def lines(self, chunks: Iterator[bytes], limit: int) -> Iterator[Raw | Rejected]:
        for number, line in split_lines(chunks, limit):
            self.line = number
            if isinstance(line, LongLine):
                yield self.too_long(number, line, limit)
            elif line and not line.isspace():
                yield self.candidate(number, line)

    def lines_or_one(self, chunks: Iterator[bytes], limit: int) -> Iterator[Raw | Rejected]:
        """Lines, unless only the whole text makes one value: then that is the chat."""
        head, size = [], 0
        for chunk in chunks:
            head.append(chunk)
            size += len(chunk)
            if size > limit:
                break
        text = b"".join(head)
        body = text.strip(_SPACE)
        if size <= limit and b"\n" in body and not _is_json(body[: body.index(b"\n")]) and _is_json(body):
            yield self.candidate(1 + text.count(b"\n", 0, text.index(body[:1])), body)
        else:
            yield from self.lines(chain(head, chunks), limit)

    def array(self, chunks: Iterator[bytes], limit: int) -> Iterator[Raw | Rejected]:
        for line, raw, kind in elements(chunks, limit):
            self.line = line
            if isinstance(raw, LongLine):
                yield self.too_long(line, raw, limit)
            elif kind == "element":
                yield self.candidate(line, raw)
            else:
                reason = "not JSON: text after the end of the array" if kind == "stray" else "not JSON: no end of array"
                yield Rejected(self.file, line, "", reason, abridge(raw.decode("utf-8", "replace")))

    def too_long(self, number: int, line: LongLine, limit: int) -> Rejected:
        reason = f"the record has {line.size} bytes, more than {limit}"
        return Rejected(self.file, number, "", reason, line.original)

    def candidate(self, number: int, raw: bytes) -> Raw | Rejected:
        try:
            value, repaired = parse(raw)
            original = raw.decode("utf-8").rstrip("\r")
        except ValueError as error:
            return self.refuse(number, raw, "", self.reason(error, raw))
        if type(value) is not dict:
            return self.refuse(number, raw, "", f"a chat is a JSON object, this is {kind_of(value)}")
        if key := duplicate_key(raw, value):
            return self.refuse(number, raw, key, "the key occurs twice in one object")
        if repaired and (wrong := next(filter(_IDENTIFIER.search, repaired), None)):
            return self.refuse(number, raw, wrong, "contains a lone surrogate; an identifier is not repaired")
        return Raw(number, value, original, self.notes_of(number, repaired))

    def notes_of(self, number: int, repaired: tuple[str, ...]) -> tuple[Note, ...]:
        if not repaired and not self.notes:
            return ()
        notes, self.notes = self.notes, ()
        return notes + tuple(Note(self.file, number, path, "lone surrogate replaced by U+FFFD") for path in repaired)

    def refuse(self, number: int, raw: bytes, field: str, reason: str) -> Rejected:
        return Rejected(self.file, number, field, reason, abridge(raw.decode("utf-8", "replace").rstrip("\r")))

    def reason(self, error: ValueError, raw: bytes) -> str:
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as wrong:
            if self.encoding == "utf-8":
                return f"not valid UTF-8 (byte {wrong.start + 1} of the record)"
            return f"not valid {self.encoding} (byte {wrong.start + 1} of the record, counted in UTF-8)"
        return str(error)


def _is_json(text: bytes) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True
