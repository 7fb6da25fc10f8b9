"""Saying a word is not doing the thing: negated and quoted mentions are told apart from real ones."""

from __future__ import annotations

import re

_CLAUSE_END = re.compile(r"[，。！？；：,!?;:\n~～]|\s{2,}")
_REACH_BEFORE = 10
REACH_AFTER = 10
REACH_OF_QUOTES = 100
REACH_OF_WARNINGS = 24
REACH_OF_REPORTS = 30
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
_WARNING = re.compile(
    r"(?:请|請|千万|千萬|务必|務必|一定|绝对|絕對|都|也|是|从|從|会)(?:不要|勿|别|別|不会|不會|不得)|切勿|请勿|請勿|绝不会?|絕不會?|从不|從不|"
    r"不会(?:以|向|让|要求|主动|通过|在|用)|不會(?:以|向|讓|要求|主動|通過|在|用)|严禁|嚴禁|禁止|谨防|謹防|警惕|提防|防范|防範|不得|无权|無權|"
    r"不要(?:相信|轻信|点|向|给|把|将|随|在|跟|和|与|通过|因|听)|(?:别|別|勿)(?:轻信|相信|輕信)|拒绝|杜绝|举报|舉報|投诉那些"
)
"""Said once, these hold to the end of the clause, however long it is."""
_NEGATION_AFTER = re.compile(
    r".{0,4}?(不允许|不允許|不可以|不行|不支持|不提供|不安全|不合规|不合規|违规|違規|违反|違反|禁止|有风险|有風險|是骗|是騙|"
    r"属于诈骗|屬於詐騙|都是假|(不能|不需要|不用|不会|不會)的?[哦呢了的亲啊呀哈]*$)"
)
DENYING = (
    *"不別别勿莫没沒未", "无需", "无须", "无法", "无权", "無需", "無須", "無法", "無權", "禁止", "严禁",
    "嚴禁", "拒绝", "拒絕", "谢绝", "謝絕", "避免", "防止", "谨防", "謹防", "警惕", "杜绝", "杜絕", "小心",
    "当心", "并非", "並非", "绝非", "絕非", "非本", "违规", "違規", "违反", "違反", "有风", "有風", "是骗",
    "是騙", "诈骗", "詐騙", "是假", "提防", "防范", "防範", "举报", "舉報", "诉那",
)  # fmt: skip
"""One of these is in every denial and every warning, so that most places are done with at once."""
_MAY_DENY = re.compile(f"[{''.join(mark[0] for mark in DENYING)}]")
_QUOTES = (("“", "”"), ("「", "」"), ("『", "』"), ("《", "》"), ("‘", "’"), ('"', '"'))
QUOTING = "".join(left for left, _ in _QUOTES)
_ANY_MARK = re.compile(f"[{QUOTING}]")


def negated(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` is denied, forbidden or warned of within its own clause.

    >>> negated("亲，不能加微信哦", 4, 7), negated("不好意思，加微信说", 5, 8), negated("加微信是违规的", 0, 3)
    (True, False, True)
    """
    if _MAY_DENY.search(text, max(0, start - REACH_OF_WARNINGS), end + REACH_AFTER) is None:
        return False
    before = _CLAUSE_END.split(text[max(0, start - _REACH_BEFORE) : start])[-1]
    before = "" if _TURN_OF_CLAUSE.match(text, start) else _NOT_NEGATIONS.sub(" ", _TURN_OF_CLAUSE.split(before)[-1])
    after = _CLAUSE_END.split(text[end : end + REACH_AFTER], maxsplit=1)[0]
    return bool(_NEGATION_BEFORE.search(before) or _NEGATION_AFTER.match(after)) or _warned(text, start)


def _warned(text: str, start: int) -> bool:
    """Whether a warning opens the clause further away: 客服不会以任何理由要求您提供验证码."""
    clause = _CLAUSE_END.split(text[max(0, start - REACH_OF_WARNINGS) : start])[-1]
    return bool(_WARNING.search(_TURN_OF_CLAUSE.split(clause)[-1]))


_REPORTED = re.compile(
    # somebody else, and what they do or say
    r"(?:有人|别人|別人|他人|对方|對方|陌生人|骗子|騙子|不法分子|犯罪分子|冒充|自称|自稱|假冒|假装|假的?客服|假客服|诈骗|詐騙|"
    r"第三方|任何人|谁|誰|黑客|来电|來電|接到|遇到|碰到|遇上)[^。！？!?\n]{0,12}?"
    r"(?:让|讓|叫|要求|要(?!是|不)|说(?!明)|說(?!明)|声称|聲稱|引导|引導|诱导|誘導|索要|索取|骗|騙|以|通过|通過|邀请|邀請|请您|請您|称|稱|"
    r"跟您|和您|向您|问您|问你|发来)[^。！？!?\n]{0,10}$|"
    # the customer's words taken up again
    r"(?:您|你)(?:刚才|刚刚|剛才|剛剛|之前|前面|上面|这边|)(?:说|說|问|問|提到|提及|讲|講|反馈|反映)(?:的|过的|到的)"
    r"(?:是|那个|这个|那句|那条|這個|那個|「|“)?[^，。！？,!?\n的]{0,4}$|"
    r"(?:所谓|所謂)的?$|(?:什么|什麼|啥)(?:是|叫)$"
)
REPORTING = (
    "有人", "别人", "別人", "他人", "生人", "何人", "对方", "對方", "三方", "骗子", "騙子", "分子", "冒充",
    "自称", "自稱", "假冒", "假装", "假客", "假的", "诈骗", "詐騙", "黑客", "来电", "來電", "接到", "遇到",
    "碰到", "遇上", *"谁誰", "所谓", "所謂",
    *(who + what for who in "您你才刚剛前面边" for what in "说說问問提讲講反"),
    *(what + which for what in "么麼啥" for which in "是叫"),
)  # fmt: skip
"""One of these is in everything that is reported, so that most places are done with at once."""
_MAY_REPORT = re.compile(f"[{''.join(sorted({mark[0] for mark in REPORTING}))}]")
_NAMED = re.compile(
    r"[^，。！？,!?\n]{0,3}(?:是什么意思|是什麼意思|什么意思|是指(?:什么|哪)|是谁|是指|指的是|的?(?:小?卡片|小卡|骗局)|的(?:人|骗子|卡片|小卡|行为|诈骗|都是|电话|短信|骗局|信息|链接|要求|陌生))"
)
"""What follows a word that is talked about: …是什么意思, …的都是骗子."""
NAMING = (
    "是什", "什么", "什麼", "是指", "指的", "是谁", "卡片", "小卡", "骗局", "的卡", "的小", "的骗",
    *("的" + what for what in "人行诈都电短信链要陌"),
)  # fmt: skip
"""What follows a word that is talked about begins with one of these …"""
NAMED_WITHIN = 4
"""… so many characters behind it at most."""
_SENTENCE_END = re.compile(r"[。！？；!?;\n]")


def quoted(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` is somebody else's words: between quotation marks, or reported.

    Quotation marks count where they are at most 100 characters away, a report (有人让您…, 您说的…) within the sentence.

    >>> quoted("您说的“最好”是指哪款", 4, 6), quoted("这款最好", 2, 4), quoted("有人让您加微信吗", 4, 7)
    (True, False, True)
    """
    return _marked(text, start, end) or reported(text, start, end)


def reported(text: str, start: int, end: int) -> bool:
    """Whether ``text[start:end]`` is what others do or say, as the sentence tells it.

    >>> reported("如果有人让您转账请报警", 6, 8), reported("您转账给我", 1, 5)
    (True, False)
    """
    low = max(0, start - REACH_OF_REPORTS)
    for mark in _SENTENCE_END.finditer(text, low, start):
        low = mark.end()
    if _MAY_REPORT.search(text, low, start) and _REPORTED.search(text, low, start):
        return True
    return _NAMED.match(text, end, end + REACH_AFTER) is not None


def _marked(text: str, start: int, end: int) -> bool:
    low, high = max(0, start - REACH_OF_QUOTES), end + REACH_OF_QUOTES
    if _ANY_MARK.search(text, low, start) is None:
        return False
    for left, right in _QUOTES:
        opened = text.rfind(left, low, start)
        if opened < 0 or (left != right and text.find(right, opened + 1, start) >= 0):
            continue
        if left == right and text.count(left, 0, start) % 2 == 0:
            continue
        if text.find(right, end, high) >= 0:
            return True
    return False
