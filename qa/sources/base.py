"""What every source shares: the values that pass between reader and store, the limits, and the base class.

A *candidate* is one thing in a file that wants to be a chat. It becomes exactly one ``Accepted`` or one ``Rejected``,
so that ``read = accepted + rejected`` always holds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from qa.types import Chat, Instant

ORIGINAL_CHARS = 2_000
"""How much of an over-long original a ``Rejected`` keeps, in characters."""
WHOLE_CHARS = 1_000_000
"""The longest original kept whole, so that it can be repaired in the rejects file and read again."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something repaired or odd in a chat that was kept."""

    file: str
    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A candidate that did not become a chat. ``field`` is empty when the record as a whole is at fault."""

    file: str
    line: int
    field: str
    reason: str
    original: str
    """The record as it stood in the file; of one over the size limit its beginning, length and BLAKE2b digest."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A candidate in canonical form, not yet checked."""

    line: int
    """1-based line (or spreadsheet row) where the candidate begins."""
    data: dict[str, Any]
    original: str
    notes: tuple[Note, ...] = ()
    """What the reader itself had to repair or guess."""
    lines: tuple[int, ...] = ()
    """Line of each message, where a message has a line of its own."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A candidate that became a chat."""

    chat: Chat
    line: int
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How to read one file. All limits exist so that no file, however hostile, decides our memory."""

    zone: ZoneInfo
    """The zone of times that carry no offset."""
    now: Instant
    """The moment of the import; later timestamps are noted as future."""
    merchant: str = "default"
    """For chats that name no merchant."""
    column_map: Path | None = None
    """TOML column map of a table; None: the headers speak for themselves."""
    encoding: str | None = None
    """Python name of the file's encoding; None: detected from a sample."""
    max_line_bytes: int = 4 * 1024 * 1024
    """Longest line (JSON record, spreadsheet row) in bytes of UTF-8."""
    max_cell_chars: int = 1_000_000
    max_columns: int = 1_000
    max_chat_messages: int = 50_000
    """Most rows or lines that a table or plain file may give to one chat."""
    max_uncompressed_bytes: int = 256 * 1024**3
    """Where a gzip file is cut off."""
    max_workbook_bytes: int = 512 * 1024**2
    """Largest unpacked size of an XLSX file."""
    max_workbook_ratio: int = 200
    """Largest unpacked/packed ratio of an XLSX part of more than a mebibyte."""
    max_workbook_parts: int = 2_000
    on_bytes: Callable[[int], None] | None = None
    """Told how many bytes were just read from disk, for progress."""


class Source(ABC):
    """A format. A subclass in any module of this package is found by itself; nothing else needs an edit."""

    name: ClassVar[str]
    """What ``--format`` calls it."""
    suffixes: ClassVar[tuple[str, ...]]
    """File name endings in lower case, with the dot; ``.gz`` after them is always understood."""

    @classmethod
    @abstractmethod
    def sniff(cls, head: bytes) -> bool:
        """Whether a file of unknown suffix that begins with ``head`` (unpacked, UTF-8 where text) looks like ours."""

    @abstractmethod
    def read(self, path: Path, options: ReadOptions) -> Iterator[Raw | Rejected]:
        """Every candidate of the file, in file order; raises ``SourceError`` if the file as a whole is unusable."""


def abridge(original: str) -> str:
    """An original short enough to keep: whole up to a million characters, else its head, length and digest.

    >>> abridge("short")
    'short'
    >>> abridge("x" * 1_000_001)[1_995:2_030]
    'xxxxx… [1000001 characters, blake2b'
    """
    if len(original) <= WHOLE_CHARS:
        return original
    digest = blake2b(original.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{original[:ORIGINAL_CHARS]}… [{len(original)} characters, blake2b {digest}]"
