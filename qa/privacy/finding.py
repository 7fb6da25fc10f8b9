"""Finding personal data: first whether there can be any, then kind by kind, the surest first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qa.privacy import codes, names, numbers, places
from qa.privacy.kinds import Kind, Personal
from qa.privacy.plain import plain

_MAY = re.compile(
    r"[0-9@#:]|艾特|[一二三四五六七八九零幺](?:[^\w]|_)?[一二三四五六七八九零幺]|[a-z]{4}|"
    r"先生|女士|小姐|太太|夫人|[我本人他她公婆妈爸友儿子宝家户客方]叫|姓|[件货系收款][人方]|[户姓名真]名|名字|抬头|"
    r"址|住|[省市][一-鿿]{2}|[寄发送邮]到|寄往|单元|[路街巷弄道村庄苑园]|"
    r"微[^\w]{0,2}信|威信|维信|薇|微x|微 x|企微|v[^\w,]?x|wx|q[^\w,]?q|扣扣|企鹅|钉钉|飞书|支付宝|"
    r"我[的是]?个?[vwq威]|[加+][vwq威]"
)
"""Something of this is in every text with something personal; what has none of it is not looked at any further."""
_DIGIT = re.compile("[0-9]")
_LETTERS = re.compile("[a-z]")
_NUMBER = re.compile(r"[0-9](?:[^\w]{0,3}_?[0-9]){4}")


def find(text: str) -> tuple[Personal, ...]:
    """Personal data in a text, by place; no two places overlap.

    >>> find("我叫张三，电话１３８ 0013 8000")
    (Personal(kind=<Kind.NAME: 'name'>, start=2, end=4), Personal(kind=<Kind.PHONE: 'phone'>, start=7, end=20))
    """
    said = plain(text)
    if _MAY.search(said) is None:
        return ()
    taken = bytearray(len(text))
    found = list(_kept(_candidates(text, said, taken), taken))
    found += _kept(names.beside(said, [one for one in found if one.kind in (Kind.PHONE, Kind.LANDLINE)]), taken)
    return tuple(_merged(sorted(found, key=lambda one: one.start)))


def _merged(found: Iterable[Personal]) -> list[Personal]:
    """Pieces of an address that touch, as one."""
    merged: list[Personal] = []
    for one in found:
        if one.kind is Kind.ADDRESS and merged and merged[-1].kind is one.kind and merged[-1].end == one.start:
            merged[-1] = merged[-1]._replace(end=one.end)
        else:
            merged.append(one)
    return merged


def _candidates(text: str, said: str, taken: bytearray) -> Iterator[Personal]:
    """What may be personal, the surest first; some of it may overlap what came before."""
    searched = numbers.with_digits(said)
    if _LETTERS.search(said):
        webs, secrets = codes.webs(said)
        yield from secrets
        for start, end in webs:  # nothing else is looked for there: its numbers are those of goods
            taken[start:end] = b"\1" * (end - start)
        if "@" in said or "at" in said or "#" in said or "艾特" in said:
            yield from codes.mails(said)
    if _NUMBER.search(searched):
        yield from numbers.runs(said, searched)
        yield from numbers.telephones(said)
        if _LETTERS.search(said):
            yield from codes.plates(text, said)
        yield from codes.permits(said)
        if "." in said or ":" in said:
            yield from codes.addresses_of_machines(said)
        yield from codes.accounts(said)
        yield from numbers.orders(said)
    elif _LETTERS.search(said):
        yield from codes.accounts(said)
        yield from codes.plates(text, said) if _DIGIT.search(said) else ()
        if ":" in said:
            yield from codes.addresses_of_machines(said)
    yield from places.streets(said)
    yield from names.introduced(said)


def _kept(candidates: Iterable[Personal], taken: bytearray) -> Iterator[Personal]:
    """Candidates that are still free; of an address, the parts that are."""
    for one in candidates:
        pieces = _free(one, taken) if one.kind is Kind.ADDRESS else [] if any(taken[one.start : one.end]) else [one]
        for piece in pieces:
            taken[piece.start : piece.end] = b"\1" * (piece.end - piece.start)
            yield piece


def _free(one: Personal, taken: bytearray) -> list[Personal]:
    """The parts of a place in which nothing was found yet."""
    pieces, start = [], None
    for at in range(one.start, one.end + 1):
        free = at < one.end and not taken[at]
        if free and start is None:
            start = at
        elif not free and start is not None:
            pieces.append(Personal(one.kind, start, at))
            start = None
    return pieces
