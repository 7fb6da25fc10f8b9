"""Saying a word is not doing the thing: negated and quoted mentions are told apart from real ones."""

from __future__ import annotations

import re

_CLAUSE_END = re.compile(r"[，。！？；：,!?;:\n~～]|\s{2,}")
_REACH_BEFORE = 10
_REACH_AFTER = 10
_REACH_OF_QUOTES = 100
_TURN_OF_CLAUSE = re.compile(r"的话|的話|(?<![不未])(?:可以|就|直接|麻烦|麻煩)|而是|不过|不過|但|请(?!勿)|請(?!勿)")
"""What follows these is no longer denied: 不方便的话加我微信, 不行就加我微信."""
_NOT_NEGATIONS = re.compile(
    r"不好意思|对不起|不错|不但|不仅|不如|不妨|不管|不论|不然|不过|不少|不同|不止|不断|差不多|来不及|要不|"
    r"(.)不\1|没问题|没关系|没事|有没有|未来|特别|别的|分别|区别|个别|别人|级别|类别|性别|无论|非常|莫名|"
    r"不满意|不清楚|不明白|不知道|说不清|看不到|看不懂|不放心|不担心|不急|不够|"
    r"沒問題|沒關係|沒事|有沒有|不滿意|不過|不論|別的|分別|特別|別人"
)
_NEGATION_BEFORE = re.compile(
    r"不|别|勿|莫|没|未|无需|无须|无法|无权|禁止|严禁|拒绝|谢绝|避免|防止|谨防|警惕|杜绝|小心|当心|并非|绝非|非本|"
    r"別|沒|無需|無須|無法|無權|嚴禁|拒絕|謝絕|謹防|杜絕|並非|絕非"
)
_NEGATION_AFTER = re.compile(
    r"^.{0,4}?(不允许|不允許|不可以|不行|不支持|不提供|不安全|不合规|不合規|违规|違規|违反|違反|禁止|有风险|有風險|是骗|是騙|"
    r"属于诈骗|屬於詐騙|都是假|(不能|不需要|不用|不会|不會)的?[哦呢了的亲啊呀哈]*$)"
)
_QUOTES = (("“", "”"), ("「", "」"), ("『", "』"), ("《", "》"), ("‘", "’"), ('"', '"'))


def negated(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` is denied, forbidden or warned of within its own clause.

    >>> negated("亲，不能加微信哦", 4, 7), negated("不好意思，加微信说", 5, 8), negated("加微信是违规的", 0, 3)
    (True, False, True)
    """
    before = _CLAUSE_END.split(text[max(0, start - _REACH_BEFORE) : start])[-1]
    before = "" if _TURN_OF_CLAUSE.match(text, start) else _NOT_NEGATIONS.sub("", _TURN_OF_CLAUSE.split(before)[-1])
    after = _CLAUSE_END.split(text[end : end + _REACH_AFTER], maxsplit=1)[0]
    return bool(_NEGATION_BEFORE.search(before) or _NEGATION_AFTER.search(after))


def quoted(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` stands between quotation marks, at most 100 characters away: somebody else's words.

    >>> quoted("您说的“最好”是指哪款", 4, 6), quoted("这款最好", 2, 4)
    (True, False)
    """
    low, high = max(0, start - _REACH_OF_QUOTES), end + _REACH_OF_QUOTES
    for left, right in _QUOTES:
        opened = text.rfind(left, low, start)
        if opened < 0 or (left != right and text.find(right, opened + 1, start) >= 0):
            continue
        if left == right and text.count(left, 0, start) % 2 == 0:
            continue
        if text.find(right, end, high) >= 0:
            return True
    return False
