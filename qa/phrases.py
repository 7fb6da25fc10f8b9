"""Whether a turn is made only of certain phrases: courtesies of a customer, holding phrases of an agent.

A `PhraseSet` accepts a text that is a sequence of its phrases, with fillers, punctuation and emoji between them, and
at least one phrase. It runs on RE2, so the time is linear in the text whatever the lists contain, and a cheap gate
refuses almost every ordinary turn before that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

import re2

_REMEMBERED_LENGTH = 64
"""Longer texts are not remembered: they hardly repeat and would let the cache grow."""

_PUNCTUATION = " \t\r\n\v\f\u3000\u00a0\u200b\ufeff,.!~;、。…—–-·•・\"'“”‘’()「」《》^_～"
"""What may stand between phrases. Not the question mark: 好的？ asks for an answer."""

_EMOJI = (
    "\u2600-\u2752\u2755-\u27bf\u2b50\u2b55\u3030\u303d\U0001f000-\U0001f44d\U0001f44f-\U0001f4a1\U0001f4a3-\U0001f594"
)
_EMOJI += "\U0001f596-\U0001f61f\U0001f622-\U0001f623\U0001f625-\U0001f92b\U0001f92d-\U0001faff"
"""Emoji as a character class, without those that ask or are angry (❓❔👎💢🖕😠😡😤🤬)."""

_MODIFIERS = "\ufe0e\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff"

_NUMBERED_CODE = r"#e-[a-z][0-9]{1,4}"
"""Sticker codes such as ``#E-s13``. They cannot stand in a word list, where ``#`` begins a comment."""

_STICKER = f"(?:[{_EMOJI}][{_MODIFIERS}]*|{_NUMBERED_CODE})"

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""Full-width forms of ASCII (ＯＫ！) to ASCII."""

_COURTESY_PARTICLES = """
啊 阿 呀 哦 噢 喔 呢 哈 哟 呦 啦 咯 喽 嘞 嘿 哒 滴 吧 呗 嘛 嗷 捏 呐 哇 耶 撒 囉 的 亲 亲亲 亲爱的
親 那 就 那就 先
"""
COURTESY_PARTICLES = tuple(_COURTESY_PARTICLES.split())
"""Particles that may accompany a courtesy but are none by themselves (亲 alone calls the agent)."""

_FORMS_OF_ADDRESS = """
客服 客服小姐姐 小姐姐 小哥哥 小姐 姐姐 哥哥 姐妹 美女 帅哥 老板 店家 店主 店长 掌柜 掌柜的 师傅
老师 妹子 小妹 小二 小哥 宝 宝贝 宝子 先生 女士 大姐 大哥 姐 哥 妹妹 你们 您们 各位 大家 小可爱 老铁
兄弟 朋友
"""
FORMS_OF_ADDRESS = tuple(_FORMS_OF_ADDRESS.split())
"""Accompany a courtesy only behind it: 好的老师 is one, while 老师好 is a greeting and wants an answer."""

_HOLDING_WRAPPERS = """
亲 亲亲 亲爱的 亲亲您 您 你 您好 你好 您好呀 你好呀 您好哦 你好哦 哈喽 哈啰 嗨 在的 在呢 在哦 在
我在 哦 噢 喔 呢 哈 呀 啊 啦 嘛 哟 呦 嘞 吧 的 哒 滴 呐 喽 咯 好 好的 好滴 好哒 好嘞 好咧 好呢 好哦
嗯 嗯嗯 嗯呢 恩 恩恩 ok 行 please 收到 明白 了解 没问题 可以的 是的 对的 抱歉 很抱歉 非常抱歉 实在抱歉
不好意思 对不起 真不好意思 不好意思哈 请 请您 请你 麻烦 麻烦您 麻烦你 麻烦亲 烦请 劳烦您 还请您 还请
辛苦您 辛苦 先 我 我们 我这边 这边 这里 我先 我来 小妹 小二 小编 客服 客服这边 人工客服 妹子 小的 咱
咱们 本店 马上 立刻 立即 现在 这就 正在 正 在线 尽快 一下 一下下 下 下哦 片刻 一会 一会儿 一小会
会儿 会 一点时间 几分钟 一两分钟 两三分钟 三五分钟 一分钟 两分钟 三分钟 五分钟 十分钟 1分钟 2分钟
3分钟 5分钟 10分钟 1-2分钟 2-3分钟 3-5分钟 1~2分钟 2~3分钟 3~5分钟 几秒 几秒钟 10秒 30秒 左右 的时间
时间 订单 订单号 订单信息 物流 物流信息 快递 快递信息 单号 信息 情况 具体情况 进度 详情 记录
聊天记录 库存 系统 后台 仓库 商品 产品 商品信息 这个 这款 该 问题 这个问题 您的 你的 亲的 您的问题
您的订单 相关 具体 哪边 别急 别着急 不要着急 不急 莫急 请不要着急 请您不要着急 别担心 请放心 放心
请勿离开 不要离开 不要走开 别走开 好吗 好么 好嘛 可以吗 行吗 好吗? 好么? 好嘛? 可以吗? 行吗? 谢谢
谢谢您 感谢 感谢您 谢谢理解 感谢理解 谢谢配合 女士 先生 小姐 小姐姐 小哥哥 小主 亲亲您好 顾客 朋友
老板 哥 姐 宝 宝贝 宝子 美女 帅哥
"""
HOLDING_WRAPPERS = tuple(_HOLDING_WRAPPERS.split())
"""What agents put around a holding phrase; none of these holds anybody by itself."""


def load_wordlist(text: str) -> tuple[str, ...]:
    r"""The phrases of a word list in file order, each once: one a line, blank lines and lines starting with # left out.

    >>> load_wordlist("# thanks\n谢谢\n\n 多谢 \n谢谢\n")
    ('谢谢', '多谢')
    """
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def courtesy_set(phrases: Iterable[str]) -> PhraseSet:
    """Decides “this customer turn is only a courtesy”: stickers and emoji are courtesies of their own.

    >>> courtesy = courtesy_set(["谢谢", "好的"])
    >>> [courtesy.matches(text) for text in ("好的，谢谢亲～", "👌", "#E-s13", "好的？", "亲", "谢谢，什么时候发货")]
    [True, True, True, False, False, False]
    """
    return PhraseSet(phrases, COURTESY_PARTICLES, FORMS_OF_ADDRESS, stickers_count=True)


def holding_set(phrases: Iterable[str]) -> PhraseSet:
    """Decides “this agent turn only holds the customer”: usual wrappers are allowed, alone they hold nobody.

    >>> holding = holding_set(["稍等", "帮您查"])
    >>> [holding.matches(text) for text in ("亲，请您稍等哦~", "好的，这边帮您查一下", "您好", "稍等，今天发货")]
    [True, True, False, False]
    """
    return PhraseSet(phrases, HOLDING_WRAPPERS)


class PhraseSet:
    """Decides whether a text is made only of phrases (at least one), fillers, punctuation and stickers.

    ``trailers`` are fillers that may stand only behind a phrase. Letter case, full-width forms and white space make no
    difference. With ``stickers_count`` an emoji or sticker code counts as a phrase, else as a filler. Immutable, and
    picklable (a worker compiles it again).
    """

    __slots__ = ("_decide", "_gate", "_parts", "_remembered")

    def __init__(
        self,
        phrases: Iterable[str],
        fillers: Iterable[str] = (),
        trailers: Iterable[str] = (),
        *,
        stickers_count: bool = False,
    ) -> None:
        self._parts = (tuple(phrases), tuple(fillers), tuple(trailers), stickers_count)
        words, extras, behind = (sorted({*map(_normal, part)} - {""}) for part in self._parts[:3])
        self._gate = re.compile(_gate_pattern(words, extras, behind)).fullmatch
        self._decide = _decider(_pattern(words, extras, behind, stickers_count=stickers_count))
        self._remembered = lru_cache(maxsize=4096)(self._decide)

    def matches(self, text: str) -> bool:
        """Whether the text is made only of the phrases; False for an empty text."""
        if self._gate(text) is None:
            return False
        return self._remembered(text) if len(text) <= _REMEMBERED_LENGTH else self._decide(text)

    def __reduce__(self) -> tuple[Callable[..., PhraseSet], tuple[object, ...]]:
        return _rebuild, self._parts


def _rebuild(
    phrases: tuple[str, ...], fillers: tuple[str, ...], trailers: tuple[str, ...], stickers_count: bool
) -> PhraseSet:
    """What unpickling calls."""
    return PhraseSet(phrases, fillers, trailers, stickers_count=stickers_count)


def _normal(text: str) -> str:
    """Lower case, ASCII for full-width forms, no white space."""
    return "".join(text.translate(_FULL_WIDTH).lower().split())


def _variants(char: str) -> set[str]:
    """The characters that normalise to this one, itself included."""
    both = {char, char.upper(), char.lower()}
    wide = {chr(ord(form) + 0xFEE0) for form in both if len(form) == 1 and "!" <= form <= "~"}
    return {form for form in both | wide if _normal(form) == char}


def _class(chars: Iterable[str]) -> str:
    """Characters escaped for the inside of a character class."""
    return "".join(re.escape(char) for char in sorted(chars))


def _standing() -> str:
    """What may appear in any text: punctuation, emoji, and the characters of numbered sticker codes."""
    wide = {variant for char in _PUNCTUATION.strip() for variant in _variants(char)}
    return f"{_class(set(_PUNCTUATION) | wide)}{_EMOJI}{_MODIFIERS}"


def _gate_pattern(words: list[str], extras: list[str], behind: list[str]) -> str:
    """A first character that can begin a match, then only characters that can occur in one: refuses in 0.2 µs.

    It also keeps lone surrogates away from RE2, which cannot encode them.
    """
    firsts = {variant for word in words + extras for variant in _variants(word[0])}
    letters = {variant for char in set("".join(words + extras + behind)) for variant in _variants(char)}
    return f"[{_class(firsts)}{_standing()}#＃][{_class(letters)}{_standing()}#＃\\-－0-9０-９a-zA-Zａ-ｚＡ-Ｚ]*+"


def _pattern(words: list[str], extras: list[str], behind: list[str], *, stickers_count: bool) -> str:
    """``filler* (phrase (filler|trailer)*)+`` over normalised text."""
    phrases = [re2.escape(word) for word in words] + [_STICKER] * stickers_count
    fillers = [re2.escape(word) for word in extras] + [
        _STICKER,
        f"[{_class(set(_PUNCTUATION.translate(_FULL_WIDTH)))}]",
    ]
    trailers = fillers + [re2.escape(word) for word in behind]
    if not phrases:
        return r"[^\x{0}-\x{10FFFF}]"
    return f"(?:{'|'.join(fillers)})*(?:(?:{'|'.join(phrases)})(?:{'|'.join(trailers)})*)+"


def _decider(pattern: str) -> Callable[[str], bool]:
    """The exact decision, behind the gate."""
    options = re2.Options()
    options.never_capture = True
    options.log_errors = False
    fullmatch = re2.compile(pattern, options).fullmatch

    def decide(text: str) -> bool:
        return fullmatch(_normal(text)) is not None

    return decide
