"""Which version is current, and how it came to be: ``current.json`` and ``history.jsonl``.

Each promotion or rollback is one *act*, one signed line that holds the SHA-256 of the line before. ``current.json`` is
the last line alone. It is replaced first and the history extended after it, so a kill in between leaves a line to be
added, which the next act does; any other difference between the two is refused. What this cannot show is that both
files were put back together to an earlier state, or removed together.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from qa.models.folder import append_line, read_plain, replace_file
from qa.models.opinions import ModelError
from qa.models.secret import is_signed, signature
from qa.types import Instant

CURRENT_NAME = "current.json"
HISTORY_NAME = "history.jsonl"
SHIPPED = "shipped"
"""The version that comes with the program: current where nothing was promoted."""

_PURPOSE = "model act"
_NOTHING = "0" * 64


Kind = Literal["promote", "rollback"]


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who made which version current, when and why. ``forced``: although it is worse; ``why`` is then never empty."""

    number: int
    act: Kind
    version: str
    before: str
    by: str
    at: Instant
    why: str | None
    forced: bool
    previous: str
    """SHA-256 in hex of the line before, 64 zeros in the first."""


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    record: Act
    mac: str


class History(NamedTuple):
    """All acts, the last of which holds. ``whole`` is the length of the history's whole lines in bytes."""

    acts: tuple[Act, ...] = ()
    lines: tuple[bytes, ...] = ()
    whole: int = 0
    pending: bool = False
    """The last act stands in ``current.json`` but not yet in the history: somebody was interrupted."""

    @property
    def current(self) -> str:
        """The version that judges."""
        return self.acts[-1].version if self.acts else SHIPPED

    @property
    def head(self) -> str:
        """SHA-256 of the last line."""
        return hashlib.sha256(self.lines[-1]).hexdigest() if self.lines else _NOTHING

    @property
    def before(self) -> str | None:
        """The version to go back to: each rollback undoes one promotion; ``None`` when none is left to undo."""
        stack: list[str] = []
        for act in self.acts:
            if act.act == "promote":
                stack.append(act.before)
            elif stack:
                stack.pop()
        return stack[-1] if stack else None


def read_history(folder: Path, secret: bytes) -> History:
    """Read both files of the folder; neither being there is the history of a new installation.

    Raises ``ModelError`` naming the file, and the line, that cannot be trusted.
    """
    written = _content(folder / HISTORY_NAME)
    pointer = _content(folder / CURRENT_NAME)  # the later one of the two: an act made meanwhile is then a pending one
    if pointer is None:
        if written:
            raise ModelError(f"{CURRENT_NAME}: is missing, although {HISTORY_NAME} is there")
        return History()
    last = _act(pointer, CURRENT_NAME, secret)
    *lines, torn = (written or b"").splitlines(keepends=True) or [b""]
    if torn.endswith(b"\n"):
        lines, torn = [*lines, torn], b""
    acts: list[Act] = []
    previous = _NOTHING
    for number, line in enumerate(lines, 1):
        place = f"{HISTORY_NAME}:{number}"
        act = _act(line, place, secret)
        if (act.number, act.previous) != (number, previous):
            raise ModelError(f"{place}: does not follow from the line before: lines are missing or moved")
        acts.append(act)
        previous = hashlib.sha256(line).hexdigest()
    whole = sum(map(len, lines))
    if lines and lines[-1] == pointer and not torn:
        return History(tuple(acts), tuple(lines), whole)
    if (last.number, last.previous) == (len(acts) + 1, previous) and pointer.startswith(torn):
        return History((*acts, last), (*lines, pointer), whole, pending=True)
    raise ModelError(f"{CURRENT_NAME}: is not the last line of {HISTORY_NAME}: one of the two was changed or put back")


def record(folder: Path, history: History, act: Act, secret: bytes) -> History:
    """Make ``act`` the last one, in both files, and return the history with it. Raises ``OSError``."""
    whole = history.whole
    if history.pending:
        append_line(folder / HISTORY_NAME, whole, history.lines[-1])
        whole += len(history.lines[-1])
    line = _line(act, secret)
    replace_file(folder / CURRENT_NAME, line)
    append_line(folder / HISTORY_NAME, whole, line)
    return History((*history.acts, act), (*history.lines, line), whole + len(line))


def _line(act: Act, secret: bytes) -> bytes:
    mac = signature(secret, _PURPOSE, msgspec.json.encode(act))
    return msgspec.json.encode(_Signed(record=act, mac=mac)) + b"\n"


def _act(line: bytes, place: str, secret: bytes) -> Act:
    """Return the act of a line; nothing else may have been written than what ``_line`` writes."""
    try:
        signed = msgspec.json.decode(line, type=_Signed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ModelError(f"{place}: is damaged: it holds no act") from None
    plain = msgspec.json.encode(signed.record)
    if msgspec.json.encode(signed) + b"\n" != line or not is_signed(secret, _PURPOSE, plain, signed.mac):
        raise ModelError(f"{place}: was changed, or signed with the secret of another installation")
    return signed.record


def _content(file: Path) -> bytes | None:
    try:
        return read_plain(file)
    except OSError as error:
        raise ModelError(f"{file.name}: cannot be read: {error.strerror}") from None
