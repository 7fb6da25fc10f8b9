"""The authored material, read from ``templates/*.toml`` with a type check.

A dialogue is written one line a message: a speaker letter, marks, and a template::

    C! {product}(有质量问题|坏了)     customer, complaining
    A? 请问您的订单号是多少呢         agent, clarifying

Speakers: ``C`` customer, ``A`` agent, ``I`` customer's image, ``K`` customer's sticker, ``T`` transfer event,
``N`` private note of the agent, ``G`` hours of silence. Marks: ``!`` complaint, ``?`` clarifying question, ``=`` answer
to it, ``*`` the planted turn, ``+`` praise by the customer, ``-`` courtesy only, ``~`` holding only, ``^`` the agent
says who is speaking now, ``W`` the customer writes again while waiting, ``E`` words that would be a bad end,
``D`` distress. ``@rule,rule`` after the marks names further
rules that this line truly breaks or earns: ``A*@perfunctory 随便``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

import msgspec

from qa.demo.grammar import Pools, Template, TemplateError, parse

_LINE = re.compile(r"([CAIKTNG])([!?=*~+^WED\-]*)(?:@([a-z,\-]+))? ?(.*)")


class ScriptLine(msgspec.Struct, frozen=True):
    """One line of an authored dialogue."""

    speaker: str
    marks: str
    template: Template
    also: tuple[str, ...] = ()
    """Further rules that this line shows, whatever it was written for."""


Dialogue = tuple[ScriptLine, ...]


class _RawScenario(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    title: str
    category: str
    skeletons: list[str]
    weight: float = 1.0
    promotion: float = 1.0
    merchants: list[str] = []
    tags: list[str] = []
    resolved: float = 0.9
    converts: float = 0.0
    mood: float = 0.0
    start: str = "any"
    bot: bool = False
    traps: list[str] = []
    pools: dict[str, str] = {}


class _RawInsert(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    dialogues: list[str]
    merchants: list[str] = []


class _RawFile(msgspec.Struct, forbid_unknown_fields=True):
    scenario: list[_RawScenario] = []
    plant: list[_RawInsert] = []
    trap: list[_RawInsert] = []
    side: list[_RawInsert] = []
    pools: dict[str, str] = {}


class Archetype(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of agent: factors on the house rates, by group of habits, and the usual seconds to answer."""

    haste: float = 1.0
    """On late answers."""
    script: float = 1.0
    """On forgotten greetings, closings, invitations, follow-ups."""
    temper: float = 1.0
    """On rudeness, evasion and missing apologies."""
    sales: float = 1.0
    """On over-promising and leading customers off the platform."""
    care: float = 1.0
    """On excellence; the more the better."""
    seconds: float = 20.0
    """Typical response in seconds, when nothing is wrong."""


class AgentProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent of the demo, with a personal way of speaking."""

    id: str
    name: str
    team: str
    kind: str
    shift: str = "day"
    particles: tuple[str, ...] = ("",)
    greetings: tuple[str, ...] = ()


class Merchant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A business of the demo. ``hours`` are local business hours ``HH:MM-HH:MM``, empty when always open."""

    id: str
    prefix: str
    name: str
    share: float
    hours: str
    channels: dict[str, float]
    agents: tuple[AgentProfile, ...]
    facts: dict[str, tuple[str, ...]]


class House(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Merchants, kinds of agents, and the rate at which each rule is broken by a middling agent."""

    merchant: tuple[Merchant, ...]
    archetype: dict[str, Archetype]
    rates: dict[str, float]
    group: dict[str, str]


class Scenario(msgspec.Struct, frozen=True):
    """A named situation with several possible courses."""

    id: str
    title: str
    category: str
    skeletons: tuple[Dialogue, ...]
    weight: float
    promotion: float
    merchants: tuple[str, ...]
    tags: tuple[str, ...]
    resolved: float
    converts: float
    mood: float
    start: str
    bot: bool
    traps: tuple[str, ...]
    pools: Pools


class Insert(msgspec.Struct, frozen=True):
    """A short exchange that is put into a chat: a planted fault, a trap, or a side question."""

    name: str
    dialogues: tuple[Dialogue, ...]
    merchants: tuple[str, ...]


class Library(msgspec.Struct, frozen=True):
    """All authored material."""

    house: House
    scenarios: tuple[Scenario, ...]
    plants: Mapping[str, Insert]
    traps: tuple[Insert, ...]
    sides: tuple[Insert, ...]


def dialogue(text: str) -> Dialogue:
    r"""Parse an authored dialogue.

    >>> [(line.speaker, line.marks, line.also) for line in dialogue("C! 太差\nA@perfunctory 好")]
    [('C', '!', ()), ('A', '', ('perfunctory',))]
    """
    lines = []
    for row in filter(None, map(str.strip, text.splitlines())):
        match = _LINE.fullmatch(row)
        if match is None:
            raise TemplateError(f"not a dialogue line: {row!r}")
        lines.append(ScriptLine(match[1], match[2], parse(match[4]), tuple(filter(None, (match[3] or "").split(",")))))
    return tuple(lines)


def pool(text: str) -> tuple[Template, ...]:
    r"""Parse a pool: one variant a line, ``~`` for saying nothing.

    >>> pool("在吗\n~")
    (('在吗',), ())
    """
    return tuple(() if row == "~" else parse(row) for row in filter(None, map(str.strip, text.splitlines())))


def _pools(raw: Mapping[str, str]) -> dict[str, tuple[Template, ...]]:
    return {name: pool(text) for name, text in raw.items()}


def _insert(raw: _RawInsert) -> Insert:
    return Insert(raw.name, tuple(map(dialogue, raw.dialogues)), tuple(raw.merchants))


def _scenario(raw: _RawScenario, shared: Pools) -> Scenario:
    return Scenario(
        id=raw.id,
        title=raw.title,
        category=raw.category,
        skeletons=tuple(map(dialogue, raw.skeletons)),
        weight=raw.weight,
        promotion=raw.promotion,
        merchants=tuple(raw.merchants),
        tags=tuple(raw.tags),
        resolved=raw.resolved,
        converts=raw.converts,
        mood=raw.mood,
        start=raw.start,
        bot=raw.bot,
        traps=tuple(raw.traps),
        pools=MappingProxyType({**shared, **_pools(raw.pools)}),
    )


@cache
def library() -> Library:
    """Return the authored material, parsed once.

    Raises:
        TemplateError: if a template is malformed or a scenario, trap or plant is named twice.
        msgspec.ValidationError: if a file does not have the fields it should.
    """
    folder = resources.files("qa.demo") / "templates"
    texts = {item.name: item.read_text("utf-8") for item in folder.iterdir() if item.name.endswith(".toml")}
    house = msgspec.convert(tomllib.loads(texts.pop("merchants.toml")), House)
    files = [msgspec.convert(tomllib.loads(texts[name]), _RawFile) for name in sorted(texts)]
    shared: dict[str, tuple[Template, ...]] = {}
    for file in files:
        shared.update(_pools(file.pools))
    scenarios = tuple(_scenario(raw, shared) for file in files for raw in file.scenario)
    plants = [_insert(raw) for file in files for raw in file.plant]
    traps = tuple(_insert(raw) for file in files for raw in file.trap)
    sides = tuple(_insert(raw) for file in files for raw in file.side)
    for names in ([s.id for s in scenarios], [p.name for p in plants], [t.name for t in traps]):
        if len(set(names)) != len(names):
            raise TemplateError(f"named twice: {sorted(n for n in set(names) if names.count(n) > 1)}")
    return Library(house, scenarios, MappingProxyType({p.name: p for p in plants}), traps, sides)
