"""The sampling policy: what a merchant's night draws, targets, audits and calls peak, on which days.

A :class:`Policy` is an immutable value. A :class:`PolicyBook` is read from the settings and resolves the policy of a
merchant's day: house, then the merchant's overrides, then the house's period, then the merchant's period.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, ValidationError, field_validator, model_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_core import ErrorDetails

from qa.errors import ConfigError
from qa.types import Chat

_DAY_S = 86_400
_RANGE = re.compile(r"(\d{2}):(\d{2})\s*[-–—~]\s*(\d{2}):(\d{2})")
_PLAIN_WORDS = {"tuple_type": "must be a list", "model_type": "must be a table", "string_type": "must be a text"}
_HOUSE = ""
"""Stands for "no merchant" where periods are compared."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class HourRange(_Model):
    """A daily range of local time, from ``start_s`` to ``end_s`` (exclusive), in seconds after midnight.

    Written ``09:00-12:00``; ``22:00-02:00`` runs past midnight; ``00:00-24:00`` is the whole day.
    """

    start_s: int
    end_s: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The range that a text means; ValueError says what is wrong.

        >>> HourRange.parse("09:00-12:00").end_s
        43200
        """
        found = _RANGE.fullmatch(text.strip())
        if not found:
            raise ValueError(f"{text!r} is not a range of hours such as '09:00-12:00'")
        h1, m1, h2, m2 = map(int, found.groups())
        start, end = (h1 * 60 + m1) * 60, (h2 * 60 + m2) * 60
        if m1 > 59 or m2 > 59 or start >= _DAY_S or end > _DAY_S or start == end:  # noqa: PLR2004 - minutes
            raise ValueError(f"{text!r} is not a range of hours within one day")
        return cls(start_s=start, end_s=end)

    def __str__(self) -> str:
        ends = (f"{s // 3600:02}:{s // 60 % 60:02}" for s in (self.start_s, self.end_s))
        return "-".join(ends)

    def spans(self) -> tuple[tuple[int, int], ...]:
        """The range as pieces that do not cross midnight.

        >>> HourRange.parse("22:00-02:00").spans()
        ((79200, 86400), (0, 7200))
        """
        if self.start_s < self.end_s:
            return ((self.start_s, self.end_s),)
        return tuple(span for span in ((self.start_s, _DAY_S), (0, self.end_s)) if span[0] < span[1])


def _read_range(value: object) -> object:
    return HourRange.parse(value) if isinstance(value, str) else value


def _read_list(value: object) -> object:
    """TOML and JSON have lists only; a tuple keeps the policy immutable."""
    return tuple(value) if isinstance(value, list) else value


Hours = Annotated[HourRange, BeforeValidator(_read_range), PlainSerializer(str)]
Share = Annotated[float, Field(gt=0, le=1)]
Points = Annotated[float, Field(ge=0, le=100)]


class RiskSignals(_Model):
    """Which chats are inspected with certainty besides those hit by a red line; None or empty switches one off."""

    csat_at_most: float | None = 2.0
    """Customer satisfaction at or below this value (scale 1 to 5)."""
    escalated: bool = True
    tiers: Annotated[tuple[str, ...], BeforeValidator(_read_list)] = ("vip",)
    """Customer tiers, compared without regard to case."""
    repeat_contact_hours: Annotated[float, Field(gt=0)] | None = None
    """The customer has had another chat that ended within so many hours before (the field's figure is 72). Off by
    default: it needs customer ids that the source may not carry."""


class Policy(_Model):
    """How the nights of a merchant are sampled and judged; every field has the house's default."""

    rate: Share = 0.3
    """Share of the rest (all but targeted chats) that is drawn."""
    per_agent_minimum: Annotated[int, Field(ge=0)] = 1
    """Every stratum gets at least so many chats, or all it has."""
    stratify: Annotated[tuple[Literal["agent", "channel"], ...], BeforeValidator(_read_list)] = ("agent",)
    salt: Annotated[str, Field(min_length=1)] = "zhijian"
    """Set a secret of your own, so that nobody can work out beforehand which chats will be drawn."""
    risk: RiskSignals = RiskSignals()
    peak_hours: Annotated[tuple[Hours, ...], BeforeValidator(_read_list)] = (
        HourRange(start_s=9 * 3600, end_s=12 * 3600),
    )
    business_hours: Annotated[tuple[Hours, ...], BeforeValidator(_read_list)] = ()
    """Empty: all hours count."""
    reopen_after_s: Annotated[float, Field(gt=0)] = 7200.0
    """A silence longer than this ends a sitting."""
    low_score: Points = 60.0
    """A chat that scores below this is flagged."""
    excellent_score: Points = 95.0
    """A chat that scores at least this is a candidate for the case library."""
    model_risk: Share = 0.8
    """The model's probability of dissatisfied or unresolved from which a chat is flagged; below, it is unsure."""
    audit_rate: Share = 0.02
    """Share of clean sampled chats that is reviewed blind, at least one a night."""
    joint_review: bool = False
    """Two reviewers of different expertise judge the same chat independently."""
    timezone: str | None = None
    """IANA name; None: the installation's time zone."""

    @field_validator("stratify")
    @classmethod
    def _agent_first(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value[:1] != ("agent",) or len(set(value)) != len(value):
            raise ValueError('must be ["agent"] or ["agent", "channel"]')
        return value

    @field_validator("salt")
    @classmethod
    def _plain_salt(cls, value: str) -> str:
        if ":" in value or not value.isprintable():
            raise ValueError("must be printable and hold no colon (a colon ends the salt in a night's salt)")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (OSError, ValueError, KeyError):  # unknown name, a folder, a malformed key
                raise ValueError(f"{value!r} is not a time zone of the IANA list, such as 'Asia/Shanghai'") from None
        return value

    @model_validator(mode="after")
    def _scores_in_order(self) -> Self:
        if self.excellent_score <= self.low_score:
            raise ValueError(f"excellent_score ({self.excellent_score:g}) must be above low_score ({self.low_score:g})")
        return self

    def snapshot(self) -> dict[str, Any]:
        """The policy as plain JSON values, for storing with the night."""
        return self.model_dump(mode="json")

    @classmethod
    def from_snapshot(cls, stored: Mapping[str, Any]) -> Policy:
        """The policy that a snapshot holds; the inverse of :meth:`snapshot`."""
        return cls.model_validate(dict(stored))


def risk_reasons(chat: Chat, policy: Policy, *, repeat_contact: bool = False) -> tuple[str, ...]:
    """The risk signals of a chat, in fixed order: ``csat``, ``escalated``, ``tier``, ``repeat_contact``.

    ``repeat_contact`` is what the caller found in the store for ``policy.risk.repeat_contact_hours``. Unknown values
    are no signal.

    >>> risk_reasons(Chat(id="c-1", messages=(), csat=1, escalated=True), Policy())
    ('csat', 'escalated')
    """
    risk = policy.risk
    tier = chat.customer.tier
    signals = {
        "csat": risk.csat_at_most is not None and chat.csat is not None and chat.csat <= risk.csat_at_most,
        "escalated": risk.escalated and chat.escalated is True,
        "tier": tier is not None and tier.strip().casefold() in {t.strip().casefold() for t in risk.tiers},
        "repeat_contact": risk.repeat_contact_hours is not None and repeat_contact,
    }
    return tuple(name for name, present in signals.items() if present)


class Period(_Model):
    """A range of days with a policy of its own (a promotion), for one merchant or for all."""

    name: Annotated[str, Field(min_length=1)]
    first: date
    last: date
    merchant: str | None = None
    overrides: dict[str, Any]

    def covers(self, day: date) -> bool:
        """Whether the day lies within the period, both ends included."""
        return self.first <= day <= self.last


class PolicyBook(_Model):
    """The house's policy, merchants' overrides and periods, as read from the settings."""

    house: dict[str, Any] = {}
    merchants: dict[str, dict[str, Any]] = {}
    periods: tuple[Period, ...] = ()

    def resolve(self, merchant: str, day: date) -> Policy:
        """The policy of one merchant's day: house < merchant < house's period < merchant's period.

        >>> book = PolicyBook.from_mapping({"rate": 0.4, "merchants": {"acme": {"rate": 0.5}}})
        >>> book.resolve("acme", date(2026, 11, 20)).rate, book.resolve("other", date(2026, 11, 20)).rate
        (0.5, 0.4)
        """
        return Policy.model_validate(_merged(layer for _, layer in self._layers(merchant, day)))

    def period(self, merchant: str, day: date) -> Period | None:
        """The most specific period that covers the merchant's day, or None."""
        for owner in (merchant, None):
            for period in self.periods:
                if period.merchant == owner and period.covers(day):
                    return period
        return None

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any], where: str = "policy") -> PolicyBook:
        """Read ``{…house fields…, merchants: {name: {…}}, periods: [{name, from, to, merchant?, …}]}``.

        Every mistake found is one line of the ConfigError, ``where`` and the path to the key first.
        """
        mistakes: list[str] = []
        house = {key: value for key, value in settings.items() if key not in ("merchants", "periods")}
        mistakes += _mistakes(house, where, also=("merchants", "periods"))
        merchants = _read_merchants(settings.get("merchants", {}), where, mistakes)
        periods = _read_periods(settings.get("periods", []), where, mistakes)
        mistakes += [f"{where}.periods: {text}" for text in _overlaps(periods)]
        if not mistakes:
            book = cls(house=house, merchants=merchants, periods=tuple(periods))
            mistakes += book._contradictions(where)
        if mistakes:
            raise ConfigError("\n".join(mistakes))
        return book

    def _layers(self, merchant: str, day: date) -> Iterator[tuple[str, Mapping[str, Any]]]:
        yield "house", self.house
        yield f"merchants.{merchant}", self.merchants.get(merchant, {})
        for owner in (None, merchant):
            for period in self.periods:
                if period.merchant == owner and period.covers(day):
                    yield f"period {period.name!r}", period.overrides

    def _contradictions(self, where: str) -> list[str]:
        """Layers that are each right but together are not: tried on every day on which the layers change."""
        names = {_HOUSE, *self.merchants, *(p.merchant for p in self.periods if p.merchant)}
        found: dict[str, None] = {}
        for name in sorted(names):
            mine = [p for p in self.periods if p.merchant in (None, name)]
            days = (
                {date.min} | {p.first for p in mine} | {p.last + timedelta(days=1) for p in mine if p.last < date.max}
            )
            for day in sorted(days):
                layers = list(self._layers(name, day))
                together = " + ".join(label for label, layer in layers if layer)
                merged = _merged(layer for _, layer in layers)
                found |= dict.fromkeys(_mistakes(merged, f"{where} ({together or 'house'})", together=True))
        return list(found)


def _merged(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Later layers win, field by field; the fields of ``risk`` one by one."""
    merged: dict[str, Any] = {}
    for layer in layers:
        risk = {**merged.get("risk", {}), **layer.get("risk", {})}
        merged |= layer
        if risk:
            merged["risk"] = risk
    return merged


def _mistakes(values: Mapping[str, Any], path: str, *, also: tuple[str, ...] = (), together: bool = False) -> list[str]:
    """What is wrong with policy fields, one line each; contradictions between fields only if ``together``."""
    try:
        Policy.model_validate(dict(values))
    except ValidationError as error:
        return [_explained(one, path, also) for one in error.errors() if one["loc"] or together]
    return []


def _explained(error: ErrorDetails, path: str, also: tuple[str, ...]) -> str:
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
    reason = _PLAIN_WORDS.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    reason = reason.replace("Input should be", "must be")
    if error["type"] == "extra_forbidden":
        inside = (
            RiskSignals.model_fields if error["loc"][0] == "risk" else {**Policy.model_fields, **dict.fromkeys(also)}
        )
        near = get_close_matches(str(error["loc"][-1]), [*inside], n=1)
        return f"{path}{key}: unknown key" + (f"; did you mean {near[0]!r}?" if near else "")
    if error["type"] == "value_error":
        return f"{path}{key}: {reason}"
    return f"{path}{key}: {reason}, not {_short(error['input'])}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - fits a terminal line


def _read_merchants(given: object, where: str, mistakes: list[str]) -> dict[str, dict[str, Any]]:
    if not isinstance(given, Mapping):
        mistakes.append(f"{where}.merchants: must be a table of merchants, not {_short(given)}")
        return {}
    merchants: dict[str, dict[str, Any]] = {}
    for name, overrides in given.items():
        path = f"{where}.merchants.{name}"
        if not isinstance(overrides, Mapping):
            mistakes.append(f"{path}: must be a table of policy fields, not {_short(overrides)}")
            continue
        mistakes += _mistakes(overrides, path)
        merchants[str(name)] = dict(overrides)
    return merchants


def _read_periods(given: object, where: str, mistakes: list[str]) -> list[Period]:
    if not isinstance(given, list):
        mistakes.append(f"{where}.periods: must be a list of periods, not {_short(given)}")
        return []
    periods = []
    for index, item in enumerate(given):
        path = f"{where}.periods[{index}]"
        if not isinstance(item, Mapping):
            mistakes.append(f"{path}: must be a table, not {_short(item)}")
            continue
        period = _read_period(item, path, mistakes)
        if period:
            periods.append(period)
    return periods


def _read_period(item: Mapping[str, Any], path: str, mistakes: list[str]) -> Period | None:
    before = len(mistakes)
    first, last = (_read_day(item, key, path, mistakes) for key in ("from", "to"))
    name, merchant = item.get("name"), item.get("merchant")
    if not isinstance(name, str) or not name:
        mistakes.append(f"{path}.name: every period needs a name")
    if merchant is not None and (not isinstance(merchant, str) or not merchant):
        mistakes.append(f"{path}.merchant: must be a merchant's name, not {merchant!r}")
    if first and last and last < first:
        mistakes.append(f"{path}.to: {last} lies before from, {first}")
    own = ("name", "from", "to", "merchant")
    overrides = {key: value for key, value in item.items() if key not in own}
    mistakes += _mistakes(overrides, path, also=own)
    if len(mistakes) > before:
        return None
    return Period.model_validate(
        {"name": name, "first": first, "last": last, "merchant": merchant, "overrides": overrides}
    )


def _read_day(item: Mapping[str, Any], key: str, path: str, mistakes: list[str]) -> date | None:
    value = item.get(key)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        mistakes.append(f"{path}.{key}: must be a day such as 2026-11-11, not {value!r}")
        return None


def _overlaps(periods: list[Period]) -> list[str]:
    """Periods of the same level must not cover the same day: it would be unclear which one holds."""
    ordered = sorted(periods, key=lambda p: (p.merchant or _HOUSE, p.first, p.last, p.name))
    return [
        f"periods {a.name!r} ({a.first} to {a.last}) and {b.name!r} ({b.first} to {b.last}) overlap"
        f"{f' for merchant {a.merchant!r}' if a.merchant else ''}: a day can belong to one of them only"
        for index, a in enumerate(ordered)
        for b in ordered[index + 1 :]
        if a.merchant == b.merchant and b.first <= a.last
    ]
