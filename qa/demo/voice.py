"""How customers really type: without punctuation, in pieces, with particles and slips of the input method."""

from __future__ import annotations

import random

from qa.demo.grammar import chance, pick

STYLES = ("plain", "plain", "bare", "spaced", "chatty", "sloppy", "polite")

_SLIPS = (
    ("怎么", "咋"),
    ("什么时候", "啥时候"),
    ("什么", "啥"),
    ("吗", "嘛"),
    ("的", "滴"),
    ("已经", "己经"),
    ("是不是", "是不"),
    ("知道", "造"),
    ("还没", "还木有"),
    ("这样", "酱"),
    ("可以", "可已"),
    ("应该", "因该"),
    ("订单", "定单"),
    ("收到", "收道"),
    ("一下", "下"),
    ("现在", "现再"),
    ("你们", "你门"),
    ("东西", "东东"),
)
_STARTS = ("那个", "就是", "问一下", "对了", "emmm ", "然后", "另外")
_ENDS = ("啊", "呀", "呢", "哦", "哈", "…", "~", "啦")
_CHATTY_START = 0.25
_BURST_LENGTH = 11
_PIECE_LENGTH = 4
"""Shorter pieces (你好, 行吧) might be read as mere courtesy."""


def roughen(text: str, style: str, rng: random.Random) -> str:
    """Return ``text`` as a customer of ``style`` would type it."""
    match style:
        case "bare":
            rough = text.rstrip("。？！").replace("，", "", 1)
        case "spaced":
            rough = text.rstrip("。").replace("，", " ")
        case "chatty":
            rough = _chat(text, rng)
        case "sloppy":
            rough = _slip(text, rng)
        case "polite" if chance(rng, 0.25):
            rough = "麻烦问下" + text
        case _:
            insists = text.endswith("？") and chance(rng, 0.15)
            rough = text + pick(rng, ("？", "？？")) if insists else text
    return rough


def _chat(text: str, rng: random.Random) -> str:
    draw = rng.random()
    if draw < _CHATTY_START:
        return pick(rng, _STARTS) + text
    if draw < 2 * _CHATTY_START and text[-1:] not in "。？！…~吗呢吧啊呀哦":
        return text + pick(rng, _ENDS)
    return text


def _slip(text: str, rng: random.Random) -> str:
    fitting = [slip for slip in _SLIPS if slip[0] in text]
    if not fitting or chance(rng, 0.3):
        return text.rstrip("。？")
    before, after = pick(rng, fitting)
    return text.replace(before, after, 1)


def burst(text: str, rng: random.Random) -> list[str]:
    """Return ``text`` as one message, or as the two that an impatient thumb sends.

    >>> burst("在吗", random.Random(1))
    ['在吗']
    """
    if len(text) < _BURST_LENGTH or "，" not in text or not chance(rng, 0.7):
        return [text]
    head, tail = text.split("，", 1)
    return [head, tail] if min(len(head), len(tail)) >= _PIECE_LENGTH else [text]
