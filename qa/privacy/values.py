"""Masking whole chats, and JSON that quotes them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from qa.privacy.finding import find
from qa.privacy.kinds import Kind, Personal
from qa.privacy.masking import NARROW, hide, mask
from qa.privacy.plain import plain
from qa.privacy.policy import EXPORT, MaskPolicy
from qa.types import Chat

TEXT_KEYS = frozenset({"quote", "message", "text", "before", "after", "comment", "note", "reason"})
"""Keys under which findings, evidence and messages carry what people wrote."""

_MASKED_ANYWAY = re.compile(r"[0-9](?:[^\w*]|_)*\Z")
_GOES_ON = re.compile(r"(?:[^\w*]|_)*[0-9]")
_BREAK = "\n"


def mask_chat(chat: Chat, policy: MaskPolicy = EXPORT) -> Chat:
    """The chat as this policy shows it: messages, tags, unknown fields and the customer's id; turns and offsets stay.

    A number that is sent in pieces, in messages that follow each other, is hidden in all of them. The agent's name
    and the ids of chat, agent and merchant are no data of the customer and stay.
    """
    texts = mask_texts([message.text for message in chat.messages], [message.role for message in chat.messages], policy)
    messages = tuple(
        message
        if text == message.text and message.extra is None
        else msgspec.structs.replace(message, text=text, extra=_strings(message.extra, policy))
        for message, text in zip(chat.messages, texts, strict=True)
    )
    customer = chat.customer
    if not policy.customer and customer.id is not None:
        customer = msgspec.structs.replace(customer, id=NARROW * len(customer.id))
    elif customer.id is not None:
        customer = msgspec.structs.replace(customer, id=_masked(customer.id, policy))
    return msgspec.structs.replace(
        chat,
        messages=messages,
        customer=customer,
        tags=tuple(_masked(tag, policy) for tag in chat.tags),
        extra=_strings(chat.extra, policy),
    )


def mask_texts(texts: Sequence[str], authors: Sequence[object], policy: MaskPolicy = EXPORT) -> list[str]:
    """Messages as this policy shows them, given who wrote each; numbers in pieces are hidden in all their pieces.

    >>> mask_texts(["我的电话1380013", "8000", "好的"], ["a", "a", "b"])
    ['我的电话*******', '****', '好的']
    """
    masked = [mask(text, policy.hidden, policy.partly).text for text in texts]
    for first, last in _chains(texts, authors):
        for turn, places in _across(texts[first:last]):
            own = [place for place in places if place.kind in policy.hidden]
            masked[first + turn] = hide(masked[first + turn], own)
    return masked


def _chains(texts: Sequence[str], authors: Sequence[object]) -> Iterator[tuple[int, int]]:
    """Ranges of messages of one author that may carry one number: each ends with a digit, the next begins with one."""
    first = 0
    for turn in range(1, len(texts) + 1):
        if turn < len(texts) and authors[turn] == authors[first] and _joined(texts[turn - 1], texts[turn]):
            continue
        if turn - first > 1:
            yield first, turn
        first = turn


def _joined(one: str, other: str) -> bool:
    return _MASKED_ANYWAY.search(plain(one[-4:])) is not None and _GOES_ON.match(plain(other[:4])) is not None


_NUMBERS = frozenset({Kind.PHONE, Kind.RESIDENT_ID, Kind.BANK_CARD})


def _across(texts: Sequence[str]) -> Iterator[tuple[int, list[Personal]]]:
    """What is personal only where messages are read as one: (message, places in it)."""
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text) + len(_BREAK))
    whole = [one for one in find(_BREAK.join(texts)) if one.kind in _NUMBERS]
    for turn, (start, end) in enumerate(pairwise(starts)):
        stop = end - len(_BREAK)
        cut = [
            Personal(one.kind, max(one.start, start) - start, min(one.end, stop) - start)
            for one in whole
            if one.start < stop and one.end > start and not start <= one.start < one.end <= stop
        ]
        if cut:
            yield turn, cut


def mask_json(
    value: Any, keys: Collection[str] = TEXT_KEYS, policy: MaskPolicy = EXPORT, chat: Chat | None = None
) -> Any:
    """A copy of a JSON value in which strings under these keys, at any depth, are masked.

    A quote alone may be half a number, which nothing recognises. With the ``chat`` as it was written, everything that
    has a turn, start and end is quoted from the masked chat instead, and its quotes inside longer strings (a finding's
    message) are replaced by the masked ones.

    >>> mask_json({"rule": "r", "message": "写了13800138000"})
    {'rule': 'r', 'message': '写了***********'}
    """
    said: list[str] = []
    if chat is not None:
        said = mask_texts([one.text for one in chat.messages], [one.role for one in chat.messages], policy)
    swaps: dict[str, str] = {}
    requoted = _requoted(value, said, swaps)
    return _walk(requoted, frozenset(keys), policy, [pair for pair in swaps.items() if pair[0] != pair[1]])


def _requoted(value: Any, said: Sequence[str], swaps: dict[str, str]) -> Any:
    """``value`` with its quotes taken from these texts; ``swaps`` learns what became of each."""
    if isinstance(value, list | tuple):
        return [_requoted(one, said, swaps) for one in value]
    if not isinstance(value, dict):
        return value
    copy = {key: _requoted(one, said, swaps) for key, one in value.items()}
    turn, start, end, quote = (value.get(key) for key in ("turn", "start", "end", "quote"))
    if not (isinstance(quote, str) and isinstance(turn, int) and isinstance(start, int) and isinstance(end, int)):
        return copy
    if 0 <= turn < len(said) and start >= 0 and end - start == len(quote) and end <= len(said[turn]):
        copy["quote"] = swaps[quote] = said[turn][start:end]
    return copy


def _walk(
    value: Any, keys: Collection[str], policy: MaskPolicy, swaps: Iterable[tuple[str, str]], *, on: bool = False
) -> Any:
    if isinstance(value, dict):
        return {key: _walk(one, keys, policy, swaps, on=key in keys) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(one, keys, policy, swaps, on=on) for one in value]
    if not on or not isinstance(value, str):
        return value
    return mask_message(value, swaps, policy)


def mask_message(message: str, quotes: Iterable[tuple[str, str]], policy: MaskPolicy = EXPORT) -> str:
    """What a finding tells, given what it may quote: pairs of a quote as it was written and as it is shown.

    >>> mask_message("说了“1380013”", [("1380013", "*******")])
    '说了“*******”'
    """
    for quote, shown in sorted(quotes, key=lambda pair: len(pair[0]), reverse=True):
        if quote:
            message = message.replace(quote, shown).replace(_shown_nul(quote), _shown_nul(shown))
    return _masked(message, policy)


def _shown_nul(quote: str) -> str:
    """A quote as a finding's message tells it (``qa.rules.engine``)."""
    return quote.replace("\0", "␀")


def _strings(value: Any, policy: MaskPolicy) -> Any:
    """A copy of a JSON value with every string in it masked."""
    if isinstance(value, str):
        return _masked(value, policy)
    if isinstance(value, dict):
        return {key: _strings(one, policy) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_strings(one, policy) for one in value]
    return value


def _masked(text: str, policy: MaskPolicy) -> str:
    return mask(text, policy.hidden, policy.partly).text
