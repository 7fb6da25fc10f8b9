"""What personal data is here, where it was found, and what a masked text is."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """Kinds of personal data in what people write."""

    PHONE = "phone"
    """Mobile number, and numbers of other countries written with +."""
    LANDLINE = "landline"
    """Number with an area code, or any number called a telephone's; no 400, 800 and 95 lines."""
    RESIDENT_ID = "resident_id"
    BANK_CARD = "bank_card"
    PERMIT = "permit"
    """Passport, permits for and of Hong Kong, Macau and Taiwan, Hong Kong identity card."""
    MAIL = "mail"
    ACCOUNT = "account"
    """Name or number under which somebody is found elsewhere: WeChat, QQ, Alipay, DingTalk, Telegram …"""
    PLATE = "plate"
    """Licence plate of a vehicle."""
    ADDRESS = "address"
    """Street address: finer than a district. A province, city or district alone is none."""
    NAME = "name"
    """A person's name where it is introduced as one."""
    IP = "ip"
    """Internet address that is routed; none of a private network, none of the public name servers."""
    URL = "url"
    """What in a web address logs in or names a person: tokens, signatures, passwords."""
    ORDER = "order"
    TRACKING = "tracking"
    """Number of a parcel."""


ALL = frozenset(Kind)


class Personal(NamedTuple):
    """A place in a text: ``text[start:end]``, in code points."""

    kind: Kind
    start: int
    end: int


class Masked(NamedTuple):
    """A text of the same length as the original, and where something was hidden in it, by place."""

    text: str
    places: tuple[Personal, ...]
