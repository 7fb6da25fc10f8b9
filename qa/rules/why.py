"""Why a rule says what it says of a chat: every condition of it, asked by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from qa.rules.base import Judge, Judgement, State
from qa.rules.bench import Bench
from qa.rules.logic import Path, compile_condition, remembered
from qa.rules.pack import Pack, Rule
from qa.rules.view import Context, View
from qa.types import Chat

_LOGIC = frozenset({"all", "any", "at_least", "not"})
_NONE_OF = {"none": "any", "none_list": "list"}
_REASONS = 2
"""Conditions named in one line."""
_SHOWN = 80
"""Code points of a condition, or of a quote, in an explanation."""


class Part(NamedTuple):
    """One condition of a rule: where it stands in the pack, as it is written, and what is inside."""

    path: Path
    depth: int
    node: Mapping[str, Any]
    judge: Judge
    positive: Judge | None
    """For words that must be absent: the judge that finds them."""

    @property
    def name(self) -> str:
        """The operator, or the logic word."""
        return next(iter(self.node))

    @property
    def leaf(self) -> bool:
        """Whether it asks something of the chat itself."""
        return self.name not in _LOGIC


class Answer(NamedTuple):
    """A part's answer on one chat. ``found``: what speaks against an absence, where words are there."""

    part: Part
    judgement: Judgement
    found: Judgement | None


class Why:
    """One rule of a pack, ready to be asked about chats."""

    def __init__(self, pack: Pack, rule: Rule) -> None:
        """Compile every condition of the rule; it must be one that ``compile_pack`` accepts."""
        self._bench = Bench(lambda name: pack.wordlists[name])
        named: dict[str, Judge] = {}
        self._bench.rule(named)
        parts: list[Part] = []
        for name, condition in rule.let.items():
            found = list(self._parts(condition, ("let", name), 0))
            named[name] = remembered(found[0].judge, self._bench)
            parts += found
        if rule.applies is not None:
            parts += self._parts(rule.applies, ("applies",), 0)
        parts += self._parts(rule.when, ("when",), 0)
        self.parts = tuple(parts)
        self._index = self._bench.freeze()

    def of(self, chat: Chat, context: Context) -> tuple[Answer, ...]:
        """Every part's answer on a chat, in the order of the pack's text."""
        view = View(chat, self._index, context)
        return tuple(self._answer(part, view) for part in self.parts)

    def _answer(self, part: Part, view: View) -> Answer:
        answer = part.judge(view)
        against = part.positive(view) if part.positive is not None and answer.state is State.MISS else None
        return Answer(part, answer, against)

    def _parts(self, node: Any, path: Path, depth: int) -> Iterator[Part]:
        ((name, body),) = node.items()
        here = (*path, name)
        yield Part(here, depth, node, compile_condition(node, self._bench, path), self._positive(name, body))
        if name == "not":
            yield from self._parts(body, here, depth + 1)
        elif name in _LOGIC:
            inner = (*here, "of") if name == "at_least" else here
            for i, child in enumerate(body["of"] if name == "at_least" else body):
                yield from self._parts(child, (*inner, i), depth + 1)

    def _positive(self, name: str, body: Any) -> Judge | None:
        if name != "keywords" or not _NONE_OF.keys() & body.keys():
            return None
        return compile_condition({name: {_NONE_OF.get(key, key): value for key, value in body.items()}}, self._bench)


def decided(answers: tuple[Answer, ...], chat: Chat) -> str:
    """Return in one line why a rule that passed did pass: the parts of ``when`` that decided it."""
    when = next(i for i, answer in enumerate(answers) if answer.part.path[0] == "when")
    reasons = list(_reasons(answers, when, chat))
    more = f"; and {len(reasons) - _REASONS} more conditions" if len(reasons) > _REASONS else ""
    return "; ".join(reasons[:_REASONS]) + more


def told(answer: Answer, chat: Chat) -> str:
    """Return a part with its answer: what was found where, what was searched in vain, which figure."""
    return f"{written(answer.part.node)}: {_said(answer, chat)}"


def written(node: Mapping[str, Any]) -> str:
    """Return a condition as one line, not too long; of logic only its word.

    >>> written({"keywords": {"list": ["blame"], "negated": True}})
    'keywords {list: [blame], negated: true}'
    >>> written({"all": [{"keywords": {"any": ["x"]}}]})
    'all'
    """
    ((name, body),) = node.items()
    if name in _LOGIC:
        return name
    line = orjson.dumps(body).decode().replace('"', "").replace(":", ": ").replace(",", ", ")
    return f"{name} {_short(line)}"


def _said(answer: Answer, chat: Chat) -> str:
    judgement = answer.judgement
    if judgement.state is State.NOT_APPLICABLE:
        return f"not applicable ({judgement.reason})"
    places = judgement.places or (answer.found.places if answer.found is not None else ())
    said = [judgement.state.value if judgement.state is State.HIT else "not hit"]
    if places:
        turn, start, end = places[0]
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        said.append(f"“{_short(chat.messages[turn].text[start:end])}” in turn {turn}{more}")
    elif judgement.searched:
        turns = ", ".join(map(str, judgement.searched[:10]))
        said.append(f"nothing in turn{'s' if len(judgement.searched) > 1 else ''} {turns}")
    if judgement.value is not None:
        said.append(f"figure {judgement.value:g}")
    return ", ".join(said)


def _reasons(answers: tuple[Answer, ...], at: int, chat: Chat) -> Iterator[str]:
    """The leaves below ``answers[at]`` that made it what it is."""
    answer = answers[at]
    inner = list(_children(answers, at))
    if not inner:
        yield told(answer, chat)
        return
    state = answer.judgement.state
    flip = {State.HIT: State.MISS, State.MISS: State.HIT}
    wanted = flip.get(state, state) if answer.part.name == "not" else state
    deciding = [i for i in inner if answers[i].judgement.state is wanted]
    first_only = answer.part.name == "all" and state is not State.HIT
    for i in deciding[:1] if first_only else deciding:
        yield from _reasons(answers, i, chat)


def _children(answers: tuple[Answer, ...], at: int) -> Iterator[int]:
    depth = answers[at].part.depth
    for i in range(at + 1, len(answers)):
        if answers[i].part.depth <= depth:
            return
        if answers[i].part.depth == depth + 1:
            yield i


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
