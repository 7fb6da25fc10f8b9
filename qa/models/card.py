"""The card of a model: what it learnt from, how well it does, what it was made with, and where it can be used.

A card is ``card.json`` beside the model's files, signed with them. Units: ``created_at`` is an instant (microseconds
since 1970, UTC); every figure is a share or a coefficient, never percent.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from qa import __version__, tokens
from qa.models.labelled import LabelledChat
from qa.models.opinions import ModelError
from qa.types import Instant

SCHEMA = 1
"""Version of the card's own form."""

FORMAT = (2, 1)
"""Version of the model's files: readers take the same first number, and no newer second one."""

CARD_NAME = "card.json"

SAME_PARTS: Mapping[str, int] = MappingProxyType({"jieba": 2, "scikit-learn": 1, "scipy": 1})
"""How many parts of a library's version must be as they were at training. jieba cuts the words, so 0.42 is not 0.43;
the others only compute, and another first number may compute something else. numpy is recorded and not compared: the
form of its files has a version of its own, which numpy checks."""

RECORDED = ("jieba", "numpy", "scikit-learn", "scipy")


class _Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the card's parts: nothing in a card is unknown to us, or it is not our card."""


class Figure(_Data, frozen=True):
    """A measured figure with its 95 % interval; ``None``: it could not be measured."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Bin(_Data, frozen=True):
    """One row of a reliability table: of ``n`` opinions with a probability in ``[low, high)``, how many were right."""

    low: float
    high: float
    n: int
    predicted: float | None
    """Mean probability; ``None`` where ``n`` is 0."""
    observed: float | None
    """Share that was right."""


class HeadReport(_Data, frozen=True):
    """How one head does: ``n`` labels, figures by name (``macro_f1``, ``auc``, ``ece`` …), and its reliability."""

    n: int
    figures: dict[str, Figure]
    reliability: tuple[Bin, ...] = ()


class DataReport(_Data, frozen=True):
    """What a model learnt from. ``labels``: by ``level task``, how often each label occurs."""

    fingerprint: str
    chats: int
    labels: dict[str, dict[str, int]]
    sources: tuple[str, ...] = ()
    """Names of the files, without their folders."""


class Environment(_Data, frozen=True):
    """What a model was made with: versions of libraries, the SHA-256 of jieba's dictionary, and our own version."""

    libraries: dict[str, str]
    dictionary: str
    qa: str


class Card(_Data, frozen=True):
    """All that is known about one version of the model."""

    name: str
    """The version; the registry fills it in."""
    created_at: Instant
    created_by: str
    parent: str | None
    """The version that was current when this one was made."""
    data: DataReport
    settings: dict[str, Any]
    measured: str
    """In words: on what, and how, ``metrics`` were measured."""
    metrics: dict[str, HeadReport]
    """By ``level task``."""
    environment: Environment
    format: str = f"{FORMAT[0]}.{FORMAT[1]}"
    schema: int = SCHEMA


class _Schema(msgspec.Struct):
    schema: int


class Problem(NamedTuple):
    """What is wrong with which file; the file is named from the folder of the models on."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def here() -> Environment:
    """Return the versions of this installation."""
    libraries = {name: version(name) for name in RECORDED} | {"python": platform.python_version()}
    return Environment(libraries=libraries, dictionary=tokens.dictionary_hash(), qa=__version__)


def encode_card(card: Card) -> bytes:
    """Return the card as JSON that people can read, always the same bytes for the same card."""
    return msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n"


def decode_card(content: bytes) -> Card:
    """Return the card; ``ModelError`` names the field that is wrong, or a schema that is newer than this program."""
    try:
        schema = msgspec.json.decode(content, type=_Schema).schema
        if schema != SCHEMA:
            raise ModelError(f"is a card of schema {schema}; this program reads {SCHEMA}")
        return msgspec.json.decode(content, type=Card)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"is no card: {error}") from None


def incompatible(card: Card, now: Environment) -> list[str]:
    """Return why a model of that card cannot be used here; empty where it can."""
    reasons = []
    if not _readable(card.format):
        ours = ".".join(map(str, FORMAT))
        reasons.append(f"the model's files are of format {card.format}; this program reads {ours}")
    for name, parts in SAME_PARTS.items():
        made, found = card.environment.libraries.get(name), now.libraries.get(name)
        if made is None or found is None or made.split(".")[:parts] != found.split(".")[:parts]:
            reasons.append(f"was made with {name} {made or 'unknown'}, here is {found or 'none'}; train it again")
    if card.environment.dictionary != now.dictionary:
        theirs, ours = card.environment.dictionary[:12], now.dictionary[:12]
        reasons.append(f"was made with another dictionary ({theirs}…, here is {ours}…); train it again")
    return reasons


def fingerprint(chats: Iterable[LabelledChat]) -> str:
    """Return the BLAKE2b (32 bytes, hex) of labelled chats, whatever their order and whichever files they came from.

    It is taken over the number of chats and the sorted BLAKE2b of each as canonical JSON: text, roles, times, labels
    and weight count, the place in a file does not.

    >>> from qa.types import Chat
    >>> a, b = (LabelledChat(Chat(name, ()), (), place=f"x.txt:{name}") for name in "ab")
    >>> fingerprint([a, b]) == fingerprint([b, a]), fingerprint([a, b]) == fingerprint([a, a])
    (True, False)
    """
    digests = sorted(_digest(chat) for chat in chats)
    whole = hashlib.blake2b(f"{len(digests)}\n".encode(), digest_size=32)
    for digest in digests:
        whole.update(digest)
    return whole.hexdigest()


def _digest(chat: LabelledChat) -> bytes:
    plain = msgspec.to_builtins(msgspec.structs.replace(chat, place="", hits=None))
    del plain["hits"]  # what rules say of a chat is no part of it
    return hashlib.blake2b(msgspec.json.encode(plain, order="sorted"), digest_size=32).digest()


def _readable(form: str) -> bool:
    """Whether files of that format can be read here.

    >>> _readable("2.0"), _readable("3.0"), _readable("2.7"), _readable("one")
    (True, False, False, False)
    """
    major, dot, minor = form.partition(".")
    numbers = bool(dot) and major.isdecimal() and minor.isdecimal()
    return numbers and int(major) == FORMAT[0] and int(minor) <= FORMAT[1]
