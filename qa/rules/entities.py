"""Numbers and addresses that name somebody or something: found by shape, kept by their check digits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date

from qa.text import fold_character

_DIGIT_TWO = 2
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10x98765432"
_REGIONS = frozenset(
    [*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83]
)
"""First two digits of a resident number: the provinces of GB/T 2260, and 83 of the residence permits of Taiwan."""


def luhn(digits: str) -> bool:
    """Whether a number's last digit is its Luhn check digit (ISO/IEC 7812-1, annex B).

    >>> luhn("79927398713"), luhn("79927398710")
    (True, False)
    """
    total = 0
    for i, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + i % _DIGIT_TWO)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - the sum of two digits
    return total % 10 == 0


def resident_id(text: str) -> bool:
    """Whether 18 characters are a resident number: region, a day that exists, check (GB 11643, ISO 7064 MOD 11-2).

    >>> resident_id("11010519491231002x"), resident_id("110105194912310021"), resident_id("11010519490231002x")
    (True, False, False)
    """
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, text[:17], strict=True))
    return (
        int(text[:2]) in _REGIONS
        and calendar_day(int(text[6:10]), int(text[10:12]), int(text[12:14]))
        and _ID_CHECKS[total % 11] == text[17]
    )


def calendar_day(year: int, month: int, day: int) -> bool:
    """Whether the calendar has such a day.

    >>> calendar_day(2024, 2, 29), calendar_day(2026, 2, 29)
    (True, False)
    """
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def mobile(text: str) -> bool:
    """Whether a number, country code and all, is a mobile one of mainland China.

    >>> mobile("13800138000"), mobile("008613800138000"), mobile("12800138000")
    (True, True, False)
    """
    return _MOBILE.fullmatch(text) is not None


_MOBILE = re.compile(r"(?:0086|86)?1[3-9][0-9]{9}")


def bank_card(digits: str) -> bool:
    """Whether 16 to 19 digits are a card: an issuer's beginning (UnionPay, Visa, Mastercard, JCB) and the check digit.

    A resident number is none, whatever its digits.

    >>> bank_card("6222021234567890128"), bank_card("6222021234567890123"), bank_card("1111111111111117")
    (True, False, False)
    """
    if _CARD.fullmatch(digits) is None or not luhn(digits):
        return False
    return len(digits) != _ID_LENGTH or not resident_id(digits)


_CARD = re.compile(r"(?:4|5[1-5]|60|62|35|2[3-6]|22[3-9]|27[01])[0-9]+")
_ID_LENGTH = 18

NUMBERS: dict[str, tuple[range, Callable[[str], bool]]] = {
    "phone": (range(11, 16), mobile),
    "resident_id": (range(_ID_LENGTH, _ID_LENGTH + 1), resident_id),
    "bank_card": (range(16, 20), bank_card),
}
"""Kinds whose digits may be written apart: how many characters, and whether such a text is one."""

_CLOCK = re.compile(r"[:：]")
"""What stands between the numbers of a time and not between the parts of a split number."""


def split_numbers(text: str, start: int, end: int, kind: str) -> Iterator[tuple[int, int, str]]:
    """Numbers of a kind in ``text[start:end]``, whose digits may be written apart: start, end and folded characters.

    A number begins and ends with a group of digits, never inside one; what was found is not part of the next one.

    >>> list(split_numbers("打 1 3 8-0013 8000 吧", 2, 17, "phone"))
    [(2, 17, '13800138000')]
    """
    lengths, check = NUMBERS[kind]
    chars = [(at, c) for at in range(start, end) for c in fold_character(text[at]) if c in _ID_DIGITS]
    edges = [i for i, (at, _) in enumerate(chars) if i == 0 or chars[i - 1][0] + 1 != at]
    stops = {*edges[1:], len(chars)}
    if chars and chars[-1][1] == "x":
        stops.add(len(chars) - 1)
        if end < len(text) and text[end].isascii() and text[end].isalnum():
            stops.discard(len(chars))  # the x begins a word
    whole = "".join(c for _, c in chars)
    reached = 0
    for first in edges:
        if first < reached:
            continue
        for last in (first + n for n in reversed(lengths)):
            if last not in stops:
                continue
            said = whole[first:last]
            low, high = chars[first][0], chars[last - 1][0] + 1
            plain = "x" not in said[:-1] and (kind == "resident_id" or said[-1] != "x")
            if plain and check(said) and not _CLOCK.search(text, low, high):
                yield low, high, said
                reached = last
                break


_ID_DIGITS = frozenset("0123456789x")


def real_day(text: str) -> bool:
    """Whether a date as it was found is one of the calendar; without a year, of a leap year.

    >>> real_day("2026-02-29"), real_day("2月29日"), real_day("13月1号"), real_day("2026年11月20日")
    (False, True, False, True)
    """
    numbers = [int(number) for number in re.findall(r"[0-9]+", text)]
    year, month, day = numbers if len(numbers) == 3 else (2024, *numbers)  # noqa: PLR2004 - year, month, day
    return calendar_day(year, month, day)
