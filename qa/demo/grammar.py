"""The little language of the templates: ``(a|b)`` picks one, ``{name}`` is filled in, ``{$name}`` once a chat.

ASCII parentheses, bars and braces are the notation; Chinese full-width ones are text, and so are ``[stickers]``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


class TemplateError(ValueError):
    """A template is malformed or names a slot that nothing fills: a mistake in our own data files."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place filled in when the template is spoken."""

    name: str
    once: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives of equal probability."""

    options: tuple[Template, ...]


Template = tuple["str | Slot | Choice", ...]
Pools = Mapping[str, tuple[Template, ...]]


def pick(rng: random.Random, options: tuple[T, ...] | list[T]) -> T:
    """Return one of ``options``, using one ``rng.random()`` (the same on every Python version)."""
    return options[int(rng.random() * len(options))]


def chance(rng: random.Random, probability: float) -> bool:
    """Return True with ``probability``, using one ``rng.random()``."""
    return rng.random() < probability


def parse(text: str) -> Template:
    """Compile one template.

    >>> parse("查(一下|)")
    ('查', Choice(options=(('一下',), ())))
    >>> parse("{$order}号")
    (Slot(name='order', once=True), '号')
    """
    parts, end = _sequence(text, 0, nested=False)
    if end != len(text):
        raise TemplateError(f"unexpected {text[end]!r} at {end} in {text!r}")
    return parts


def _sequence(text: str, at: int, *, nested: bool) -> tuple[Template, int]:
    parts: list[str | Slot | Choice] = []
    start = at
    while at < len(text):
        sign = text[at]
        if sign in ")|" and nested:
            break
        if sign not in "({)}|":
            at += 1
            continue
        if start < at:
            parts.append(text[start:at])
        if sign == "(":
            choice, at = _choice(text, at + 1)
            parts.append(choice)
        elif sign == "{":
            slot, at = _slot(text, at + 1)
            parts.append(slot)
        else:
            raise TemplateError(f"stray {sign!r} at {at} in {text!r}")
        start = at
    if start < at:
        parts.append(text[start:at])
    return tuple(parts), at


def _choice(text: str, at: int) -> tuple[Choice, int]:
    options: list[Template] = []
    while True:
        option, at = _sequence(text, at, nested=True)
        options.append(option)
        if at >= len(text):
            raise TemplateError(f"missing ')' in {text!r}")
        at += 1
        if text[at - 1] == ")":
            return Choice(tuple(options)), at


def _slot(text: str, at: int) -> tuple[Slot, int]:
    end = text.find("}", at)
    if end < 0:
        raise TemplateError(f"missing '}}' in {text!r}")
    name = text[at:end]
    return Slot(name.lstrip("$"), once=name.startswith("$")), end + 1


def slots(template: Template) -> set[str]:
    """Return the names of all slots of ``template``, nested ones too.

    >>> sorted(slots(parse("{a}(x|{$b})")))
    ['a', 'b']
    """
    found: set[str] = set()
    for part in template:
        if isinstance(part, Slot):
            found.add(part.name)
        elif isinstance(part, Choice):
            found = found.union(*map(slots, part.options))
    return found


@dataclass(slots=True)
class Speech:
    """Fills templates for one chat: facts of the chat, pools of phrases, and what was said once."""

    rng: random.Random
    pools: Pools
    facts: dict[str, str]
    makers: Mapping[str, Callable[[random.Random], str]]
    silenced: frozenset[str] = frozenset()
    """Pools that say nothing in this chat (an agent who never says sorry)."""
    said: dict[str, str] = field(default_factory=dict)

    def fill(self, template: Template) -> str:
        """Return ``template`` spoken once."""
        out: list[str] = []
        self._fill(template, out)
        return "".join(out)

    def _fill(self, template: Template, out: list[str]) -> None:
        for part in template:
            if isinstance(part, str):
                out.append(part)
            elif isinstance(part, Choice):
                self._fill(pick(self.rng, part.options), out)
            elif part.once:
                out.append(self._once(part.name))
            else:
                self._slot(part.name, out)

    def _once(self, name: str) -> str:
        if name not in self.said:
            out: list[str] = []
            self._slot(name, out)
            self.said[name] = "".join(out)
        return self.said[name]

    def _slot(self, name: str, out: list[str]) -> None:
        if name in self.silenced:
            return
        if name in self.facts:
            out.append(self.facts[name])
        elif name in self.pools:
            self._fill(pick(self.rng, self.pools[name]), out)
        elif name in self.makers:
            out.append(self.makers[name](self.rng))
        else:
            raise TemplateError(f"nothing fills {{{name}}}")
