"""From a path to a stream of UTF-8 bytes, and from that to lines, in bounded memory.

gzip is recognised by its first bytes and unpacked piece by piece; other encodings are re-encoded on the way,
so that every reader sees UTF-8 only. Bytes that are wrong in their encoding come out as bytes that are wrong in UTF-8:
the record they stand in is rejected, and nothing else.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from qa.errors import SourceError
from qa.sources.base import ORIGINAL_CHARS, ReadOptions

if TYPE_CHECKING:
    from zlib import _Decompress

CHUNK = 256 * 1024
SAMPLE = 1024 * 1024
"""Bytes looked at to decide the encoding of a file."""
_PACKED = 64 * 1024
_GZIP = b"\x1f\x8b"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ESCAPED = re.compile("[\udc80-\udcff]")
_NON_ASCII = re.compile(r"[^\x00-\x7f]")
_COMMON_CJK = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")


class StreamError(Exception):
    """The file breaks off here; what came before is good. Its text is the reason."""


@dataclass(frozen=True, slots=True)
class Utf8Stream:
    """A file as UTF-8 bytes without byte order mark."""

    encoding: str
    guess: str | None
    """How the encoding was guessed, for a note; None when there was nothing to guess."""
    chunks: Iterator[bytes]
    """Raises ``StreamError`` where the file breaks off."""


class LongLine(NamedTuple):
    """A line over the limit, never held in memory: its beginning, size in bytes and digest."""

    head: str
    size: int
    digest: str

    @property
    def original(self) -> str:
        """What a ``Rejected`` keeps of it."""
        return f"{self.head}… [{self.size} bytes, blake2b {self.digest}]"


def open_utf8(path: Path, options: ReadOptions) -> Utf8Stream:
    """The file as UTF-8; raises ``SourceError`` if it cannot be opened or ``options.encoding`` does not exist."""
    chunks = unpacked(path, options)
    head, failure = _take(chunks)
    guess = None
    encoding = options.encoding
    if encoding is None:
        encoding, guess = detect_encoding(b"".join(head))
    return Utf8Stream(encoding, guess, _recoded(_resumed(head, chunks, failure), _decoder_name(encoding)))


def head_of(path: Path, options: ReadOptions) -> bytes:
    """The first bytes of a file, unpacked and in UTF-8 where it is text, for sniffing."""
    try:
        return next(open_utf8(path, options).chunks, b"")[:SAMPLE]
    except StreamError:
        return b""


def unpacked(path: Path, options: ReadOptions) -> Iterator[bytes]:
    """The file's bytes in chunks, gunzipped if they are gzip. Raises ``SourceError`` here if it cannot be opened."""
    try:
        handle = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path}: cannot be opened: {error.strerror or error}") from None
    return _unpacked(handle, options)


def _unpacked(handle: Any, options: ReadOptions) -> Iterator[bytes]:
    with handle:
        pieces = _disk_chunks(handle, options)
        first = next(pieces, b"")
        whole = chain([first], pieces)
        yield from _gunzip(whole, options.max_uncompressed_bytes) if first.startswith(_GZIP) else whole


def _disk_chunks(handle: Any, options: ReadOptions) -> Iterator[bytes]:
    while True:
        try:
            chunk = handle.read(CHUNK)
        except OSError as error:
            raise StreamError(f"the file cannot be read further: {error.strerror or error}") from None
        if not chunk:
            return
        if options.on_bytes is not None:
            options.on_bytes(len(chunk))
        yield chunk


def _gunzip(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """All members of a gzip stream. What precedes a fault is yielded before the fault is raised."""
    total = 0
    inflater: _Decompress | None = None
    for chunk in chunks:
        for start in range(0, len(chunk), _PACKED):
            data = chunk[start : start + _PACKED]
            while data:
                if inflater is None:
                    data = data.lstrip(b"\0")  # padding between and after members is allowed
                    if not data:
                        break
                    inflater = zlib.decompressobj(wbits=31)
                out, fault = _inflate(inflater, data)
                total += len(out)
                yield out
                if fault:
                    raise StreamError(f"the gzip data is damaged: {fault}")
                if total > limit:
                    raise StreamError(f"more than {limit} bytes when unpacked")
                data = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
                inflater = None if inflater.eof else inflater
    if inflater is not None:
        raise StreamError("the gzip data is truncated")


def _inflate(inflater: _Decompress, data: bytes) -> tuple[bytes, str]:
    saved = inflater.copy()
    try:
        return inflater.decompress(data, CHUNK), ""
    except zlib.error as error:
        return _up_to_fault(saved, data), str(error)


def _up_to_fault(inflater: _Decompress, data: bytes) -> bytes:
    """Approach the fault byte by byte: zlib drops the output of the call that fails."""
    out = bytearray()
    try:
        for index in range(len(data)):
            out += inflater.decompress(data[index : index + 1])
    except zlib.error:
        pass
    return bytes(out)


def _take(chunks: Iterator[bytes]) -> tuple[list[bytes], StreamError | None]:
    head: list[bytes] = []
    size = 0
    try:
        for chunk in chunks:
            head.append(chunk)
            size += len(chunk)
            if size >= SAMPLE:
                break
    except StreamError as error:
        return head, error
    return head, None


def _resumed(head: list[bytes], rest: Iterator[bytes], failure: StreamError | None) -> Iterator[bytes]:
    while head:
        yield head.pop(0)
    if failure is not None:
        raise failure
    yield from rest


def detect_encoding(sample: bytes) -> tuple[str, str | None]:
    """The encoding of a file that begins with ``sample``, and how it was guessed if it was.

    A byte order mark decides. Otherwise the file is UTF-8, unless most of what is not ASCII in it is invalid as UTF-8
    and the whole reads as Chinese in GB18030: a UTF-8 file with a damaged line stays a UTF-8 file.

    >>> detect_encoding("在吗".encode())
    ('utf-8', None)
    >>> detect_encoding("请问有什么可以帮您".encode("gb18030"))[0]
    'gb18030'
    """
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name, None
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(sample)
    invalid = len(_ESCAPED.findall(text))
    if not invalid or invalid <= len(_NON_ASCII.findall(text)) - invalid:
        return "utf-8", None
    chinese = codecs.getincrementaldecoder("gb18030")("surrogateescape").decode(sample)
    foreign = len(_NON_ASCII.findall(chinese))
    if len(_ESCAPED.findall(chinese)) * 10 > foreign or len(_COMMON_CJK.findall(chinese)) * 2 < foreign:
        return "utf-8", None
    return "gb18030", f"not UTF-8: read as GB18030, judged by the first {len(sample)} bytes"


def _decoder_name(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        codecs.getincrementaldecoder(name)
    except LookupError:
        raise SourceError(f"unknown encoding {encoding!r}") from None
    return name


def _recoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    if encoding in {"utf-8", "utf-8-sig", "ascii"}:
        return _without_bom(chunks)
    return _transcoded(chunks, encoding)


def _without_bom(chunks: Iterator[bytes]) -> Iterator[bytes]:
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) >= len(codecs.BOM_UTF8):
            break
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from chunks


def _transcoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    # Undecodable bytes become lone surrogates, and those, passed on, become bytes that are no UTF-8: the fault
    # survives to the line it belongs to. In UTF-16 and UTF-32 a lone surrogate is the only fault within the text.
    errors = "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    try:
        for chunk in chunks:
            yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
        yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")
    except UnicodeError as error:
        raise StreamError(f"not valid {encoding}: {error}") from None


def split_lines(chunks: Iterable[bytes], limit: int) -> Iterator[tuple[int, bytes | LongLine]]:
    r"""Lines with their 1-based number, ending removed as ``\n`` only; one over ``limit`` bytes as ``LongLine``."""
    number = 1
    pending = Pending(limit)
    for chunk in chunks:
        pieces = chunk.split(b"\n")
        last = pieces.pop()
        for piece in pieces:
            if pending.size or len(piece) > limit:
                pending.add(piece)
                yield number, pending.take()
            else:
                yield number, piece
            number += 1
        pending.add(last)
    if pending.size:
        yield number, pending.take()


class Pending:
    """A line in the making; past the limit only its beginning and a running digest are kept."""

    __slots__ = ("digest", "limit", "parts", "size")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.parts: list[bytes] = []
        self.size = 0
        self.digest: Any = None

    def add(self, piece: bytes) -> None:
        """Append to the line."""
        if not piece:
            return
        self.size += len(piece)
        if self.digest is not None:
            self.digest.update(piece)
            return
        self.parts.append(piece)
        if self.size > self.limit:
            held = b"".join(self.parts)
            self.digest = blake2b(held, digest_size=16)
            self.parts = [held[: 4 * ORIGINAL_CHARS]]

    def take(self) -> bytes | LongLine:
        """The finished line; begins the next one."""
        held = b"".join(self.parts)
        size, digest = self.size, self.digest
        self.parts, self.size, self.digest = [], 0, None
        if digest is None:
            return held
        return LongLine(held.decode("utf-8", "replace")[:ORIGINAL_CHARS], size, digest.hexdigest())
