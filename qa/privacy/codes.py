"""Mail, web and internet addresses, accounts, permits and plates: what has letters in it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from qa.privacy.kinds import Kind, Personal

_MAIL = re.compile(
    r"(?<![a-z0-9._%+-])[a-z0-9._%+-]{1,64}(?:\s?@\s?|\s?[(\[]at[)\]]\s?|#(?=(?:qq|163|126|gmail|sina|foxmail|outlook|hotmail)\.)|艾特)"
    r"[a-z0-9-]{1,63}(?:(?:\.|点|。)[a-z0-9-]{1,63}){0,4}(?:\.|点|。)(?:[a-z]{2,24})(?![a-z0-9-])"
)


def mails(searched: str) -> Iterator[Personal]:
    """Mail addresses, with (at) and 点 for their signs too."""
    for match in _MAIL.finditer(searched):
        yield Personal(Kind.MAIL, *match.span())


WEB = re.compile(
    r"(?:https?://|www\.)[!-~]+|"
    r"(?<![a-z0-9@.-])[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,4}\.(?:com|cn|net|org|top|vip|shop|cc|me|io|xyz|site)/[!-~]+"
)
_SECRET = re.compile(
    r"[?&#;](?:[a-z0-9]{0,12}[_-])?(?:access_?token|token|tk|key|apikey|sign|signature|sig|session(?:id|key)?|sid|auth|code|pass(?:word|wd)?|pwd|"
    r"secret|ticket|uid|user(?:id|name)?|openid|unionid|buyer(?:id)?|phone|mobile|tel|mail|email|id_?card|name|jwt|otp|credential)=([^&#\s]{2,})"
)
_RANDOM = re.compile(r"[/=](?=[a-z0-9_-]*[0-9])(?=[a-z0-9_-]*[a-z])([a-z0-9_-]{24,}(?:\.[a-z0-9_-]{16,}){0,2})")
_LOGIN = re.compile(r"://([^/?#@\s]{1,128})@")


def webs(searched: str) -> tuple[list[tuple[int, int]], list[Personal]]:
    """Places of web addresses, and what in them is secret: logins, tokens, long random parts."""
    places: list[tuple[int, int]] = []
    found: dict[tuple[int, int], Personal] = {}
    for web in WEB.finditer(searched):
        places.append(web.span())
        for pattern in (_LOGIN, _SECRET, _RANDOM):
            for match in pattern.finditer(searched, *web.span()):
                start, end = match.span(1)
                found[start, end] = Personal(Kind.URL, start, end)
    return places, list(found.values())


_IPV4 = re.compile(r"(?<![0-9a-z.])(?<!v\s)(?<!版本)(?<!版本:)[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9a-z]|\.[0-9])")
_IPV6 = re.compile(r"(?<![0-9a-z:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![0-9a-z:.])")
_NAME_SERVERS = frozenset({"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "114.114.114.114", "114.114.115.115",
                           "223.5.5.5", "223.6.6.6", "119.29.29.29", "180.76.76.76"})  # fmt: skip


def addresses_of_machines(searched: str) -> Iterator[Personal]:
    """Internet addresses that belong to somebody; not those of private networks, masks and name servers."""
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(searched):
            try:
                address = ipaddress.ip_address(match[0])
            except ValueError:
                continue
            if address.is_global and match[0] not in _NAME_SERVERS:
                yield Personal(Kind.IP, *match.span())


_APP = (
    r"(?:微[^\w]{0,2}信|威信|维信|微 ?x|v信|薇信|企微|"
    r"(?<![a-z])(?:v[^\w,]?x(?![a-z])|wx|weixin|wechat|q[^\w,]?q|tim|telegram|tg|whatsapp|line|skype)|"
    r"扣扣|企鹅|钉钉|飞书|"
    r"支付宝|旺旺|陌陌|抖音|快手|小红书|微博)"
)
_LINK = r"(?:号码?|账号|帐号|账户|用户名|id|号是|加我?|搜|我?的?是|为|叫|同号|[:：=\s\0(（【“\"→\-–—]|，|,){0,6}"
_ID = r"(?:[a-z](?:[._-]?[a-z0-9]){4,20}(?![a-z0-9@])|[1-9][0-9]{4,11}(?![0-9a-z]))"
_NAMED = re.compile(rf"(?P<app>{_APP})(?P<link>{_LINK})(?P<id>{_ID})")
_SHORT = re.compile(rf"(?:加|\+|我的?|我(?:的)?个人)(?:v|w|q|威|薇|卫星)(?:号|是|[:：\s\0]){{0,3}}(?P<id>{_ID})")
_BEHIND = re.compile(
    rf"(?<![a-z0-9_.-])(?P<id>{_ID})(?:\s|,|这个|就){{0,2}}(?:是|为|\()\s?我?的?{_APP}(?!支付|收款|红包|转账|付款)"
)
_NO_ID = re.compile(
    r"(?:pay|app|http|https|www|com|vip|plus|music|iphone|android|windows|max|pro)$|^(?:iphone|android|windows|https?|xiaochengxu|app|pay|music|version|vip)"
)
_PAID = re.compile(r"(?:支付|付款|收款|转账|转|付|到账|花|充|提现|余额|红包)")
_UNITS = re.compile(r"\s?(?:元|块|积分|个|人|粉|赞|次|条|年|月|号|天|万|版|mah|分)")


def accounts(searched: str) -> Iterator[Personal]:
    """Accounts elsewhere, where they are named as such."""
    for pattern in (_NAMED, _SHORT, _BEHIND):
        for match in pattern.finditer(searched):
            found = match["id"]
            digits = found[0].isdigit()
            if digits and (
                _UNITS.match(searched, match.end("id"))
                or _PAID.search(searched[max(0, match.start() - 4) : match.start()])
            ):
                continue
            if pattern is _NAMED and not digits and not match["link"] and not any(c.isdigit() for c in found):
                continue  # 微信music, QQ群
            if not _NO_ID.search(found):
                yield Personal(Kind.ACCOUNT, *match.span("id"))


_PAPER = r"(?:护照|通行证|回乡证|台胞证|港澳证|证件|居住证|居留证|passport)(?:号码?|[是为:：\s#]|编号|信息){0,5}"
_PERMIT = re.compile(
    rf"{_PAPER}((?:[a-z]{{1,2}}[0-9]{{7,10}}|[0-9]{{8}}(?:[0-9]{{2}})?)(?![0-9a-z]))|"
    rf"(?<![0-9a-z])([a-z]{{1,2}}[0-9]{{7,9}})(?=[^,。;!?\n]{{0,3}}(?:护照|通行证|回乡证|passport))"
)
_HONG_KONG = re.compile(r"(?<![0-9a-z])([a-z]{1,2})([0-9]{6})\(([0-9a])\)")


def permits(searched: str) -> Iterator[Personal]:
    """Passports and permits where they are named, and Hong Kong identity cards by their check digit."""
    for match in _PERMIT.finditer(searched):
        yield Personal(Kind.PERMIT, *match.span(1 if match[1] else 2))
    for match in _HONG_KONG.finditer(searched):
        if _hong_kong(match[1], match[2], match[3]):
            yield Personal(Kind.PERMIT, *match.span())


def _hong_kong(letters: str, digits: str, check: str) -> bool:
    """Whether the bracketed check digit fits: weights 9 to 1, letters as 10 to 35, a blank as 36, modulo 11."""
    values = [36] * (2 - len(letters)) + [ord(c) - 87 for c in letters] + [int(c) for c in digits]
    total = sum(weight * value for weight, value in zip(range(9, 1, -1), values, strict=True))
    return (total + (10 if check == "a" else int(check))) % 11 == 0


_PLATE = re.compile(
    r"([京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼])([a-hj-np-z])[·.\s-]?([a-hj-np-z0-9]{4,5}[a-hj-np-z0-9挂学警港澳])(?![a-z0-9])"
)
_ORDINARY = frozenset("新云黑青贵川宁藏吉晋蒙桂赣")
"""Provinces that are ordinary words too: here only capitals, or the word for a plate, make a plate."""
_CALLED_PLATE = re.compile(r"车牌|牌照|车号|[开辆]车")
_DIGITS_OF_PLATE = 3


def plates(text: str, searched: str) -> Iterator[Personal]:
    """Licence plates; ``text`` is the original, whose capitals are looked at."""
    for match in _PLATE.finditer(searched):
        rest = match[3]
        if sum(c.isdigit() for c in rest) < _DIGITS_OF_PLATE:
            continue
        before = searched[max(0, match.start() - 8) : match.start()]
        if match[1] in _ORDINARY and text[match.start(2)].islower() and not _CALLED_PLATE.search(before):
            continue
        yield Personal(Kind.PLATE, *match.span())
