"""Telephones, resident numbers and bank cards: found in runs of digits, however these are set apart."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from datetime import date
from itertools import pairwise

import phonenumbers
from stdnum import luhn
from stdnum.cn import ric

from qa.privacy.kinds import Kind, Personal
from qa.privacy.plain import DIGITS

_RUN = re.compile(r"[0-9](?:(?:[^\w:*＊•¥$%=]|_){0,3}+[0-9])*+x?")
_ENOUGH = 7
_LONGEST = 19
_REACH = 16
"""Characters before a number that are read for what it is called."""
_LIST = re.compile(r"[,、。.;/|~+&]")
_TELLING = {(3, 4, 4), (3, 8), (7, 4), (3, 3, 5), (2, 3, 4, 4), (2, 11), (2, 3, 8), (4, 4, 4, 4), (4, 4, 4, 4, 3)}
"""Lengths of groups that speak for one number even where a list's marks stand between them."""

CALLED_ORDER = re.compile(
    r"(?:(?:订|定|运|货|快递|物流|包裹|退货|工|流水|交易|发票|序列)单?编?号码?|订单|运单|货号|款号|编码|编号|单号|"
    r"条码|条形码|型号|商品id|sku|imei|sn|order ?(?:id|no)?)"
    r"[.#]?(?:[是为:：#\s(\[【“\"]|尾号){0,4}$"
)
_CALLED_CARD = re.compile(r"(?:银行|储蓄|信用|借记)卡|(?:卡|账|帐)[号户]|card")
_CALLED_ID = re.compile(r"身份证|证件号|身份号")

_MOBILE = re.compile(r"(?:0086|86)?1[3-9][0-9]{9}")
_CARDS = re.compile(
    r"62[0-9]{14,17}|(?:4[0-9]|5[1-5]|2[3-6]|22[3-9]|27[01])[0-9]*|(?:35[2-8]|60[1-9]|65[0-9])[0-9]{13}|"
    r"(?:95588|95599|436742|456351|601382|622)[0-9]{10,14}"
)
"""How cards begin: UnionPay, Visa, Mastercard, JCB, Discover, and the banks' own from before UnionPay."""
_NOT_62 = 16
_OWN = re.compile(r"(?:9558|436742|456351|601382|9559)")
_REGIONS = frozenset(
    [*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83]
)
_ID, _OLD_ID = 18, 15
_FIRST_YEAR, _LAST_YEAR = 1900, 2099


def runs(said: str, searched: str) -> Iterator[Personal]:
    """Mobile, resident and card numbers in a searched text; ``said`` is the same before Chinese digits became digits.

    A number begins and ends with a group of digits, never inside one.
    """
    for run in _RUN.finditer(searched):
        if run.end() - run.start() >= _ENOUGH:
            yield from _within(said, searched, run.start(), run.end())


def _within(said: str, searched: str, start: int, end: int) -> Iterator[Personal]:
    at = [i for i in range(start, end) if searched[i].isascii() and (searched[i].isdigit() or searched[i] == "x")]
    whole = "".join(searched[i] for i in at)
    edges = [i for i, p in enumerate(at) if i == 0 or at[i - 1] + 1 != p or _chinese(said[p]) != _chinese(said[p - 1])]
    stops = {*edges[1:], len(at)}
    if whole[-1] == "x":
        stops.add(len(at) - 1)
        if end < len(said) and said[end].isascii() and said[end].isalnum():
            stops.discard(len(at))  # the x begins a word
    reached = 0
    for first in edges:
        if first < reached:
            continue
        for last in range(min(first + _LONGEST, len(at)), first + 10, -1):
            if last not in stops:
                continue
            low, high = at[first], at[last - 1] + 1
            marks = [*edges[bisect_left(edges, first) : bisect_left(edges, last)], last]
            groups = tuple(b - a for a, b in pairwise(marks))
            kind = _kind(whole[first:last], groups, searched[low:high], said[max(0, low - _REACH) : low])
            if kind is not None:
                yield Personal(kind, _opened(said, low, high), high)
                reached = last
                break


def _opened(said: str, low: int, high: int) -> int:
    """Where a number begins with the + or the bracket before it."""
    opens = said[max(0, low - 1) : low]
    return low - 1 if opens == "+" or (opens == "(" and ")" in said[low:high]) else low


def _chinese(char: str) -> bool:
    return not char.isascii()


def _kind(number: str, groups: tuple[int, ...], written: str, before: str) -> Kind | None:
    """What a number is, given the lengths of its groups, how it was written and what stands before."""
    if "x" in number[:-1]:
        return None
    if resident_id(number) or (_CALLED_ID.search(before) and len(number) in (_OLD_ID, _ID)):
        return Kind.RESIDENT_ID
    if number[-1] == "x" or (_LIST.search(written) and groups not in _TELLING and max(groups) > 1):
        return None
    ordered = CALLED_ORDER.search(before) is not None
    if _MOBILE.fullmatch(number):
        return None if ordered else Kind.PHONE
    if ordered or len(groups) > _ENOUGH:
        return None
    called = _CALLED_CARD.search(before) is not None
    return Kind.BANK_CARD if bank_card(number) or (called and len(number) > len("12345678901")) else None


def resident_id(number: str) -> bool:
    """Whether 18 or 15 characters are a resident number: region, a day that exists, check character (GB 11643).

    The old numbers of 15 digits have no check digit; their region must be one of the counties that were.

    >>> resident_id("11010519491231002x"), resident_id("110105194912310021"), resident_id("110105491231002")
    (True, False, True)
    """
    if len(number) == _OLD_ID and number.isdigit():
        longer = f"{number[:6]}19{number[6:]}0"
        try:
            return ric.is_valid(longer[:-1] + ric.calc_check_digit(longer))
        except KeyError:  # stdnum 2.2 knows the prefecture and not the county
            return False
    if len(number) != _ID or not number[:-1].isdigit() or int(number[:2]) not in _REGIONS:
        return False
    if number[-1].upper() != ric.calc_check_digit(number):
        return False
    try:
        day = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return _FIRST_YEAR <= day.year <= _LAST_YEAR


def bank_card(digits: str) -> bool:
    """Whether a number begins as cards do, has a length of theirs and the check digit of Luhn (ISO/IEC 7812-1).

    >>> bank_card("6222021234567890128"), bank_card("6222021234567890123"), bank_card("4111111111111111")
    (True, False, True)
    """
    if not 16 <= len(digits) <= _LONGEST or _CARDS.fullmatch(digits) is None:  # noqa: PLR2004 - the shortest card
        return False
    if len(digits) != _NOT_62 and not digits.startswith("62") and not _OWN.match(digits):
        return False
    return luhn.is_valid(digits)


_AREA = re.compile(
    r"(?<![0-9a-z.+-])\(?0[1-9][0-9]{1,2}\)?[-–—\s\0]{0,2}[1-9][0-9]{2,3}[-\s]?[0-9]{4}(?![0-9]|[.][0-9])"
)
_EXTENSION = re.compile(r"\s?(?:转|分机|ext\.?|#|-)\s?[0-9]{1,6}(?![0-9])")
_ABROAD = re.compile(
    r"(?<![0-9a-z])(?:\+|00)\s?[1-9](?:[\s()-]{0,2}[0-9]){6,13}(?![0-9])|"
    r"(?<![0-9])(?:852|853|886)[- ][0-9]{8,9}(?![0-9])"
)
_CALLED_PHONE = re.compile(
    r"(?:电话|手机号码?|座机|固话|联系方式|联系号码|传真|tel|phone|mobile)"
    r"[号是为:：\s]{0,4}([0-9][0-9 -]{5,13}[0-9])(?![0-9])"
)
_SERVICE = re.compile(r"400|800|9[56][0-9]|1[0-2][0-9]")
_LOCAL = range(7, 13)


def telephones(searched: str) -> Iterator[Personal]:
    """Numbers with an area or country code, and whatever is called a telephone number."""
    for match in _AREA.finditer(searched):
        if _valid(re.sub(r"[^0-9]", "", match[0])):
            longer = _EXTENSION.match(searched, match.end())
            yield Personal(Kind.LANDLINE, match.start(), longer.end() if longer else match.end())
    for match in _ABROAD.finditer(searched):
        number = re.sub(r"[^0-9]", "", match[0])
        if _valid("+" + number.removeprefix("00")):
            yield Personal(Kind.PHONE, *match.span())
    for match in _CALLED_PHONE.finditer(searched):
        number = re.sub(r"[^0-9]", "", match[1])
        if len(number) in _LOCAL and not _SERVICE.match(number):
            yield Personal(Kind.LANDLINE, *match.span(1))


def _valid(number: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, "CN"))
    except phonenumbers.NumberParseException:
        return False


def with_digits(said: str) -> str:
    """A searched text with Chinese digits as digits.

    >>> with_digits("一三八幺")
    '1381'
    """
    return said.translate(DIGITS)


_TRACKED = re.compile(
    r"(?<![0-9a-z])(?:(?:sf|yt|jd[a-z]{0,3}|zto|sto|yd|jt|jtsd|db|dpk|ems|lp|yto|best)[0-9]{10,18}|e[a-z][0-9]{9}cn)(?![0-9a-z])|"
    r"(?:运单|快递单|物流单|包裹|快递|物流|追踪|中通|圆通|韵达|申通|顺丰|极兔|百世|德邦|邮政|ems)单?(?:编?号码?)?[是为:：#\s]{0,4}([a-z]{0,4}[0-9]{8,20})(?![0-9a-z])"
)
_ORDERED = re.compile(
    r"(?:订单|单号|订货|交易|流水|退款编?号|售后单|工单|order ?(?:id|no)?)(?:编?号码?)?"
    r"[.#]?[是为:：#\s]{0,4}([0-9a-z][0-9a-z-]{7,31})(?![0-9a-z])"
)
_BARE = re.compile(r"(?<![0-9a-z._/+-])[0-9]{12,24}(?![0-9a-z]|[._/-][0-9a-z])")
_NO_ORDER = re.compile(
    r"(?:商品|产品|货品|店铺|店)?(?:编[号码]|货号|款号|型号|条形?码|批[号次]|sku|id|imei|sn|序列号|税号|代码)[是为:：#\s]{0,4}$"
)
_DIGITS_OF_ORDER = 6
_DIFFERENT = 3
"""Different digits from which a number is more than somebody hitting one key (2333333333333)."""


def orders(searched: str) -> Iterator[Personal]:
    """Numbers of parcels and orders: by their letters, by what they are called, or by their length."""
    for match in _TRACKED.finditer(searched):
        yield Personal(Kind.TRACKING, *match.span(1 if match[1] else 0))
    for match in _ORDERED.finditer(searched):
        if sum(c.isdigit() for c in match[1]) >= _DIGITS_OF_ORDER:
            yield Personal(Kind.ORDER, *match.span(1))
    for match in _BARE.finditer(searched):
        before = searched[max(0, match.start() - _REACH) : match.start()]
        if len(set(match[0])) >= _DIFFERENT and not _NO_ORDER.search(before):
            yield Personal(Kind.ORDER, *match.span())
