"""Trying one rule on a chat: whether it fires, what it quotes, and what each of its conditions answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from io import StringIO
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from ruamel.yaml import YAML
from sqlalchemy import Engine

from qa.errors import QaError
from qa.people import Place
from qa.policy import Policy, PolicyBook
from qa.privacy import MaskPolicy, mask, mask_chat
from qa.rules.context import make_context
from qa.rules.engine import compile_pack
from qa.rules.examples import read_example
from qa.rules.nearly import Nearly
from qa.rules.pack import Pack, Rule
from qa.rules.view import Context
from qa.rules.why import Answer, Why, written
from qa.store.chats import get_chat
from qa.store.session import read_tx
from qa.types import Chat, Finding

LONGEST = 20_000
"""Characters of a typed text."""
MOST_CHATS = 5
_FOREVER = "9998-12-31"


class Piece(NamedTuple):
    """A piece of a message; ``marked``: a finding quotes it."""

    text: str
    marked: bool


class Line(NamedTuple):
    """A message with what is quoted of it; ``missing``: the rule searched it in vain."""

    turn: int
    role: str
    pieces: tuple[Piece, ...]
    missing: bool


class Told(NamedTuple):
    """A condition with its answer. ``quotes``: turn and text of what was found; ``searched``: turns, in vain.

    ``passed_over`` was there and was no hit, for the reasons ``remarks`` (``qa.rules.nearly``); ``missing`` is what is
    not there of things of which several must be.
    """

    depth: int
    part: str
    condition: str
    state: str
    quotes: tuple[tuple[int, str], ...]
    searched: tuple[int, ...]
    value: float | None
    reason: str
    passed_over: tuple[int, str] | None = None
    remarks: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Tried(NamedTuple):
    """A rule tried on a chat. ``finding`` None: it did not fire; ``not_applicable`` and ``broken``: the reason."""

    chat: Chat
    finding: Finding | None
    not_applicable: str | None
    broken: str | None
    lines: tuple[Line, ...]
    conditions: tuple[Told, ...]


class Judges(NamedTuple):
    """What chats are judged under: the policies of the settings, and the zone of those that name none."""

    policies: Mapping[str, Any]
    zone: ZoneInfo

    def context(self, pack: Pack, merchant: str | None = None, day: str | None = None) -> Context:
        """Return the context of a merchant's day; without them that of the house's policy."""
        if merchant is None or day is None:
            policy = Policy()
        else:
            policy = PolicyBook.from_mapping(dict(self.policies)).resolve(merchant, date.fromisoformat(day))
        return make_context(pack, policy, ZoneInfo(policy.timezone) if policy.timezone else self.zone)


def try_text(pack: Pack, rule: Rule, text: str, judges: Judges) -> list[Tried]:
    """Judge chats in plain notation, as a rule's examples are written; QaError where the text cannot be read."""
    if len(text) > LONGEST:
        raise QaError(f"the text has {len(text):,} characters, more than {LONGEST:,}")
    chats, context = read_example(text, judges.context(pack))
    if not chats:
        raise QaError("there is no message in the text")
    return [_tried(pack, rule, chat, chat, context) for chat in chats[:MOST_CHATS]]


def try_chat(
    engine: Engine, pack: Pack, rule: Rule, key: tuple[str, str], judges: Judges, masked: MaskPolicy
) -> tuple[Tried, Place]:
    """Judge a stored chat (merchant, id), shown as ``masked`` says; returns where the chat lies as well.

    Raises NotFoundError where there is no such chat.
    """
    with read_tx(engine) as connection:
        stored = get_chat(connection, key[1], key[0])
    context = judges.context(pack, stored.merchant, stored.day)
    place = Place(stored.merchant, stored.chat.agent.team, stored.chat.agent.id)
    tried = _tried(pack, rule, stored.chat, mask_chat(stored.chat, masked), context)
    if tried.finding is not None:
        said = mask(tried.finding.message, masked.hidden, masked.partly).text
        tried = tried._replace(finding=msgspec.structs.replace(tried.finding, message=said))
    return tried, place


def conditions_text(rule: Rule) -> str:
    """Return the conditions of a rule as YAML, as they stand in a pack."""
    told = {"let": rule.let or None, "applies": rule.applies, "when": rule.when}
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 100
    yaml.allow_unicode = True
    out = StringIO()
    yaml.dump({name: value for name, value in told.items() if value is not None}, out)
    return out.getvalue().strip()


def _tried(pack: Pack, rule: Rule, chat: Chat, shown: Chat, context: Context) -> Tried:
    compiled, why = compile_pack(pack, only=[rule.id]), Why(pack, rule)
    opinion = compiled.judge(chat, context, rule.effective_until or rule.effective_from or _FOREVER)
    finding = next((one for one in opinion.findings if one.rule == rule.id), None)
    return Tried(
        chat=shown,
        finding=finding,
        not_applicable=opinion.not_applicable.get(rule.id),
        broken=opinion.broken[0] if opinion.broken else None,
        lines=tuple(_lines(shown, finding)),
        conditions=tuple(_told(answer, why.nearly(answer, chat, context), shown) for answer in why.of(chat, context)),
    )


def _lines(chat: Chat, finding: Finding | None) -> Iterator[Line]:
    evidence = finding.evidence if finding is not None else ()
    for turn, message in enumerate(chat.messages):
        spans = [(one.start, one.end) for one in evidence if one.turn == turn and not one.absent]
        absent = any(one.turn == turn and one.absent for one in evidence)
        yield Line(turn, message.role.value, tuple(pieces(message.text, spans)), absent)


def pieces(text: str, spans: Collection[tuple[int, int]]) -> Iterator[Piece]:
    """Cut a text at the ends of its quotes; quotes that touch or overlap are marked as one.

    >>> [tuple(one) for one in pieces("abcdef", [(1, 3), (2, 4)])]
    [('a', False), ('bcd', True), ('ef', False)]
    """
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    at = 0
    for start, end in joined:
        if start > at:
            yield Piece(text[at:start], marked=False)
        yield Piece(text[start:end], marked=True)
        at = end
    if at < len(text):
        yield Piece(text[at:], marked=False)


def _told(answer: Answer, nearly: Nearly | None, shown: Chat) -> Told:
    judgement, part = answer.judgement, answer.part
    over = None if nearly is None or nearly.judgement is None else nearly.judgement.places[0]
    places = judgement.places or (answer.found.places if answer.found is not None else ())
    return Told(
        depth=part.depth,
        part="" if part.depth else ".".join(map(str, part.path[:-1])),
        condition=written(part.node),
        state=judgement.state.value,
        quotes=tuple((turn, shown.messages[turn].text[start:end]) for turn, start, end in places),
        searched=judgement.searched,
        value=judgement.value,
        reason=judgement.reason,
        passed_over=None if over is None else (over[0], shown.messages[over[0]].text[over[1] : over[2]]),
        remarks=() if nearly is None else nearly.remarks,
        missing=() if nearly is None else nearly.missing,
    )
