"""Hiding what was found, character for character: places in the text stay what they were."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet

from qa.privacy.finding import find
from qa.privacy.kinds import ALL, Kind, Masked, Personal
from qa.privacy.names import surname
from qa.privacy.places import city
from qa.privacy.plain import NOTHING, plain

NARROW, WIDE = "*", "＊"
"""What stands for a hidden character: one of half width, one of full width."""

_NATIONAL = 11
_ENDS: dict[Kind, tuple[int, int]] = {
    Kind.PHONE: (3, 4),
    Kind.LANDLINE: (3, 2),
    Kind.RESIDENT_ID: (2, 2),
    Kind.BANK_CARD: (0, 4),
    Kind.PERMIT: (1, 2),
    Kind.ACCOUNT: (1, 1),
    Kind.PLATE: (2, 0),
    Kind.ORDER: (0, 4),
    Kind.TRACKING: (0, 4),
}
"""How many letters and digits of a kind are left at its beginning and end where it is shown in part."""
_HALF = 2


def mask(text: str, kinds: Collection[Kind] = ALL, keep: AbstractSet[Kind] = frozenset()) -> Masked:
    """``text`` with these kinds of personal data hidden; of those in ``keep`` a part stays.

    That part is enough to tell two apart. The text keeps its length and every other character. Masking what was
    masked changes nothing.

    >>> mask("我叫张三丰，电话13800138000").text
    '我叫＊＊＊，电话***********'
    >>> mask("我叫张三丰，电话13800138000", keep=ALL).text
    '我叫张＊＊，电话138****8000'
    """
    places: list[Personal] = []
    while found := [one for one in find(text) if one.kind in kinds]:
        masked = hide(text, found, keep)
        if masked == text:
            break
        places += found
        text = masked
    return Masked(text, tuple(sorted(set(places), key=lambda one: (one.start, one.end))))


def hide(text: str, places: Collection[Personal], keep: AbstractSet[Kind] = frozenset()) -> str:
    """``text`` with these places hidden, in part where their kind is in ``keep``."""
    if not places:
        return text
    said = plain(text)
    shown = list(text)
    for one in places:
        for at in _hidden(said, one, keep):
            shown[at] = NARROW if shown[at].isascii() else WIDE
    return "".join(shown)


def _hidden(said: str, one: Personal, keep: AbstractSet[Kind]) -> Iterator[int]:
    """Positions whose characters are hidden: letters and digits, and marks of no shape between them."""
    signs = [at for at in range(one.start, one.end) if said[at].isalnum()]
    if one.kind in keep:
        left = _left(said, one, signs)
        return (at for at in signs if at not in left)
    return (at for at in range(one.start, one.end) if said[at].isalnum() or said[at] == NOTHING)


def _left(said: str, one: Personal, signs: list[int]) -> set[int]:
    """Positions that stay visible where a kind is shown in part; never more than half, but for a surname alone."""
    match one.kind:
        case Kind.NAME:
            return set(signs[: max(1, surname(said, one.start))])
        case Kind.ADDRESS:
            return set(range(one.start, city(said, one.start, one.end)))
        case Kind.MAIL:
            return {one.start, *range(_mail_host(said, one), one.end)}
        case Kind.IP:
            marks = [at for at in range(one.start, one.end) if said[at] in ".:"]
            return set(range(one.start, marks[1] if len(marks) > 1 else one.start))
        case Kind.URL:
            return set()
    first, last = _ENDS[one.kind]
    own = signs
    if one.kind is Kind.PHONE and len(signs) > _NATIONAL:
        own = signs[-_NATIONAL:]
    if first + last > len(own) // _HALF + 2:
        first, last = (1, 1) if len(own) > 3 else (0, 0)  # noqa: PLR2004 - of three, two would say it all
    return {*own[:first], *(own[-last:] if last else ())}


_AT = re.compile(r"@|#|艾特|[(\[]at[)\]]")


def _mail_host(said: str, one: Personal) -> int:
    """Where the host of a mail address begins."""
    match = _AT.search(said, one.start, one.end)
    return match.start() if match else one.end
