"""Asking is not saying: whether a place of a text stands in a question."""

from __future__ import annotations

import re
from typing import Literal

Asked = Literal["count", "skip", "only"]
"""What becomes of a match in a question: it counts like any other, it is left out, or only such ones count."""

_SENTENCE_END = re.compile(r"[。！!；;\n~～]|(?:[?？]+)|\s{2,}")
_MARKS = "。！!；;~～\n "
REACH = 200
"""Code points on each side within which a sentence's limits are looked for."""
_ASKS = re.compile(
    r"[?？]\s*$|(?:吗|嗎|么|麼|(?<![的了哦喔呀哈着著过過好行会會是以上])呢|没有|沒有|"
    r"(?:可以|行|好|在|有货|有貨|是|[能会會有][^，,。]{1,6})嘛)[\s啊呀哈，,、.…亲]*$|(?P<verb>[\u4e00-\u9fff])[不没沒](?P=verb)|有[没沒]有|是否|能否|可否|"
    r"怎么|怎麼|怎样|怎樣|什么|什麼|为何|為何|为啥|多久|多少|几[天点時时号]|幾[天點時號]|哪[里裡儿个個款种種天家]|何时|何時|如何"
)
_MAY_ASK = re.compile("[?？吗嗎么麼呢嘛没沒不否怎什何啥多几幾哪]")
"""One of these is in everything that asks, so that most sentences are done with at once."""
ASKING = (
    *"?？吗嗎么麼呢嘛几幾哪", "没有", "沒有", "有没", "有沒", "是否", "能否", "可否", "怎样", "怎樣",
    "为何", "為何", "为啥", "多久", "多少", "何时", "何時", "如何", "不管", "无论", "無論",
)  # fmt: skip
"""One of these is in everything that asks, or could ask if something in it were left out; but not in 行不行."""
TWICE = "不没沒"
"""A character that stands before and behind one of these asks too."""
ENDING = "。！!；;\n~～?？"
"""No sentence runs beyond one of these."""
_ASSERTS = re.compile(
    r"没什么|沒什麼|不怎么|不怎麼|什么都|什麼都|怎么都|多少有|没多久|不多久|(?:不管|无论|無論)[^，,]{0,12}|都没有|还没有|還沒有|并没有|"
    r"什么的|(?:那|这|這)[么麼]|(?:要|多)[么麼](?!\s*$)|(?:正|还|還)?在(?:看|查|处理|处置)?呢\s*$"
)


def asking(text: str) -> bool:
    """Whether a text, one sentence or the last of several, asks something: by its mark, its particle or its words.

    >>> [asking(text) for text in ("能退款吗", "可不可以退", "多久到？", "可以退款", "没什么问题", "这么好")]
    [True, True, True, False, False, False]

    A polite ending asks nothing; what it follows tells: “运费呢” asks, “好的呢” does not.

    >>> [asking(text) for text in ("运费呢", "有货嘛", "好的呢", "已经发货了呢", "可以呢", "您是要哪款的呢")]
    [True, True, False, False, False, True]
    """
    return _MAY_ASK.search(text) is not None and _ASKS.search(_ASSERTS.sub("", text)) is not None


def asked(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` stands in a sentence that asks.

    >>> asked("能退款吗？可以退款。", 1, 3), asked("能退款吗？可以退款。", 7, 9)
    (True, False)
    """
    low, high = max(0, start - REACH), min(len(text), end + REACH)
    for found in _SENTENCE_END.finditer(text, low, start):
        low = found.end()
    stop = _SENTENCE_END.search(text, end, high)
    return asking(text[low : stop.end() if stop else high].rstrip(_MARKS))


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, marks included; blank ones are left out.

    >>> sentences("您好！要哪款？ 好的")
    ['您好！', '要哪款？', '好的']
    """
    starts = [0, *(found.end() for found in _SENTENCE_END.finditer(text))]
    parts = (text[start:end].strip() for start, end in zip(starts, [*starts[1:], len(text)], strict=True))
    return [part for part in parts if part]


def asks(text: str) -> bool:
    """Whether one of the sentences asks.

    >>> asks("能退款吗？急。"), asks("急。")
    (True, False)
    """
    return _MAY_ASK.search(text) is not None and any(map(_asking, sentences(text)))


def ends_asking(text: str) -> bool:
    """Whether the last sentence asks.

    >>> ends_asking("您好。要哪款呢～"), ends_asking("要哪款？都有货。")
    (True, False)
    """
    return _MAY_ASK.search(text) is not None and _asking(next(reversed(sentences(text)), ""))


def _asking(sentence: str) -> bool:
    return asking(sentence.rstrip(_MARKS))


def meant(which: Asked, text: str, start: int, end: int) -> bool:
    """Whether a match counts, given what becomes of those in a question.

    >>> meant("skip", "能退款吗", 1, 3), meant("only", "能退款吗", 1, 3), meant("count", "能退款吗", 1, 3)
    (False, True, True)
    """
    return which == "count" or asked(text, start, end) == (which == "only")
