"""The context of rules: a merchant's policy and the pack's word lists, made ready for the ledger."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo

from qa.hours import Hours, parse_hours
from qa.ledger import LedgerSettings
from qa.phrases import PhraseSet, courtesy_set, holding_set
from qa.policy import HourRange, Policy
from qa.rules.pack import Pack
from qa.rules.view import Context

HOUSE_ZONE = "Asia/Shanghai"


def make_context(pack: Pack, policy: Policy, zone: ZoneInfo) -> Context:
    """Return the context for one merchant and day; ``zone`` is where its policy names none."""
    return Context(
        ledger=LedgerSettings(
            zone=zone,
            business_hours=_hours(policy.business_hours),
            reopen_after_s=policy.reopen_after_s,
            courtesy=_courtesy(pack.wordlists["courtesy"]).matches,
            holding=_holding(pack.wordlists["holding"]).matches,
        ),
        peak=_hours(policy.peak_hours),
        zone=zone,
    )


@lru_cache(maxsize=32)
def _courtesy(words: tuple[str, ...]) -> PhraseSet:
    """The set of these words: most merchants have those of the house."""
    return courtesy_set(words)


@lru_cache(maxsize=32)
def _holding(words: tuple[str, ...]) -> PhraseSet:
    return holding_set(words)


def house_context(pack: Pack) -> Context:
    """Return the context of the default policy, as rule examples assume it."""
    policy = Policy()
    return make_context(pack, policy, ZoneInfo(policy.timezone or HOUSE_ZONE))


def _hours(ranges: tuple[HourRange, ...]) -> Hours | None:
    return parse_hours(str(span).split("-") for span in ranges) if ranges else None
