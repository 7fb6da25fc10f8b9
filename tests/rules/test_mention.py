"""Saying a word is not doing the thing: authored sentences."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import pytest

from qa.rules import asking, mention
from qa.rules.mention import negated, quoted


def span(marked: str) -> tuple[str, int, int]:
    """``a[b]c`` → the text without brackets and where b stands."""
    start, end = marked.index("["), marked.index("]") - 1
    return marked.replace("[", "").replace("]", ""), start, end


@pytest.mark.parametrize(
    "sentence",
    [
        "亲，不能[加微信]哦",
        "抱歉，我们无法[加微信]",
        "请勿[转账]给任何人",
        "请不要[转账]给个人账户",
        "平台禁止[加微信]",
        "没有[微信]的哦",
        "不支持[私下交易]",
        "谨防[加微信]诈骗",
        "[加微信]是违规的",
        "[加微信]是不允许的哦",
        "[加微信]不行的",
        "[转账给我]这个不需要的哦",
        "不可以[加微信]",
        "我們沒有[微信]",
        "請別[加微信]",
        "并非[最低价]",
        "这个不是[最好的]",
        "他不会[加微信]的",
        "请不要[转账]",
        "无需[提供密码]",
        "我们的客服不会以任何理由要求您[提供验证码]",
        "平台客服绝不会在电话里让您[提供密码]",
        "请不要相信任何让您[加微信]的人",
        "千万别把钱[转到我]这样的个人账户",
        "谨防冒充客服的人要求您[提供验证码]",
        "请您务必不要把短信里的[验证码发给]别人",
        "严禁客服人员以各种名义[私下收款]",
    ],
)
def test_denied(sentence: str) -> None:
    assert negated(*span(sentence))


@pytest.mark.parametrize(
    "sentence",
    [
        "[加我微信]吧",
        "不好意思，[加我微信]",
        "不好意思[加我微信]说",
        "您好，[加微信]吗",
        "平台不能优惠，[加我微信]",
        "不方便的话[加我微信]",
        "您要是不方便可以[加我微信]",
        "不满意[加我微信]处理",
        "这里说不清楚[加我微信]",
        "[加我微信]不会错过优惠",
        "[加我微信]不用排队",
        "要不[加我微信]",
        "没问题[加我微信]",
        "不行就[加我微信]",
        "特别[便宜]",
        "不想买[就滚]",
        "不能优惠  [加我微信]",
        "这个价格不算贵不过[加我微信]还能少",
        "平台不会知道的您就[加我微信]",
        "请不要着急，[加我微信]",
        "别走，[加我微信]",
        "怕您不放心可以[加我微信]",
    ],
)
def test_meant(sentence: str) -> None:
    assert not negated(*span(sentence))


@pytest.mark.parametrize(
    "sentence",
    [
        "您说的“[最好的]”是指",
        "「[加微信]」是什么",
        "『[加微信]』",
        "《[最好的]安排》",
        "‘[最好]’",
        '您说"[最好]"吗',
        '"甲"和"[乙]"',
        "如果有人让您[加微信]请举报",
        "有人要求您[提供验证码]吗",
        "别人让您[转账给我]们也不行",
        "自称客服的人叫您[提供密码]",
        "遇到骗子以退款为由要您[转账]",
        "您说的[加微信]我们这边做不了",
        "您刚才提到的[好评返现]是第三方的",
        "您收到的[好评返现]卡片请发图",
        "[加微信]是什么意思呢",
        "让您[加微信]的都是骗子",
        "所谓[好评返现]",
        "接到电话让您[提供验证码]，请挂断",
    ],
)
def test_somebody_elses_words(sentence: str) -> None:
    assert quoted(*span(sentence))


@pytest.mark.parametrize(
    "sentence",
    [
        "这款[最好的]",
        "“好”的[最好的]“好”",
        '"甲"[乙]"丙"',
        "“[最好的]",
        "[最好的]”",
        "“" + "长" * 101 + "[最好的]”",
        "《书》[最好]",
        "您说的对，[加我微信]",
        "别人都是[加我微信]买的",
        "您收到的验证码[发我一下]",
        "您收到的[验证码报给我]",
        "您写的[密码发我]看看",
        "收到货后[加我微信]",
        "收到短信验证码后[提供一下]",
        "有人在吗，[加我微信]",
        "您说得对[加我微信]吧",
        "您把收到的[验证码发我]",
    ],
)
def test_ones_own_words(sentence: str) -> None:
    assert not quoted(*span(sentence))


@pytest.mark.parametrize("function", [negated, quoted])
def test_nothing_and_the_whole_text(function) -> None:
    assert not function("", 0, 0)
    assert not function("微信", 0, 2)


def _made(seed: int, *patterns: str) -> list[str]:
    """Texts put together from the words of expressions, in any order."""
    rng = random.Random(seed)
    words = [*sorted({word for pattern in patterns for word in re.findall("[一-鿿]{1,4}", pattern)}), "，", "。", " "]
    return ["".join(rng.choices(words, k=rng.randrange(1, 6))) for _ in range(5_000)]


def _has(text: str, marks: Sequence[str], twice: str = "") -> bool:
    """What columns look for (``surely_said``)."""
    between = (i for i in range(1, len(text) - 1) if text[i] in twice and text[i - 1] == text[i + 1])
    return any(mark in text for mark in marks) or next(between, None) is not None


def test_the_cheap_tests_refuse_nothing_that_the_whole_ones_accept() -> None:
    denials = [mention._NEGATION_BEFORE, mention._NEGATION_AFTER, mention._WARNING]
    for text in _made(1, *(pattern.pattern for pattern in denials), mention._NOT_NEGATIONS.pattern):
        if any(pattern.search(text) for pattern in denials):
            assert mention._MAY_DENY.search(text), text
            assert _has(text, mention.DENYING), text
    for text in _made(2, mention._REPORTED.pattern):
        if mention._REPORTED.search(text):
            assert mention._MAY_REPORT.search(text), text
            assert _has(text, mention.REPORTING), text
    for text in _made(3, asking._ASKS.pattern, asking._ASSERTS.pattern, "吗呢么？?"):
        if asking._ASKS.search(asking._ASSERTS.sub("", text)):
            assert asking._MAY_ASK.search(text), text
            assert _has(text, asking.ASKING, asking.TWICE), text
    for text in _made(4, mention._NAMED.pattern):
        if mention._NAMED.match(text):
            assert _has(text[: mention.NAMED_WITHIN + 1], mention.NAMING), text
