"""Stars in the place of what was said: every character of a text by one of its width, so that places stay places."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

import msgspec

from qa.store.chats import decode_body
from qa.types import Chat, Customer

_SHORTEST = 2
"""Characters of a quote from which it is looked for inside a message to the agent."""


class _Stars(dict[int, int]):
    """Code point → that of its star; filled as characters turn up."""

    def __missing__(self, point: int) -> int:
        one = chr(point)
        wide = unicodedata.east_asian_width(one) in "WF"
        found = self[point] = point if one.isspace() else ord("＊" if wide else "*")
        return found


_STARS = _Stars()


def cover(said: str) -> str:
    """Return as many stars as a text has characters; blanks stay.

    >>> cover("退款 100")
    '＊＊ ***'
    """
    return said.translate(_STARS)


def cover_places(places: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return places in a chat, each with its quote covered."""
    return [one | {"quote": cover(one["quote"])} for one in places]


def hide(message: str, quotes: Iterable[str]) -> str:
    """Return a message to the agent with what it quotes covered; NUL stands in it as its picture.

    >>> hide("请勿说“退款”", ["退款"])
    '请勿说“＊＊”'
    """
    for quote in quotes:
        if len(quote) >= _SHORTEST:
            message = message.replace(quote.replace("\0", "␀"), cover(quote))
    return message


def covered(body: bytes, merchant: str, chat_id: str, *, nobody: bool = False) -> bytes:
    """Return a stored chat with all that was said in it covered; ``nobody``: and nothing of who the customer was.

    One that cannot be read becomes a chat without messages.
    """
    chat = _decoded(body) or Chat(chat_id, (), merchant=merchant)
    messages = tuple(msgspec.structs.replace(one, text=cover(one.text), extra=None) for one in chat.messages)
    customer = Customer(tier=chat.customer.tier) if nobody else chat.customer
    return msgspec.json.encode(msgspec.structs.replace(chat, messages=messages, customer=customer, extra=None))


def _decoded(body: bytes) -> Chat | None:
    try:
        return decode_body(body)
    except msgspec.MsgspecError:
        return None
