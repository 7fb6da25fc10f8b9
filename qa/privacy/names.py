"""Names of people, where something introduces them: 我叫, 收件人, 先生, a phone number beside them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib import resources

from qa.privacy.kinds import Kind, Personal


def _lists() -> dict[str, frozenset[str]]:
    """The lists of names.toml."""
    text = resources.files("qa.privacy").joinpath("names.toml").read_text(encoding="utf-8")
    return {name: frozenset(words.split()) for name, words in tomllib.loads(text).items()}


_LISTS = _lists()
_SURNAMES, _DOUBLE, _ORDINARY_PAIRS = (_LISTS[name] for name in ("surnames", "double_surnames", "before_titles"))
_NOT_NAMES = re.compile("|".join(sorted(_LISTS["not_names"])))
_HAN = re.compile("[一-鿿]")
_GIVEN = re.compile("[一-鿿](?<![收的了吗呢吧是要我你您他她这那电手号地寄送])")
"""A character that given names are made of."""
_FOLLOWS = re.compile(
    r"电话|手机|地址|号码|先生|女士|小姐|收|的|和|跟|与|是|吧|呢|啊|哦|了|呀|吗|联系|身份|要|在|想|买|你|您|这|住|就|也|请|麻烦|可以|不|昨|今|不是|。|[0-9]"
)
_LABEL = re.compile(
    r"(?:收[件货]人|联系人|签收人|寄件人|发件人|退件人|退货人|户主|持卡人|开户名|户名|客户名|收款人|付款人|真实姓名|姓名|名字|真名|本名|收件|抬头)"
    r"(?:姓名)?(?:改成|改为|换成|写|是|叫|为|[:：\s]){0,4}"
)
_CALLED = re.compile(
    r"(?:我(?:的?名字)?(?:是)?叫|本人叫?|我姓名|(?:我|他|她|老公|老婆|妈妈|爸爸|朋友|女儿|儿子|孩子|宝宝|买家|客户|顾客|对方)名?字?叫做?|敝姓名?)\s?"
)
_FAMILY = re.compile(r"(?:我姓|免贵姓|本人姓|敝姓|贵姓[:：是\s]{1,3}|小姓)\s?")
_TITLE = re.compile(r"(?:先生|女士|小姐(?!姐)|太太|夫人)")
_OPENS = re.compile(r"(?:您好|你好|亲爱的|尊敬的|我是|这是|是|叫|和|给|找|请|联系|收件人|收货人|让|[^一-鿿])\Z")
_BESIDE = re.compile(r"[\s,，、;；:：/+\0]{1,3}")
_GIVES = re.compile(r"[给找叫是]\Z")
_EDGE = re.compile(r"[\s,，、;；。:：/|()\[\]【】\0]")


def introduced(searched: str) -> Iterator[Personal]:
    """Names behind a label (收件人：), behind 我叫 and 我姓, and before a title (先生)."""
    for pattern, sure in ((_LABEL, True), (_CALLED, False)):
        for match in pattern.finditer(searched):
            end = _name(searched, match.end(), sure=sure and match[0][-1] in ":： 是为叫")
            if end is not None:
                yield Personal(Kind.NAME, match.end(), end)
    for match in _FAMILY.finditer(searched):
        at = match.end()
        if searched[at : at + 2] in _DOUBLE:
            yield Personal(Kind.NAME, at, at + 2)
        elif searched[at : at + 1] in _SURNAMES:
            yield Personal(Kind.NAME, at, at + 1)
    for match in _TITLE.finditer(searched):
        start = _before_title(searched, match.start())
        if start is not None:
            yield Personal(Kind.NAME, start, match.start())


def surname(searched: str, start: int) -> int:
    """How many characters the surname has that begins here; 0: none does.

    >>> surname("欧阳明", 0), surname("张三", 0), surname("您好", 0)
    (2, 1, 0)
    """
    if searched[start : start + 2] in _DOUBLE:
        return 2
    return int(searched[start : start + 1] in _SURNAMES)


def _name(searched: str, at: int, *, sure: bool) -> int | None:
    """Where a name ends that begins at ``at``; ``sure``: something there is a name."""
    first = surname(searched, at)
    if not first or _NOT_NAMES.match(searched, at):
        return None
    whole = 0
    while whole < 2 and _GIVEN.match(searched, at + first + whole):  # noqa: PLR2004 - given names have one or two
        whole += 1
    for length in range(whole, 0, -1):
        end = at + first + length
        if not _HAN.match(searched, end) or _FOLLOWS.match(searched, end):
            return end
    return at + first + min(whole, 2) if sure and whole else None


def _before_title(searched: str, at: int) -> int | None:
    """Where the name begins that ends at ``at``, before a title; a surname alone counts."""
    for length in (4, 3, 2):
        start = at - length
        first = surname(searched, start) if start >= 0 else 0
        given = length - first
        if not first or not 0 < given <= 2 or _NOT_NAMES.match(searched, start):  # noqa: PLR2004 - as above
            continue
        if not all(_HAN.match(c) for c in searched[start:at]):
            continue
        if start == 0 or _OPENS.search(searched, max(0, start - 4), start):
            return start
    if at >= 2 and searched[at - 2 : at] in _DOUBLE:  # noqa: PLR2004 - two characters
        return at - 2
    if at < 1 or searched[at - 1] not in _SURNAMES:
        return None
    if searched[max(0, at - 2) : at] in _ORDINARY_PAIRS:
        return None
    return at - 1


def beside(searched: str, numbers: Iterable[Personal]) -> Iterator[Personal]:
    """Names that stand alone before or behind a phone number: 张三 138…, 138…，张三."""
    for number in numbers:
        gap = _BESIDE.match(searched, number.end)
        if gap:
            end = _name(searched, gap.end(), sure=False)
            if end is not None and (end == len(searched) or _EDGE.match(searched, end)):
                yield Personal(Kind.NAME, gap.end(), end)
        yield from _ahead(searched, number.start)


def _ahead(searched: str, at: int) -> Iterator[Personal]:
    end = at
    while end > 0 and at - end < 3 and _BESIDE.match(searched[end - 1]):  # noqa: PLR2004 - as _BESIDE
        end -= 1
    if searched[max(0, end - 1) : end] == "收":  # 张三收 138…
        end -= 1
    for length in (4, 3, 2):
        start = end - length
        if start < 0 or not (
            start == 0 or _EDGE.match(searched, start - 1) or _GIVES.match(searched, start - 1, start)
        ):
            continue
        if all(_HAN.match(c) for c in searched[start:end]) and _name(searched, start, sure=False) == end:
            yield Personal(Kind.NAME, start, end)
            return
