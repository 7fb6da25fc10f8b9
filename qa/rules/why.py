"""Why a rule says what it says of a chat: every condition of it, asked by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from qa.rules.base import Judge, Judgement, State
from qa.rules.bench import Bench
from qa.rules.logic import Path, compile_condition, remembered
from qa.rules.nearly import REMARKS, Closer, Nearly
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

    @property
    def empty(self) -> bool:
        """Whether what was sought was not found: whoever sees it in the chat wants to know why."""
        absent = self.judgement.state is State.HIT and self.part.positive is not None
        return self.part.leaf and (absent or (self.judgement.state is State.MISS and self.found is None))


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
        self._closer = Closer(pack, rule)
        self._index = self._bench.freeze()

    def of(self, chat: Chat, context: Context) -> tuple[Answer, ...]:
        """Every part's answer on a chat, in the order of the pack's text."""
        view = View(chat, self._index, context)
        return tuple(self._answer(part, view) for part in self.parts)

    def nearly(
        self, answer: Answer, chat: Chat, context: Context, remarks: Sequence[str] = tuple(REMARKS)
    ) -> Nearly | None:
        """Return what a condition passed over that found nothing; None: nothing, or it did find something."""
        return self._closer(chat, context, answer.part.node, remarks) if answer.empty else None

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


Look = Callable[[Answer], Nearly | None]


def decided(answers: tuple[Answer, ...], chat: Chat, look: Look | None = None, part: str = "when") -> str:
    """Return in one line why a rule that passed did pass: the parts of ``when`` that decided it (or of ``applies``).

    ``look`` says of a condition that found nothing what it passed over.
    """
    top = next(i for i, answer in enumerate(answers) if answer.part.path[0] == part)
    deciding = list(_reasons(answers, top))
    close = [(answer, look(answer) if look is not None else None) for answer in deciding]
    close.sort(key=lambda pair: pair[1] is None)  # what was nearly hit says most
    more = f"; and {len(close) - _REASONS} more conditions" if len(close) > _REASONS else ""
    return "; ".join(told(answer, chat, nearly) for answer, nearly in close[:_REASONS]) + more


def told(answer: Answer, chat: Chat, nearly: Nearly | None = None) -> str:
    """Return a part with its answer: what was found where, what was searched in vain or passed over, which figure."""
    return f"{written(answer.part.node)}: {_said(answer, chat)}{'' if nearly is None else _passed_over(nearly, chat)}"


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
    return f"{name} {_short(one_line(body))}"


def one_line(value: Any) -> str:
    r"""Return a value as YAML in one line, without the quotation marks.

    >>> one_line({"pattern": r"[a,b]\d{1,2}", "quoted": True})
    '{pattern: [a,b]\\d{1,2}, quoted: true}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {one_line(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(one_line, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _passed_over(nearly: Nearly, chat: Chat) -> str:
    if nearly.judgement is None:
        return f"; missing: {_short(', '.join(nearly.missing))}"
    turn, start, end = nearly.judgement.places[0]
    figure = "" if nearly.judgement.value is None else f", figure {nearly.judgement.value:g}"
    why = " and ".join(REMARKS[remark] for remark in nearly.remarks)
    return f"; passed over “{_short(chat.messages[turn].text[start:end])}” in turn {turn}{figure}: {why}"


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


def _reasons(answers: tuple[Answer, ...], at: int) -> Iterator[Answer]:
    """The leaves below ``answers[at]`` that made it what it is."""
    answer = answers[at]
    inner = list(_children(answers, at))
    if not inner:
        yield answer
        return
    state = answer.judgement.state
    flip = {State.HIT: State.MISS, State.MISS: State.HIT}
    wanted = flip.get(state, state) if answer.part.name == "not" else state
    deciding = [i for i in inner if answers[i].judgement.state is wanted]
    first_only = answer.part.name == "all" and state is not State.HIT
    for i in deciding[:1] if first_only else deciding:
        yield from _reasons(answers, i)


def _children(answers: tuple[Answer, ...], at: int) -> Iterator[int]:
    depth = answers[at].part.depth
    for i in range(at + 1, len(answers)):
        if answers[i].part.depth <= depth:
            return
        if answers[i].part.depth == depth + 1:
            yield i


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
