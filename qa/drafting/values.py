"""Cells as people type them: numbers, durations, shares, choices. A ``ValueError`` says what is wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TypeVar

K = TypeVar("K")

_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_CHINESE = re.compile(r"([一二两三四五六七八九])?十([一二三四五六七八九])?|[零〇一二两三四五六七八九]")
_MOST = re.compile(r"^(?:<=|[≤<]|不超过|不大于|不多于|小于|少于|within)\s*|\s*(?:以内|之内|以下|内)$")
_LEAST = re.compile(r"^(?:>=|[≥>]|不低于|不小于|不少于|至少|大于)\s*|\s*(?:以上|及以上)$")
_UNITS = {
    1.0: ("秒钟", "秒", "seconds", "second", "secs", "sec", "s"),
    60.0: ("分钟", "分", "minutes", "minute", "mins", "min", "m"),
    3600.0: ("小时", "时", "hours", "hour", "hrs", "h"),
    86400.0: ("天", "days", "day", "d"),
}
_SECONDS = {word: seconds for seconds, words in _UNITS.items() for word in words}
_WORDS = "|".join(sorted(_SECONDS, key=len, reverse=True))
_PART = re.compile(rf"\s*(\d+(?:\.\d+)?)\s*({_WORDS})")
_POINTS = re.compile(r"(?:扣|减)?\s*[-−]?\s*(\d+(?:\.\d+)?)\s*(?:分|points?)?")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)")
_RATE = re.compile(rf"(\d+(?:\.\d+)?)\s*({_WORDS})(?:内)?(?:人工)?(?:回复|响应)率")
_FORBIDDEN = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_SLASH = "(?<=[\u4e00-\u9fff])\\s*[/／]\\s*(?=[\u4e00-\u9fff])"
_APART = re.compile(f"[|｜;；\\n]|{_SLASH}")
_APART_WORDS = re.compile(f"[|｜;；、\\n]|{_SLASH}")
_FULL_POINTS = 100
_LONGEST = 10_000_000.0
"""Seconds of the longest limit, some four months: what is longer is a slip."""


def clean(text: str) -> str:
    r"""Return a cell's text, every run of blanks and line breaks as one space; ValueError for what is no character.

    >>> clean("  您好，\n很高兴　为您服务 ")
    '您好， 很高兴 为您服务'
    """
    tidy = " ".join(text.split())
    if wrong := _FORBIDDEN.search(tidy):
        raise ValueError(f"holds {wrong[0]!r}, which is no character of a text")
    return tidy


def plain(text: str) -> str:
    """Return a text half-width, in small letters, Chinese numbers up to 99 as digits.

    >>> plain("３分钟"), plain("三十秒"), plain("十五 S")
    ('3分钟', '30秒', '15 s')
    """
    return _CHINESE.sub(_number, unicodedata.normalize("NFKC", text).strip().lower())


def _number(found: re.Match[str]) -> str:
    if "十" not in found[0]:
        return str(_DIGITS[found[0]])
    return str(_DIGITS.get(found[1], 1) * 10 + _DIGITS.get(found[2], 0))


def item_number(text: str) -> int:
    """Return an item's number.

    >>> item_number("３"), item_number("03")
    (3, 3)
    """
    found = re.fullmatch(r"\d{1,4}", plain(text), re.ASCII)
    if found is None or not int(found[0]):
        raise ValueError(f"{text!r} is no item number from 1 to 9999")
    return int(found[0])


def points(text: str) -> float:
    """Return points taken, from 0 to 100; the minus that many write before them is understood.

    >>> points("6"), points("扣２分"), points("-1.5")
    (6.0, 2.0, 1.5)
    """
    said = plain(text)
    if said.endswith("%"):
        raise ValueError(f"{text!r} is a share: points are taken of 100, so write a number such as 5")
    found = _POINTS.fullmatch(said)
    if found is None or float(found[1]) > _FULL_POINTS:
        raise ValueError(f"{text!r} is no number of points from 0 to 100")
    return float(found[1])


def seconds(text: str) -> float:
    """Return a duration in seconds; a bare number is seconds.

    >>> seconds("30"), seconds("≤３０秒"), seconds("3分钟内"), seconds("1分30秒"), seconds("24h"), seconds("半小时")
    (30.0, 30.0, 180.0, 90.0, 86400.0, 1800.0)
    """
    rest = _MOST.sub("", plain(text)).replace("半小时", "30分钟").replace("半分钟", "30秒")
    if re.fullmatch(r"\d+(?:\.\d+)?", rest, re.ASCII):
        total = float(rest)
    else:
        parts = _PART.findall(rest)
        if not parts or _PART.sub("", rest).strip():
            raise ValueError(f"{text!r} is no duration such as 30秒, 3分钟, 1分30秒 or a number of seconds")
        total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if total > _LONGEST:
        raise ValueError(f"{text!r} is longer than {_LONGEST:.0f} seconds")
    return total


def share(text: str) -> float:
    """Return a share from more than 0 to 1; above 1 it is read as per cent.

    >>> share("90%"), share("0.9"), share("不低于 85")
    (0.9, 0.9, 0.85)
    """
    found = _SHARE.fullmatch(_LEAST.sub("", plain(text)))
    if found is not None:
        value = float(found[1])
        value = round(value / 100, 9) if found[2] or value > 1 else value
        if 0 < value <= 1:
            return value
    raise ValueError(f"{text!r} is no share such as 90% or 0.9")


def number(text: str) -> float:
    """Return a plain number, a bound's sign or 分 or 次 left aside.

    >>> number("≥3分"), number("０")
    (3.0, 0.0)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*[分星次个条]?", _MOST.sub("", _LEAST.sub("", plain(text))), re.ASCII)
    if found is None:
        raise ValueError(f"{text!r} is no number")
    return float(found[1])


def rate_seconds(text: str) -> float | None:
    """Return the seconds of a share of replies within a time, None for any other figure.

    >>> rate_seconds("三分钟回复率"), rate_seconds("30秒内响应率"), rate_seconds("首次响应")
    (180.0, 30.0, None)
    """
    found = _RATE.fullmatch(plain(text))
    return float(found[1]) * _SECONDS[found[2]] if found else None


def choice(text: str, known: Mapping[K, Sequence[str]]) -> K | None:
    """Return which of the known things a word names, or None.

    >>> choice("ＹＥＳ", {True: ("是", "yes"), False: ("否", "no")})
    True
    """
    word = unicodedata.normalize("NFKC", text).strip().lower()
    return next((key for key, words in known.items() if word in words), None)


def unknown(text: str, known: Mapping[K, Sequence[str]]) -> str:
    """Say that a word is none of the known ones, and which is nearest.

    >>> unknown("禁用語", {1: ("禁用词", "forbidden"), 2: ("时效",)})
    "'禁用語' is none of 禁用词, 时效; did you mean '禁用词'?"
    """
    names = {word: words[0] for words in known.values() for word in words if word}
    close = get_close_matches(text, names, n=1, cutoff=0.5)
    shown = ", ".join(dict.fromkeys(names.values()))
    return f"{text!r} is none of {shown}" + (f"; did you mean {names[close[0]]!r}?" if close else "")


def alternatives(text: str, *, words: bool = False) -> tuple[str, ...]:
    r"""Return the wordings of a cell, each once: a line or ``|`` or ``；`` apart, or ``/`` between Chinese characters.

    Single ``words`` may be ``、`` apart as well.

    >>> alternatives("您好 | 你好｜您好|"), alternatives("您好，请问/请讲；\n24/7")
    (('您好', '你好'), ('您好，请问', '请讲', '24/7'))
    >>> alternatives("老铁、哥们", words=True)
    ('老铁', '哥们')
    """
    parts = (_APART_WORDS if words else _APART).split(text)
    return tuple(dict.fromkeys(part for one in parts if (part := one.strip())))
