"""Street addresses: a road with a number, a building, a room, and what stands before them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qa.privacy.kinds import Kind, Personal

_HAN = "[一-鿿]"
_N = r"(?:[0-9]{1,5}[a-z]?(?:-[0-9]{1,5}){0,3}|[a-z][0-9]{0,4}|[零一二三四五六七八九十百]{1,5})"
_NO_HOUSE = "(?!线|码|店|仓|色|机|链|款|前|之|以|到|左|就|发|开|晚|早|文|公|桥|出口|站|才)"
_ROAD = "(?:路|街|大道|巷|弄|胡同|道|环)"
_ESTATE = (
    "(?:小区|社区|花园|家园|公寓|新村|大厦|嘉园|写字楼|宿舍|校区|工业园|工业区|科技园|产业园|园区|商务中心|国际中心|公馆|名苑|"
    "雅苑|佳苑|花苑|苑|山庄|新城|家属院|大院|华府|豪庭|名城|学校|中学|小学|大学|学院|医院|广场|市场|驿站|庄园)"
)
_STRONG = re.compile(
    rf"(?P<road>(?!条){_HAN}{_ROAD}(?:[东西南北中]?[一二三四五六七八九十]?段)?\s?{_N}\s?(?:号|弄|號){_NO_HOUSE})|"
    rf"(?P<estate>{_HAN}{_ESTATE}\s?{_N}\s?(?:号楼|号|栋|棟|幢|座|楼|室|单元|#){_NO_HOUSE})|"
    rf"(?P<house>(?<![0-9a-z.]){_N}\s?(?:栋|棟|幢|号楼|号院|#楼)\s?(?:{_N}\s?(?:单元|门|梯))?\s?(?:{_N}\s?(?:楼|层))?\s?[0-9]{{2,4}}(?![0-9])(?:室|户|房|号)?)|"
    rf"(?P<seat>(?<![0-9a-z.])[a-z0-9]{{1,2}}座\s?[0-9]{{3,4}}(?![0-9.]))|"
    rf"(?P<unit>(?<![0-9a-z.]){_N}\s?单元\s?(?:{_N}\s?(?:楼|层))?\s?[0-9]{{2,4}}(?![0-9])(?:室|户|房|号)?)|"
    rf"(?P<village>{_HAN}(?:村|屯|庄|寨|坊|堡)\s?{_N}\s?(?:组|队|社|号|巷){_NO_HOUSE})|"
    rf"(?P<room>(?<![0-9a-z.]){_N}(?:栋|幢|座|号楼|层|楼|单元)\s?[0-9]{{3,4}}室)|"
    rf"(?P<deep>(?:省|市|自治区){_HAN}{{1,7}}(?:区|县|市|旗)\s?{_HAN}{{1,8}}?(?:街道|{_ROAD}|镇|乡|村|{_ESTATE}))"
)
_ALONE = frozenset({"house", "seat", "unit", "room"})
"""Sure parts that need no name before them."""
_MORE = re.compile(
    rf"(?:[,，\s-]{{0,2}}(?:{_N}\s?(?:号楼|号院|号|栋|棟|幢|座|楼|层|室|单元|户|房|门|弄|组|期|排|梯|#){_NO_HOUSE}|(?<=[楼层元栋幢座弄号#\-\s,，])[0-9]{{3,4}}(?![0-9])室?)|"
    rf"[东西南北中]?[一二三四五六七八九十]段|\s?{_HAN}{{0,8}}?(?:街道|{_ESTATE}|{_ROAD}|镇|乡|村|驿站|快递柜))"
)
_MOST_PARTS = 6
_LEFT = 40
_STRETCH = re.compile(r"(?:[一-鿿0-9a-z\-()]|(?<=[省市区县镇乡村州旗])[\s,，/]{1,2}|(?<=[路道街]) )*\Z")
_LEAD = re.compile(
    r"(?:收货地址|地址|住址|寄到|寄往|寄去|发到|发往|送到|送货到|邮到|邮寄到|改成|改为|改到|换成|换到|住在|我住|家住|我在|位于|就在|[是在到寄送住给您你们我的：:])+"
)
_PROVINCE = re.compile(
    r"北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门"
)
_CITY = re.compile(
    rf"(?:{_PROVINCE.pattern})(?:省|市|自治区|(?:壮族|回族|维吾尔)自治区|特别行政区)?\s?(?:{_HAN}{{2,5}}?(?:市|自治州|地区|盟))?|{_HAN}{{2,4}}?市"
)
_OWN_NAME = 6
"""Characters that are taken for the name of a road or an estate where nothing says where it begins."""
_NAMED = re.compile(
    r"(?:(?:收货|收件|寄件|邮寄|家庭|详细|家里|公司|送货|新)?地址|住址|家住|我住在?|住在|寄到|寄往|发到|送到|邮到)"
    r"(?:[:：是为在\s]|改成|改为|换成|改到|就是){0,4}"
)
_BODY = re.compile(r"[一-鿿0-9a-z#()\-\s]{4,60}")
_REGION = re.compile(rf"{_HAN}{{2,5}}(?:省|市|自治区|区|县|镇|乡)")
_DOOR = re.compile(rf"{_HAN}{{2,8}}(?:{_ROAD}|街道|镇|乡|村|{_ESTATE})")
_END = re.compile(r"收(?:件|货)?人|电话|手机|谢谢|可以|吗|[。!?]|\s(?=[一-鿿]{2,3}\s*[0-9]{7})")


_MAY = re.compile(
    r"(?<![月0-9])[0-9a-z零一二三四五六七八九十百]{1,5}\s?[号號弄栋棟幢座单楼层门组队社巷室#]|[省市区][一-鿿]{1,7}[区县市旗]|地址|住址|住|[寄发送邮]到|寄往"
)


def streets(searched: str) -> Iterator[Personal]:
    """Addresses finer than a district."""
    if _MAY.search(searched) is None:
        return
    reached = 0
    for match in _STRONG.finditer(searched):
        if match.start() < reached:
            continue
        end = match.end()
        for _ in range(_MOST_PARTS):
            more = _MORE.match(searched, end)
            if more is None:
                break
            end = more.end()
        alone = match.lastgroup in _ALONE
        start = max(reached, _begin(searched, match.start(), alone=alone))
        reached = end
        yield Personal(Kind.ADDRESS, start, end)
    yield from _told(searched)


def _begin(searched: str, at: int, *, alone: bool) -> int:
    """Where an address begins whose sure part begins at ``at``; ``alone``: that part needs no name before it."""
    low = max(0, at - _LEFT)
    stretch = _STRETCH.search(searched, low, at)
    low = stretch.start() if stretch else at
    province = _PROVINCE.search(searched, low, at)
    if province:
        return province.start()
    region = _REGION.search(searched, low, at)
    edge = region.end() if region else at
    for lead in _LEAD.finditer(searched, low, edge):
        if lead.end() < edge:
            low = lead.end()
    return low if region else at if alone else max(low, at - _OWN_NAME)


def _told(searched: str) -> Iterator[Personal]:
    """What follows the word for an address, if it looks like one."""
    for match in _NAMED.finditer(searched):
        body = _BODY.match(searched, match.end())
        if body is None:
            continue
        end = next((stop.start() for stop in _END.finditer(searched, *body.span())), body.end())
        door = _DOOR.search(searched, body.start(), end)
        if door is None:
            continue
        region = _REGION.search(searched, body.start(), end)
        called = "地址" in match[0] or "住址" in match[0]
        if (region and region.end() < door.end()) or (called and match[0][-1] in ":：是为"):
            yield Personal(Kind.ADDRESS, body.start(), end)


def city(searched: str, start: int, end: int) -> int:
    """Where province and city end at the beginning of an address; ``start`` where there are none.

    >>> city("寄广东省深圳市南山区科技路5号", 1, 15)
    7
    """
    match = _CITY.match(searched, start, end)
    return match.end() if match else start
