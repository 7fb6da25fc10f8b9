"""How alike two cases are, and by which words: so that a reader can see why one stands beside the other. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rapidfuzz.fuzz import ratio

MOST_WORDS = 40
"""Telling words of a case."""
ASKED = 14
"""Of these, the rarest ones, by which others are looked for."""
LEAST = 0.08
"""Of the weight of a case's words: less in common is chance."""
NEARLY = 0.85
"""From this share of equal characters two cases say nearly the same."""
EXPLAINING = 6
"""Words by which likeness is explained."""

_LONGEST = 4_000
_COMMON = frozenset(
    """
    您好 你好 亲亲 请问 可以 什么 怎么 这个 那个 我们 你们 他们 已经 还是 就是 不是 没有 一下 一个 谢谢 感谢 客气 好的
    是的 在的 稍等 现在 帮您 为您 给您 如果 因为 所以 但是 然后 需要 知道 问题 时候 这边 那边 这样 再见 祝您 愉快
    生活 咨询 服务 客服 欢迎 光临 随时 联系 帮助 还有 其他
    信任 心情 每天 开心 天天开心 评价 打扰 满意 打分 感谢您 谢谢您 为您服务 顺利 一切顺利 支持 本次 麻烦
    the and you for with that this
    """.split()  # noqa: SIM905 - a list of so many quotes is not read by anybody
)
"""Words of courtesy and grammar."""


class Like(NamedTuple):
    """A case that resembles another: how much of the other's telling words it has, by weight, and which ones."""

    case_id: int
    share: float
    words: tuple[str, ...]


def telling(terms: Iterable[str]) -> tuple[str, ...]:
    """Return the words that tell one case from others, from its words as ``qa.store.words.terms`` cuts them.

    The most frequent first, longer ones before shorter; single characters, numbers and courtesies tell nothing.

    >>> telling(["退款", "您好", "多久", "退款", "到", "123"])
    ('退款', '多久')
    """
    counted = Counter(one for one in terms if len(one) > 1 and not one.isdecimal() and one not in _COMMON)
    return tuple(sorted(counted, key=lambda one: (-counted[one], -len(one), one)))[:MOST_WORDS]


def rarest(words: Iterable[str], frequencies: Mapping[str, int]) -> list[str]:
    """Return the words to look for others by; a word that no other case has finds none.

    >>> rarest(["a", "b", "c"], {"a": 9, "b": 2, "c": 0})
    ['b', 'a']
    """
    known = [one for one in words if frequencies.get(one, 0)]
    return sorted(known, key=lambda one: (frequencies[one], one))[:ASKED]


def weight(frequency: int) -> float:
    """Return how much a word tells that so many cases have: 1 for a word of one case, and ever less.

    >>> weight(1), round(weight(400), 2)
    (1.0, 0.12)
    """
    return 1.0 / math.log2(1 + max(1, frequency))


def liken(words: Sequence[str], others: Mapping[int, Iterable[str]], frequencies: Mapping[str, int]) -> list[Like]:
    """Return the cases that resemble one with these words, the most alike first.

    >>> liken(["退款", "运费"], {7: ["退款", "发票"], 8: ["发票"]}, {"退款": 1, "运费": 1})
    [Like(case_id=7, share=0.5, words=('退款',))]
    """
    weights = {one: weight(frequencies.get(one, 0)) for one in words}
    whole = sum(weights.values())
    found = []
    for case_id, theirs in others.items():
        shared = sorted(weights.keys() & set(theirs), key=lambda one: (-weights[one], one))
        share = sum(weights[one] for one in shared) / whole if whole else 0.0
        if share >= LEAST:
            found.append(Like(case_id, round(share, 3), tuple(shared[:EXPLAINING])))
    return sorted(found, key=lambda one: (-one.share, one.case_id))


def sameness(one: str, other: str) -> float:
    """Return the share of equal characters of two texts, 0 to 1 (normalised indel similarity).

    >>> sameness("什么时候发货", "什么时候发货呀")  # 12 of 13 characters
    0.923
    """
    return round(ratio(one[:_LONGEST], other[:_LONGEST]) / 100, 3)
