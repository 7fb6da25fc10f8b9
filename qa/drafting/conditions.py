"""An item as a condition, a message, and chats that should and should not fire; whether they do, the engine says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from qa.drafting import layout as at
from qa.drafting.standard import Item, Limit, Script
from qa.drafting.values import unknown

_NEW_YEAR = datetime(2026, 1, 1)  # noqa: DTZ001 - plain notation's times are local
_PEAK, _QUIET = 9 * 3600 + 1800, 14 * 3600
"""Seconds of the day at which examples begin: inside and outside the peak hours of the default policy."""
_SCOPES = {at.OPENING: {"first": 2}, at.CLOSING: {"last": 2}, at.ANYWHERE: {}}
_PLACES = {at.OPENING: ("开头", "at the start"), at.CLOSING: ("结尾", "at the end"), at.ANYWHERE: ("会话中", "")}
_HARMLESS = ("您好，请稍等", "在的亲", "有货的", "这边查到了", "收到", "OK")
_DURATIONS = {
    "first_response": ("首次响应", "First response"),
    "first_substantive": ("首次实质回复", "First substantive response"),
    "average_response": ("平均响应", "Average response"),
    "longest_wait": ("最长等待", "Longest wait"),
    "complete_answer": ("完整解答", "Complete answer"),
}


@dataclass(frozen=True, slots=True)
class Idea:
    """What an item could become. ``bad`` and ``good`` are candidates, the most telling first."""

    when: dict[str, Any]
    message: tuple[str, str]
    bad: tuple[str, ...]
    good: tuple[str, ...]
    suggestion: tuple[str, str] | None = field(default=None)


def idea_of(item: Item) -> Idea | str:
    """Return what an item becomes, or why it cannot be said as a rule."""
    if item.kind == at.FORBIDDEN:
        return _forbidden(item) if item.words else f"no word on sheet {at.WORDS.title} is about it"
    if item.kind == at.SCRIPT:
        return _script(item.script) if item.script else f"no script on sheet {at.SCRIPTS.title} is about it"
    if item.kind in (at.TIMING, at.RATING):
        return _measured(item.limit) if item.limit else f"no limit on sheet {at.LIMITS.title} is about it"
    return "a free description: a person must judge it" if item.kind else f"kind {unknown(item.said, at.KINDS)}"


def _measured(limit: Limit) -> Idea | str:
    return limit.reason if limit.figure is None else _FIGURES.get(limit.figure, _duration)(limit)


def _forbidden(item: Item) -> Idea:
    words: dict[str, Any] = {"any": list(item.words)}
    if item.exceptions:
        words["except"] = list(item.exceptions)
    if item.red_line:
        words["match"] = "squash"
    return Idea(
        when={"keywords": words},
        message=("使用了禁用词“{quote}”。", "Forbidden words: “{quote}”."),
        bad=tuple(map(_reply, item.words)),
        good=tuple(map(_reply, (*item.exceptions, *_HARMLESS))),
    )


def _script(script: Script) -> Idea:
    said = [words[0] for words in script.points]
    zh, en = _PLACES[script.where]
    points = {"points": [list(words) for words in script.points], **_SCOPES[script.where]}
    return Idea(
        when={"not": {"points": points}},
        message=(f"{zh}没有说全规定话术的要点。", f"The required script was not said in full{en and ' ' + en}."),
        bad=(*(_reply("。".join(said[:n])) for n in range(len(said) - 1, 0, -1)), *map(_reply, _HARMLESS)),
        good=(_reply("。".join(said)), _reply(*said)),
        suggestion=(f"{script.name}：{'；'.join(said)}", f"{script.name}: {'; '.join(said)}"),
    )


def _duration(limit: Limit) -> Idea:
    figure = limit.figure or ""
    zh, en = _DURATIONS[figure]
    chat = _answered(limit, figure)
    return Idea(
        when={"figure": {"figure": figure, "over": limit.value, **_hours(limit)}},
        message=(
            f"{zh} {{value}} 秒，要求 {limit.value:g} 秒内。",
            f"{en} took {{value}} s; {limit.value:g} s allowed.",
        ),
        bad=(chat(limit.value + 1),),
        good=(chat(limit.value), chat(limit.value / 2)),
    )


def _answered(limit: Limit, figure: str) -> Callable[[float], str]:
    """Return what writes a chat whose figure is so many seconds."""
    start = _start(limit)

    def chat(seconds: float) -> str:
        held = [(1.0, "客服", "请稍等")] if figure == "first_substantive" and seconds > 1 else []
        thanks = [(seconds + 10, "客户", "好的谢谢")] if figure == "complete_answer" else []
        answer = (seconds, "客服", "您的包裹今天到达")
        return _written(start, [(0.0, "客户", "我的订单到哪了"), *held, answer, *thanks])

    return chat


def _within_rate(limit: Limit) -> Idea:
    chat = _answered(limit, at.WITHIN_RATE)
    share = {"figure": at.WITHIN_RATE, "under": limit.value, "seconds": limit.window_s, **_hours(limit)}
    return Idea(
        when={"figure": share},
        message=(
            f"{limit.window_s:g} 秒内回复率低于 {limit.value:.4g}：{{value}}。",
            f"Share of replies within {limit.window_s:g} s below {limit.value:.4g}: {{value}}.",
        ),
        bad=(chat(limit.window_s + 1),),
        good=(chat(limit.window_s), chat(limit.window_s / 2)),
    )


def _unanswered(limit: Limit) -> Idea:
    start, most = _start(limit), int(limit.value)
    asked = [(0.0, "客户", "有货吗"), (10.0, "客服", "有的"), (20.0, "客户", "什么颜色")]
    return Idea(
        when={"unanswered": {"at_least": most + 1, **_hours(limit)}},
        message=("有 {value} 个问题没有回复：“{quote}”", "{value} question(s) left unanswered: “{quote}”"),
        bad=(_written(start, asked),),
        good=(_written(start, [*asked, (30.0, "客服", "黑色和白色")]),),
    )


def _followup(limit: Limit) -> Idea:
    hours = limit.value / 3600

    def chat(followup: str) -> str:
        return f"# f-1 followup={followup}\n2026-01-02 14:00:00 客户: 谢谢\n14:00:10 客服: 不客气"

    return Idea(
        when={"not": {"followup": {"within_hours": hours}}},
        message=(f"结束后 {hours:g} 小时内没有回访。", f"No follow-up within {hours:g} hours of the end."),
        bad=(chat("none"),),
        good=(chat("2026-01-02T14:00:10+08:00/survey"), chat("2026-01-02T14:01:00+08:00/survey")),
    )


def _csat(limit: Limit) -> Idea:
    def chat(score: float) -> str:
        return f"# r-1 csat={score:g}\n客户: 谢谢\n客服: 不客气"

    return Idea(
        when={"not": {"field": {"field": "csat", "at_least": limit.value}}},
        message=(
            f"客户评分 {{value}}，要求不低于 {limit.value:g}。",
            f"CSAT {{value}}; {limit.value:g} or more wanted.",
        ),
        bad=tuple(chat(score) for score in (limit.value - 1, limit.value / 2) if score > 0),
        good=(chat(limit.value),),
    )


_FIGURES: dict[str, Callable[[Limit], Idea]] = {
    at.WITHIN_RATE: _within_rate,
    "unanswered": _unanswered,
    "followup": _followup,
    "csat": _csat,
}


def _reply(*texts: str) -> str:
    """Return a chat in which the agent says these texts, one a turn; their backslashes are none of the notation's."""
    return "\n".join(["客户: 在吗", *("客服: " + text.replace("\\", "\\\\") for text in texts)])


def _hours(limit: Limit) -> dict[str, str]:
    return {} if limit.hours == "all" else {"hours": limit.hours}


def _start(limit: Limit) -> int:
    return _PEAK if limit.hours == "peak" else _QUIET


def _written(start: int, turns: list[tuple[float, str, str]]) -> str:
    return "\n".join(f"{_stamp(start + seconds)} {role}: {text}" for seconds, role, text in turns)


def _stamp(seconds: float) -> str:
    """Return the moment so many seconds into 2026 as plain notation writes it.

    >>> _stamp(50400), _stamp(86400.5)
    ('2026-01-01 14:00:00', '2026-01-02 00:00:00.500000')
    """
    return (_NEW_YEAR + timedelta(seconds=seconds)).isoformat(sep=" ")
