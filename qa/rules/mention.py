"""Saying a word is not doing the thing: negated and quoted mentions are told apart from real ones."""

from __future__ import annotations

import re

_CLAUSE_END = re.compile(r"[，。！？；：,!?;:\n~～]|\s{2,}")
_REACH_BEFORE = 10
_REACH_AFTER = 10
_NOT_NEGATIONS = re.compile(
    r"不好意思|对不起|不错|不但|不仅|不如|不妨|不管|不论|不然|不过|不少|不同|不止|不断|差不多|来不及|要不|"
    r"(.)不\1|没问题|没关系|没事|有没有|未来|特别|别的|分别|区别|个别|别人|级别|类别|性别|无论|非常|莫名"
)
_NEGATION_BEFORE = re.compile(
    r"不|别|勿|莫|没|未|无需|无须|无法|无权|禁止|严禁|拒绝|谢绝|避免|防止|谨防|警惕|杜绝|小心|当心|并非|绝非|非本"
)
_NEGATION_AFTER = re.compile(
    r"^.{0,4}?(不允许|不可以|不行|不能|不支持|不提供|不安全|不合规|不需要|不用|不会|违规|违反|禁止|有风险|是骗|属于诈骗|都是假)"
)
_QUOTES = (("“", "”"), ("「", "」"), ("『", "』"), ("《", "》"), ("‘", "’"), ('"', '"'))


def negated(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` is denied, forbidden or warned of within its own clause.

    >>> negated("亲，不能加微信哦", 4, 7), negated("不好意思，加微信说", 5, 8), negated("加微信是违规的", 0, 3)
    (True, False, True)
    """
    before = text[max(0, start - _REACH_BEFORE) : start]
    for boundary in _CLAUSE_END.finditer(before):
        before = text[max(0, start - _REACH_BEFORE) : start][boundary.end() :]
    after = _CLAUSE_END.split(text[end : end + _REACH_AFTER], maxsplit=1)[0]
    before = _NOT_NEGATIONS.sub("", before)
    return bool(_NEGATION_BEFORE.search(before) or _NEGATION_AFTER.search(after))


def quoted(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` stands between quotation marks: somebody else's words.

    >>> quoted("您说的“最好”是指哪款", 4, 6), quoted("这款最好", 2, 4)
    (True, False)
    """
    for left, right in _QUOTES:
        opened = text.rfind(left, 0, start)
        if opened < 0 or (left != right and text.find(right, opened + 1, start) >= 0):
            continue
        if left == right and text.count(left, 0, start) % 2 == 0:
            continue
        if text.find(right, end) >= 0:
            return True
    return False
