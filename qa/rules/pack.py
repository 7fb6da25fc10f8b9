"""Rule packs: YAML files checked to the last field, a merchant's pack laid over the house pack or a shipped preset."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from qa.errors import PackError
from qa.phrases import load_wordlist
from qa.rules.mistakes import NOT_A_FLAG, first_mistake, flag_for_number, nearest
from qa.rules.yamlfile import Document, parse_yaml
from qa.types import Dimension, Severity

Points = Annotated[float, Field(ge=0, le=100)]
PLACEHOLDER = re.compile(r"\{(?:quote|count|value)\}")
"""What a message may hold, to be filled with the finding's own."""
_BRACES = re.compile(r"\{[^{}]*\}")
PRESET = "preset:"
"""What a shipped pack is called by where a file is expected: ``preset:finance``; a file of that name wins."""
_HOUSE = "house"
_NO_PACK = "scorecard"
_M = TypeVar("_M", bound=BaseModel)
_Places = dict[str, tuple[Document, tuple[str | int, ...]]]
_Bases = Callable[[str], "Located"]


def _iso_day(text: str) -> str:
    """Return the day as it was written; only YYYY-MM-DD, for days are compared as texts."""
    try:
        known = date.fromisoformat(text).isoformat() == text
    except ValueError:
        known = False
    if not known:
        raise ValueError(f"{text!r} is not a day such as 2026-11-20")
    return text


Day = Annotated[str, AfterValidator(_iso_day)]
Phrases = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Bilingual(_Strict):
    """A text in both languages of the interface."""

    zh: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]


class Examples(_Strict):
    """Chats in plain notation that must fire (``bad``), must pass (``good``) or must not apply (``na``)."""

    bad: tuple[str, ...] = ()
    good: tuple[str, ...] = ()
    na: tuple[str, ...] = ()


class Repeat(_Strict):
    """What the same agent's second, third … offence takes instead of the first's points.

    An offence is counted once a day, over the ``within_days`` local days before the chat's: on the day itself the agent
    has not been told yet. After the last of ``deduct`` every further offence takes as much as that one.
    """

    within_days: Annotated[int, Field(ge=1, le=366)]
    deduct: Annotated[tuple[Points, ...], Field(min_length=1, max_length=10)]

    def of(self, days: int) -> float:
        """Points of an offence that follows offences on so many days (≥ 1).

        >>> Repeat(within_days=30, deduct=(6, 10)).of(1), Repeat(within_days=30, deduct=(6, 10)).of(5)
        (6.0, 10.0)
        """
        return self.deduct[min(days, len(self.deduct)) - 1]


class Rule(_Strict):
    """One item of the scorecard: what is looked for, and what it means when it is found.

    ``deduct`` are item points taken when ``when`` is hit, once a chat or once a hit (``per``), never more than
    ``max_deduct`` — which is also the item's weight within its dimension. ``bonus`` are points of 100 given.
    ``repeat`` takes more from an agent who was found out before. An ``experimental`` rule is tested and documented, but
    judges nothing until a pack says that it is not experimental.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,60}$")]
    name: Bilingual
    dimension: Dimension
    severity: Severity
    deduct: Points = 0
    max_deduct: Points | None = None
    per: Literal["chat", "hit"] = "chat"
    bonus: Points = 0
    red_line: bool = False
    repeat: Repeat | None = None
    experimental: bool = False
    message: Bilingual
    suggestion: Bilingual | None = None
    effective_from: Day | None = None
    effective_until: Day | None = None
    let: dict[str, Any] = {}
    applies: Any = None
    when: Any
    examples: Examples = Examples()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.bonus and (self.deduct or self.red_line):
            raise ValueError("a rule either gives a bonus or takes points")
        if self.bonus and self.max_deduct:
            raise ValueError("a rule that gives a bonus has no max_deduct")
        if self.max_deduct is not None and self.max_deduct < self.deduct:
            raise ValueError("max_deduct is less than deduct")
        self._consistent_repeat()
        if self.effective_from and self.effective_until and self.effective_until < self.effective_from:
            raise ValueError("effective_until lies before effective_from")
        return self

    def _consistent_repeat(self) -> None:
        if self.repeat is None:
            return
        if not self.deduct or self.red_line:
            raise ValueError("repeat is for a rule that takes points")
        steps = (self.deduct, *self.repeat.deduct)
        if any(later < earlier for earlier, later in pairwise(steps)):
            raise ValueError("repeat: an offence takes no less than the one before it")
        if self.max_deduct is not None and self.max_deduct < steps[-1]:
            raise ValueError("max_deduct is less than repeat takes")

    @field_validator("message")
    @classmethod
    def _known_placeholders(cls, message: Bilingual) -> Bilingual:
        for text in (message.zh, message.en):
            for found in _BRACES.findall(text):
                if not PLACEHOLDER.fullmatch(found):
                    raise ValueError(f"{found} is not one of {{quote}}, {{count}}, {{value}}")
        return message

    @property
    def weight(self) -> float:
        """The item's weight in its dimension: the most points it can take."""
        if self.max_deduct is not None:
            return self.max_deduct
        return self.deduct if self.repeat is None else self.repeat.deduct[-1]

    def in_force(self, day: str) -> bool:
        """Whether the rule holds for chats of that local day (ISO date)."""
        return (self.effective_from or "") <= day <= (self.effective_until or "9999")


class Pack(_Strict):
    """A resolved pack: its own and its inherited rules, with every word list they may use."""

    id: str
    version: str
    name: Bilingual
    rules: tuple[Rule, ...]
    wordlists: dict[str, tuple[str, ...]]

    @property
    def active(self) -> tuple[Rule, ...]:
        """The rules that judge: all that are not experimental."""
        return tuple(rule for rule in self.rules if not rule.experimental)

    def as_json(self) -> dict[str, Any]:
        """Return the whole content as plain JSON values; ``Pack.model_validate`` reads it back."""
        return self.model_dump(mode="json")

    @property
    def hash(self) -> str:
        """BLAKE2b-128 of the content, hexadecimal: two packs with the same hash judge alike."""
        return content_hash(self.as_json())


class _Change(_Strict):
    pack: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,60}$")]
    version: Annotated[str, Field(min_length=1)]
    name: Bilingual
    extends: str | None = None
    off: tuple[str, ...] = ()
    change: dict[str, dict[str, Any]] = {}
    wordlists: dict[str, Phrases] = {}
    rules: tuple[dict[str, Any], ...] = ()


class Located:
    """A pack with the places of its rules in their files, for messages about them."""

    def __init__(self, pack: Pack, places: Mapping[str, tuple[Document, tuple[str | int, ...]]]) -> None:
        self.pack = pack
        self._places = places

    def error(self, rule: str, path: tuple[str | int, ...], reason: str) -> PackError:
        """Return the error to raise for a mistake at ``path`` of a rule."""
        document, start = self._places[rule]
        return document.error((*start, *path), reason)

    def reduced(self, rules: tuple[Rule, ...]) -> Located:
        """Return the same pack with only these of its rules."""
        return Located(self.pack.model_copy(update={"rules": rules}), self._places)

    def where(self, rule: str, path: tuple[str | int, ...]) -> str:
        """``file:line:column`` of a path of a rule."""
        document, start = self._places[rule]
        return document.where((*start, *path))


def content_hash(content: Any) -> str:
    """BLAKE2b-128 over JSON with sorted keys, hexadecimal."""
    return hashlib.blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


MAX_BYTES = 2 * 1024**2
"""Of a pack file: eight times the house pack."""
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def house_wordlists() -> dict[str, tuple[str, ...]]:
    """The shipped word lists by name."""
    folder = resources.files("qa.rules").joinpath("wordlists")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".txt")), key=lambda file: file.name)
    return {file.name.removesuffix(".txt"): load_wordlist(file.read_text(encoding="utf-8")) for file in files}


@lru_cache(maxsize=1)
def shipped_names() -> tuple[str, ...]:
    """Names of the shipped packs: house, then the presets."""
    files = resources.files("qa.rules").joinpath("packs").iterdir()
    stems = {file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")}
    return (_HOUSE, *sorted(stems - {_HOUSE, _NO_PACK}))


@lru_cache
def load_shipped(name: str) -> Located:
    """Return a shipped pack; PackError names those there are."""
    if name not in shipped_names():
        raise PackError(f"no shipped pack {name!r}{nearest(name, shipped_names())}")
    return resolve(parse_yaml(*house_file(f"{name}.yaml")), None if name == _HOUSE else load_shipped)


def load_house() -> Located:
    """Return the shipped house pack."""
    return load_shipped(_HOUSE)


def house_file(name: str) -> tuple[str, str]:
    """Text of a shipped pack or scorecard file, and its name for messages."""
    return resources.files("qa.rules").joinpath("packs", name).read_text(encoding="utf-8"), name


def read_file(path: Path) -> str:
    """Text of a file a lead wrote; PackError when it cannot be read, is no text or larger than ``MAX_BYTES``."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise PackError(f"{path}: cannot be read: {problem.strerror}") from None
    if len(data) > MAX_BYTES:
        raise PackError(f"{path}: larger than {MAX_BYTES // 1024**2} MiB, which no file of rules is")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise PackError(f"{path}:{line}:1: cannot be read: not UTF-8{_encoding(data)}: save it as UTF-8") from None


def _encoding(data: bytes) -> str:
    """What a text that is not UTF-8 looks like, as the end of a phrase; empty for what looks like no text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return " but UTF-16"
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return ""
    return " but GB18030 or GBK" if text.isprintable() or not _CONTROLS.search(text) else ""


def load_pack(path: Path) -> Located:
    """Read a pack file (or the shipped pack ``preset:NAME``) with what it extends; PackError names the place."""
    name = str(path)
    if name.startswith(PRESET) and not path.exists():
        return load_shipped(name.removeprefix(PRESET))
    return resolve(parse_yaml(read_file(path), name), load_shipped)


def resolve(document: Document, bases: _Bases | None) -> Located:
    """Check a pack's document and lay it over what it extends, which ``bases`` returns (None: nothing to extend)."""
    head = _checked(_Change, document.value, document, ())
    rules: dict[str, dict[str, Any]] = {}
    places: _Places = {}
    wordlists = house_wordlists()
    if head.extends is not None:
        base = _base(head.extends, document, bases)
        rules = {rule.id: rule.model_dump(mode="json", exclude_unset=True) for rule in base.pack.rules}
        places = {rule: base._places[rule] for rule in rules}  # noqa: SLF001 - the same module's class
        wordlists |= base.pack.wordlists
    _alter(rules, places, head, document)
    _add(rules, places, head, document)
    checked = tuple(_checked(Rule, raw, *places[name]) for name, raw in rules.items())
    pack = Pack(id=head.pack, version=head.version, name=head.name, rules=checked, wordlists=wordlists | head.wordlists)
    return Located(pack, places)


def _base(name: str, document: Document, bases: _Bases | None) -> Located:
    if bases is None:
        raise document.error(("extends",), "the house pack extends nothing")
    if name not in shipped_names():
        reason = f"only a shipped pack can be extended, and none is called {name!r}{nearest(name, shipped_names())}"
        raise document.error(("extends",), reason)
    return bases(name)


def _alter(rules: dict[str, dict[str, Any]], places: _Places, head: _Change, document: Document) -> None:
    """Switch off and change inherited rules; a changed one is from then on at its place in this document."""
    for i, name in enumerate(head.off):
        if rules.pop(name, None) is None:
            raise document.error(("off", i), f"no rule {name!r} to switch off{nearest(name, rules)}")
    for name, fields in head.change.items():
        if name not in rules:
            raise document.error(("change", name), f"no rule {name!r} to change{nearest(name, rules)}")
        if "id" in fields:
            raise document.error(("change", name, "id"), "a rule keeps its id: switch it off and add another")
        rules[name] = rules[name] | fields
        places[name] = (document, ("change", name))


def _add(rules: dict[str, dict[str, Any]], places: _Places, head: _Change, document: Document) -> None:
    for i, raw in enumerate(head.rules):
        name = raw.get("id")
        if not isinstance(name, str):
            raise document.error(("rules", i, "id"), "a rule needs an id")
        if name in rules:
            raise document.error(("rules", i, "id"), f"rule {name!r} is there already (to alter it use 'change')")
        rules[name], places[name] = raw, (document, ("rules", i))


def _checked(model: type[_M], value: Any, document: Document, start: tuple[str | int, ...]) -> _M:
    if (flag := flag_for_number(model, value)) is not None:
        raise document.error((*start, flag), NOT_A_FLAG)
    try:
        return model.model_validate(value)
    except ValidationError as problem:
        path, reason = first_mistake(problem, model)
        raise document.error((*start, *path), reason) from None
